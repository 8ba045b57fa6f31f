use std::io::Write;

use crate::{
    files,
    interchange::{self, Format, InputScaling, Reading, StateDict},
    network::Network,
    weights,
};
use anyhow::{Context as _, Result, bail};
use options::commands::Numbers;
use selvedge::{
    architecture::Architecture,
    fashion_mnist::{CLASSES, PIXELS},
    fold::fold,
    models,
};

use super::note;

pub fn run(options: &options::commands::Convert) -> Result<()> {
    // A file that cannot be written is an error before the work.
    let format = Format::to_write(&options.to)?;
    if options.opset.is_some() && format != Format::Onnx {
        bail!("--opset: {} is no .onnx file; other formats have no operator set", options.to.display());
    }
    files::check_writable(&options.to)?;
    files::check_distinct(&[("the file to read", &options.from), ("the file to write", &options.to)])?;
    let reading = Reading { key: options.key.clone(), map: options.map.clone(), transpose: options.transpose };
    let weights = StateDict::read_as(&options.from, &reading)?;
    weights.notes().iter().for_each(note);
    let architecture = match asked_for(options) {
        Some(architecture) => architecture,
        None => weights.architecture()?,
    };
    let (mut network, report) = weights.network(&architecture, !options.no_strict)?;
    report.notes().iter().for_each(note);
    if let (Some(mean), Some(std)) = (&options.mean, &options.std) {
        let read = |numbers: &Numbers| match numbers {
            Numbers::List(list) => Ok(list.clone()),
            Numbers::File(path) => interchange::read_numbers(path),
        };
        let scaling = InputScaling { mean: read(mean)?, std: read(std)? };
        scaling.put_into(&mut network, weights.signature().input)?.iter().for_each(note);
    }
    if options.fold {
        network = folded(&network).with_context(|| format!("{}: --fold", options.from.display()))?;
    }
    let (written, flat) = (network.architecture(), network.parameters());
    weights::check_all(written, flat)?;
    interchange::write(&options.to, written, flat, &weights.signature(), &weights.record(), options.opset)?;
    let (to, layers) = (options.to.display(), written.for_prediction());
    writeln!(terminal::stdout(), "Saved {to}, {layers}, SHA-256 {}", weights::hash(flat))?;
    Ok(())
}

fn asked_for(options: &options::commands::Convert) -> Option<Architecture> {
    let named = || models::named(options.model.as_deref()?, PIXELS as u32, CLASSES as u32);
    options.layers.clone().or_else(named)
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
