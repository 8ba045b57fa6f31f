//! The files that a run writes.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use options::commands::Train;
use trainer::{file_kind::FileFormat, stray::RUN_RECORD};

use crate::{commands::check_replaced, files, interchange, record};

/// The ending of a weight file.
pub const WEIGHTS: &str = "selvedge";

/// The files that a run writes.
pub struct Files<'a> {
    pub out: PathBuf,
    pub checkpoint: PathBuf,
    /// The record, which a report of the run needs.
    pub record: PathBuf,
    pub metrics: Option<&'a Path>,
}

impl<'a> Files<'a> {
    /// Returns the files of a run. `out` is the weight file if --out is not given. It is an error if a file cannot be written, or if two are the same.
    pub fn of(options: &'a Train, out: PathBuf) -> Result<Self> {
        let out = options.out.clone().unwrap_or(out);
        let checkpoint = options.checkpoint.clone().or_else(|| options.resume.clone());
        let checkpoint = checkpoint.unwrap_or_else(|| out.with_extension("checkpoint"));
        let record = out.with_extension(record::ENDING);
        let files = Self { out, checkpoint, record, metrics: options.metrics.as_deref() };
        files.check(options)?;
        Ok(files)
    }

    fn check(&self, options: &Train) -> Result<()> {
        let Self { out, checkpoint, record, metrics } = self;
        if FileFormat::is_foreign(out) {
            let (own, other) = (out.with_extension(WEIGHTS), interchange::writable(out));
            let [out, own, other] = [out, &own, &other].map(|path| path.display());
            bail!(
                "--out {out}: training writes .selvedge files; take --out {own}, and then `selvedge convert {own} {other}`"
            );
        }
        files::check_writable(out)?;
        files::check_writable(checkpoint)?;
        files::check_writable(record)?;
        check_replaced(out, &[b"SELVEDGE"], "a weight file of Selvedge")?;
        check_replaced(record, &[RUN_RECORD], "a run's record")?;
        if let (Some(metrics), None) = (metrics, &options.resume) {
            check_replaced(metrics, &[b"{"], "a run's metrics")?;
        }
        files::check_distinct(&[("--out", out), ("the checkpoint", checkpoint), ("the run's record", record)])?;
        let Some(metrics) = *metrics else { return Ok(()) };
        let others = [
            ("--out", Some(out)),
            ("the checkpoint", Some(checkpoint)),
            ("the run's record", Some(record)),
            ("--init", options.init.as_ref()),
            ("--resume", options.resume.as_ref()),
            ("--recipe", options.recipe.as_ref()),
        ];
        let is_other =
            |(name, path): (_, Option<&PathBuf>)| files::check_distinct(&[(name, path?), ("--metrics", metrics)]).err();
        match others.into_iter().find_map(is_other) {
            Some(error) => Err(error.into()),
            None => Ok(()),
        }
    }

    /// Checks that there is room for the weights, for checkpoints and for the record, with this number of bytes. The next checkpoint is written
    /// before the one that it replaces is gone.
    pub fn check_room(&self, [weights, checkpoint, record]: [u64; 3], has_next: bool) -> Result<()> {
        let mut files = vec![(&*self.out, weights), (&self.checkpoint, checkpoint), (&self.record, record)];
        if has_next && !self.checkpoint.exists() {
            files.push((&self.checkpoint, checkpoint));
        }
        Ok(files::check_room(&files)?)
    }
}
