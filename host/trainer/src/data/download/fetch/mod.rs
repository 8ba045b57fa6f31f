//! The client. It asks the mirrors in turn, and resumes broken downloads.

#[cfg(test)]
mod tests;

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Seek, SeekFrom, Write},
    path::Path,
    thread,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};
use sha2::{Digest, Sha256};
use ureq::{
    Agent, Body, Timeout,
    http::{Response, StatusCode, header},
};

use super::{Download, DownloadError, MirrorError, Published};
use crate::weights::hex;

/// The largest number of requests to a mirror for one file. A broken connection is resumed up to this number.
const ATTEMPTS: u32 = 8;

impl Download {
    /// Fetches the file published as `name` (without `.gz`) into a folder, until `end` at the latest. The folder is made if it is missing.
    ///
    /// # Errors
    ///
    /// [`DownloadError`]. The bytes that have arrived stay there, so that a later run can resume.
    pub fn fetch(&self, name: &str, folder: &Path, end: Instant) -> Result<(), DownloadError> {
        let published = self.published.iter().find(|file| file.name == name);
        let file = published.ok_or_else(|| DownloadError::Unknown { name: name.into() })?;
        let (whole, partial) = (folder.join(format!("{name}.gz")), folder.join(format!("{name}.gz.part")));
        let storage = |error| DownloadError::Storage { path: partial.clone(), error };
        fs::create_dir_all(folder).map_err(storage)?;
        let part = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&partial);
        let mut part = part.map_err(storage)?;
        // Two processes take turns; file systems without locks have to do without.
        loop {
            match part.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if Instant::now() < end => thread::sleep(Duration::from_millis(100)),
                Err(TryLockError::WouldBlock) => return Err(DownloadError::TooSlow { name: name.into() }),
                Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => break,
                Err(TryLockError::Error(error)) => return Err(storage(error)),
            }
        }
        if whole.exists() {
            return Ok(());
        }
        let mut failures = Vec::new();
        for mirror in &self.mirrors {
            match self.fetch_from(mirror, file, &mut part, end) {
                Ok(()) => return part.sync_all().and_then(|()| fs::rename(&partial, &whole)).map_err(storage),
                Err(MirrorError::Storage(error)) => return Err(storage(error)),
                Err(_) if Instant::now() >= end => return Err(DownloadError::TooSlow { name: name.into() }),
                Err(error) => failures.push((mirror.clone(), error)),
            }
        }
        Err(DownloadError::of_mirrors(name, failures))
    }

    /// Fetches a file from one mirror. It resumes if the connection breaks, and starts over if the checksum is wrong.
    fn fetch_from(&self, mirror: &str, file: &Published, part: &mut File, end: Instant) -> Result<(), MirrorError> {
        let url = format!("{mirror}{}.gz", file.name);
        let bar = self.progress_bar(&url, file);
        let mut most = part.seek(SeekFrom::End(0)).map_err(MirrorError::Storage)?;
        let mut resumed = most > 0;
        let mut last = None;
        for _ in 0..ATTEMPTS {
            let attempt = self.continue_from(&url, file, part, &bar, end);
            let length = part.seek(SeekFrom::End(0)).map_err(MirrorError::Storage)?;
            match attempt {
                Ok(()) if is_sound(file, part).map_err(MirrorError::Storage)? => return Ok(()),
                Ok(()) => {
                    truncate(part).map_err(MirrorError::Storage)?;
                    if !resumed {
                        return Err(MirrorError::Checksum);
                    }
                    // The part may have been another mirror's, or damaged: once more, from the start.
                    (resumed, most) = (false, 0);
                }
                Err(error @ MirrorError::Interrupted(_)) if length > most => {
                    (most, last) = (length, Some(error));
                }
                Err(error) => return Err(error),
            }
        }
        Err(last.unwrap_or(MirrorError::Checksum))
    }

    /// Asks for the bytes that are missing in the part, and appends them.
    fn continue_from(
        &self,
        url: &str,
        file: &Published,
        part: &mut File,
        bar: &ProgressBar,
        end: Instant,
    ) -> Result<(), MirrorError> {
        let mut length = part.seek(SeekFrom::End(0)).map_err(MirrorError::Storage)?;
        if length >= file.bytes {
            return Ok(());
        }
        let response = self.request(url, length, end)?;
        match response.status() {
            StatusCode::PARTIAL_CONTENT if starts_at(&response, length) => {}
            StatusCode::OK => {
                truncate(part).map_err(MirrorError::Storage)?;
                length = 0;
            }
            status => return Err(MirrorError::Status(status.as_u16())),
        }
        let mut body = response.into_body().into_reader().take(file.bytes - length);
        let mut buffer = vec![0; 64 * 1024];
        while length < file.bytes {
            bar.set_position(length);
            let count = match body.read(&mut buffer) {
                Ok(0) => return Err(MirrorError::Interrupted(io::ErrorKind::UnexpectedEof.into())),
                Ok(count) => count,
                Err(error) => return Err(MirrorError::Interrupted(error)),
            };
            part.write_all(&buffer[..count]).map_err(MirrorError::Storage)?;
            length += count as u64;
        }
        Ok(())
    }

    /// Asks for the bytes from `start` on. The request must end by `end`.
    fn request(&self, url: &str, start: u64, end: Instant) -> Result<Response<Body>, MirrorError> {
        let agent: Agent = Agent::config_builder()
            .user_agent(concat!("selvedge/", env!("CARGO_PKG_VERSION")))
            .http_status_as_error(false)
            .timeout_global(Some(end.saturating_duration_since(Instant::now())))
            .timeout_resolve(Some(self.connect_timeout))
            .timeout_connect(Some(self.connect_timeout))
            .timeout_recv_response(Some(self.stall_timeout))
            .timeout_per_read(Some(self.stall_timeout))
            .build()
            .into();
        let mut request = agent.get(url);
        if start > 0 {
            request = request.header(header::RANGE, format!("bytes={start}-"));
        }
        request.call().map_err(MirrorError::of_request)
    }

    fn progress_bar(&self, url: &str, file: &Published) -> ProgressBar {
        if !self.progress {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::new(file.bytes).with_message(file.name).with_finish(ProgressFinish::AndClear);
        if bar.is_hidden() {
            // A closed standard error is no reason to fail.
            let _ = writeln!(terminal::stderr(), "fetching {url}, {} bytes", file.bytes);
        }
        match ProgressStyle::with_template("{msg} {wide_bar} {bytes}/{total_bytes} {eta}") {
            Ok(style) => bar.with_style(style),
            Err(_) => bar,
        }
    }
}

/// Returns true if a partial response begins where the part ends.
fn starts_at(response: &Response<Body>, start: u64) -> bool {
    let range = response.headers().get(header::CONTENT_RANGE).and_then(|range| range.to_str().ok());
    range.is_some_and(|range| range.starts_with(&format!("bytes {start}-")))
}

fn truncate(part: &mut File) -> io::Result<()> {
    if part.seek(SeekFrom::End(0))? > 0 {
        part.set_len(0)?;
    }
    part.rewind()
}

/// Returns true if a part is the whole file. A part that is too long is not.
fn is_sound(file: &Published, part: &mut File) -> io::Result<bool> {
    let mut bytes = Vec::new();
    part.rewind()?;
    part.take(file.bytes + 1).read_to_end(&mut bytes)?;
    Ok(bytes.len() as u64 == file.bytes && hex(&Sha256::digest(bytes)) == file.sha256)
}

impl DownloadError {
    /// Returns the error that follows from the failures of all mirrors.
    fn of_mirrors(name: &str, mirrors: Vec<(String, MirrorError)>) -> Self {
        let name = name.into();
        if mirrors.iter().all(|(_, error)| matches!(error, MirrorError::Unreachable(_))) {
            Self::Unreachable { name, mirrors }
        } else {
            Self::Mirrors { name, mirrors }
        }
    }
}

impl MirrorError {
    fn of_request(error: ureq::Error) -> Self {
        match error {
            ureq::Error::HostNotFound
            | ureq::Error::ConnectionFailed
            | ureq::Error::Timeout(Timeout::Resolve | Timeout::Connect)
            | ureq::Error::Io(_) => Self::Unreachable(error.into()),
            _ => Self::Request(error.into()),
        }
    }
}
