use std::{
    io::{self, Write},
    path::PathBuf,
};

use anyhow::{Result, bail};
use clap::{Args, builder::PossibleValuesParser};
use host::{
    files,
    interchange::{self, Format, StateDict},
    models::{Boxed, Model, WithModel, with_model},
    weights,
};
use selvedge::{
    architecture::Architecture,
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
    /// Between widths alone stands ReLU. The layers are part of the program: `cargo xtask` builds it for them.
    #[arg(long, conflicts_with = "model", value_parser = models::classifier)]
    layers: Option<Architecture>,

    /// Pass over tensors that the network does not have, and leave those that are missing at 0
    #[arg(long)]
    no_strict: bool,
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
        with_model(&architecture, Conversion { options: &self, weights: &weights })?
    }

    fn asked_for(&self) -> Option<Architecture> {
        let named = || models::named(self.model.as_deref()?);
        self.layers.clone().or_else(named).map(|layers| layers.for_prediction())
    }
}

struct Conversion<'a> {
    options: &'a Options,
    weights: &'a StateDict,
}

impl WithModel for Conversion<'_> {
    type Output = Result<()>;

    fn run<M: Model>(self) -> Result<()> {
        let Options { from, to, no_strict, .. } = self.options;
        let mut model = Boxed::<M>::zeroed();
        let keys = self.weights.load(&mut *model, !no_strict)?;
        if keys.missing.count() == Architecture::of::<M>().parameters().count() {
            bail!("{}: no tensor has a name of the network's: {keys}", from.display());
        }
        if !keys.is_empty() {
            // A closed standard error is no reason to fail.
            let _ = writeln!(io::stderr(), "note: {keys}; what is missing is 0");
        }
        interchange::write(to, &*model, &self.weights.record())?;
        let hash = weights::hash(&*model);
        writeln!(io::stdout(), "Saved {}, {}, SHA-256 {hash}", to.display(), Architecture::of::<M>())?;
        Ok(())
    }
}
