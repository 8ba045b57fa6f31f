//! Fetches Fashion-MNIST's files from their published addresses.
//!
//! A file grows under a temporary name, `….gz.part`, which a later run resumes. It gets its own name when its SHA-256 is that of the
//! published file.

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

/// The addresses to download from, and the time limits.
#[derive(Clone, Debug)]
pub struct Download {
    /// The files: names, lengths and checksums.
    pub published: Vec<Published>,
    /// The addresses, tried in this order. A file's name and `.gz` are appended to an address.
    pub mirrors: Vec<String>,
    /// The time limit for finding a server, and for connecting to it.
    pub connect_timeout: Duration,
    /// The time limit for a server that sends nothing.
    pub stall_timeout: Duration,
    /// The longest time for all files together.
    pub time_limit: Duration,
    /// True to show progress on standard error: a bar on a terminal, else a line for each file.
    pub progress: bool,
}

impl Default for Download {
    fn default() -> Self {
        Self {
            published: PUBLISHED.into(),
            mirrors: MIRRORS.map(String::from).into(),
            connect_timeout: Duration::from_secs(3),
            stall_timeout: Duration::from_secs(15),
            time_limit: Duration::from_secs(600),
            progress: true,
        }
    }
}
