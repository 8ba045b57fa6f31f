//! The files that a run writes.

use std::path::{Path, PathBuf};

use crate::{
    files::{self, is_same},
    interchange::Format,
};
use anyhow::{Result, bail, ensure};
use options::commands::Train;

/// The ending of a weight file.
pub const WEIGHTS: &str = "selvedge";

/// What a run writes.
pub struct Files<'a> {
    pub out: PathBuf,
    pub checkpoint: PathBuf,
    pub metrics: Option<&'a Path>,
}

impl<'a> Files<'a> {
    /// The files of a run whose weights go here by default. Each of them can be written, and no two are the same.
    pub fn of(options: &'a Train, out: PathBuf) -> Result<Self> {
        let out = options.out.clone().unwrap_or(out);
        let checkpoint = options.checkpoint.clone().or_else(|| options.resume.clone());
        let checkpoint = checkpoint.unwrap_or_else(|| out.with_extension("checkpoint"));
        let files = Self { out, checkpoint, metrics: options.metrics.as_deref() };
        files.check(options)?;
        Ok(files)
    }

    fn check(&self, options: &Train) -> Result<()> {
        let Self { out, checkpoint, metrics } = self;
        if Format::is_foreign(out) {
            let (own, other) = (out.with_extension(WEIGHTS), Format::writable(out));
            let [out, own, other] = [out, &own, &other].map(|path| path.display());
            bail!(
                "--out {out}: training writes .selvedge files; take --out {own}, and then `selvedge convert {own} {other}`"
            );
        }
        files::check_writable(out)?;
        files::check_writable(checkpoint)?;
        let read = [("--init", &options.init), ("--resume", &options.resume), ("--recipe", &options.recipe)];
        let read = read.into_iter().filter_map(|(option, path)| Some((option, path.as_deref()?)));
        let written = [("--out", &**out), ("the checkpoint", checkpoint)];
        let mut pairs = vec![("the checkpoint", &**checkpoint, "--out", &**out)];
        pairs.extend(
            written
                .into_iter()
                .chain(read)
                .filter_map(|(name, path)| Some(("--metrics", *metrics.as_ref()?, name, path))),
        );
        for (name, path, other, same) in pairs {
            ensure!(!is_same(path, same), "{name} and {other} are the same file, {}", path.display());
        }
        Ok(())
    }

    /// Checks that there is room for the weights and a checkpoint, with so many bytes.
    pub fn check_room(&self, weights: u64, checkpoint: u64) -> Result<()> {
        Ok(files::check_room(&[(&self.out, weights), (&self.checkpoint, checkpoint)])?)
    }
}
