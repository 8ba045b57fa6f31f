//! `new`: a firmware project outside this repository, with a network in it.

mod library;
mod project;
mod room;
mod samples;

use std::{borrow::Cow, fs, io::Write as _, path::Path};

use anyhow::{Context, Result, bail, ensure};
use options::commands::{
    New, Quantize, Threads,
    new::{Hardware, Program},
};
use os_display::Quotable;
use selvedge::task::TaskKind;

use super::{check_weights, load_for, parse, quantize};
use crate::{
    classes::SignatureBuf,
    model_file::{Assumption, ModelFile},
    weights::{self, WeightsError},
};
use library::Library;
use project::Project;
use samples::Samples;

pub fn run(options: &New) -> Result<()> {
    let (name, hardware) = (options.name()?, options.hardware()?);
    check_folder(&options.folder)?;
    let library = Library::find(options.library.as_deref())?;
    let bytes = weights::read(&options.weights)?;
    let bytes = converted(options, &bytes)?;
    let file = parse(&options.weights, &bytes)?;
    check_weights(&options.weights, &file)?;
    ensure!(
        options.program == Program::Predict || matches!(file, ModelFile::F32(_)),
        "--program train: {} is {}, and only a file of 32-bit weights can be trained",
        options.weights.display(),
        file.format_name()
    );
    let task = file.signature().task.kind();
    ensure!(
        options.program == Program::Predict || task == TaskKind::Classification,
        "--program train: {} is for {task}, and the project trains a classification; in your own code, the library's type Trainer takes the other losses too",
        options.weights.display()
    );
    let samples = samples(options, &file)?;
    room::check(options.program, &hardware, &bytes, &file, &samples)
        .with_context(|| options.weights.display().to_string())?;
    let project = Project {
        name: &name,
        hardware: &hardware,
        library: &library,
        program: options.program,
        weights: &bytes,
        file: &file,
        samples: &samples,
    };
    project.write(&options.folder)?;
    say(options, &hardware, &file, &samples)
}

/// Checks that the folder does not exist, or is empty.
fn check_folder(folder: &Path) -> Result<()> {
    let parent = project::parent(folder);
    ensure!(parent.is_dir(), "{}: the folder {} is not there", folder.display(), parent.display());
    if !folder.exists() && !folder.is_symlink() {
        return Ok(());
    }
    let is_empty = folder.is_dir() && !folder.is_symlink() && fs::read_dir(folder)?.next().is_none();
    ensure!(is_empty, "{} is there already: name another folder, or remove this one", folder.display());
    Ok(())
}

/// Returns the file's bytes in the format that was asked for.
fn converted<'a>(options: &New, bytes: &'a [u8]) -> Result<Cow<'a, [u8]>> {
    let file = parse(&options.weights, bytes)?;
    let format = match options.format {
        Some(format) if format.name() != file.format_name() => format,
        _ => return named(options, bytes, &file),
    };
    if !matches!(file, ModelFile::F32(_)) {
        bail!(
            "--format {}: {} is {} already; leave out --format, or name the file of the floating-point model",
            format.name(),
            options.weights.display(),
            file.format_name()
        );
    }
    ensure!(options.program == Program::Predict, "--program train: a network in {} cannot be trained", format.name());
    let options = Quantize {
        path: options.weights.clone(),
        out: None,
        format,
        qat: false,
        recipe: None,
        certificates: None,
        data: options.data.clone(),
        threads: Threads { threads: None },
    };
    let made = quantize::make_file(&options)?;
    made.print()?;
    Ok(made.encoded.into())
}

/// Returns the file's bytes, with Fashion-MNIST's classes in them where the file is older than the field for their names.
fn named<'a>(options: &New, bytes: &'a [u8], file: &ModelFile<'_>) -> Result<Cow<'a, [u8]>> {
    match file {
        ModelFile::F32(weights) if file.assumes() == Some(Assumption::Known) => {
            let flat: Vec<f32> =
                weights.weights().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
            let signature = SignatureBuf::new(file.input(), &file.classes());
            let encoded = weights::encode(&file.architecture(), &flat, &signature.get(), weights.record());
            Ok(encoded.map_err(WeightsError::in_file(&options.weights))?.into())
        }
        _ => Ok(bytes.into()),
    }
}

/// Returns the samples of the project. Without `--data`, a project that predicts has one sample of zeros, and a project that trains has samples of the
/// default data.
fn samples(options: &New, file: &ModelFile<'_>) -> Result<Samples> {
    let trains = options.program == Program::Train;
    if !trains && options.data.data.is_none() {
        if let Some(count) = options.count {
            bail!("--count {count}: name the samples by --data; without it there is one, of zeros");
        }
        return Ok(Samples::zeros(file));
    }
    let data = load_for(&options.weights, file, &options.data)?;
    let (split, default) = if trains { (&data.train, 50) } else { (&data.test, 4) };
    let count = options.count.map_or(default, |count| count as usize);
    if options.count.is_some() && count > split.len() {
        bail!("--count {count}: this part of {} has only {} samples", data.name, split.len());
    }
    Ok(Samples::of(split, count, trains))
}

/// Says what was made, and what to do with it.
fn say(options: &New, hardware: &Hardware, file: &ModelFile<'_>, samples: &Samples) -> Result<()> {
    let folder = &options.folder;
    writeln!(
        terminal::stdout(),
        "Made {}: {} in {} for {}, {}",
        folder.display(),
        file.architecture(),
        file.format_name(),
        hardware.name,
        samples.described()
    )?;
    writeln!(terminal::stdout(), "Next: cd {} && cargo run --release", folder.maybe_quote())?;
    let runner = hardware.runner.first().map_or("", String::as_str);
    let runs = match runner {
        "probe-rs" => "loads it into the chip behind a debug probe (https://probe.rs)",
        _ => "emulates the board",
    };
    writeln!(terminal::stdout(), "There {runner} {runs}")?;
    Ok(())
}
