use std::{
    io::{self, IsTerminal, Write},
    path::Path,
};

use crate::{
    data::Dataset,
    engine::Simd,
    files, interchange,
    model_file::ModelFile,
    preparation::PreparationBuf,
    quantization::{
        Coding, HalfNetwork, Integers, LayerReport, Outputs, QuantizationError, Quantized, Quantizer, Reference, Report,
    },
    training::{self, Epoch},
    weights::{self, WeightsError},
};
use anyhow::{Context, Result, bail, ensure};
use comfy_table::{CellAlignment, Table, presets};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use options::{commands::Format, recipe::FINE_TUNING};
use selvedge::{
    augment::Augmentation,
    shape::{InputShape, Signature},
    weights::TrainingRecord,
};

use super::{check_replaced, check_weights, engine, load_for, note, parse};

pub fn run(options: &options::commands::Quantize) -> Result<()> {
    let out = options.out.clone().unwrap_or_else(|| options.path.with_extension(options.format.name()));
    check_outputs(options, &out)?;
    let made = make_file(options)?;
    files::write_whole(&out, &made.encoded)?;
    if let Some(path) = &options.certificates {
        files::write_whole(path, made.report.certificates().as_bytes())?;
    }
    made.print()?;
    writeln!(terminal::stdout(), "Saved {}", out.display())?;
    Ok(())
}

/// A quantised network's file that was made.
pub(super) struct MadeFile {
    /// The file's bytes.
    pub encoded: Vec<u8>,
    made: Made,
    report: Report,
    /// The RAM that a prediction works in, in bytes.
    ram: usize,
}

impl MadeFile {
    /// Prints what was chosen, and what it changes.
    pub fn print(&self) -> io::Result<()> {
        print(&self.made, &self.report, [self.encoded.len(), self.ram])
    }
}

/// Quantises, and writes no file.
pub(super) fn make_file(options: &options::commands::Quantize) -> Result<MadeFile> {
    let mut training = options.fine_tuning()?;
    let bytes = weights::read(&options.path)?;
    let model = parse(&options.path, &bytes)?;
    check_weights(&options.path, &model)?;
    let ModelFile::Float32(file) = &model else {
        bail!(
            "{}: this is a quantised network already; name the file of a floating-point model",
            options.path.display()
        );
    };
    let name = || options.path.display().to_string();
    let flat: Vec<f32> = file.weights().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    let preparation = file.signature().preparation.into();
    let reference = Reference::new(&file.architecture(), &flat).with_context(name)?.with_preparation(preparation);
    let engine = engine(&options.threads)?;
    let data = load_for(&options.path, &model, &options.data)?;
    model.evaluate(&engine, &data.test).with_context(name)?;
    if let Some(training) = &mut training {
        check_augmentation(options, training, data.input)?;
    }
    // A file of an earlier version, or of weights that came from elsewhere, does not state it.
    let by_data = data.signature(reference.network().outputs());
    let own = file.signature();
    let signature = if own == Signature::default() { by_data.get() } else { own };

    let coding = made_of_codes(options.format, &data).then(|| Coding::fit(&data.train));
    let folded = coding.as_ref().map(|coding| coding.fold(&reference)).transpose().with_context(name)?;
    let (plain, codes) = match (&folded, &coding) {
        (Some(folded), Some(coding)) => (folded, coding.data(&data)),
        _ => (&reference, data.clone()),
    };
    let signature = match &coding {
        Some(coding) => Signature { preparation: coding.preparation().get(), ..signature },
        None => signature,
    };
    let test = codes.test.clone();
    let made = make(options, &engine, plain, codes, training.as_ref()).with_context(name)?;
    let mut report = Report::new(&engine, plain, made.orders(), &test, |values| made.outputs(&engine, plain, values));
    if coding.is_some() {
        let logits = model.all_logits(&engine, &data.test).with_context(name)?;
        report = report.beside(logits.iter().map(|logits| logits.class()));
    }
    let source = selvedge::weights::hash(&flat);
    let accuracies = [report.float_accuracy(), report.accuracy()];
    let encoded = made.encode(&signature, file.record(), &reference, source, accuracies).with_context(name)?;
    let ram = match made {
        Made::Float => reference.ram_bytes(),
        _ => ModelFile::parse(&encoded).map_err(WeightsError::in_file(&options.path))?.ram_bytes(),
    };
    Ok(MadeFile { encoded, made, report, ram })
}

/// Tells whether the quantised network takes codes that stand for the data's values.
fn made_of_codes(format: Format, data: &Dataset) -> bool {
    let is_integers = matches!(format, Format::Int8 | Format::Int4);
    is_integers && data.preparation != PreparationBuf::Bytes
}

/// The default recipe goes without augmentation where the samples are no images, or too small.
fn check_augmentation(
    options: &options::commands::Quantize,
    training: &mut training::Options,
    input: InputShape,
) -> Result<()> {
    let is_default = options.recipe.as_deref().is_none_or(|name| name == FINE_TUNING);
    if is_default && training.check_augmentation(input).is_err() {
        training.augmentation = Augmentation::default();
        note(format_args!("a sample is {input}, so fine-tuning goes without augmentation"));
    }
    Ok(training.check_augmentation(input)?)
}

fn make(
    options: &options::commands::Quantize,
    engine: &Simd,
    reference: &Reference,
    data: Dataset,
    training: Option<&training::Options>,
) -> Result<Made> {
    let integers = match options.format {
        Format::F32 => return Ok(Made::Float),
        Format::F16 => return Ok(Made::Half(HalfNetwork::new(reference)?)),
        Format::Int8 => Integers::Int8,
        Format::Int4 => Integers::Int4,
    };
    let mut quantizer = Quantizer::new(engine, reference, integers, data)?;
    if let Some(options) = training {
        fine_tune(&mut quantizer, options)?;
    }
    let bar = progress_bar();
    let quantized = quantizer.search(|done, trials| {
        bar.set_length(trials as u64);
        bar.set_position(done as u64);
    });
    bar.finish_and_clear();
    Ok(Made::Integers(quantized?))
}

/// Checks the files before the work: one that cannot be written is an error.
fn check_outputs(options: &options::commands::Quantize, out: &Path) -> Result<()> {
    ensure!(
        !interchange::Format::is_foreign(out),
        "--out {}: quantize writes Selvedge's own files, such as {}; other formats have the model's own weights: `selvedge convert {} {}`",
        out.display(),
        out.with_extension(options.format.name()).display(),
        options.path.display(),
        interchange::Format::writable(out).display()
    );
    files::check_writable(out)?;
    check_replaced(out, &[b"SELVINT", b"SELVFP16", b"SELVEDGE"], "a network of Selvedge")?;
    let mut all = vec![("FILE", &*options.path), ("--out", out)];
    if let Some(path) = &options.certificates {
        files::check_writable(path)?;
        check_replaced(path, &[b"index,"], "a table of certificates")?;
        all.push(("--certificates", path));
    }
    Ok(files::check_distinct(&all)?)
}

fn fine_tune(quantizer: &mut Quantizer<'_, Simd>, options: &training::Options) -> Result<()> {
    let mut out = terminal::stdout();
    let mut printed = Ok(());
    quantizer.fine_tune(options, |epoch| {
        let Epoch { number, test, .. } = epoch;
        let percent = 100.0 * test.accuracy();
        let line = writeln!(out, "Fine-tuning, epoch {}: {percent:.2}% of the samples that are held out", number + 1);
        printed = std::mem::replace(&mut printed, Ok(())).and(line);
    })?;
    Ok(printed?)
}

/// A network that was made.
enum Made {
    Integers(Quantized),
    Half(HalfNetwork),
    Float,
}

impl Made {
    fn orders(&self) -> &[Vec<usize>] {
        match self {
            Self::Integers(quantized) => quantized.orders(),
            Self::Half(_) | Self::Float => &[],
        }
    }

    fn outputs(&self, engine: &Simd, reference: &Reference, values: &[u8]) -> Vec<Outputs> {
        match self {
            Self::Integers(quantized) => quantized.outputs(engine, values),
            Self::Half(half) => half.outputs(engine, values),
            Self::Float => reference.outputs(engine, values),
        }
    }

    fn encode(
        &self,
        signature: &Signature<'_>,
        record: &TrainingRecord<'_>,
        reference: &Reference,
        source: [u8; 32],
        accuracies: [f64; 2],
    ) -> Result<Vec<u8>, QuantizationError> {
        let encoded = match self {
            Self::Integers(quantized) => return quantized.encode(signature, source, accuracies),
            Self::Half(half) => half.encode(signature, source, accuracies),
            Self::Float => {
                weights::encode(reference.architecture(), reference.network().parameters(), signature, record)
            }
        };
        Ok(encoded?)
    }
}

fn progress_bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} trial {pos}/{len}, {eta} left");
    let bar = ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    if !io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    bar
}

fn print(made: &Made, report: &Report, [flash, ram]: [usize; 2]) -> io::Result<()> {
    let mut out = terminal::stdout();
    let percent = |part: f64| format!("{:.2}%", 100.0 * part);
    match made {
        Made::Integers(quantized) => {
            writeln!(out, "Chosen: {}", quantized.method())?;
            writeln!(
                out,
                "  {} on {} other training samples, the best of all trials",
                percent(quantized.held_out_accuracy),
                quantized.held_out
            )?;
            if quantized.shrunk() > 0 {
                writeln!(out, "  {} outputs have smaller weights, so that no sum overflows", quantized.shrunk())?;
            }
        }
        Made::Half(half) => writeln!(out, "Chosen: {}", half.method())?,
        Made::Float => writeln!(out, "Chosen: weights as they are")?,
    }
    writeln!(out, "\n{}\n", layer_table(&report.layers))?;
    let total = report.verdicts.len();
    writeln!(
        out,
        "Accuracy: {}, of the model in floating point {}, on the {total} test samples",
        percent(report.accuracy()),
        percent(report.float_accuracy())
    )?;
    writeln!(out, "Changed:   {} of {total} samples have another class than the model's", report.changes())?;
    writeln!(out, "Certified: {} of {total} samples are proved to have the model's class", report.certified())?;
    writeln!(out, "Flash: {flash} bytes (the file)")?;
    writeln!(out, "RAM:   {ram} bytes to predict, beside the sample and the logits")
}

fn layer_table(layers: &[LayerReport]) -> Table {
    let mut table = Table::new();
    let has_densities = layers.iter().any(|layer| layer.density.is_some());
    let densities = ["Units not 0", "Pairs not 0, in the model's order", "in the file's"];
    let densities = densities.into_iter().filter(|_| has_densities);
    table.load_style(presets::NOTHING).set_header(["Layer", "Error"].into_iter().chain(densities));
    for (index, layer) in layers.iter().enumerate() {
        let densities =
            layer.density.map_or(["-"; 3].map(String::from), |parts| parts.map(|part| format!("{:.1}%", 100.0 * part)));
        let error = format!("{:.2}%", 100.0 * layer.relative_error);
        table.add_row([index.to_string(), error].into_iter().chain(densities.into_iter().filter(|_| has_densities)));
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}
