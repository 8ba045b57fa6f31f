use std::{fmt::Write as _, io::Write as _};

use crate::{
    data::{Dataset, Split},
    files,
    model_file::ModelFile,
    preparation::PreparationBuf,
    task::Targets,
    weights::{self, hex},
};
use anyhow::{Context, Result, bail, ensure};
use options::{commands::Part, recipe::Standardize};
use selvedge::{idx, preparation::Element, shape::InputShape, task::TaskKind};
use serde_json::json;

use super::{check_weights, engine_of_one_thread, load, load_for, note, parse, part, trained_on_others};

pub fn run(options: &options::commands::Embed) -> Result<()> {
    let bytes = options.file.as_deref().map(weights::read).transpose()?;
    let file = match (&bytes, &options.file) {
        (Some(bytes), Some(path)) => {
            let file = parse(path, bytes)?;
            check_weights(path, &file)?;
            Some((path, file))
        }
        _ => None,
    };
    let data = match &file {
        Some((path, file)) => load_for(path, file, &options.data)?,
        None => load(&options.data)?,
    };
    file.as_ref().and_then(|(_, file)| trained_on_others(file, &data)).iter().for_each(note);
    let (name, input) = (data.name.clone(), data.input);
    let (split, preparation) = samples(options, data, file.is_some())?;
    let named = || options.file.iter().map(|path| path.display().to_string()).collect::<String>();
    // All that can be wrong is found before the first file is written.
    let expected = file.as_ref().map(|(_, file)| expect(file, &split).with_context(named)).transpose()?;
    let mut header = [0; idx::MAX_HEADER];
    let count = u32::try_from(split.len())?;
    // A board reads a sample's bytes, whatever its values are.
    let shape = match split.element() {
        Element::U8 => input,
        _ => InputShape::Features(u32::try_from(split.sample_len())?),
    };
    let samples = [idx::samples_header(count, shape, &mut header), &split.values()].concat();
    let labels = match split.targets() {
        Targets::Classes(labels) => {
            let labels: Result<Vec<u8>, _> = labels.iter().map(|&label| u8::try_from(label)).collect();
            labels.context("a label above 255 has no place in an IDX file")?
        }
        // A board compares none of these with its outputs.
        Targets::Labels(_) | Targets::Values(_) => vec![0; split.len()],
    };
    let labels = [&idx::labels_header(count)[..], &labels].concat();
    files::write_whole(&options.out.join("samples.idx"), &samples)?;
    files::write_whole(&options.out.join("labels.idx"), &labels)?;
    // A network's file has its own.
    let preparation = if bytes.is_some() { PreparationBuf::Bytes } else { preparation };
    let prepared = preparation.get().field().map_or(Vec::new(), |(head, table)| [&head[..], table].concat());
    files::write_whole(&options.out.join("preparation.bin"), &prepared)?;
    if let (Some(weights), Some(expected)) = (&bytes, expected) {
        files::write_whole(&options.out.join("expected.jsonl"), expected.as_bytes())?;
        files::write_whole(&options.out.join("weights.selvedge"), weights)?;
    }
    writeln!(terminal::stdout(), "Wrote {count} samples of {name} to {}", options.out.display())?;
    Ok(())
}

/// Returns the samples, and the preparation that turns their values into inputs. It is the network's preparation. Without a network, it is the
/// one that training on these samples would use.
fn samples(
    options: &options::commands::Embed,
    mut data: Dataset,
    has_network: bool,
) -> Result<(Split, PreparationBuf)> {
    let count = options.count.unwrap_or(100) as usize;
    let there = match options.split {
        Part::Train => data.train.len(),
        Part::Test => data.test.len(),
    };
    if let Some(count) = options.count.filter(|&count| count as usize > there) {
        bail!("--count {count}: this part of {} has only {there} samples", data.name);
    }
    if !has_network {
        let task = data.task.get().kind();
        ensure!(
            task == TaskKind::Classification,
            "a board's program trains a classification, and this is {task}; train on the host, and flash the weights"
        );
        data.truncate(count);
        data.standardize(Standardize::Auto);
    }
    let preparation = data.preparation.clone();
    let mut split = part(options.split, data);
    split.truncate(count);
    Ok((split, preparation))
}

/// Returns the host's answer for each sample, a JSON object a line.
fn expect(file: &ModelFile<'_>, split: &Split) -> Result<String> {
    let engine = engine_of_one_thread()?;
    let mut lines = String::new();
    let all = file.all_logits(&engine, split)?;
    all.check()?;
    let mut labels = split.labels().iter();
    for (index, logits) in all.iter().enumerate() {
        let hash = hex(&logits.hash()[..8]);
        let line = match labels.next() {
            Some(label) => json!({ "index": index, "label": label, "class": logits.class(), "logits": hash }),
            None => json!({ "index": index, "logits": hash }),
        };
        // Writing to a string cannot fail.
        let _ = writeln!(lines, "{line}");
    }
    Ok(lines)
}
