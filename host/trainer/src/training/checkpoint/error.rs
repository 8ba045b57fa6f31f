use std::{io, path::PathBuf};

use options::recipe::RecipeError;

use super::description::VERSION;
use crate::{network::NetworkError, weights::WrongWeight};

/// The error of a checkpoint that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{}: {problem}", path.display())]
pub struct CheckpointError {
    pub(super) path: PathBuf,
    pub(super) problem: Problem,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum Problem {
    #[error("cannot read the checkpoint: {0}")]
    Read(#[from] io::Error),
    #[error("this is no checkpoint of Selvedge")]
    Magic,
    #[error("the checkpoint is truncated: it has {found} bytes of {expected}")]
    Truncated { expected: u64, found: u64 },
    #[error("the checkpoint is damaged: its checksum does not match")]
    Checksum,
    #[error("the checkpoint's description cannot be read")]
    Description,
    #[error("the checkpoint has version {found}, this program reads version {VERSION}")]
    Version { found: u16 },
    #[error("the checkpoint holds {found} numbers, but a run of its recipe and network has {expected}")]
    Numbers { expected: usize, found: usize },
    #[error(transparent)]
    Network(#[from] NetworkError),
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    #[error("the checkpoint is of the network {found}, and not of {expected}")]
    Layers { found: String, expected: String },
    #[error("{part}: {problem}")]
    Weight { part: &'static str, problem: WrongWeight },
    #[error("after {steps} steps all numbers of {part} are 0, so no run has written them")]
    Zeros { part: &'static str, steps: u64 },
}
