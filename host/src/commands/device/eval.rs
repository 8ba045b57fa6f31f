use std::io::{self, IsTerminal, Write};

use crate::{
    data::{Dataset, Split},
    device::{About, Board},
    model_file::AllLogits,
    weights::{self, hex},
};
use anyhow::{Context, Result, bail, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use options::commands::device;
use selvedge::{
    message::{Logits, Prediction, Statistics},
    task::TaskKind,
};

use super::{
    super::{check_weights, engine_of_one_thread, load_for, parse},
    check, greet,
};

/// The largest number of differences that are printed.
const SHOWN_DIFFERENCES: usize = 20;
/// Samples between two lines where there is no progress bar.
const PRINT_INTERVAL: usize = 1000;

pub fn run(options: &device::Eval) -> Result<()> {
    let bytes = weights::read(&options.file.path)?;
    let file = parse(&options.file.path, &bytes)?;
    check_weights(&options.file.path, &file)?;
    let mut board = greet(&options.connect)?;
    check(&options.file.path, board.about(), &file)?;
    let data = load_for(&options.file.path, &file, &options.data)?;
    let units = data.target_units.clone();
    let (name, split) = samples(options, data)?;
    let engine = engine_of_one_thread()?;
    let expected = file.all_logits(&engine, &split)?;
    expected.check().with_context(|| options.file.path.display().to_string())?;

    let About { name: board_name, architecture, format, unit, .. } = board.about().clone();
    let mut out = terminal::stdout();
    writeln!(out, "{board_name}: {architecture} in {format}, on {} test samples of {name}", split.len())?;
    let (statistics, differences) = evaluate(&mut board, &split, &expected)?;
    let Statistics { samples, right, min, max, .. } = statistics;
    if board.about().task == TaskKind::Classification {
        writeln!(out, "Accuracy: {:.2}% ({right} of {samples})", 100.0 * f64::from(right) / f64::from(samples))?;
    } else {
        let found = file.evaluate(&engine, &split)?;
        writeln!(out, "On this machine: {}", found.headline(2, &units))?;
    }
    writeln!(out, "A sample takes {} {unit}, {min} at least and {max} at most", statistics.mean())?;
    for difference in differences.iter().take(SHOWN_DIFFERENCES) {
        writeln!(out, "{difference}")?;
    }
    let equal = split.len() - differences.len();
    let summary = format!("{equal} of {samples} samples: {} equal the host's bits", compared(board.about()));
    match differences.first() {
        None => Ok(writeln!(out, "{summary}")?),
        Some(first) => bail!("{summary}; the first that differs is {first}"),
    }
}

fn samples(options: &device::Eval, data: Dataset) -> Result<(String, Split)> {
    let mut split = data.test;
    if let Some(count) = options.count.map(|count| count as usize) {
        let there = split.len();
        ensure!(count <= there, "--count {count}: {} has only {there} test samples", data.name);
        split.truncate(count);
    }
    Ok((data.name, split))
}

/// Sends every sample, and returns what the board counted and each difference from the host.
fn evaluate(board: &mut Board, split: &Split, expected: &AllLogits) -> Result<(Statistics, Vec<String>)> {
    board.reset()?;
    let progress = Progress::new(split.len());
    let mut differences = Vec::new();
    let mut counted = Statistics::default();
    let mut labels = split.labels().iter();
    for (index, sample) in split.samples().enumerate() {
        let label = labels.next().copied();
        let see = |prediction: &Prediction<'_>| {
            let difference = difference(index, label.is_some(), prediction, &expected.get(index));
            (prediction.class, prediction.instructions, difference)
        };
        let answer = match label {
            Some(label) => board.evaluate(sample, label, see),
            None => board.predict(sample, see),
        };
        let (class, instructions, difference) = answer.with_context(|| format!("sample {index}"))?;
        differences.extend(difference);
        counted.add(label == Some(class), instructions);
        progress.step(index + 1)?;
    }
    progress.bar.finish_and_clear();
    if split.labels().is_empty() {
        return Ok((counted, differences));
    }
    let statistics = board.statistics()?;
    ensure!(statistics == counted, "the board counted {statistics:?}, but its answers give {counted:?}");
    Ok((statistics, differences))
}

fn difference(index: usize, has_class: bool, prediction: &Prediction<'_>, expected: &Logits<'_>) -> Option<String> {
    let class = expected.class();
    let is_class = !has_class || usize::from(prediction.class) == class;
    let is_equal = is_class && prediction.logits.has_bits_of(expected);
    (!is_equal).then(|| {
        let [board, host] = [&prediction.logits, expected].map(|logits| hex(&logits.hash()[..8]));
        let named = |class: usize| if has_class { format!("class {class} and ") } else { String::new() };
        let [on_board, on_host] = [prediction.class.into(), class].map(named);
        format!("sample {index}: {on_board}logits {board} on the board, {on_host}logits {host} on the host")
    })
}

/// Returns the parts of an answer that are compared.
fn compared(about: &About) -> &'static str {
    if about.task == TaskKind::Classification { "class and logits" } else { "outputs" }
}

/// A bar on a terminal, now and then a line elsewhere.
struct Progress {
    bar: ProgressBar,
    samples: usize,
}

impl Progress {
    fn new(samples: usize) -> Self {
        let style = ProgressStyle::with_template("{bar:40} sample {pos}/{len}, {per_sec}, {eta} left");
        let bar = if io::stderr().is_terminal() { ProgressBar::new(samples as u64) } else { ProgressBar::hidden() };
        Self { bar: bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())), samples }
    }

    fn step(&self, samples: usize) -> Result<()> {
        self.bar.inc(1);
        if self.bar.is_hidden() && samples.is_multiple_of(PRINT_INTERVAL) && samples < self.samples {
            writeln!(terminal::stdout(), "{samples} of {} samples", self.samples)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prediction(class: u16, logits: Logits<'_>) -> Prediction<'_> {
        Prediction { class, top: Default::default(), instructions: 1, logits }
    }

    #[test]
    fn a_class_and_a_single_bit_are_differences() {
        let with = |first: f32| [-1.0, -1.0, -1.0, first];
        let (values, next) = (with(2.0), with(2.0_f32.next_up()));
        let expected = Logits::float32(&values);
        assert_eq!(difference(7, true, &prediction(3, expected), &expected), None);
        for other in [prediction(2, expected), prediction(3, Logits::float32(&next))] {
            let text = difference(7, true, &other, &expected).unwrap();
            assert!(text.starts_with(&format!("sample 7: class {} ", other.class)), "{text}");
            assert!(text.ends_with("on the host") && text.contains("class 3"), "{text}");
        }
        let integers = Logits::int32(&[5; 4], 1.0);
        assert!(difference(7, true, &prediction(3, integers), &expected).is_some());
    }
}
