//! Takes the place of the client if the feature `download` is left out.

use std::{path::Path, time::Instant};

use super::{Download, DownloadError};

impl Download {
    /// Fetches nothing.
    ///
    /// # Errors
    ///
    /// [`DownloadError::Absent`].
    pub fn fetch(&self, _name: &str, _folder: &Path, _end: Instant) -> Result<(), DownloadError> {
        Err(DownloadError::Absent)
    }
}
