//! The files that a run writes.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use host::files;

/// The ending of a weight file.
pub const WEIGHTS: &str = "selvedge";

/// What a run writes.
pub struct Files<'a> {
    pub out: PathBuf,
    pub checkpoint: PathBuf,
    pub metrics: Option<&'a Path>,
}

impl Files<'_> {
    /// Every file can be written, and no two are the same.
    pub fn check(&self) -> Result<()> {
        files::check_writable(&self.out)?;
        files::check_writable(&self.checkpoint)?;
        ensure!(self.out != self.checkpoint, "--out and the checkpoint are the same file, {}", self.out.display());
        for (option, other) in [("--out", &self.out), ("the checkpoint", &self.checkpoint)] {
            ensure!(self.metrics != Some(other), "--metrics and {option} are the same file, {}", other.display());
        }
        Ok(())
    }

    /// The command that goes on with a run.
    pub fn to_go_on(&self) -> String {
        let mut command = format!("train --resume {}", self.checkpoint.display());
        if self.out != self.checkpoint.with_extension(WEIGHTS) {
            command += &format!(" --out {}", self.out.display());
        }
        command
    }
}
