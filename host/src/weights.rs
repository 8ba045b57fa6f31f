//! Weight files on disk.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use selvedge::{
    architecture::Architecture,
    shape::Signature,
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

/// Writes a flat model's weight file: whole, or not at all.
///
/// # Errors
///
/// [`WeightsError::Write`], and [`WeightsError::File`] for a flat model that is not of these layers; what stood at `path` is then still
/// there.
pub fn save(
    path: &Path,
    architecture: &Architecture,
    flat: &[f32],
    signature: &Signature<'_>,
    record: &TrainingRecord<'_>,
) -> Result<(), WeightsError> {
    let file = encode(architecture, flat, signature, record).map_err(WeightsError::in_file(path))?;
    Ok(files::write_whole(path, &file)?)
}

/// The weight file of a flat model.
///
/// # Errors
///
/// As [`weights::encode_flat`].
pub fn encode(
    architecture: &Architecture,
    flat: &[f32],
    signature: &Signature<'_>,
    record: &TrainingRecord<'_>,
) -> Result<Vec<u8>, WeightFileError> {
    let mut file = vec![0; weights::encoded_len(architecture.layers().len(), flat.len(), signature, record)];
    let len = weights::encode_flat(architecture, flat, signature, record, &mut file)?;
    file.truncate(len);
    Ok(file)
}

/// The weight hash as 64 hexadecimal digits.
pub fn hash(flat: &[f32]) -> String {
    hex(&weights::hash(flat))
}

/// Bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
