//! Samples that a command is given to classify.

use std::{
    borrow::Cow,
    fs::File,
    io::{self, IsTerminal, Read, Write},
    path::Path,
};

use crate::{classes::Classes, data, picture};
use anyhow::{Context, Result, bail, ensure};
use options::commands::Samples;
use selvedge::shape::InputShape;

/// One sample.
pub struct Sample {
    /// The place where it comes from.
    pub name: String,
    pub values: Vec<u8>,
    /// A picture is shown on a terminal.
    is_picture: bool,
}

/// Reads everything, for a network that takes samples of this shape.
pub fn read(options: &Samples, shape: InputShape) -> Result<Vec<Sample>> {
    let mut samples = Vec::new();
    for path in &options.inputs {
        let name = path.display().to_string();
        if !is_idx(path).with_context(|| format!("cannot read {name}"))? {
            samples.push(Sample { name, values: picture::read(path, shape)?, is_picture: true });
            continue;
        }
        let (found, values) = data::read_samples(path)?;
        ensure!(shape.takes(found), "{name}: a sample is {found}, but the network takes {shape}");
        let all = values.chunks_exact(shape.features()).enumerate();
        let named = |(index, values): (usize, &[u8])| Sample {
            name: format!("{name}, sample {index}"),
            values: values.to_vec(),
            is_picture: false,
        };
        samples.extend(all.map(named));
    }
    for text in &options.values {
        samples.push(Sample { name: shortened(text), values: parse(text, shape)?, is_picture: false });
    }
    Ok(samples)
}

/// Tells a file of samples from a picture by its first bytes, or by its name where it is gzipped.
fn is_idx(path: &Path) -> io::Result<bool> {
    let mut magic = Vec::new();
    File::open(path)?.take(3).read_to_end(&mut magic)?;
    Ok(path.extension().is_some_and(|extension| extension == "gz") || magic == [0, 0, 8])
}

/// A text's first characters.
fn shortened(text: &str) -> String {
    const LONGEST: usize = 60;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn parse(text: &str, shape: InputShape) -> Result<Vec<u8>> {
    let value = |(place, word): (usize, &str)| match word.trim().parse() {
        Ok(value) => Ok(value),
        Err(_) => bail!("--values: {:?}, at place {}, is no whole number from 0 to 255", shortened(word), place + 1),
    };
    let values: Vec<u8> = text.split(',').enumerate().map(value).collect::<Result<_>>()?;
    let (found, expected) = (values.len(), shape.features());
    ensure!(found == expected, "--values: {} has {found} values, but the network takes {shape}", shortened(text));
    Ok(values)
}

impl Sample {
    /// Shows the likeliest classes, the first first: of a picture a line for each, else all in one line.
    pub fn show(
        &self,
        out: &mut (impl Write + IsTerminal),
        shape: InputShape,
        top: &[(usize, f32)],
        classes: &Classes,
    ) -> io::Result<()> {
        let class = top.first().map_or(Cow::from("no class"), |&(class, _)| classes.name(class));
        let percent = |&(class, probability): &(usize, f32)| (classes.name(class), 100.0 * probability);
        if !self.is_picture {
            let all: Vec<_> = top.iter().map(percent).map(|(name, percent)| format!("{name} {percent:.1}%")).collect();
            return writeln!(out, "{}: {class} ({})", self.name, all.join(", "));
        }
        writeln!(out, "{}: {class}", self.name)?;
        if let (true, InputShape::Image { width, .. }) = (out.is_terminal(), shape) {
            writeln!(out, "{}", picture::terminal(&self.values, width as usize))?;
        }
        for (name, percent) in top.iter().map(percent) {
            writeln!(out, "  {name:<11} {percent:>5.1}%")?;
        }
        Ok(())
    }
}
