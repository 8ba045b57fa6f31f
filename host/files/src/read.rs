//! Reading within limits.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

/// The largest number of bytes that are read from a pipe, which does not tell its size.
const PIPE_LIMIT: u64 = 256 << 20;
/// The longest silence of a pipe.
const SILENCE: Duration = Duration::from_secs(10);

/// A file cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {}: {error}", path.display())]
pub struct ReadError {
    path: PathBuf,
    error: io::Error,
}

impl ReadError {
    /// Returns the kind of the system's error.
    pub fn kind(&self) -> io::ErrorKind {
        self.error.kind()
    }
}

impl From<ReadError> for io::Error {
    /// Returns the system's error without the file's name. Use it if the caller's message already names the file.
    fn from(error: ReadError) -> Self {
        error.error
    }
}

/// Reads a file of at most `limit` bytes. A larger one is refused before it takes memory.
///
/// A pipe is read too, up to `limit` or 256 MiB, whichever is smaller; it is given up when nothing comes for ten seconds. Folders and devices
/// are refused.
///
/// # Errors
///
/// [`ReadError`].
pub fn read(path: &Path, limit: u64) -> Result<Vec<u8>, ReadError> {
    read_within(path, limit, SILENCE).map_err(|error| ReadError { path: path.into(), error })
}

fn read_within(path: &Path, limit: u64, silence: Duration) -> io::Result<Vec<u8>> {
    let metadata = fs::metadata(path)?;
    if metadata.is_file() {
        let size = metadata.len();
        if size > limit {
            return Err(too_large(&format!("it has {size} bytes"), limit));
        }
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(size as usize)?;
        File::open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
        return if bytes.len() as u64 > limit { Err(too_large("it grows", limit)) } else { Ok(bytes) };
    }
    if metadata.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if !is_pipe(&metadata) {
        return Err(io::Error::other("it is a device, not a file"));
    }
    read_pipe(path, limit.min(PIPE_LIMIT), silence)
}

fn too_large(what: &str, limit: u64) -> io::Error {
    io::Error::new(io::ErrorKind::FileTooLarge, format!("{what}, and at most {limit} are read"))
}

#[cfg(unix)]
fn is_pipe(metadata: &fs::Metadata) -> bool {
    std::os::unix::fs::FileTypeExt::is_fifo(&metadata.file_type())
}

#[cfg(not(unix))]
fn is_pipe(_: &fs::Metadata) -> bool {
    false
}

/// Opening and reading a pipe may block for ever, so a thread does both. It is left behind where the pipe is given up.
fn read_pipe(path: &Path, limit: u64, silence: Duration) -> io::Result<Vec<u8>> {
    let (sender, receiver) = mpsc::sync_channel(4);
    let path = path.to_owned();
    let forward = move || {
        let mut pipe = match File::open(path) {
            Ok(pipe) => pipe,
            Err(error) => return drop(sender.send(Err(error))),
        };
        loop {
            let mut chunk = vec![0; 1 << 16];
            let result = pipe.read(&mut chunk).map(|len| {
                chunk.truncate(len);
                chunk
            });
            let is_last = result.as_ref().map_or(true, Vec::is_empty);
            if sender.send(result).is_err() || is_last {
                return;
            }
        }
    };
    thread::Builder::new().spawn(forward)?;
    let mut bytes = Vec::new();
    loop {
        match receiver.recv_timeout(silence) {
            Ok(Ok(chunk)) if chunk.is_empty() => return Ok(bytes),
            Ok(Ok(chunk)) => bytes.extend(chunk),
            Ok(Err(error)) => return Err(error),
            Err(RecvTimeoutError::Timeout) => {
                let silence = silence.as_secs();
                return Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    format!("it is a pipe, and nothing came for {silence} s"),
                ));
            }
            Err(RecvTimeoutError::Disconnected) => return Err(io::Error::other("its reader ended")),
        }
        if bytes.len() as u64 > limit {
            return Err(too_large("it is a pipe with more bytes", limit));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_up_to_its_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, b"12345").unwrap();
        assert_eq!(read(&path, 5).unwrap(), b"12345");
        let error = read(&path, 4).unwrap_err().to_string();
        assert_eq!(error, format!("cannot read {}: it has 5 bytes, and at most 4 are read", path.display()));
        assert_eq!(read(&folder.path().join("absent"), 4).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(read(folder.path(), 4).unwrap_err().kind(), io::ErrorKind::IsADirectory);
    }

    #[cfg(unix)]
    #[test]
    fn pipes_end_and_devices_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = |name| {
            let path = folder.path().join(name);
            assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
            path
        };
        let error = read_within(&pipe("silent"), 9, Duration::from_millis(200)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        let written = |bytes: &'static str| {
            let path = pipe(bytes);
            let writer = path.clone();
            let writer = thread::spawn(move || fs::write(writer, bytes));
            let result = read_within(&path, 9, SILENCE);
            drop(writer.join());
            result
        };
        assert_eq!(written("12345").unwrap(), b"12345");
        assert!(written("1234567890").unwrap_err().to_string().contains("at most 9"));
        assert!(read("/dev/zero".as_ref(), 9).unwrap_err().to_string().contains("it is a device"));
    }
}
