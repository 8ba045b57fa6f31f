use std::{
    io::{self, Write},
    path::PathBuf,
};

use anyhow::{Result, bail};
use clap::{Args, builder::PossibleValuesParser};
use host::{
    files,
    interchange::{self, Format, StateDict},
    weights,
};
use selvedge::{
    architecture::Architecture,
    fold::fold,
    models::{self, NAMES},
};

#[derive(Args)]
pub struct Options {
    /// Weights: a .selvedge, .safetensors, .pth (torch.save of a state dict) or .npz file
    #[arg(value_name = "FROM")]
    from: PathBuf,

    /// What to write: a .selvedge, .safetensors, .npz or .onnx file
    #[arg(value_name = "TO")]
    to: PathBuf,

    /// The network, as a named model: quickstart (784-512-512-10), small (784-128-10) or tiny (784-16-10)
    ///
    /// Without it, and without --layers, it is a .selvedge file's own, and of other files what their tensors' names and shapes say:
    /// linear layers with ReLU between them.
    #[arg(long, value_parser = PossibleValuesParser::new(NAMES))]
    model: Option<String>,

    /// The network, as widths, such as 784,256,64,10, or layers, such as '784 => 256 BatchNorm1d Relu => 10'
    ///
    /// Between widths alone stands ReLU. Gelu is PyTorch's nn.GELU(approximate='tanh'), and LeakyRelu has the slope 0.01. Where Dropout is
    /// among the layers, the names of FROM may count it as a layer, as nn.Sequential does, and those of TO do.
    #[arg(long, conflicts_with = "model", value_parser = models::classifier)]
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
        let (mut flat, keys) = weights.flat(&architecture, !self.no_strict)?;
        if keys.missing.count() == architecture.parameters().count() {
            bail!("{}: no tensor has a name of the network's: {keys}", self.from.display());
        }
        if !keys.is_empty() {
            note(&format!("{keys}; what is missing is 0"));
        }
        let mut written = architecture;
        if self.fold {
            (written, flat) = folded(&written, &flat)?;
        }
        interchange::write(&self.to, &written, &flat, &weights.record())?;
        let (to, layers) = (self.to.display(), written.for_prediction());
        writeln!(io::stdout(), "Saved {to}, {layers}, SHA-256 {}", weights::flat_hash(&flat))?;
        Ok(())
    }

    fn asked_for(&self) -> Option<Architecture> {
        let named = || models::named(self.model.as_deref()?);
        self.layers.clone().or_else(named)
    }
}

fn folded(architecture: &Architecture, flat: &[f32]) -> Result<(Architecture, Vec<f32>)> {
    let folded = architecture.folded();
    if folded == architecture.for_prediction() {
        note("no BatchNorm1d directly follows a linear layer, so nothing is folded");
    }
    let mut result = vec![0.0; folded.parameter_count().unwrap_or_default()];
    fold(architecture, flat, &mut result)?;
    Ok((folded, result))
}

fn note(text: &str) {
    // A closed standard error is no reason to fail.
    let _ = writeln!(io::stderr(), "note: {text}");
}
