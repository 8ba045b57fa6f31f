//! Fetches Fashion-MNIST's files from their published addresses.
//!
//! A file grows under a temporary name, `….gz.part`, which a later run resumes; it takes its own name once its MD5 is
//! the published one.

#[cfg(not(feature = "download"))]
mod absent;
mod error;
#[cfg(feature = "download")]
mod fetch;
mod published;

use std::time::Duration;

pub use self::{
    error::{DownloadError, MirrorError},
    published::{MIRRORS, PUBLISHED, Published},
};

/// Where to download from, and how long to wait.
#[derive(Clone, Debug)]
pub struct Download {
    /// The files: names, lengths and MD5 sums.
    pub published: Vec<Published>,
    /// Addresses that the files' names are appended to, tried in order.
    pub mirrors: Vec<String>,
    /// How long finding a server may take, and how long connecting to it.
    pub connect_timeout: Duration,
    /// How long a server may be silent.
    pub stall_timeout: Duration,
    /// Whether to show progress on standard error: a bar on a terminal, else a line for each file.
    pub progress: bool,
}

impl Default for Download {
    fn default() -> Self {
        Self {
            published: PUBLISHED.into(),
            mirrors: MIRRORS.map(String::from).into(),
            connect_timeout: Duration::from_secs(3),
            stall_timeout: Duration::from_secs(15),
            progress: true,
        }
    }
}
