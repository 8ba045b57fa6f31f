use std::io::Write;

use crate::{
    classes::SignatureBuf,
    file_kind::FileFormat,
    files,
    interchange::{self, Ends, Folded, InputScaling, Reading, StateDict},
    weights,
};
use anyhow::{Context as _, Result, bail};
use options::commands::Numbers;
use selvedge::{
    architecture::Architecture,
    fashion_mnist::{CLASSES, PIXELS},
    models,
};

use super::note;

pub fn run(options: &options::commands::Convert) -> Result<()> {
    // A file that cannot be written is an error before the work.
    let format = interchange::format_to_write(&options.to)?;
    if options.opset.is_some() && format != FileFormat::Onnx {
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
    let mut signature = SignatureBuf::from(&weights.signature());
    if options.fold {
        let folded = Folded::of(&network, &signature.get());
        let folded = folded.with_context(|| format!("{}: --fold", options.from.display()))?;
        folded.notes.iter().for_each(note);
        (network, signature) = (folded.network, folded.signature);
    }
    if format != FileFormat::Selvedge {
        Ends::of(&signature.get()).note(&options.from, &options.to).iter().for_each(note);
    }
    let (written, flat) = (network.architecture(), network.parameters());
    weights::check_all(written, flat)?;
    interchange::write(&options.to, written, flat, &signature.get(), &weights.record(), options.opset)?;
    let (to, layers) = (options.to.display(), written.for_prediction());
    writeln!(terminal::stdout(), "Saved {to}, {layers}, SHA-256 {}", weights::hash(flat))?;
    Ok(())
}

fn asked_for(options: &options::commands::Convert) -> Option<Architecture> {
    let named = || models::named(options.model.as_deref()?, PIXELS as u32, CLASSES as u32);
    options.layers.clone().or_else(named)
}
