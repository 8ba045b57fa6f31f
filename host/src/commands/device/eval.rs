use std::{
    io::{self, IsTerminal, Write},
    num::NonZero,
};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use host::{
    data::Split,
    device::{About, Board},
    engine::{InstructionSet, Simd},
    evaluation,
    models::{Model, WithModel, with_model},
    quantization::{Network, Predictor},
    weights::logits_hash,
};
use indicatif::{ProgressBar, ProgressStyle};
use selvedge::{
    architecture::Architecture,
    message::{Format, Logits, Prediction, Statistics},
    weights::WeightFile,
};

use super::{
    super::{DataOptions, FileOptions},
    ConnectOptions,
};

/// How many differences are worth reading.
const SHOWN_DIFFERENCES: usize = 20;
/// Images between two lines where there is no progress bar.
const PRINT_INTERVAL: usize = 1000;

#[derive(Args)]
pub struct Options {
    #[command(flatten)]
    file: FileOptions,
    #[command(flatten)]
    connect: ConnectOptions,
    #[command(flatten)]
    data: DataOptions,

    /// How many test images, from the first [default: all]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    count: Option<u32>,
}

impl Options {
    pub fn run(self) -> Result<()> {
        let bytes = self.file.read()?;
        let mut board = self.connect.greet()?;
        let (name, split) = self.images()?;
        let expected = if Network::is_one(&bytes) {
            let file = self.file.parse_quantized(&bytes)?;
            self.check(board.about(), &file.architecture(), file.format())?;
            expect_quantized(&file, &split)?
        } else {
            let file = self.file.parse(&bytes)?;
            self.check(board.about(), file.architecture(), Format::Float32)?;
            with_model(file.architecture(), Expect { options: &self, file: &file, split: &split })??
        };

        let About { name: board_name, architecture, format, unit, .. } = board.about().clone();
        let mut out = io::stdout();
        writeln!(out, "{board_name}: {architecture} in {format}, on {} test images of {name}", split.images.len())?;
        let (statistics, differences) = evaluate(&mut board, &split, &expected)?;
        let Statistics { images, right, min, max, .. } = statistics;
        writeln!(out, "Accuracy: {:.2}% ({right} of {images})", 100.0 * f64::from(right) / f64::from(images))?;
        writeln!(out, "An image takes {} {unit}, {min} at least and {max} at most", statistics.mean())?;
        for difference in differences.iter().take(SHOWN_DIFFERENCES) {
            writeln!(out, "{difference}")?;
        }
        let equal = expected.len() - differences.len();
        let summary = format!("{equal} of {images} images: class and logits equal the host's bits");
        match differences.first() {
            None => Ok(writeln!(out, "{summary}")?),
            Some(first) => bail!("{summary}; the first that differs is {first}"),
        }
    }

    fn check(&self, about: &About, architecture: &Architecture, format: Format) -> Result<()> {
        ensure!(
            about.architecture == *architecture && about.format == format,
            "{} holds a {architecture} network in {format}, but {} runs {} in {}",
            self.file.path.display(),
            about.name,
            about.architecture,
            about.format
        );
        Ok(())
    }

    fn images(&self) -> Result<(String, Split)> {
        let data = self.data.load()?;
        let mut split = data.test;
        if let Some(count) = self.count.map(|count| count as usize) {
            let there = split.images.len();
            ensure!(count <= there, "--count {count}: {} has only {there} test images", data.name);
            split.images.truncate(count);
            split.labels.truncate(count);
        }
        Ok((data.name, split))
    }
}

/// What the host makes of each image with a quantised network.
fn expect_quantized(file: &Network<'_>, split: &Split) -> Result<Vec<Logits>> {
    let mut predictor = Predictor::new(file)?;
    split.images.iter().map(|image| Ok(predictor.logits(image)?)).collect()
}

/// What the host makes of each image.
struct Expect<'a> {
    options: &'a Options,
    file: &'a WeightFile<'a>,
    split: &'a Split,
}

impl WithModel for Expect<'_> {
    type Output = Result<Vec<Logits>>;

    fn run<M: Model>(self) -> Result<Vec<Logits>> {
        let model = self.options.file.model::<M>(self.file)?;
        let engine = Simd::new(InstructionSet::from_environment()?, NonZero::<usize>::MIN)?;
        let mut expected = Vec::new();
        evaluation::run(&engine, &*model, self.split, |_, logits| {
            expected.extend(logits.iter().copied().map(Logits::Float32));
        })?;
        Ok(expected)
    }
}

/// Sends every image, and returns what the board counted and each difference from the host.
fn evaluate(board: &mut Board, split: &Split, expected: &[Logits]) -> Result<(Statistics, Vec<String>)> {
    board.reset()?;
    let progress = Progress::new(expected.len());
    let mut differences = Vec::new();
    let mut counted = Statistics::default();
    for (index, ((image, &label), expected)) in split.images.iter().zip(&split.labels).zip(expected).enumerate() {
        let prediction = board.evaluate(image, label).with_context(|| format!("image {index}"))?;
        differences.extend(difference(index, &prediction, expected));
        counted.add(prediction.class == label, prediction.instructions);
        progress.step(index + 1)?;
    }
    progress.bar.finish_and_clear();
    let statistics = board.statistics()?;
    ensure!(statistics == counted, "the board counted {statistics:?}, but its answers give {counted:?}");
    Ok((statistics, differences))
}

fn difference(index: usize, prediction: &Prediction, expected: &Logits) -> Option<String> {
    let class = expected.class();
    let is_equal = usize::from(prediction.class) == class && prediction.logits.has_bits_of(expected);
    (!is_equal).then(|| {
        let [board, host] = [&prediction.logits, expected].map(shown);
        let on_board = prediction.class;
        format!("image {index}: class {on_board} and logits {board} on the board, class {class} and logits {host} on the host")
    })
}

fn shown(logits: &Logits) -> String {
    match logits {
        Logits::Float32(values) => logits_hash(values),
        Logits::Int32 { values, .. } => format!("{values:?}"),
    }
}

/// A bar on a terminal, now and then a line elsewhere.
struct Progress {
    bar: ProgressBar,
    images: usize,
}

impl Progress {
    fn new(images: usize) -> Self {
        let style = ProgressStyle::with_template("{bar:40} image {pos}/{len}, {per_sec}, {eta} left");
        let bar = if io::stderr().is_terminal() { ProgressBar::new(images as u64) } else { ProgressBar::hidden() };
        Self { bar: bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())), images }
    }

    fn step(&self, images: usize) -> Result<()> {
        self.bar.inc(1);
        if self.bar.is_hidden() && images.is_multiple_of(PRINT_INTERVAL) && images < self.images {
            writeln!(io::stdout(), "{images} of {} images", self.images)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use selvedge::models::CLASSES;

    use super::*;

    fn logits(first: f32) -> Logits {
        let mut values = [-1.0; CLASSES];
        values[3] = first;
        Logits::Float32(values)
    }

    fn prediction(class: u8, logits: Logits) -> Prediction {
        Prediction { class, top: Default::default(), instructions: 1, logits }
    }

    #[test]
    fn a_class_and_a_single_bit_are_differences() {
        let expected = logits(2.0);
        assert_eq!(difference(7, &prediction(3, expected), &expected), None);
        for other in [prediction(4, expected), prediction(3, logits(2.0_f32.next_up()))] {
            let text = difference(7, &other, &expected).unwrap();
            assert!(text.starts_with(&format!("image 7: class {} ", other.class)), "{text}");
            assert!(text.ends_with("on the host") && text.contains("class 3"), "{text}");
        }
        let integers = Logits::Int32 { values: [5; CLASSES], scale: 1.0 };
        assert!(difference(7, &prediction(3, integers), &expected).unwrap().contains("[5, 5,"));
    }
}
