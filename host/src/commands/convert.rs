use std::{
    io::{self, Write},
    path::PathBuf,
};

use anyhow::{Result, bail};
use clap::{Args, builder::PossibleValuesParser};
use host::{
    files,
    interchange::{self, Format, StateDict},
    network::Network,
    weights,
};
use selvedge::{
    architecture::Architecture,
    fashion_mnist::{CLASSES, PIXELS},
    fold::fold,
    models::{self, NAMES},
};

use super::note;

#[derive(Args)]
pub struct Options {
    /// Weights: a .selvedge, .safetensors, .pth (torch.save of a state dict) or .npz file
    #[arg(value_name = "FROM")]
    from: PathBuf,

    /// What to write: a .selvedge, .safetensors, .npz or .onnx file
    ///
    /// Only a .selvedge file keeps the class names, the shape of the inputs and the record of the training.
    #[arg(value_name = "TO")]
    to: PathBuf,

    /// The network, as a named model for Fashion-MNIST: quickstart (784-512-512-10), small (784-128-10) or tiny (784-16-10)
    ///
    /// For other inputs and outputs, name the widths by --layers.
    #[arg(long, value_parser = PossibleValuesParser::new(NAMES))]
    model: Option<String>,

    /// The network, as widths, such as 784,256,64,10, or layers, such as '784 => 256 BatchNorm1d Relu => 10'
    ///
    /// Without it, and without --model, it is a .selvedge file's own, and of other files the one that their tensors' names and shapes say:
    /// linear layers with ReLU between them. Between widths alone stands ReLU. Gelu is PyTorch's nn.GELU(approximate='tanh'), and LeakyRelu has
    /// the slope 0.01. Where Dropout is among the layers, the names of FROM may count it as a layer, as nn.Sequential does, and those of TO
    /// do.
    #[arg(long, conflicts_with = "model")]
    layers: Option<Architecture>,

    /// Pass over tensors that the network does not have, and leave those that are missing at 0
    #[arg(long)]
    no_strict: bool,

    /// Put each BatchNorm1d that directly follows a linear layer into that layer: TO is a network of fewer layers with the same logits, but
    /// for rounding
    #[arg(long)]
    fold: bool,
}

impl Options {
    pub fn run(self) -> Result<()> {
        // What cannot be written is said before the work.
        Format::to_write(&self.to)?;
        files::check_writable(&self.to)?;
        let weights = StateDict::read(&self.from)?;
        let architecture = match self.asked_for() {
            Some(architecture) => architecture,
            None => weights.architecture()?,
        };
        let (mut network, keys) = weights.network(&architecture, !self.no_strict)?;
        if keys.missing.len() == architecture.parameters().count() {
            bail!("{}: no tensor has a name of the network's: {keys}", self.from.display());
        }
        if !keys.is_empty() {
            note(format_args!("{keys}; what is missing is 0"));
        }
        if self.fold {
            network = folded(&network)?;
        }
        let (written, flat) = (network.architecture(), network.parameters());
        interchange::write(&self.to, written, flat, &weights.signature(), &weights.record())?;
        let (to, layers) = (self.to.display(), written.for_prediction());
        writeln!(io::stdout(), "Saved {to}, {layers}, SHA-256 {}", weights::hash(flat))?;
        Ok(())
    }

    fn asked_for(&self) -> Option<Architecture> {
        let named = || models::named(self.model.as_deref()?, PIXELS as u32, CLASSES as u32);
        self.layers.clone().or_else(named)
    }
}

fn folded(network: &Network) -> Result<Network> {
    let architecture = network.architecture();
    let folded = architecture.folded();
    if folded == architecture.for_prediction() {
        note("no BatchNorm1d directly follows a linear layer, so nothing is folded");
    }
    let mut result = Network::zeroed(&folded)?;
    fold(architecture, network.parameters(), result.parameters_mut())?;
    Ok(result)
}
