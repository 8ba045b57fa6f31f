//! Finds the two files of a run, the weights and the record, from the name of one of them.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::{
    commands::parse,
    files,
    record::{self, Record},
    report::run::Model,
    weights,
};

/// A run's two files.
pub struct Source {
    /// The one that was named.
    pub given: PathBuf,
    pub record_path: PathBuf,
    pub weights_path: PathBuf,
    pub record: Option<Record>,
    /// The weight file's bytes.
    pub weights: Option<Vec<u8>>,
    /// The parts that are missing, and how to get them.
    pub notes: Vec<String>,
}

impl Source {
    /// Reads a run from its weight file or its record, and the other one where it is there.
    pub fn find(path: &Path) -> Result<Self> {
        let text = path.to_string_lossy();
        let stem = text.strip_suffix(record::ENDING).and_then(|stem| stem.strip_suffix('.'));
        let (record_path, weights_path) = match stem {
            Some(stem) => (path.to_owned(), PathBuf::from(format!("{stem}.selvedge"))),
            None => (path.with_extension(record::ENDING), path.to_owned()),
        };
        let is_record = stem.is_some();
        let given = path.to_owned();
        let mut source = Self { given, record_path, weights_path, record: None, weights: None, notes: Vec::new() };
        if is_record {
            source.record = Some(read_record(path)?);
            if source.weights_path.is_file() {
                source.weights = Some(weights::read(&source.weights_path)?);
            } else {
                let there = source.weights_path.display();
                source.notes.push(format!(
                    "The weights are not here ({there}), so answers, mistakes and sizes are missing: a run writes them at its end."
                ));
            }
        } else {
            source.weights = Some(weights::read(path)?);
            if source.record_path.is_file() {
                source.record = Some(read_record(&source.record_path)?);
            } else {
                let there = source.record_path.display();
                source.notes.push(format!("The run's record is not here ({there}), so there are no curves: train writes it beside the weights."));
            }
        }
        source.match_up(is_record)?;
        Ok(source)
    }

    /// If the two files belong to different runs, drops the one that the user did not name, and adds a note.
    fn match_up(&mut self, is_record: bool) -> Result<()> {
        let (Some(record), Some(bytes)) = (&self.record, &self.weights) else { return Ok(()) };
        let file = parse(&self.weights_path, bytes)?;
        let Some(model) = Model::of(&file, bytes.len()) else { return Ok(()) };
        let end = record.end.as_ref().map(|end| end.weights_sha256.as_str());
        if end == Some(&model.hash) {
            return Ok(());
        }
        let (record, weights) = (self.record_path.display(), self.weights_path.display());
        let why = if end.is_some() { "of another run" } else { "of a run that has not ended" };
        if is_record {
            self.notes.push(format!("The weights beside it ({weights}) are not this run's: its record is {why}."));
            self.weights = None;
        } else {
            self.notes.push(format!("The record beside the weights ({record}) is {why}, so there are no curves."));
            self.record = None;
        }
        Ok(())
    }
}

fn read_record(path: &Path) -> Result<Record> {
    let bytes = files::read(path, record::MAX_BYTES)?;
    Record::parse(&bytes).with_context(|| path.display().to_string())
}
