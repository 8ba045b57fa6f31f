//! Checkpoints: all that a run needs to go on as if it had never stopped.
//!
//! | part | encoding | meaning |
//! |---|---|---|
//! | magic | 8 bytes | `SELVCKPT` |
//! | length | u64, little-endian | bytes of the whole file |
//! | description | postcard | [`Description`] |
//! | numbers | binary32, little-endian | the [parts](super::State::parts) of the state, one after the other |
//! | checksum | 32 bytes | SHA-256 of all that stands before |
//!
//! Draws are addressed by (seed, epoch, index), so the generator's position is the state's [`Progress`].

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use selvedge::flat::as_bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Options, Progress, State};
use crate::{
    data::Dataset,
    files,
    models::{Boxed, Model},
};

const MAGIC: [u8; 8] = *b"SELVCKPT";
const VERSION: u16 = 1;
const CHECKSUM_BYTES: usize = 32;

/// What a checkpoint is of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Description {
    /// The format's version.
    version: u16,
    /// What the run is trained with, as a recipe file.
    pub recipe: String,
    /// The model's layers, as `--layers` takes them.
    pub layers: String,
    /// The data set's name.
    pub dataset: String,
    /// How many of its training images are used, with those that are held out.
    pub samples: u32,
    /// SHA-256 of these images, then their labels.
    pub dataset_checksum: [u8; 32],
    /// How far the run is.
    pub progress: Progress,
}

impl Description {
    /// Of a run with this recipe, model and data, of which nothing was held out yet.
    pub fn new(recipe: String, layers: String, data: &Dataset) -> Self {
        Self {
            version: VERSION,
            recipe,
            layers,
            dataset: data.name.clone(),
            samples: data.train.labels.len() as u32,
            dataset_checksum: data.checksum,
            progress: Progress::default(),
        }
    }
}

/// A checkpoint that was read and found whole.
#[derive(Debug)]
pub struct Checkpoint {
    path: PathBuf,
    /// What it is of.
    pub description: Description,
    numbers: Vec<f32>,
}

/// A checkpoint cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{}: {problem}", path.display())]
pub struct CheckpointError {
    path: PathBuf,
    problem: Problem,
}

#[derive(Debug, thiserror::Error)]
enum Problem {
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
    #[error("the checkpoint holds {found} numbers, but a run of its recipe and model has {expected}")]
    Numbers { expected: usize, found: usize },
}

/// Writes a state whole or not at all: a checkpoint that stood in its place stays until the new one is on disk.
///
/// # Errors
///
/// [`files::WriteError`].
pub fn save<M: Model>(path: &Path, state: &State<M>, description: &Description) -> Result<(), files::WriteError> {
    let description = Description { progress: state.progress, ..description.clone() };
    // A vector takes all that is written to it.
    let description = postcard::to_stdvec(&description).unwrap_or_default();
    let length =
        MAGIC.len() + size_of::<u64>() + description.len() + state.parts().count() * size_of::<M>() + CHECKSUM_BYTES;
    let mut file = Vec::with_capacity(length);
    file.extend_from_slice(&MAGIC);
    file.extend_from_slice(&(length as u64).to_le_bytes());
    file.extend_from_slice(&description);
    state.parts().for_each(|part| file.extend_from_slice(as_bytes(part.as_flat())));
    let checksum = Sha256::digest(&file);
    file.extend_from_slice(&checksum);
    files::write_whole(path, &file)
}

/// Reads and checks a checkpoint.
///
/// # Errors
///
/// [`CheckpointError`] for a file that is no checkpoint, not all of one, or changed.
pub fn load(path: &Path) -> Result<Checkpoint, CheckpointError> {
    let read = || {
        let file = fs::read(path)?;
        let (description, numbers) = parse(&file)?;
        Ok((description, numbers))
    };
    match read() {
        Ok((description, numbers)) => Ok(Checkpoint { path: path.into(), description, numbers }),
        Err(problem) => Err(CheckpointError { path: path.into(), problem }),
    }
}

fn parse(file: &[u8]) -> Result<(Description, Vec<f32>), Problem> {
    let known = file.len().min(MAGIC.len());
    if file[..known] != MAGIC[..known] {
        return Err(Problem::Magic);
    }
    let found = file.len() as u64;
    let minimum = (MAGIC.len() + size_of::<u64>() + CHECKSUM_BYTES) as u64;
    let length = file[known..].first_chunk().map_or(minimum, |bytes| u64::from_le_bytes(*bytes)).max(minimum);
    if found < length {
        return Err(Problem::Truncated { expected: length, found });
    }
    let Some((checked, checksum)) = file.split_last_chunk::<CHECKSUM_BYTES>() else {
        return Err(Problem::Truncated { expected: length, found });
    };
    if found != length || Sha256::digest(checked)[..] != checksum[..] {
        return Err(Problem::Checksum);
    }
    let body = &checked[MAGIC.len() + size_of::<u64>()..];
    let (description, numbers) = postcard::take_from_bytes::<Description>(body).map_err(|_| Problem::Description)?;
    if description.version != VERSION {
        return Err(Problem::Version { found: description.version });
    }
    match numbers.as_chunks() {
        (numbers, []) => Ok((description, numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())),
        _ => Err(Problem::Description),
    }
}

impl Checkpoint {
    /// Where it was read.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The state, for a run with the checkpoint's own model and options.
    ///
    /// # Errors
    ///
    /// [`CheckpointError`] where it holds more or fewer numbers than such a run.
    pub fn into_state<M: Model>(self, options: &Options) -> Result<State<M>, CheckpointError> {
        let mut state = State::new(Boxed::<M>::zeroed(), options);
        let (expected, found) = (state.parts().count() * M::LEN, self.numbers.len());
        if expected != found {
            return Err(CheckpointError { path: self.path, problem: Problem::Numbers { expected, found } });
        }
        for (part, numbers) in state.parts_mut().zip(self.numbers.chunks(M::LEN)) {
            part.as_flat_mut().copy_from_slice(numbers);
        }
        state.progress = self.description.progress;
        Ok(state)
    }
}
