//! The folder of a search: which search it is, and the trials that are finished.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::Write,
    path::{Path, PathBuf},
};

use crate::{data::Dataset, files};
use anyhow::{Context, Result, bail, ensure};
use options::{
    commands::{Search, search::SearchPlan},
    space::Trial,
};
use serde::{Deserialize, Serialize};

use super::result::{Finished, values};

/// The file that says which search it is.
const IDENTITY: &str = "search.json";
/// The file with a line for each trial that is finished.
const TRIALS: &str = "trials.jsonl";
/// The name of the file with the best recipe.
pub const BEST: &str = "best.toml";
/// The largest number of bytes of a search's files.
const MAX_BYTES: u64 = 1 << 28;

/// All that decides a search's scores.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    recipe: String,
    space: String,
    order: String,
    judged: String,
    network: String,
    data: String,
    samples: usize,
    checksum: String,
}

impl Identity {
    /// Returns the identity of the search with these options. No samples may be held out of `data` yet.
    pub fn of(options: &Search, plan: &SearchPlan, data: &Dataset) -> Self {
        let network = match &options.model.layers {
            _ if !plan.space.layers().is_empty() => "varied".into(),
            Some(layers) => layers.to_string(),
            None => options.model.model.clone(),
        };
        let judged = match (options.folds, plan.recipe.val_split) {
            (Some(folds), _) => format!("folds {folds}"),
            (None, split) => format!("validation {}", split.map_or_else(String::new, |split| split.to_string())),
        };
        Self {
            recipe: plan.recipe.to_toml(),
            space: plan.space.to_toml(),
            order: super::order(plan.order),
            judged,
            network,
            data: data.name.clone(),
            samples: data.train.len(),
            checksum: data.checksum.iter().map(|byte| format!("{byte:02x}")).collect(),
        }
    }

    /// Lists the differences, each with the other's value and this one's.
    fn differences(&self, other: &Self) -> Vec<String> {
        let line = |text: &str| text.trim_end().replace('\n', ", ");
        let samples = |this: &Self| format!("{} training samples, SHA-256 {:.16}…", this.samples, this.checksum);
        // A copy of the data has another name and the same samples.
        let of = |this: &Self| {
            [
                ("recipe", line(&this.recipe)),
                ("space", line(&this.space)),
                ("order", this.order.clone()),
                ("judgement", this.judged.clone()),
                ("network", this.network.clone()),
                ("data", samples(this)),
            ]
        };
        let pairs = of(self).into_iter().zip(of(other)).filter(|((_, own), (_, others))| own != others);
        pairs.map(|((name, own), (_, others))| format!("its {name} is `{others}`, and this one's is `{own}`")).collect()
    }
}

/// A folder that no other search writes to.
pub struct Folder {
    pub path: PathBuf,
    pub finished: Vec<Finished>,
    /// The lines of the trials. It is locked as long as it is open.
    lines: File,
}

impl Folder {
    /// Makes a search's folder, or opens it where it is.
    pub fn open(path: &Path, identity: &Identity, trials: &[Trial]) -> Result<Self> {
        let there = path.display();
        let file = path.join(IDENTITY);
        if file.exists() {
            let text = files::read(&file, MAX_BYTES)?;
            let other: Identity = serde_json::from_slice(&text).with_context(|| {
                format!("{}: this describes no search; name another folder by --out", file.display())
            })?;
            let differences = identity.differences(&other);
            ensure!(
                differences.is_empty(),
                "{there} is the folder of another search: {}; name another folder by --out, or remove this one",
                differences.join("; ")
            );
        } else {
            let is_empty = !path.exists() || fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none());
            ensure!(is_empty, "{there} has files and is the folder of no search; name another folder by --out");
            fs::create_dir_all(path).with_context(|| format!("cannot make {there}"))?;
            let text = serde_json::to_string_pretty(identity)? + "\n";
            files::write_whole(&file, text.as_bytes())?;
        }
        let file = path.join(TRIALS);
        let unwritable = || format!("cannot write {}", file.display());
        let lines = OpenOptions::new().append(true).create(true).open(&file).with_context(unwritable)?;
        match lines.try_lock() {
            Err(TryLockError::WouldBlock) => bail!("{there}: another search is at work in this folder"),
            // Some file systems have no locks.
            Ok(()) | Err(TryLockError::Error(_)) => {}
        }
        let finished = read(&file, trials)?;
        // A line that was being written when the search was killed is cut off.
        let whole: u64 = finished.iter().map(|(_, len)| len).sum();
        lines.set_len(whole).with_context(unwritable)?;
        Ok(Self { path: path.into(), finished: finished.into_iter().map(|(finished, _)| finished).collect(), lines })
    }

    /// Writes the line of a trial that is finished.
    pub fn add(&mut self, finished: &Finished) -> Result<()> {
        let line = serde_json::to_string(finished)? + "\n";
        let written = self.lines.write_all(line.as_bytes()).and_then(|()| self.lines.sync_data());
        written.with_context(|| format!("cannot write {}", self.path.join(TRIALS).display()))
    }
}

/// Returns the trials of the lines that are whole, each with its line's bytes.
fn read(path: &Path, trials: &[Trial]) -> Result<Vec<(Finished, u64)>> {
    let text = files::read(path, MAX_BYTES)?;
    let mut finished: Vec<(Finished, u64)> = Vec::new();
    for (number, line) in (1..).zip(text.split_inclusive(|&byte| byte == b'\n').filter(|line| line.ends_with(b"\n"))) {
        let place = || format!("{}, line {number}", path.display());
        let found: Finished = serde_json::from_slice(line).with_context(|| format!("{}: this is no trial", place()))?;
        let trial = trials.iter().find(|trial| trial.number == found.number);
        ensure!(
            trial.is_none_or(|trial| values(trial) == found.values),
            "{}: trial {} of this search has other values",
            place(),
            found.number
        );
        let is_twice = finished.iter().any(|(other, _)| other.number == found.number);
        ensure!(!is_twice, "{}: trial {} is there twice", place(), found.number);
        finished.push((found, line.len() as u64));
    }
    Ok(finished)
}
