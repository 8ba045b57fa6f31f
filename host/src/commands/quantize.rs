use std::{
    io::{self, IsTerminal, Write},
    path::Path,
};

use crate::{
    data::Dataset,
    engine::Simd,
    evaluation::{Answers, Evaluation, with_unit},
    file_kind::FileFormat,
    files, interchange,
    model_file::ModelFile,
    preparation::PreparationBuf,
    quantization::{
        self, Coding, F16Network, Integers, LayerReport, QuantizationError, Quantized, Quantizer, Reference, Report,
        SampleOutputs,
    },
    training::{self, Epoch},
    weights::{self, WeightsError},
};
use anyhow::{Context, Error, Result, anyhow, ensure};
use comfy_table::{CellAlignment, Table, presets};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use options::{commands::FormatOption, recipe::FINE_TUNING};
use selvedge::{
    augment::Augmentation,
    shape::{InputShape, Signature},
    task::TaskKind,
    weights::TrainingRecord,
};

use super::{
    NO_SMOOTHING, check_replaced, check_weights, engine, is_classification, load_for, note, parse, trained_on_others,
};

pub fn run(options: &options::commands::Quantize) -> Result<()> {
    check_format(&options.path)?;
    let out = options.out.clone().unwrap_or_else(|| options.path.with_extension(options.format.name()));
    check_outputs(options, &out)?;
    let made = make_file(options)?;
    files::write_whole(&out, &made.encoded)?;
    if let Some(path) = &options.certificates {
        files::write_whole(path, made.certificates().as_bytes())?;
    }
    made.print()?;
    writeln!(terminal::stdout(), "Saved {}", out.display())?;
    Ok(())
}

/// Checks that a file is not already a quantised network.
fn check_format(path: &Path) -> Result<()> {
    let bytes = weights::read(path)?;
    match parse(path, &bytes)? {
        ModelFile::F32(_) => Ok(()),
        _ => Err(is_quantized(path)),
    }
}

fn is_quantized(path: &Path) -> Error {
    anyhow!("{}: this is a quantised network already; name the file of a floating-point model", path.display())
}

/// A quantised network's file that was made.
pub(super) struct MadeFile {
    /// The file's bytes.
    pub encoded: Vec<u8>,
    made: Made,
    report: Report,
    /// The model's, and the quantised network's.
    evaluations: [Evaluation; 2],
    data: Dataset,
    /// The RAM that a prediction works in, in bytes.
    ram: usize,
}

impl MadeFile {
    /// Prints what was chosen, and what it changes.
    pub fn print(&self) -> io::Result<()> {
        print(&self.made, &self.report, &self.evaluations, &self.data, [self.encoded.len(), self.ram])
    }

    /// Returns each test sample's certificate, as comma-separated values.
    fn certificates(&self) -> String {
        let task = self.data.task.get();
        match task.kind() {
            TaskKind::Classification => self.report.certificates(),
            TaskKind::MultiLabel | TaskKind::Regression => quantization::certificates(&self.report.outputs, task),
        }
    }
}

/// Quantises, and writes no file.
pub(super) fn make_file(options: &options::commands::Quantize) -> Result<MadeFile> {
    let mut training = options.fine_tuning()?;
    let bytes = weights::read(&options.path)?;
    let model = parse(&options.path, &bytes)?;
    check_weights(&options.path, &model)?;
    let ModelFile::F32(file) = &model else { return Err(is_quantized(&options.path)) };
    let name = || options.path.display().to_string();
    let flat: Vec<f32> = file.weights().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    let preparation = file.signature().preparation.into();
    let reference = Reference::new(&file.architecture(), &flat).with_context(name)?.with_preparation(preparation);
    let engine = engine(&options.threads)?;
    let data = load_for(&options.path, &model, &options.data)?;
    trained_on_others(&model, &data).iter().for_each(note);
    let float = model.evaluate(&engine, &data.test).with_context(name)?;
    if let Some(training) = &mut training {
        if training.label_smoothing > 0.0 && !is_classification(&data) {
            training.label_smoothing = 0.0;
            note(NO_SMOOTHING);
        }
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
    let mut report = Report::new(&engine, plain, made.orders(), &test, &|values| made.outputs(&engine, plain, values));
    if coding.is_some() {
        let logits = model.all_logits(&engine, &data.test).with_context(name)?;
        report = report.beside(logits.iter());
    }
    let source = selvedge::weights::hash(&flat);
    let encode = |scores| made.encode(&signature, file.record(), &reference, source, scores).with_context(name);
    let unscored = encode([0.0; 2])?;
    let quantized = ModelFile::parse(&unscored).map_err(WeightsError::in_file(&options.path))?;
    let evaluations = [float, quantized.evaluate(&engine, &data.test).with_context(name)?];
    let encoded = encode([0, 1].map(|which: usize| evaluations[which].score().clamp(0.0, 1.0)))?;
    let ram = match made {
        Made::Float => reference.ram_bytes(),
        _ => ModelFile::parse(&encoded).map_err(WeightsError::in_file(&options.path))?.ram_bytes(),
    };
    Ok(MadeFile { encoded, made, report, evaluations, data, ram })
}

/// Returns true if the quantised network takes codes that stand for the data's values.
fn made_of_codes(format: FormatOption, data: &Dataset) -> bool {
    let is_integers = matches!(format, FormatOption::Int8 | FormatOption::Int4);
    is_integers && data.preparation != PreparationBuf::Bytes
}

/// Checks the recipe's augmentation. The default recipe does without it if the samples are not images, or are too small.
fn check_augmentation(
    options: &options::commands::Quantize,
    training: &mut training::TrainingOptions,
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
    training: Option<&training::TrainingOptions>,
) -> Result<Made> {
    let integers = match options.format {
        FormatOption::F32 => return Ok(Made::Float),
        FormatOption::F16 => return Ok(Made::F16(F16Network::new(reference)?)),
        FormatOption::Int8 => Integers::Int8,
        FormatOption::Int4 => Integers::Int4,
    };
    let mut quantizer = Quantizer::new(engine, reference, integers, data)?;
    if let Some(options) = training {
        fine_tune(&mut quantizer, options)?;
    }
    let bar = progress_bar();
    let quantized = quantizer.search(&mut |done, trials| {
        bar.set_length(trials as u64);
        bar.set_position(done as u64);
    });
    bar.finish_and_clear();
    Ok(Made::Integers(quantized?))
}

/// Checks the files before the work: one that cannot be written is an error.
fn check_outputs(options: &options::commands::Quantize, out: &Path) -> Result<()> {
    ensure!(
        !FileFormat::is_foreign(out),
        "--out {}: quantize writes Selvedge's own files, such as {}; other formats have the model's own weights: `selvedge convert {} {}`",
        out.display(),
        out.with_extension(options.format.name()).display(),
        options.path.display(),
        interchange::writable(out).display()
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

fn fine_tune(quantizer: &mut Quantizer<'_>, options: &training::TrainingOptions) -> Result<()> {
    let mut out = terminal::stdout();
    let mut printed = Ok(());
    quantizer.fine_tune(options, &mut |epoch| {
        let Epoch { number, test, .. } = epoch;
        let found = test.headline(2, &[]);
        let line = writeln!(out, "Fine-tuning, epoch {}, on the samples that are held out: {found}", number + 1);
        printed = std::mem::replace(&mut printed, Ok(())).and(line);
    })?;
    Ok(printed?)
}

/// A network that was made.
enum Made {
    Integers(Quantized),
    F16(F16Network),
    Float,
}

impl Made {
    fn orders(&self) -> &[Vec<usize>] {
        match self {
            Self::Integers(quantized) => quantized.orders(),
            Self::F16(_) | Self::Float => &[],
        }
    }

    fn outputs(&self, engine: &Simd, reference: &Reference, values: &[u8]) -> Vec<SampleOutputs> {
        match self {
            Self::Integers(quantized) => quantized.outputs(engine, values),
            Self::F16(network) => network.outputs(engine, values),
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
            Self::F16(network) => network.encode(signature, source, accuracies),
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

fn print(
    made: &Made,
    report: &Report,
    [float, quantized]: &[Evaluation; 2],
    data: &Dataset,
    [flash, ram]: [usize; 2],
) -> io::Result<()> {
    let mut out = terminal::stdout();
    let percent = |part: f64| format!("{:.2}%", 100.0 * part);
    match made {
        Made::Integers(integers) => {
            writeln!(out, "Chosen: {}", integers.method())?;
            let best = integers.held_out_accuracy.map_or("the least squared error".into(), percent);
            writeln!(out, "  {best} on {} other training samples, the best of all trials", integers.held_out)?;
            if integers.shrunk() > 0 {
                writeln!(out, "  {} outputs have smaller weights, so that no sum overflows", integers.shrunk())?;
            }
        }
        Made::F16(network) => writeln!(out, "Chosen: {}", network.method())?,
        Made::Float => writeln!(out, "Chosen: weights as they are")?,
    }
    writeln!(out, "\n{}\n", layer_table(&report.layers))?;
    let total = data.test.len();
    let units = &data.target_units;
    match data.task.get().kind() {
        TaskKind::Classification => {
            writeln!(
                out,
                "Accuracy: {}, of the model in floating point {}, on the {total} test samples",
                percent(quantized.score()),
                percent(float.score())
            )?;
            writeln!(out, "Changed:   {} of {total} samples have another class than the model's", report.changes())?;
            writeln!(out, "Certified: {} of {total} samples are proved to have the model's class", report.certified())?;
        }
        TaskKind::MultiLabel => {
            print_headlines(&mut out, [float, quantized], units, total)?;
            let changed = report.outputs.iter().filter(|verdict| !verdict.has_equal_labels()).count();
            let certified = report.outputs.iter().filter(|verdict| verdict.is_certified()).count();
            writeln!(out, "Changed:   {changed} of {total} samples have other labels than the model's")?;
            writeln!(out, "Certified: {certified} of {total} samples are proved to have the model's labels")?;
        }
        TaskKind::Regression => {
            print_headlines(&mut out, [float, quantized], units, total)?;
            writeln!(out, "{}", error_table(report, [float, quantized], data))?;
        }
    }
    writeln!(out, "Flash: {flash} bytes (the file)")?;
    writeln!(out, "RAM:   {ram} bytes to predict, beside the sample and the logits")
}

/// Prints the first figures of both networks.
fn print_headlines(
    out: &mut impl Write,
    [float, quantized]: [&Evaluation; 2],
    units: &[String],
    total: usize,
) -> io::Result<()> {
    writeln!(out, "{}, on the {total} test samples", quantized.headline(2, units))?;
    writeln!(out, "The model in floating point: {}", float.headline(2, units))
}

/// Returns each target's error before and after, and how far its values are from the model's.
fn error_table(report: &Report, evaluations: [&Evaluation; 2], data: &Dataset) -> Table {
    let mut table = Table::new();
    let header = ["", "Mean absolute error", "of the model", "Distance from the model", "Largest", "Proved at most"];
    table.load_style(presets::NOTHING).set_header(header);
    let errors: Vec<_> = report.outputs.iter().map(|verdict| verdict.errors(data.task.get())).collect();
    for (output, name) in data.classes.all().enumerate() {
        let unit = data.target_units.get(output);
        let [float, quantized] = evaluations.map(|evaluation| match &evaluation.answers {
            Answers::Values(answers) => answers.targets()[output].mae,
            Answers::Classes(_) | Answers::Labels(_) => f64::NAN,
        });
        let of = || errors.iter().map(move |all: &Vec<(f64, f64)>| all[output]);
        let mean = of().map(|(error, _)| error).sum::<f64>() / errors.len() as f64;
        let [largest, bound] =
            [of().map(|(error, _)| error).fold(0.0, f64::max), of().map(|(_, bound)| bound).fold(0.0, f64::max)];
        let cells = [quantized, float, mean, largest, bound].map(|error| with_unit(error, unit));
        table.add_row([name.into_owned()].into_iter().chain(cells));
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
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
