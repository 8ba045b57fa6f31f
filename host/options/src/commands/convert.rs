use std::path::PathBuf;

use clap::{Args, builder::PossibleValuesParser};
use selvedge::{architecture::Architecture, models::NAMES};

/// Options of `convert`.
#[derive(Args, Debug)]
pub struct Convert {
    /// Weights: a .selvedge, .safetensors, .pth (torch.save of a state dict) or .npz file
    #[arg(value_name = "FROM")]
    pub from: PathBuf,

    /// What to write: a .selvedge, .safetensors, .npz or .onnx file
    ///
    /// Only a .selvedge file keeps the class names, the shape of the inputs and the record of the training.
    #[arg(value_name = "TO")]
    pub to: PathBuf,

    /// The network, as a named model for Fashion-MNIST: quickstart (784-512-512-10), small (784-128-10) or tiny (784-16-10)
    ///
    /// For other inputs and outputs, name the widths by --layers.
    #[arg(long, value_parser = PossibleValuesParser::new(NAMES))]
    pub model: Option<String>,

    /// The network, as widths, such as 784,256,64,10, or layers, such as '784 => 256 BatchNorm1d Relu => 10'
    ///
    /// Without it, and without --model, it is a .selvedge file's own, and of other files the one that their tensors' names and shapes say:
    /// linear layers with ReLU between them. Between widths alone stands ReLU. Gelu is PyTorch's nn.GELU(approximate='tanh'), and LeakyRelu has
    /// the slope 0.01. Where Dropout is among the layers, the names of FROM may count it as a layer, as nn.Sequential does, and those of TO
    /// do.
    #[arg(long, conflicts_with = "model")]
    pub layers: Option<Architecture>,

    /// Pass over tensors that the network does not have, and leave those that are missing at 0
    #[arg(long)]
    pub no_strict: bool,

    /// Put each BatchNorm1d that directly follows a linear layer into that layer: TO is a network of fewer layers with the same logits, but
    /// for rounding
    #[arg(long)]
    pub fold: bool,
}
