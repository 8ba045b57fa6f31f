//! The errors of a file that cannot be downloaded.

use std::{error::Error, fmt, io, path::PathBuf};

/// A file cannot be downloaded.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    /// The feature `download` is left out.
    #[error("this build of selvedge has no downloads: its feature `download` is left out")]
    Absent,
    /// No file of this name is published.
    #[error("no file {name} is published")]
    Unknown {
        /// The name.
        name: String,
    },
    /// No mirror could be reached.
    #[error("{name} could not be downloaded, for no mirror can be reached ({})", first(mirrors))]
    Unreachable {
        /// The file.
        name: String,
        /// Each mirror and its failure.
        mirrors: Vec<(String, MirrorError)>,
    },
    /// A mirror could be reached, but none gave the file.
    #[error("no mirror gave {name} ({})", list(mirrors))]
    Mirrors {
        /// The file.
        name: String,
        /// Each mirror and its failure.
        mirrors: Vec<(String, MirrorError)>,
    },
    /// The time for all files is over.
    #[error("the download of {name} was given up: it took too long")]
    TooSlow {
        /// The file.
        name: String,
    },
    /// The file cannot be kept: no room, or no permission.
    #[error("cannot write {}: {error}", path.display())]
    Storage {
        /// The file.
        path: PathBuf,
        /// The reason.
        error: io::Error,
    },
}

/// The error of a mirror that did not give a file.
#[derive(Debug, thiserror::Error)]
pub enum MirrorError {
    /// There is no way to the server.
    #[error("{0}")]
    Unreachable(Box<dyn Error + Send + Sync>),
    /// The server does not answer as a server should.
    #[error("{0}")]
    Request(Box<dyn Error + Send + Sync>),
    /// The server answers with another status than success.
    #[error("HTTP status {0}")]
    Status(u16),
    /// The connection broke, or nothing came for too long.
    #[error("interrupted: {0}")]
    Interrupted(io::Error),
    /// The file differs from the published one.
    #[error("its SHA-256 is not the published file's")]
    Checksum,
    /// The bytes cannot be stored.
    #[error("{0}")]
    Storage(io::Error),
}

/// Returns the first mirror and its failure. Without a network, every address fails for the same reason.
fn first(mirrors: &[(String, MirrorError)]) -> impl fmt::Display {
    list(&mirrors[..mirrors.len().min(1)])
}

fn list(mirrors: &[(String, MirrorError)]) -> impl fmt::Display {
    let failures: Vec<_> = mirrors.iter().map(|(mirror, error)| format!("{mirror}: {error}")).collect();
    failures.join("; ")
}
