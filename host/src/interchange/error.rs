use std::{
    io,
    path::{Path, PathBuf},
};

use super::{keys::IncompatibleKeys, pickle::PickleError, quote::one_line};
use crate::{files::WriteError, network::NetworkError, weights::WeightsError};

/// A file of weights cannot be read, used or written.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct InterchangeError(Box<Cause>);

#[derive(Debug, thiserror::Error)]
enum Cause {
    #[error("{}: {problem}", path.display())]
    File { path: PathBuf, problem: Problem },
    #[error(transparent)]
    Weights(#[from] WeightsError),
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl From<WeightsError> for InterchangeError {
    fn from(error: WeightsError) -> Self {
        Self(Box::new(error.into()))
    }
}

impl From<WriteError> for InterchangeError {
    fn from(error: WriteError) -> Self {
        Self(Box::new(error.into()))
    }
}

/// What is wrong with a file. Names that come from it are [`quoted`](super::quote::quoted).
#[derive(Debug, thiserror::Error)]
pub(super) enum Problem {
    #[error("cannot read the file: {0}")]
    Read(#[from] io::Error),
    #[error("the file has more than {limit} bytes, which no network here needs")]
    TooLong { limit: u64 },
    #[error("the extension names no format; there are .selvedge, .safetensors, .npz and .onnx")]
    Extension,
    #[error("PyTorch's .pth is only read; PyTorch loads a .safetensors file by safetensors.torch.load_file")]
    NotWritten,
    #[error("ONNX files are only written; convert the .safetensors or .pth that it was made of")]
    NotRead,
    #[error("this network is quantised, to {format}; name the file of the floating-point model that it was made of")]
    Quantized { format: &'static str },
    #[error("this is no valid {format} file: {reason}")]
    Format { format: &'static str, reason: String },
    #[error("this is PyTorch's old format, without a zip archive; load and torch.save it again with a current PyTorch")]
    Legacy,
    #[error("this is no state dict that can be read: {0}")]
    Pickle(#[from] PickleError),
    #[error("a tensor's name is {name}; names have 1 to {limit} printable characters")]
    Name { name: String, limit: usize },
    #[error("there are two tensors with the name {0}")]
    Repeated(String),
    #[error("the tensor {name} is {found}; F32, F64, F16 and BF16 can be read")]
    Type { name: String, found: String },
    #[error("the tensor {name} of shape {shape:?} needs another number of bytes than its {found}")]
    Bytes { name: String, shape: Vec<usize>, found: usize },
    #[error("the tensor {name} is not row-major; save its .contiguous()")]
    Strides { name: String },
    #[error("there are more than {limit} {what}, which no network here needs")]
    TooMany { what: &'static str, limit: usize },
    #[error(
        "the names and shapes are no linear layers with ReLU between them (0.weight, 0.bias, 2.weight, …): {reason}; \
         name the network by --model or --layers"
    )]
    NoStack { reason: String },
    #[error("this is a {found} network, not {expected}")]
    Architecture { expected: String, found: String },
    #[error("the tensors' names are not the model's: {0}")]
    Keys(IncompatibleKeys),
    #[error("the tensor {name} has the shape {found:?}, the model's is {expected:?}")]
    Shape { name: String, expected: Vec<usize>, found: Vec<usize> },
    #[error(transparent)]
    Network(#[from] NetworkError),
    #[error("cannot be encoded: {0}")]
    Encode(String),
}

impl Problem {
    /// A reader's own words, in one line.
    pub(super) fn format(format: &'static str, reason: impl ToString) -> Self {
        Self::Format { format, reason: one_line(&reason.to_string()) }
    }

    pub(super) fn in_file(self, path: &Path) -> InterchangeError {
        InterchangeError(Box::new(Cause::File { path: path.into(), problem: self }))
    }
}
