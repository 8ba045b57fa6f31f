//! The files that a run writes.

use std::path::{Path, PathBuf};

use crate::{files, interchange::Format};
use anyhow::{Result, bail, ensure};
use options::commands::Data;

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
        if Format::is_foreign(&self.out) {
            let out = self.out.display();
            bail!("--out {out}: training writes .selvedge files; `selvedge convert` writes the other formats");
        }
        files::check_writable(&self.out)?;
        files::check_writable(&self.checkpoint)?;
        ensure!(self.out != self.checkpoint, "--out and the checkpoint are the same file, {}", self.out.display());
        for (option, other) in [("--out", &self.out), ("the checkpoint", &self.checkpoint)] {
            ensure!(self.metrics != Some(other), "--metrics and {option} are the same file, {}", other.display());
        }
        Ok(())
    }

    /// The shell command that goes on with a run. It names the same data, classes, metrics and checkpoints.
    pub fn to_go_on(&self, data: &Data, checkpoint_every: Option<u64>) -> String {
        let out = (self.out != self.checkpoint.with_extension(WEIGHTS)).then_some(self.out.as_path());
        let every = checkpoint_every.map(|every| every.to_string());
        let options = [
            ("--resume", Some(self.checkpoint.as_path())),
            ("--out", out),
            ("--data", data.data.as_deref()),
            ("--classes", data.classes.as_deref()),
            ("--metrics", self.metrics),
            ("--checkpoint-every", every.as_deref().map(Path::new)),
        ];
        let mut command = "train".to_owned();
        for (option, path) in options {
            let Some(path) = path.map(|path| path.to_string_lossy()) else { continue };
            // A path with a NUL byte cannot be opened, so nothing is written to one.
            let quoted = shlex::try_quote(&path).unwrap_or_default();
            command += &format!(" {option} {quoted}");
        }
        command
    }
}
