//! Stands in for the client where the feature `download` is left out.

use std::path::Path;

use super::{Download, DownloadError};

impl Download {
    /// Fetches nothing.
    ///
    /// # Errors
    ///
    /// [`DownloadError::Absent`].
    pub fn fetch(&self, _name: &str, _folder: &Path) -> Result<(), DownloadError> {
        Err(DownloadError::Absent)
    }
}
