//! A run's numbers as one JSON object a line.

use std::{
    fs::{self, File, OpenOptions},
    io::{LineWriter, Write},
    path::{Path, PathBuf},
};

use crate::{
    files,
    training::{Progress, metrics::kept},
};
use anyhow::{Context, Result};
use serde_json::Value;

/// The largest number of bytes of metrics that a resumed run reads.
const MAX_BYTES: u64 = 1 << 32;

/// A file of metrics.
pub struct Metrics {
    path: PathBuf,
    file: LineWriter<File>,
}

impl Metrics {
    /// Opens the file for a run at this place. For a resumed run, lines of steps after this place are removed, because the run repeats these
    /// steps.
    pub fn open(path: &Path, progress: &Progress) -> Result<Self> {
        let cannot_write = || format!("cannot write {}", path.display());
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).with_context(cannot_write)?;
        }
        let is_begun = progress.steps > 0 && path.is_file();
        if is_begun {
            let kept = kept(&files::read(path, MAX_BYTES)?, progress);
            files::write_whole(path, &kept)?;
        }
        // A pipe or a device is only written.
        let file = OpenOptions::new().write(true).create(true).append(is_begun).truncate(!is_begun).open(path);
        let file = file.with_context(cannot_write)?;
        Ok(Self { path: path.into(), file: LineWriter::new(file) })
    }

    pub fn write(&mut self, object: &Value) -> Result<()> {
        writeln!(self.file, "{object}").with_context(|| format!("cannot write {}", self.path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resumed_run_keeps_what_is_done() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/run.jsonl");
        let lines =
            "# mine\n{\"step\":1}\n{\"step\":2}\n{\"epoch\":1}\n{\"step\":3}\n{\"mine\":9}\n{\"epoch\":2}\n{\"st";
        Metrics::open(&path, &Progress::default()).unwrap();
        fs::write(&path, lines).unwrap();
        let progress = Progress { steps: 2, epochs: 1, ..Progress::default() };
        let mut metrics = Metrics::open(&path, &progress).unwrap();
        metrics.write(&serde_json::json!({ "step": 3 })).unwrap();
        let expected = "# mine\n{\"step\":1}\n{\"step\":2}\n{\"epoch\":1}\n{\"mine\":9}\n{\"step\":3}\n";
        assert_eq!(fs::read_to_string(&path).unwrap(), expected);
        Metrics::open(&path, &Progress::default()).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "");
    }
}
