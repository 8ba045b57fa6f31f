use std::path::{Path, PathBuf};

use super::{
    keys::{LoadReport, shortened},
    pickle::PickleError,
};
use crate::{
    archive::{ArchiveError, MAX_ENTRIES},
    files::{ReadError, WriteError},
    network::NetworkError,
    quote::one_line,
    weights::{WeightsError, WrongWeight},
};

/// The error of a file of weights that cannot be read, used or written.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct InterchangeError(Box<Cause>);

#[derive(Debug, thiserror::Error)]
enum Cause {
    #[error("{}: {problem}", path.display())]
    File { path: PathBuf, problem: Problem },
    #[error(transparent)]
    Read(#[from] ReadError),
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

impl From<ReadError> for InterchangeError {
    fn from(error: ReadError) -> Self {
        Self(Box::new(error.into()))
    }
}

impl From<WriteError> for InterchangeError {
    fn from(error: WriteError) -> Self {
        Self(Box::new(error.into()))
    }
}

/// An error in a file. Names that come from it are [`quoted`](crate::quote::quoted).
#[derive(Debug, thiserror::Error)]
pub(super) enum Problem {
    #[error("the extension names no format; there are .selvedge, .safetensors, .npz and .onnx")]
    Extension,
    #[error("PyTorch's .pth is only read; PyTorch loads a .safetensors file by safetensors.torch.load_file")]
    NotWritten,
    #[error("the operator {operator} at {name} {reason}")]
    Node { name: String, operator: String, reason: String },
    #[error("the tensor {name} {reason}")]
    Array { name: String, reason: String },
    #[error("--opset {opset}: these layers can be written for the operator sets from {lowest} to {highest}")]
    Opset { opset: u8, lowest: u8, highest: u8 },
    #[error("this is {what}")]
    Other { what: String },
    #[error(
        "this network is quantised, to {format}, so convert cannot take it; name the floating-point model that was quantised; eval, predict, inspect, embed and `cargo xtask flash` take this file"
    )]
    Quantized { format: &'static str },
    #[error("this is no valid {format} file: {reason}")]
    Format { format: &'static str, reason: String },
    #[error("it holds {found}, where a state dict must be: a dict of names and their tensors; save model.state_dict()")]
    NoDict { found: &'static str },
    #[error("it holds an optimizer's state, and no model's weights; save model.state_dict()")]
    Optimizer,
    #[error("it holds no tensors; save the state_dict() of a model that has layers")]
    Empty,
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
    #[error("the tensor {name} lies outside its storage")]
    Outside { name: String },
    #[error(
        "its tensors have more than {limit} elements, too many for a file of its size; if that is right, save it uncompressed, such as by numpy.savez"
    )]
    Elements { limit: usize },
    #[error("there are more than {limit} {what}, which no network here needs")]
    TooMany { what: &'static str, limit: usize },
    #[error(
        "the tensors are no chain of linear layers: {reason}; name the layers that form a chain by --layers; --no-strict ignores the other tensors"
    )]
    NoStack { reason: String },
    #[error(
        "it has batch normalisation, and no file of this kind says which activations stand where; name the layers by --layers, \
         such as --layers '{layers}'"
    )]
    Norms { layers: String },
    #[error(
        "the weights {shapes} fit as outputs × inputs (PyTorch) and as inputs × outputs (Keras, Flax, scikit-learn); say which by \
         --transpose=no or --transpose"
    )]
    Orientation { shapes: String },
    #[error(
        "{} have one shape, and nothing says which is the network's {}; say it by --map, such as --map {}={}, and name the layers by --layers",
        shortened(names), shortened(layers), names.first().map_or("", String::as_str), layers.first().map_or("", String::as_str)
    )]
    Doubt { names: Vec<String>, layers: Vec<String> },
    #[error(
        "{name} is a part of a weight (of weight or spectral normalisation, or of pruning); save the model after PyTorch's \
         remove_parametrizations, remove_weight_norm or prune.remove"
    )]
    PartOfWeight { name: String },
    #[error("--map: there is no tensor or layer {name}; there are {}", shortened(names))]
    MapSource { name: String, names: Vec<String> },
    #[error("--map: the network has no {name}; it has {}", shortened(names))]
    MapTarget { name: String, names: Vec<String> },
    #[error("there is no state dict at --key {key}; there are {}", if names.is_empty() { "none".into() } else { shortened(names) })]
    Key { key: String, names: Vec<String> },
    #[error(
        "it holds several networks, and nothing says which is meant: {}; take one by --key of `selvedge convert`, such as --key {}",
        shortened(names), keys.first().map_or("", String::as_str)
    )]
    Networks { names: Vec<String>, keys: Vec<String> },
    #[error(
        "{} belong to a layer that Selvedge does not have, such as LayerNorm or PReLU; the network computes something else without it, so \
         train one of the layers that there are: BatchNorm1d, Relu, LeakyRelu, Gelu, Tanh, Sigmoid",
        shortened(names)
    )]
    ForeignLayer { names: Vec<String> },
    #[error("{name} has no {weight}, so a layer's weights are missing; save the whole model.state_dict()")]
    Lone { name: String, weight: String },
    #[error("it holds several state dicts; take one of them by --key: {}", shortened(names))]
    Keyless { names: Vec<String> },
    #[error(
        "nothing can stand in for {name}, which is missing ({report}); leave its layer out of --layers, or name its tensor by --map"
    )]
    Missing { name: String, report: LoadReport },
    #[error("this is a {found} network, not {expected}")]
    Architecture { expected: String, found: String },
    #[error("the tensors are not the model's: {report}; {}", keys_advice(report, *needs_layers))]
    Keys { report: LoadReport, needs_layers: bool },
    #[error("the tensor {name} has the shape {found:?}, the model's is {expected:?}")]
    Shape { name: String, expected: Vec<usize>, found: Vec<usize> },
    #[error(transparent)]
    Weight(#[from] WrongWeight),
    #[error(transparent)]
    Network(#[from] NetworkError),
    #[error("cannot be encoded: {0}")]
    Encode(String),
}

fn keys_advice(report: &LoadReport, needs_layers: bool) -> &'static str {
    match (report.missing.is_empty(), needs_layers) {
        (true, _) => "--no-strict passes over what is too much",
        (false, false) => "--no-strict takes 0 for a missing bias and 1 for a missing scale of a batch normalisation",
        (false, true) => "name the layers that it has by --layers, or its tensors by --map",
    }
}

impl From<ArchiveError> for Problem {
    fn from(error: ArchiveError) -> Self {
        match error {
            ArchiveError::Unsound { format, reason } => Self::Format { format, reason },
            ArchiveError::TooMany => Self::TooMany { what: "entries in the archive", limit: MAX_ENTRIES },
        }
    }
}

impl Problem {
    /// Returns the error of a reader, with its message in one line.
    pub(super) fn format(format: &'static str, reason: impl ToString) -> Self {
        Self::Format { format, reason: one_line(&reason.to_string()) }
    }

    pub(super) fn in_file(self, path: &Path) -> InterchangeError {
        InterchangeError(Box::new(Cause::File { path: path.into(), problem: self }))
    }
}
