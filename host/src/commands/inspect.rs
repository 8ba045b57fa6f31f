use std::io::Write;

use crate::{
    data::NO_UNIT,
    model_file::ModelFile,
    task::output_words,
    weights::{self, hex},
};
use anyhow::Result;
use comfy_table::{CellAlignment, Table, presets};
use selvedge::{
    architecture::Architecture,
    models,
    preparation::Preparation,
    quantized::QuantizationRecord,
    shape::{InputShape, Names, Signature},
    task::TaskKind,
    weights::WeightFile,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{note, parse};

/// The number of values that are shown of each parameter, from the first.
const FIRST_VALUES: usize = 4;

pub fn run(options: &options::commands::Inspect) -> Result<()> {
    let bytes = weights::read(&options.file)?;
    let file = parse(&options.file, &bytes)?;
    file.check_weights().err().iter().for_each(note);
    match &file {
        ModelFile::F32(weights) => show(options, weights, bytes.len()),
        ModelFile::Int8(quantized) => show_quantized(options, &file, quantized.record(), bytes.len()),
        ModelFile::Int4(quantized) => show_quantized(options, &file, quantized.record(), bytes.len()),
        ModelFile::F16(quantized) => show_quantized(options, &file, quantized.record(), bytes.len()),
    }
}

fn show(options: &options::commands::Inspect, file: &WeightFile<'_>, flash: usize) -> Result<()> {
    let (architecture, sizes) = (file.architecture(), Sizes::of(&file.architecture(), flash));
    if options.json {
        writeln!(terminal::stdout(), "{:#}", as_json(file, &sizes))?;
        return Ok(());
    }
    let record = file.record();
    let mut out = terminal::stdout();
    writeln!(out, "{}: {architecture}, {} parameters", options.file.display(), sizes.parameters)?;
    writeln!(out, "{}\n", ends(&architecture, &file.signature()))?;
    writeln!(out, "{}\n", parameter_table(file))?;
    writeln!(out, "Flash: {} bytes (the file; {} of weights)", sizes.flash, sizes.parameters * size_of::<f32>())?;
    writeln!(out, "RAM:   {} bytes of input and activations to predict", sizes.predict_ram)?;
    writeln!(
        out,
        "       {} bytes to train with a batch of 1, {} more for each further sample\n",
        sizes.train_ram, sizes.sample_ram
    )?;
    if record.steps == 0 {
        writeln!(
            out,
            "Not trained by Selvedge, so the file tells neither data, recipe nor accuracy; `selvedge eval` measures it"
        )?;
    } else {
        writeln!(
            out,
            "Trained on {} ({} samples, SHA-256 {})",
            record.dataset,
            record.samples,
            hex(&record.dataset_checksum)
        )?;
        writeln!(
            out,
            "  {} epochs, {} steps, batches of {} samples{}, learning rate {}, seed {}, by the recipe",
            record.epochs,
            record.steps,
            record.batch_size,
            if record.shuffled { ", shuffled" } else { "" },
            record.learning_rate,
            record.seed
        )?;
        for line in record.recipe.lines() {
            writeln!(out, "    {line}")?;
        }
        writeln!(out, "  {} on the test samples", accuracy(file.signature().task.kind(), record.accuracy))?;
    }
    writeln!(out, "Weights: SHA-256 {}", weight_hash(file))?;
    Ok(())
}

fn show_quantized(
    options: &options::commands::Inspect,
    file: &ModelFile<'_>,
    record: &QuantizationRecord<'_>,
    flash: usize,
) -> Result<()> {
    let (architecture, format, ram) = (file.architecture(), file.format_name(), file.ram_bytes());
    let QuantizationRecord { source, logit_scale, float_accuracy, accuracy: found, method } = record;
    let mut out = terminal::stdout();
    if options.json {
        let object = json!({
            "format": format,
            "architecture": architecture.to_string(),
            "layers": format!("{:#}", architecture.expression()),
            "folded_layers": format!("{:#}", architecture.expression()),
            "model": models::name_of(&architecture),
            "input": input_sizes(&file.signature()),
            "values": preparation(&file.signature()),
            "features": listed(file.signature().feature_names),
            "units": listed(file.signature().feature_units),
            "task": file.signature().task.kind().name(),
            "classes": listed(file.signature().output_names),
            "output_units": listed(file.signature().output_units),
            "flash_bytes": flash,
            "predict_ram_bytes": ram,
            "record": {
                "source_sha256": hex(source),
                "logit_scale": logit_scale,
                "float_accuracy": float_accuracy,
                "accuracy": found,
                "method": String::from_utf8_lossy(method),
            },
        });
        writeln!(out, "{object:#}")?;
        return Ok(());
    }
    let parameters = architecture.parameter_count().unwrap_or_default();
    writeln!(out, "{}: {architecture}, {format}, {parameters} parameters", options.file.display())?;
    writeln!(out, "{}\n", ends(&architecture, &file.signature()))?;
    writeln!(out, "Flash: {flash} bytes (the file)")?;
    writeln!(out, "RAM:   {ram} bytes to predict, beside the sample and the logits\n")?;
    writeln!(out, "Quantized: {}", String::from_utf8_lossy(method))?;
    writeln!(out, "  a logit of 1 is worth {logit_scale}")?;
    let task = file.signature().task.kind();
    let [float, quantized] = [*float_accuracy, *found].map(|found| accuracy(task, found));
    writeln!(out, "  {quantized} on the test samples; the model in floating point: {float}")?;
    writeln!(out, "Its weights: SHA-256 {}", hex(source))?;
    Ok(())
}

/// Returns the network's inputs and outputs, in words.
fn ends(architecture: &Architecture, signature: &Signature<'_>) -> String {
    let (inputs, outputs) = (architecture.inputs(), architecture.outputs());
    let input = signature.input.unwrap_or(InputShape::Features(inputs as u32));
    let names = with_units(signature.output_names, signature.output_units);
    let kind = output_words(signature.task.kind())[usize::from(outputs != 1)];
    let classes = match names.is_empty() {
        true => format!("From {input} to {outputs} {kind} without names"),
        false => format!("From {input} to {outputs} {kind}: {}", names.join(", ")),
    };
    [classes].into_iter().chain(values_in_words(signature)).chain(features(signature)).collect::<Vec<_>>().join("\n")
}

/// Returns the number type of a sample's values and their conversion into inputs, in words. `None` for plain bytes, which are divided by 255.
fn values_in_words(signature: &Signature<'_>) -> Option<String> {
    let element = signature.preparation.element();
    match signature.preparation {
        Preparation::Bytes => None,
        Preparation::Scaled(_) => Some(format!("Values: {element}; an input is scale · value + shift")),
        Preparation::Coded(_) => {
            Some(format!("Values: {element}; an input is one of 256 codes of the feature's range"))
        }
    }
}

/// Names with their units, where they have one.
fn with_units(names: Names<'_>, units: Names<'_>) -> Vec<String> {
    let mut units = units.iter();
    let named = names.iter().map(|name| match units.next() {
        Some(unit) if unit != NO_UNIT => format!("{name} ({unit})"),
        _ => name.to_owned(),
    });
    named.collect()
}

/// Returns the quality that a record states, in words.
fn accuracy(task: TaskKind, accuracy: f32) -> String {
    match task {
        TaskKind::Classification => format!("accuracy {:.2}%", 100.0 * accuracy),
        TaskKind::MultiLabel => format!("{:.2}% of all labels right", 100.0 * accuracy),
        TaskKind::Regression => format!("R² {accuracy:.4}"),
    }
}

/// Returns the first features' names and units, where the file has them.
fn features(signature: &Signature<'_>) -> Option<String> {
    const SHOWN: usize = 8;
    let mut named = with_units(signature.feature_names, signature.feature_units).into_iter();
    let shown: Vec<_> = named.by_ref().take(SHOWN).collect();
    let more = named.count();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    (!shown.is_empty()).then(|| format!("Features: {}{more}", shown.join(", ")))
}

/// Returns the way from a sample's values to the inputs.
fn preparation(signature: &Signature<'_>) -> Value {
    let kind = match signature.preparation {
        Preparation::Bytes => "bytes",
        Preparation::Scaled(_) => "scaled",
        Preparation::Coded(_) => "coded",
    };
    json!({ "element": signature.preparation.element().name(), "kind": kind })
}

/// Names as JSON, where there are some.
fn listed(names: Names<'_>) -> Option<Vec<&str>> {
    let names: Vec<&str> = names.iter().collect();
    (!names.is_empty()).then_some(names)
}

/// Returns the sizes of a sample, outermost first, where the file says them.
fn input_sizes(signature: &Signature<'_>) -> Option<Vec<u32>> {
    Some(signature.input?.sizes().collect())
}

/// The network's needs on a device, in bytes.
struct Sizes {
    parameters: usize,
    flash: usize,
    /// The input and the activations of one prediction.
    predict_ram: usize,
    /// Parameters, input, tape and its gradients of a training step with one sample.
    train_ram: usize,
    /// The bytes that each further sample of a batch adds.
    sample_ram: usize,
}

impl Sizes {
    fn of(architecture: &Architecture, file_len: usize) -> Self {
        let parameters = architecture.parameter_count().unwrap_or_default();
        let outputs = architecture.tape_len();
        let bytes = |elements: usize| elements * size_of::<f32>();
        let sample_ram = bytes(architecture.inputs() + 2 * outputs);
        Self {
            parameters,
            flash: file_len,
            predict_ram: bytes(architecture.inputs() + outputs),
            train_ram: bytes(parameters) + sample_ram,
            sample_ram,
        }
    }
}

fn parameter_table(file: &WeightFile<'_>) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(["Parameter", "Shape", "Elements", "First values"]);
    for parameter in file.architecture().parameters() {
        let values: Vec<_> = values(file, parameter.offset, parameter.len).map(|x| format!("{x:.6}")).collect();
        table.add_row([
            parameter.name.to_string(),
            format!("{:?}", parameter.shape),
            parameter.len.to_string(),
            format!("{}{}", values.join(", "), if parameter.len > FIRST_VALUES { ", …" } else { "" }),
        ]);
    }
    if let Some(elements) = table.column_mut(2) {
        elements.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn values(file: &WeightFile<'_>, offset: usize, len: usize) -> impl Iterator<Item = f32> {
    let elements = file.weights().as_chunks().0.iter().skip(offset).take(len.min(FIRST_VALUES));
    elements.map(|bytes| f32::from_le_bytes(*bytes))
}

fn weight_hash(file: &WeightFile<'_>) -> String {
    hex(&Sha256::digest(file.weights()))
}

fn as_json(file: &WeightFile<'_>, sizes: &Sizes) -> Value {
    let record = file.record();
    let architecture = file.architecture();
    let parameters = architecture.parameters().map(|parameter| {
        json!({
            "name": parameter.name.as_str(),
            "shape": parameter.shape.as_slice(),
            "first_values": values(file, parameter.offset, parameter.len).collect::<Vec<_>>(),
        })
    });
    json!({
        "format": "f32",
        "architecture": architecture.to_string(),
        "layers": format!("{:#}", architecture.expression()),
        "folded_layers": format!("{:#}", architecture.folded().expression()),
        "model": models::name_of(&architecture),
        "input": input_sizes(&file.signature()),
        "values": preparation(&file.signature()),
        "features": listed(file.signature().feature_names),
        "units": listed(file.signature().feature_units),
        "task": file.signature().task.kind().name(),
        "classes": listed(file.signature().output_names),
        "output_units": listed(file.signature().output_units),
        "parameters": parameters.collect::<Vec<_>>(),
        "flash_bytes": sizes.flash,
        "predict_ram_bytes": sizes.predict_ram,
        "train_ram_bytes": sizes.train_ram,
        "train_ram_bytes_per_further_sample": sizes.sample_ram,
        "record": {
            "dataset": record.dataset,
            "dataset_sha256": hex(&record.dataset_checksum),
            "samples": record.samples,
            "shuffled": record.shuffled,
            "epochs": record.epochs,
            "steps": record.steps,
            "batch_size": record.batch_size,
            "learning_rate": record.learning_rate,
            "recipe": record.recipe,
            "seed": record.seed,
            "accuracy": record.accuracy,
        },
        "weights_sha256": weight_hash(file),
    })
}

#[cfg(test)]
mod tests {
    use selvedge::{Layer, fashion_mnist::Tiny, mlp, training::Trainer};

    use super::*;

    fn sizes_are_those_of<M: Layer>() {
        let architecture = Architecture::of::<M>();
        let sizes = Sizes::of(&architecture, 0);
        assert_eq!(sizes.predict_ram, size_of::<M::Input>() + size_of::<M::Tape>(), "{architecture}");
        assert_eq!(sizes.train_ram, size_of::<Trainer<M, 1>>(), "{architecture}");
        assert_eq!(sizes.sample_ram, size_of::<Trainer<M, 2>>() - size_of::<Trainer<M, 1>>(), "{architecture}");
    }

    #[test]
    fn sizes_are_those_of_the_devices_types() {
        sizes_are_those_of::<Tiny>();
        sizes_are_those_of::<mlp!(784 => 32 Sigmoid => 16 Tanh => 10 LeakyRelu)>();
        sizes_are_those_of::<mlp!(784 => 32 BatchNorm1d Gelu => 16 Relu BatchNorm1d => 10 LogSoftmax)>();
    }
}
