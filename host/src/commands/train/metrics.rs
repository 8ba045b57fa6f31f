//! A run's numbers as one JSON object a line.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, LineWriter, Write},
    path::{Path, PathBuf},
};

use crate::{files, training::Progress};
use anyhow::{Context, Result};
use serde_json::Value;

pub struct Metrics {
    path: PathBuf,
    file: LineWriter<File>,
}

impl Metrics {
    /// Opens the file of a run that is so far: a resumed run keeps what the file says of the steps up to there, and repeats nothing.
    pub fn open(path: &Path, progress: &Progress) -> Result<Self> {
        let cannot_write = || format!("cannot write {}", path.display());
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).with_context(cannot_write)?;
        }
        let file = if progress.steps == 0 {
            File::create(path).with_context(cannot_write)?
        } else {
            let kept = match fs::read_to_string(path) {
                Ok(text) => text.lines().filter(|line| is_of(line, progress)).map(|line| format!("{line}\n")).collect(),
                Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
                Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
            };
            files::write_whole(path, kept.as_bytes())?;
            OpenOptions::new().append(true).open(path).with_context(cannot_write)?
        };
        Ok(Self { path: path.into(), file: LineWriter::new(file) })
    }

    pub fn write(&mut self, object: &Value) -> Result<()> {
        writeln!(self.file, "{object}").with_context(|| format!("cannot write {}", self.path.display()))
    }
}

/// Whether a line is of a step or an epoch that is done.
fn is_of(line: &str, progress: &Progress) -> bool {
    let Ok(object) = serde_json::from_str::<Value>(line) else { return false };
    let at_most = |key: &str, limit: u64| object[key].as_u64().is_some_and(|number| number <= limit);
    at_most("step", progress.steps) || at_most("epoch", progress.epochs.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resumed_run_keeps_what_is_done() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/run.jsonl");
        let lines = "{\"step\":1}\n{\"step\":2}\n{\"epoch\":1}\n{\"step\":3}\n{\"epoch\":2}\n{\"st";
        Metrics::open(&path, &Progress::default()).unwrap();
        fs::write(&path, lines).unwrap();
        let progress = Progress { steps: 2, epochs: 1, ..Progress::default() };
        let mut metrics = Metrics::open(&path, &progress).unwrap();
        metrics.write(&serde_json::json!({ "step": 3 })).unwrap();
        let expected = "{\"step\":1}\n{\"step\":2}\n{\"epoch\":1}\n{\"step\":3}\n";
        assert_eq!(fs::read_to_string(&path).unwrap(), expected);
        Metrics::open(&path, &Progress::default()).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "");
    }
}
