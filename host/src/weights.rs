//! Weight files on disk.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use selvedge::{
    Layer,
    architecture::Architecture,
    weights::{self, TrainingRecord, WeightFileError},
};

use crate::files;

/// A weight file cannot be read, used or written.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    /// The file cannot be read.
    #[error("cannot read {}: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The file is wrong.
    #[error("{}: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        error: WeightFileError,
    },
    /// The file cannot be written.
    #[error(transparent)]
    Write(#[from] files::WriteError),
}

impl WeightsError {
    /// Names the file in which an error was found.
    pub fn in_file(path: &Path) -> impl Fn(WeightFileError) -> Self + '_ {
        |error| Self::File { path: path.into(), error }
    }
}

/// Reads a file's bytes, for [`WeightFile::parse`](selvedge::weights::WeightFile::parse).
///
/// # Errors
///
/// [`WeightsError::Read`].
pub fn read(path: &Path) -> Result<Vec<u8>, WeightsError> {
    fs::read(path).map_err(|error| WeightsError::Read { path: path.into(), error })
}

/// Writes a model's weight file: whole, or not at all.
///
/// # Errors
///
/// [`WeightsError::Write`]; what stood at `path` is then still there.
pub fn save<M: Layer>(path: &Path, model: &M, record: &TrainingRecord<'_>) -> Result<(), WeightsError> {
    save_flat(path, &Architecture::of::<M>(), model.as_flat(), record)
}

/// [`save`] where only the model's layers are known.
///
/// # Errors
///
/// [`WeightsError::Write`], and [`WeightsError::File`] for a flat model that is not of these layers; what stood at `path` is then still
/// there.
pub fn save_flat(
    path: &Path,
    architecture: &Architecture,
    flat: &[f32],
    record: &TrainingRecord<'_>,
) -> Result<(), WeightsError> {
    let file = encode_flat(architecture, flat, record).map_err(WeightsError::in_file(path))?;
    Ok(files::write_whole(path, &file)?)
}

/// The weight file of a flat model.
///
/// # Errors
///
/// As [`weights::encode_flat`].
pub fn encode_flat(
    architecture: &Architecture,
    flat: &[f32],
    record: &TrainingRecord<'_>,
) -> Result<Vec<u8>, WeightFileError> {
    let mut file = vec![0; weights::flat_encoded_len(flat.len(), record)];
    let len = weights::encode_flat(architecture, flat, record, &mut file)?;
    file.truncate(len);
    Ok(file)
}

/// The weight hash as 64 hexadecimal digits.
pub fn hash<M: Layer>(model: &M) -> String {
    flat_hash(model.as_flat())
}

/// [`hash`] of a flat model.
pub fn flat_hash(flat: &[f32]) -> String {
    hex(&weights::hash(flat))
}

/// The first eight bytes of a sample's logits' hash as 16 hexadecimal digits.
pub fn logits_hash(logits: &[f32]) -> String {
    hex(&weights::hash(logits)[..8])
}

/// Bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
