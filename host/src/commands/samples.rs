//! Samples that a command is given to classify.

use std::{
    io::{self, Read, Stdout, Write},
    mem,
    path::Path,
};

use crate::{
    data::{self, Wanted, encode},
    picture::{self, Prepared},
};
use anyhow::{Context, Error, Result, anyhow, bail, ensure};
use options::commands::Samples;
use selvedge::{message::Logits, preparation::Element, shape::InputShape};
use terminal::Printed;

use super::{note, outputs::Answer};

/// One sample.
pub struct Sample {
    /// The place where it comes from.
    pub name: String,
    /// The bytes of the sample's values.
    pub values: Vec<u8>,
    /// Facts about the picture from which it was made.
    pub picture: Option<Prepared>,
}

/// An argument that is not a sample.
pub struct Unread {
    /// The place where it comes from.
    pub name: String,
    pub error: Error,
}

/// The samples of the command line, and the number of failures.
pub struct Tally {
    all: usize,
    failed: usize,
}

/// Checks that a sample's logits are finite.
///
/// # Errors
///
/// The error names the sample and its first logit that is not finite.
pub fn check(sample: &Sample, logits: &Logits<'_>) -> Result<()> {
    match logits.values().enumerate().find(|(_, logit)| !logit.is_finite()) {
        Some((class, logit)) => bail!(
            "{}: the logit of class {class} is {logit} and no finite number: the network's weights are so large that sums leave a float32's \
             range; train anew with a smaller --lr, or take other weights",
            sample.name
        ),
        None => Ok(()),
    }
}

/// The samples that a network takes.
#[derive(Clone, Debug)]
pub struct Taken {
    /// Their shape.
    pub shape: InputShape,
    /// The elements of their values.
    pub element: Element,
    /// The features' names; none where they are not known.
    pub features: Vec<String>,
    /// True if pictures are only resized, as those of a folder are.
    pub resizes: bool,
}

/// Reads all inputs in their order, for a network that takes such samples.
pub fn read(options: &Samples, taken: &Taken) -> Vec<Result<Sample, Unread>> {
    let (shape, element) = (taken.shape, taken.element);
    let mut samples = Vec::new();
    for path in &options.inputs {
        match read_file(path, taken, options.resize || taken.resizes) {
            Ok(all) => samples.extend(all.into_iter().map(Ok)),
            Err(error) => samples.push(Err(Unread { name: path.display().to_string(), error })),
        }
    }
    for text in &options.values {
        let name = shortened(text);
        samples.push(match parse(text, shape, element) {
            Ok(values) => Ok(Sample { name, values, picture: None }),
            Err(error) => Err(Unread { name, error }),
        });
    }
    samples
}

/// Reads a picture, or all samples of a table or an IDX file.
fn read_file(path: &Path, taken: &Taken, resizes: bool) -> Result<Vec<Sample>> {
    let name = path.display().to_string();
    let (shape, element) = (taken.shape, taken.element);
    let beginning = beginning(path)?;
    let is_table = path.extension().is_some_and(|extension| extension == "csv" || extension == "tsv");
    ensure!(!(is_table && beginning.is_empty()), "{name}: the file is empty");
    if data::is_table(&beginning) {
        return read_table(path, taken);
    }
    // A gzipped file is no picture.
    let is_idx = path.extension().is_some_and(|extension| extension == "gz") || data::are_samples(&beginning);
    ensure!(
        element == Element::U8 || is_idx,
        "{name}: the network takes values of {element}, and pictures have bytes; give the values by a CSV file, an IDX file or --values"
    );
    if !is_idx
        && let InputShape::Image { channels: channels @ (1 | 3), height, width } = shape
        && (resizes || channels == 3)
    {
        let values = picture::read_plain(path)?.fit((width, height), channels);
        return Ok(vec![Sample { name, values, picture: None }]);
    }
    if !is_idx {
        let mut picture = picture::read(path, shape)?;
        return Ok(vec![Sample { name, values: mem::take(&mut picture.shades), picture: Some(picture) }]);
    }
    let (found, split) = data::read_samples(path)?;
    ensure!(shape.takes(found), "{name}: a sample is {found}, but the network takes {shape}");
    ensure!(!split.is_empty(), "{name}: the file holds no samples");
    let split = split.converted(element).map_err(|(sample, feature, value)| {
        anyhow!("{name}: feature {feature} of sample {sample} (from 0) is {value}, and the network takes values of {element}")
    })?;
    let named = |(index, values): (usize, &[u8])| Sample {
        name: format!("{name}, sample {index}"),
        values: values.to_vec(),
        picture: None,
    };
    Ok(split.samples().enumerate().map(named).collect())
}

/// Reads the rows of a table, or its windows.
fn read_table(path: &Path, taken: &Taken) -> Result<Vec<Sample>> {
    let name = path.display();
    let Taken { shape, element, features, .. } = taken;
    if features.is_empty() {
        note(format_args!(
            "{name}: its columns are taken by their places, as nothing here names the network's features"
        ));
    }
    let wanted = Wanted { has_network: true, names: features, ..Wanted::default() };
    let samples = data::read_table(path, wanted, *element)?;
    let found = samples.first().map_or(0, |(_, values)| values.len() / element.size());
    ensure!(
        found == shape.features(),
        "{name}: a row has {found} features, but the network takes {shape}; every column of the table except a label is read as a feature"
    );
    let named = |(line, values)| Sample { name: format!("{name}, line {line}"), values, picture: None };
    Ok(samples.into_iter().map(named).collect())
}

/// Returns a file's first bytes.
fn beginning(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let unreadable = || format!("cannot read {}", path.display());
    picture::open(path)?.take(1 << 12).read_to_end(&mut bytes).with_context(unreadable)?;
    Ok(bytes)
}

/// Returns a text's first characters.
fn shortened(text: &str) -> String {
    const LONGEST: usize = 60;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Reads the values of a sample, and returns their bytes.
fn parse(text: &str, shape: InputShape, element: Element) -> Result<Vec<u8>> {
    let kind = match element.range() {
        Some((least, most)) => format!("no whole number from {least} to {most}"),
        None => "no finite number".into(),
    };
    let mut bytes = Vec::new();
    let mut found = 0;
    for (word, place) in text.split(',').zip(1..) {
        let value = word.trim().parse().ok().filter(|value: &f32| value.is_finite());
        ensure!(
            value.is_some_and(|value| encode(value, element, &mut bytes).is_some()),
            "--values: {:?}, at place {place}, is {kind}",
            shortened(word)
        );
        found = place;
    }
    let expected = shape.features();
    let count = |values: usize| if values == 1 { "1 value".into() } else { format!("{values} values") };
    let meaning = match shape {
        InputShape::Features(_) => String::new(),
        InputShape::Image { .. } => format!(", {shape}"),
    };
    ensure!(
        found == expected,
        "--values: {} has {}, but the network takes {}{meaning}",
        shortened(text),
        count(found),
        count(expected)
    );
    Ok(bytes)
}

impl Tally {
    /// Returns a tally of these samples, with no failure yet.
    pub fn new(samples: &[Result<Sample, Unread>]) -> Self {
        Self { all: samples.len(), failed: 0 }
    }

    /// Counts a failure and prints it at once, among the answers.
    ///
    /// # Errors
    ///
    /// The failure itself, if nothing else was given.
    pub fn fail(&mut self, error: Error) -> Result<()> {
        if self.all == 1 {
            return Err(error);
        }
        self.failed += 1;
        // A closed standard error is no reason to fail.
        let _ = writeln!(terminal::stderr(), "error: {error:#}");
        Ok(())
    }

    /// Ends the command.
    ///
    /// # Errors
    ///
    /// The number of failures, if there are any.
    pub fn end(self) -> Result<()> {
        ensure!(self.failed == 0, "{} of {} could not be classified", self.failed, self.all);
        Ok(())
    }
}

impl Sample {
    /// Prints an answer. For a picture, each part of the answer has its own line. For other samples, everything is on one line. If `draws` is
    /// true, or for a picture on a terminal, the network's input is drawn beside the lines.
    pub fn show(&self, out: &mut Printed<Stdout>, shape: InputShape, answer: &Answer, draws: bool) -> io::Result<()> {
        for text in self.picture.iter().flat_map(|picture| &picture.notes) {
            note(format_args!("{}: {text}", self.name));
        }
        let Answer { first, lines } = answer;
        let width = match shape {
            InputShape::Image { channels: 1, width, .. } => width as usize,
            _ => 0,
        };
        let draws = width > 0 && (draws || self.picture.is_some() && out.is_terminal());
        if self.picture.is_none() && !draws {
            let all: Vec<_> = lines.iter().map(|(name, value)| format!("{name} {value}")).collect();
            let others = if all.is_empty() { String::new() } else { format!(" ({})", all.join(", ")) };
            return writeln!(out, "{}: {first}{others}", self.name);
        }
        writeln!(out, "{}: {first}", self.name)?;
        let drawn = if draws { picture::terminal(&self.values, width) } else { String::new() };
        let (mut rows, mut answers) = (drawn.lines(), lines.iter());
        loop {
            let (row, answer) = (rows.next(), answers.next());
            if row.is_none() && answer.is_none() {
                return Ok(());
            }
            // Below a low image its width is left free.
            match row {
                Some(row) => out.write_drawing(row)?,
                None if draws => write!(out, "{:width$}", "")?,
                None => {}
            }
            match answer {
                Some((name, value)) => writeln!(out, "  {name:<11} {value:>6}")?,
                None => writeln!(out)?,
            }
        }
    }
}
