//! `selvedge report`: a run, or several, as one page.

use std::{
    collections::HashSet,
    ffi::OsString,
    io::Write,
    path::{Path, PathBuf},
};

use crate::{
    data::{Dataset, Search},
    engine::Simd,
    evaluation::Evaluation,
    files,
    model_file::{AllLogits, ModelFile},
    report::{
        Run,
        answers::Findings,
        chart, curves, page,
        pictures::{self, Pixels},
        quantized::{Beside, Found, Proved},
        run::Model,
    },
    training::record::{self, Record},
    weights::{self, hex},
};
use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use options::commands::{Data, Report};
use selvedge::{shape::Signature, task::TaskKind};

use super::{check_replaced, check_weights, engine, load_from, note, parse, trained_on_others};

/// The most bytes of a table of certificates.
const MAX_CERTIFICATES: u64 = 1 << 30;
/// The most bytes of a page. A larger one has too many runs.
const LARGEST_PAGE: usize = 3_000_000;

pub fn run(options: &Report) -> Result<()> {
    files::check_writable(&options.out)?;
    check_replaced(&options.out, &[b"<!DOCTYPE html>"], "a report")?;
    let sources = options.runs.iter().map(|path| Source::find(path)).collect::<Result<Vec<_>>>()?;
    for source in &sources {
        let [run, record, weights] = [&source.given, &source.record_path, &source.weights_path];
        files::check_distinct(&[("RUN", run), ("--out", &options.out)])?;
        files::check_distinct(&[("the run's record", record), ("--out", &options.out)])?;
        files::check_distinct(&[("the weights", weights), ("--out", &options.out)])?;
    }
    let engine = engine(&options.threads)?;
    let quantized = options.quantized.as_deref().map(|path| Ok::<_, anyhow::Error>((path, weights::read(path)?)));
    let quantized = quantized.transpose()?;
    let names = names(&sources);
    let mut runs = Vec::with_capacity(sources.len());
    let mut is_quantized_used = false;
    for (source, name) in sources.iter().zip(names) {
        runs.push(source.run(name, options, &engine, quantized.as_ref(), &mut is_quantized_used)?);
    }
    if let (Some((path, _)), false) = (&quantized, is_quantized_used) {
        bail!("--quantized {}: it was made of other weights than those of the runs here", path.display());
    }
    let html = page(&runs);
    files::write_whole(&options.out, html.as_bytes())?;
    let mut out = terminal::stdout();
    for run in &runs {
        run.notes.iter().for_each(|text| note(format_args!("{}: {text}", run.name)));
    }
    if html.len() > LARGEST_PAGE {
        note(format_args!("the page has {} bytes; fewer runs make a smaller one", html.len()));
    }
    if let Some(folder) = &options.figures {
        for path in figures(&runs, folder)? {
            writeln!(out, "Saved {}", path.display())?;
        }
    }
    writeln!(out, "Saved {}, {} bytes", options.out.display(), html.len())?;
    Ok(())
}

/// A run's two files.
struct Source {
    /// The one that was named.
    given: PathBuf,
    record_path: PathBuf,
    weights_path: PathBuf,
    record: Option<Record>,
    /// The weight file's bytes.
    weights: Option<Vec<u8>>,
    /// The parts that are missing, and how to get them.
    notes: Vec<String>,
}

impl Source {
    /// Reads a run from its weight file or its record, and the other one where it is there.
    fn find(path: &Path) -> Result<Self> {
        let text = path.to_string_lossy();
        let stem = text.strip_suffix(record::ENDING).and_then(|stem| stem.strip_suffix('.'));
        let (record_path, weights_path) = match stem {
            Some(stem) => (path.to_owned(), PathBuf::from(format!("{stem}.selvedge"))),
            None => (path.with_extension(record::ENDING), path.to_owned()),
        };
        let is_record = stem.is_some();
        let given = path.to_owned();
        let mut source = Self { given, record_path, weights_path, record: None, weights: None, notes: Vec::new() };
        if is_record {
            source.record = Some(read_record(path)?);
            if source.weights_path.is_file() {
                source.weights = Some(weights::read(&source.weights_path)?);
            } else {
                let there = source.weights_path.display();
                source.notes.push(format!(
                    "The weights are not here ({there}), so answers, mistakes and sizes are missing: a run writes them at its end."
                ));
            }
        } else {
            source.weights = Some(weights::read(path)?);
            if source.record_path.is_file() {
                source.record = Some(read_record(&source.record_path)?);
            } else {
                let there = source.record_path.display();
                source.notes.push(format!("The run's record is not here ({there}), so there are no curves: train writes it beside the weights."));
            }
        }
        source.match_up(is_record)?;
        Ok(source)
    }

    /// Leaves out the file that was not named, where both are not of one run.
    fn match_up(&mut self, is_record: bool) -> Result<()> {
        let (Some(record), Some(bytes)) = (&self.record, &self.weights) else { return Ok(()) };
        let file = parse(&self.weights_path, bytes)?;
        let Some(model) = Model::of(&file, bytes.len()) else { return Ok(()) };
        let end = record.end.as_ref().map(|end| end.weights_sha256.as_str());
        if end == Some(&model.hash) {
            return Ok(());
        }
        let (record, weights) = (self.record_path.display(), self.weights_path.display());
        let why = if end.is_some() { "of another run" } else { "of a run that has not ended" };
        if is_record {
            self.notes.push(format!("The weights beside it ({weights}) are not this run's: its record is {why}."));
            self.weights = None;
        } else {
            self.notes.push(format!("The record beside the weights ({record}) is {why}, so there are no curves."));
            self.record = None;
        }
        Ok(())
    }

    fn run(
        &self,
        name: String,
        options: &Report,
        engine: &Simd,
        quantized: Option<&(&Path, Vec<u8>)>,
        is_quantized_used: &mut bool,
    ) -> Result<Run> {
        let mut run = Run { record: self.record.clone(), notes: self.notes.clone(), ..Run::new(name) };
        let Some(bytes) = &self.weights else { return Ok(run) };
        let path = &self.weights_path;
        let file = parse(path, bytes)?;
        check_weights(path, &file)?;
        let ModelFile::Float32(weights) = &file else {
            bail!(
                "{}: this is a quantised network; name the weights that it was made of, and this file by --quantized",
                path.display()
            );
        };
        run.model = Model::of(&file, bytes.len());
        let flat: Vec<f32> = weights.weights().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        run.first_layer = pictures::first_layer(&file.architecture(), &flat, file.input());
        let data = match self.data(&file, options) {
            Ok(data) => Some(data),
            Err(error) => {
                let why = format!("{error:#}");
                let advice = if why.contains("by --data") { "" } else { " Name the run's data by --data." };
                run.notes.push(format!(
                    "The test samples are not here, so confusion, mistakes and calibration are missing: {why}.{advice}"
                ));
                None
            }
        };
        let mut logits = None;
        if let Some(data) = &data {
            // The samples of a record are its run's.
            if self.record.is_none() {
                run.notes.extend(trained_on_others(&file, data).map(|others| format!("Mind that {others}.")));
            }
            let there = || path.display().to_string();
            let evaluation = file.evaluate(engine, &data.test).with_context(there)?;
            let all = file.all_logits(engine, &data.test).with_context(there)?;
            let findings = Findings::of(data, &all, evaluation);
            run.mistakes = sample_pictures(data, &findings, &file);
            run.findings = Some(findings);
            logits = Some(all);
        }
        if let Some((quantized_path, quantized_bytes)) = quantized {
            let quantized = parse(quantized_path, quantized_bytes)?;
            let Some(record) = quantized.quantization() else {
                bail!(
                    "--quantized {}: this is no quantised network; `selvedge quantize` makes one",
                    quantized_path.display()
                );
            };
            if Some(hex(record.source)) == run.model.as_ref().map(|model| model.hash.clone()) {
                *is_quantized_used = true;
                let data = data.as_ref().zip(logits.as_ref());
                run.quantized = Some(beside(quantized_path, quantized_bytes.len(), &quantized, options, engine, data)?);
            }
        }
        Ok(run)
    }

    /// The samples of the run, by the options or else by its record.
    fn data(&self, file: &ModelFile<'_>, options: &Report) -> Result<Dataset> {
        let recorded = self.record.as_ref().map(|record| &record.head.data);
        let own = match (recorded, file) {
            _ if !options.data.given().is_empty() => None,
            (Some(data), _) => Some(recorded_options(&data.name, &data.options)?),
            (None, ModelFile::Float32(file)) => Some(recorded_options(file.record().dataset, &[])?),
            (None, _) => None,
        };
        // A report fetches nothing, and takes no other samples instead.
        let search = Search { download: None, ..Search::from_environment() };
        let data = load_from(&self.weights_path, file, own.as_ref().unwrap_or(&options.data), search)?;
        let Some(recorded) = recorded else { return Ok(data) };
        let mut whole = data;
        if usize::try_from(recorded.samples).is_ok_and(|samples| samples < whole.train.len()) {
            whole.truncate(recorded.samples as usize);
        }
        let [found, test] = [whole.checksum, whole.test.checksum()].map(|checksum| hex(&checksum));
        ensure!(
            found == recorded.sha256 && test == recorded.test_sha256,
            "{} here has not the run's samples: SHA-256 {} and {}, and of the test part {} and {}",
            whole.name,
            beginning(&found),
            beginning(&recorded.sha256),
            beginning(&test),
            beginning(&recorded.test_sha256)
        );
        Ok(whole)
    }
}

/// The first digits of a checksum.
fn beginning(checksum: &str) -> String {
    checksum.chars().take(12).chain(['…']).collect()
}

fn read_record(path: &Path) -> Result<Record> {
    let bytes = files::read(path, record::MAX_BYTES)?;
    Record::parse(&bytes).with_context(|| path.display().to_string())
}

/// The options that named a run's data, of this name.
fn recorded_options(name: &str, options: &[[String; 2]]) -> Result<Data> {
    #[derive(Parser)]
    struct Options {
        #[command(flatten)]
        data: Data,
    }
    // The built-in set may have taken the place of another one.
    if options.is_empty() && name == "builtin" {
        let options = Options::try_parse_from(["report", "--data", "builtin"])?;
        return Ok(options.data);
    }
    let arguments = options.iter().flat_map(|[name, value]| [OsString::from(format!("--{name}={value}"))]);
    let options = Options::try_parse_from([OsString::from("report")].into_iter().chain(arguments));
    Ok(options
        .map_err(|_| anyhow::anyhow!("the record names its data by options that this program does not have"))?
        .data)
}

/// The pictures of the worst mistakes, where samples are images.
fn sample_pictures(data: &Dataset, findings: &Findings, file: &ModelFile<'_>) -> Vec<Pixels> {
    let Signature { preparation, .. } = file.signature();
    let picture = |index: usize| pictures::sample(data.test.sample(index), data.input, preparation);
    findings.mistakes.iter().map_while(|mistake| picture(mistake.index)).collect()
}

/// A quantised file beside its model.
fn beside(
    path: &Path,
    flash: usize,
    file: &ModelFile<'_>,
    options: &Report,
    engine: &Simd,
    data: Option<(&Dataset, &AllLogits)>,
) -> Result<Beside> {
    let method =
        file.quantization().map_or(String::new(), |record| String::from_utf8_lossy(record.method).into_owned());
    let there = || path.display().to_string();
    let found = match data {
        None => None,
        Some((data, model)) => {
            let evaluation: Evaluation = file.evaluate(engine, &data.test).with_context(there)?;
            let own = file.all_logits(engine, &data.test).with_context(there)?;
            let pairs = model.iter().zip(own.iter());
            let changed = match data.task.get().kind() {
                TaskKind::Classification => Some(pairs.filter(|(a, b)| a.class() != b.class()).count()),
                TaskKind::MultiLabel => {
                    let differ = |(a, b): &(selvedge::message::Logits<'_>, selvedge::message::Logits<'_>)| {
                        a.values().zip(b.values()).any(|(a, b)| (a > 0.0) != (b > 0.0))
                    };
                    Some(pairs.filter(differ).count())
                }
                TaskKind::Regression => None,
            };
            let proved = options.certificates.as_deref().map(|path| {
                let bytes = files::read(path, MAX_CERTIFICATES)?;
                Proved::parse(&bytes, &own).with_context(|| format!("--certificates {}", path.display()))
            });
            Some(Found { evaluation, changed, proved: proved.transpose()? })
        }
    };
    let name = path.file_name().map_or_else(there, |name| name.to_string_lossy().into_owned());
    Ok(Beside { file: name, format: file.format_name(), method, flash, ram: file.ram_bytes(), found })
}

/// A name for each run: its file's, and with the folder where that is not enough.
fn names(sources: &[Source]) -> Vec<String> {
    let short = |source: &Source| source.weights_path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let long = |source: &Source| source.weights_path.with_extension("").display().to_string();
    let all = |name: &dyn Fn(&Source) -> String| sources.iter().map(name).collect::<Vec<_>>();
    let is_unique = |names: &Vec<String>| names.iter().collect::<HashSet<_>>().len() == names.len();
    let found = [all(&short), all(&long)].into_iter().find(is_unique);
    found.unwrap_or_else(|| {
        sources.iter().enumerate().map(|(place, source)| format!("{} {}", short(source), place + 1)).collect()
    })
}

/// Writes the pictures, and returns their files.
fn figures(runs: &[Run], folder: &Path) -> Result<Vec<PathBuf>> {
    let mut saved = Vec::new();
    let mut save = |name: String, bytes: &[u8]| -> Result<()> {
        let path = folder.join(name);
        files::write_whole(&path, bytes)?;
        saved.push(path);
        Ok(())
    };
    for chart in curves::charts(runs) {
        save(format!("{}.svg", chart.file), chart.to_svg().as_bytes())?;
    }
    for (place, run) in runs.iter().enumerate() {
        // Of several runs, each has its number.
        let own = |name: &str| if runs.len() == 1 { name.to_owned() } else { format!("{}-{name}", place + 1) };
        if let Some(findings) = &run.findings {
            if let Some(calibration) = &findings.calibration {
                let chart = curves::reliability(calibration);
                save(own("reliability.svg"), chart.to_svg().as_bytes())?;
            }
            for chart in curves::values(run, findings) {
                save(own(&format!("{}.svg", chart.file)), chart.to_svg().as_bytes())?;
            }
            if let crate::evaluation::Answers::Classes(answers) = &findings.evaluation.answers
                && let Some(counts) = answers.confusion()
            {
                let names: Vec<String> = (0..counts.len()).map(|class| run.output(class)).collect();
                save(own("confusion.svg"), chart::heat_svg(&names, &counts).as_bytes())?;
            }
            for (mistake, pixels) in findings.mistakes.iter().zip(&run.mistakes) {
                save(own(&format!("mistake-{}.png", mistake.index)), &pixels.png()?)?;
            }
        }
        if let Some((_, pixels)) = &run.first_layer {
            save(own("first-layer.png"), &pixels.png()?)?;
        }
    }
    Ok(saved)
}
