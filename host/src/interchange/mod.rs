//! Reads and writes weights in other programs' files, by PyTorch's parameter names.
//!
//! | format | in | out | what it is |
//! |---|---|---|---|
//! | `.selvedge` | yes | yes | [the weight file](selvedge::weights) |
//! | `.safetensors` | yes | yes | tensors without code; PyTorch's `safetensors.torch` |
//! | `.pth`, `.pt` | yes | no | what `torch.save(model.state_dict(), …)` writes; its pickle is read, never executed |
//! | `.npz` | yes | yes | NumPy's archive of arrays |
//! | `.onnx` | yes | yes | the network as a graph, for ONNX Runtime and others |
//!
//! Reading gives a [`StateDict`], with F64, F16 and BF16 converted to `f32`. Every reader is strict, because a file may come from anywhere.
//!
//! A file passes through these modules:
//!
//! 1. [`file_kind`](crate::file_kind) tells the file's format by its bytes.
//! 2. A reader takes the file's tensors: `pth` (with `pickle`), `npz`, `safetensors` or `onnx`. The readers share `element` and `tensors`, and
//!    `trainer::{archive, npy}` with the reader of data.
//! 3. `infer` finds the layers, if neither the file nor the user names them. `other_layers` refuses layers that Selvedge does not have.
//! 4. `load` copies each tensor into its parameter: by name (`names`, `networks`), or by order and shape (`matching`, `groups`, `chain`), after the
//!    user's `map`. `keys` reports the result.
//! 5. `scaling` folds a mean and a deviation into the first layer.
//! 6. `folding` folds batch normalisation and the scales of inputs and targets into linear layers. `ends` describes a network's inputs and
//!    outputs in words.

mod chain;
mod element;
mod ends;
mod error;
mod folding;
mod groups;
mod infer;
mod keys;
mod load;
mod map;
mod matching;
mod names;
mod networks;
mod npz;
mod onnx;
mod other_layers;
mod pickle;
mod pth;
mod safetensors;
mod scaling;
mod state_dict;
mod tensors;
#[cfg(test)]
mod tests;

pub use ends::Ends;
pub use error::InterchangeError;
pub use folding::{Folded, FoldingError};
pub use keys::LoadReport;
pub use scaling::{InputScaling, ScalingError, read_numbers};
pub use state_dict::{Reading, StateDict};
pub use tensors::NamedTensor;

use std::path::{Path, PathBuf};

use selvedge::{
    architecture::{Architecture, Parameter},
    shape::Signature,
    weights::TrainingRecord,
};

use crate::{file_kind::FileFormat, files, weights};
use error::Problem;

/// Returns a path that [`write()`] can write. It is the same path, or, if the format cannot be written, the path with the extension
/// `.safetensors`.
pub(crate) fn writable(path: &Path) -> PathBuf {
    match format_to_write(path) {
        Ok(_) => path.into(),
        Err(_) => path.with_extension("safetensors"),
    }
}

/// Returns the format of a file that is to be written, by its extension.
///
/// # Errors
///
/// [`InterchangeError`] for an extension without a format, or with one that is only read.
pub(crate) fn format_to_write(path: &Path) -> Result<FileFormat, InterchangeError> {
    match FileFormat::of_extension(path) {
        None => Err(Problem::Extension),
        Some(FileFormat::Pth) => Err(Problem::NotWritten),
        Some(format) => Ok(format),
    }
    .map_err(|problem| problem.in_file(path))
}

/// Writes a flat model of these layers in the format of the path's extension, as a whole or not at all. Only a weight file stores the signature
/// and the record. An ONNX graph says in words what its input and output are. It has the operator set `opset`, or else the lowest one that
/// the layers need.
/// The names of the tensors count every layer, also dropout, as the names in PyTorch's `nn.Sequential` do. An ONNX graph has no dropout.
///
/// # Errors
///
/// [`InterchangeError`]. See [`WriteError`](crate::files::WriteError) for the old file at `path`.
pub fn write(
    path: &Path,
    architecture: &Architecture,
    flat: &[f32],
    signature: &Signature<'_>,
    record: &TrainingRecord<'_>,
    opset: Option<u8>,
) -> Result<(), InterchangeError> {
    let written = match format_to_write(path)? {
        FileFormat::Selvedge => {
            return weights::save(path, architecture, flat, signature, record).map_err(InterchangeError::from);
        }
        FileFormat::Safetensors => safetensors::write(&named(architecture, flat)),
        FileFormat::Npz => npz::write(&named(architecture, flat)),
        FileFormat::Onnx => {
            let graph = architecture.for_prediction();
            onnx::opset(&graph, opset)
                .and_then(|opset| onnx::write(&graph, &named(&graph, flat), &Ends::of(signature), opset))
        }
        FileFormat::Pth => Err(Problem::NotWritten),
    };
    let bytes = written.map_err(|problem| problem.in_file(path))?;
    Ok(files::write_whole(path, &bytes)?)
}

/// Returns each parameter of a flat model with its values.
fn named<'a>(architecture: &Architecture, flat: &'a [f32]) -> Vec<(Parameter, &'a [f32])> {
    let parameters = architecture.parameters();
    parameters.filter_map(|parameter| Some(parameter.values(flat)?).map(|values| (parameter, values))).collect()
}
