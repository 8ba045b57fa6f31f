use std::fmt::{self, Write as _};

use selvedge::preparation::Element;

use crate::{data::Split, model_file::ModelFile, task::Targets};

/// Values in a line of the source.
const LINE: usize = 16;

/// The samples of a project, as the source of its module `samples`.
pub struct Samples {
    element: Element,
    inputs: usize,
    /// Raw values, one sample after the other.
    values: Vec<f32>,
    /// Each one's class; none where the targets are no classes.
    labels: Vec<u16>,
    /// Each sample's target in words. It is empty for the sample of zeros.
    targets: Vec<String>,
    /// True if the samples are those of a data set's training part.
    are_training: bool,
}

impl Samples {
    /// Returns one sample of zeros.
    pub fn zeros(file: &ModelFile<'_>) -> Self {
        let inputs = file.architecture().inputs();
        let element = file.signature().preparation.element();
        Self {
            element,
            inputs,
            values: vec![0.0; inputs],
            labels: Vec::new(),
            targets: Vec::new(),
            are_training: false,
        }
    }

    /// Returns this number of samples of a part, or all if there are fewer, spread evenly. In many sets, the first samples are of one
    /// class.
    pub fn of(split: &Split, count: usize, are_training: bool) -> Self {
        let (all, count) = (split.len(), count.min(split.len()));
        let indices: Vec<u32> = (0..count).map(|index| ((2 * index + 1) * all / (2 * count)) as u32).collect();
        let split = split.chosen(&indices);
        Self {
            element: split.element(),
            inputs: split.features(),
            values: split.element().values(&split.values()).collect(),
            labels: split.labels().to_vec(),
            targets: (0..split.len()).map(|index| target(split.targets(), index)).collect(),
            are_training,
        }
    }

    pub fn len(&self) -> usize {
        self.values.len() / self.inputs.max(1)
    }

    /// Returns the bytes that they take of the flash.
    pub fn bytes(&self) -> usize {
        self.values.len() * self.element.size()
    }

    /// Describes them in words.
    pub fn described(&self) -> String {
        match (&self.targets[..], self.are_training) {
            ([], _) => "with a sample of zeros in src/samples.rs: put a sensor's values there".into(),
            (_, true) => format!("with {} training samples in src/samples.rs", self.len()),
            (_, false) => format!("with {} test samples in src/samples.rs", self.len()),
        }
    }

    /// Returns a value as Rust writes it.
    fn literal(&self, value: f32) -> String {
        match self.element {
            Element::F32 if value.is_nan() => "f32::NAN".into(),
            Element::F32 if value == f32::INFINITY => "f32::INFINITY".into(),
            Element::F32 if value == f32::NEG_INFINITY => "f32::NEG_INFINITY".into(),
            Element::F32 => format!("{value:?}"),
            // The integers of the other elements are exact.
            _ => format!("{value}"),
        }
    }
}

/// Returns a sample's target in words.
fn target(targets: &Targets, index: usize) -> String {
    let listed = |row: &[f32]| row.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    match targets {
        Targets::Classes(labels) => format!("Its label is {}", labels[index]),
        Targets::Labels(rows) => format!("Its labels are {}", listed(rows.row(index))),
        Targets::Values(rows) => format!("Its targets are {}", listed(rows.row(index))),
    }
}

impl fmt::Display for Samples {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { element, inputs, values, labels, targets, are_training } = self;
        writeln!(
            f,
            "//! The samples' raw values, in the order of the network's features. A sensor's go in their place.\n"
        )?;
        writeln!(f, "#[rustfmt::skip]")?;
        if *element == Element::F32 {
            writeln!(f, "#[allow(clippy::approx_constant)]")?;
        }
        writeln!(f, "pub static SAMPLES: [[{element}; {inputs}]; {}] = [", self.len())?;
        for (index, sample) in values.chunks(*inputs).enumerate() {
            if let Some(target) = targets.get(index) {
                writeln!(f, "    // {target}.")?;
            }
            writeln!(f, "    [")?;
            for values in sample.chunks(LINE) {
                let mut line = String::new();
                for &value in values {
                    write!(line, " {},", self.literal(value))?;
                }
                writeln!(f, "       {line}")?;
            }
            writeln!(f, "    ],")?;
        }
        writeln!(f, "];")?;
        if *are_training {
            writeln!(f, "\n/// Each sample's class.\n#[rustfmt::skip]")?;
            writeln!(f, "pub static LABELS: [u16; {}] = {labels:?};", labels.len())?;
        }
        Ok(())
    }
}
