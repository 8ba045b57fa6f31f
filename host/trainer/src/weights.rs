//! Weight files on disk.

use std::path::{Path, PathBuf};

use selvedge::{
    architecture::{Architecture, Parameter},
    shape::Signature,
    weights::{self, MAX_NUMBERS, TrainingRecord, WeightFileError},
};

use crate::files;

/// The largest number of bytes of a network's file: those of [`MAX_NUMBERS`] numbers of 32 bits, and of the longest header beside them.
pub const MAX_BYTES: u64 = 1 << 32;
const _: () = assert!((MAX_NUMBERS * size_of::<f32>()) as u64 + (1 << 22) <= MAX_BYTES);

/// A weight file cannot be read, used or written.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    /// The file cannot be read.
    #[error(transparent)]
    Read(#[from] files::ReadError),
    /// The file is wrong.
    #[error("{}: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The reason.
        error: WeightFileError,
    },
    /// The file cannot be written.
    #[error(transparent)]
    Write(#[from] files::WriteError),
}

/// The error of a weight that is NaN or infinite, or of a variance below 0. A network with such a number gives no valid logits.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{name}{index:?} is {value}{}{}", reason(*value), others(*more))]
pub struct WrongWeight {
    /// The tensor.
    pub name: String,
    /// The element's place in it.
    pub index: Vec<usize>,
    /// The element.
    pub value: f32,
    /// The number of further ones in the tensor.
    pub more: usize,
}

fn reason(value: f32) -> &'static str {
    if value.is_finite() {
        ", but it is a variance, and no variance is below 0; the file is damaged, or its tensors are mixed up"
    } else {
        " as a float32, which no network computes with; the training that made it diverged, or the file is damaged"
    }
}

fn others(more: usize) -> String {
    if more == 0 { String::new() } else { format!(" (and {more} more in this tensor)") }
}

/// Checks a parameter's tensor, in row-major order: all elements are finite, and none of a variance is below 0.
/// `name` is the tensor's name in its file.
///
/// # Errors
///
/// [`WrongWeight`], with the first weight that is wrong.
pub fn check_tensor(name: &str, parameter: &Parameter, shape: &[usize], values: &[f32]) -> Result<(), WrongWeight> {
    let is_variance = parameter.name.ends_with("running_var");
    let is_wrong = |value: &f32| !value.is_finite() || is_variance && *value < 0.0;
    let Some(place) = values.iter().position(is_wrong) else { return Ok(()) };
    let more = values[place + 1..].iter().filter(|value| is_wrong(value)).count();
    let mut rest = place;
    let mut index: Vec<_> = shape
        .iter()
        .rev()
        .map(|&size| {
            let own = rest % size;
            rest /= size;
            own
        })
        .collect();
    index.reverse();
    Err(WrongWeight { name: name.into(), index, value: values[place], more })
}

/// Checks that all weights of a [flat model](selvedge::flat) are finite, and no variance is below 0.
///
/// # Errors
///
/// [`WrongWeight`], with the first weight that is wrong.
pub fn check_all(architecture: &Architecture, flat: &[f32]) -> Result<(), WrongWeight> {
    architecture.parameters().try_for_each(|parameter| {
        let shape: Vec<_> = parameter.shape.iter().map(|&size| size as usize).collect();
        check_tensor(&parameter.name, &parameter, &shape, parameter.values(flat).unwrap_or_default())
    })
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
    Ok(files::read(path, MAX_BYTES)?)
}

/// Writes a flat model's weight file: whole, or not at all.
///
/// # Errors
///
/// [`WeightsError::Write`], and [`WeightsError::File`] for a flat model that is not of these layers. See
/// [`WriteError`](crate::files::WriteError) for the old file at `path`.
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

/// Returns the weight file of a flat model.
///
/// # Errors
///
/// The errors of [`weights::encode_flat`].
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

/// Returns the weight hash as 64 hexadecimal digits.
pub fn hash(flat: &[f32]) -> String {
    hex(&weights::hash(flat))
}

/// Returns bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_finite_is_named_with_its_place() {
        let architecture: Architecture = "3 => 2".parse().unwrap();
        let mut flat = [0.5; 8];
        assert_eq!(check_all(&architecture, &flat), Ok(()));
        (flat[4], flat[7]) = (f32::NAN, f32::INFINITY);
        let error = |flat: &[f32]| check_all(&architecture, flat).unwrap_err().to_string();
        assert!(error(&flat).starts_with("linear_relu_stack.0.weight[1, 1] is NaN as"));
        flat[4] = 0.5;
        assert!(error(&flat).starts_with("linear_relu_stack.0.bias[1] is inf as"));
        flat[6] = f32::NEG_INFINITY;
        let text = error(&flat);
        assert!(text.contains("[0] is -inf as a float32, which no network computes with; "), "{text}");
        assert!(text.ends_with(" (and 1 more in this tensor)"), "{text}");
    }

    #[test]
    fn a_variance_is_never_below_0() {
        let architecture: Architecture = "3 => 2 BatchNorm1d => 2".parse().unwrap();
        let mut flat = vec![-0.5; architecture.parameter_count().unwrap()];
        let variance = architecture.parameters().find(|parameter| parameter.name.ends_with("running_var")).unwrap();
        flat[variance.offset..][..2].copy_from_slice(&[0.0, 1.0]);
        assert_eq!(check_all(&architecture, &flat), Ok(()));
        flat[variance.offset + 1] = -1e-3;
        let error = check_all(&architecture, &flat).unwrap_err().to_string();
        assert!(error.contains(".running_var[1] is -0.001, but it is a variance"), "{error}");
    }
}
