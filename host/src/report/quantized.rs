//! A quantised file beside the weights that it was made of.

use crate::{evaluation::Evaluation, model_file::AllLogits};

/// The effect of quantisation.
#[derive(Clone, Debug)]
pub struct Beside {
    /// The file's name.
    pub file: String,
    /// The numbers that its weights are.
    pub format: &'static str,
    /// The way it was made, in one line.
    pub method: String,
    /// The bytes of the file.
    pub flash: usize,
    /// The RAM of a prediction, in bytes.
    pub ram: usize,
    /// The measurements on the test samples; none where they are not here.
    pub found: Option<Found>,
}

/// Both networks on the test samples.
#[derive(Clone, Debug)]
pub struct Found {
    /// The quantised network's metrics.
    pub evaluation: Evaluation,
    /// Samples whose class or labels differ from the model's; none of a regression.
    pub changed: Option<usize>,
    /// The proved samples.
    pub proved: Option<Proved>,
}

/// The samples that certificates prove.
#[derive(Clone, Debug, PartialEq)]
pub enum Proved {
    /// This number of samples keep their class or their labels.
    Samples(usize),
    /// For each target, the largest distance from the model's value, and what it is at most.
    Bounds(Vec<(f64, f64)>),
}

/// A table of certificates that does not belong to these samples.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// It cannot be read as a table.
    #[error("row {row} is no certificate: {problem}")]
    Row {
        /// From 1, below the header.
        row: usize,
        /// The reason.
        problem: String,
    },
    /// Its header is invalid.
    #[error("this is no table of certificates: `quantize --certificates` writes one")]
    Header,
    /// It has other samples.
    #[error("it has certificates of {found} samples, and the test part has {expected}")]
    Samples {
        /// The table's.
        found: usize,
        /// The data's.
        expected: usize,
    },
    /// It is another network's.
    #[error(
        "sample {0} has another class there than the quantised file gives it: these are another file's certificates"
    )]
    Other(usize),
}

impl Proved {
    /// Reads what `quantize --certificates` wrote, for these outputs of the quantised file.
    ///
    /// # Errors
    ///
    /// [`CertificateError`].
    pub fn parse(bytes: &[u8], logits: &AllLogits) -> Result<Self, CertificateError> {
        let mut table = csv::Reader::from_reader(bytes);
        let header: Vec<String> =
            table.headers().map_err(|_| CertificateError::Header)?.iter().map(str::to_owned).collect();
        let column = |name: &str| header.iter().position(|other| other == name);
        let (index, class, certified) = (column("index"), column("class"), column("certified"));
        let bounds = column("output").zip(column("error")).zip(column("bound"));
        let classes: Vec<usize> = logits.iter().map(|logits| logits.class()).collect();
        let outputs = logits.iter().next().map_or(0, |logits| logits.len());
        let (mut samples, mut sure) = (0, 0);
        let mut largest = vec![(0.0_f64, 0.0_f64); outputs];
        for (row, number) in table.records().zip(1..) {
            let wrong = |problem: &str| CertificateError::Row { row: number, problem: problem.into() };
            let row = row.map_err(|error| wrong(&error.to_string()))?;
            let whole = |place: usize| {
                row.get(place)
                    .and_then(|text| text.parse::<usize>().ok())
                    .ok_or_else(|| wrong("it lacks a whole number"))
            };
            let sample = whole(index.ok_or(CertificateError::Header)?)?;
            let expected = classes.get(sample).ok_or_else(|| wrong("its index is no test sample's"))?;
            if let Some(((output, error), bound)) = bounds {
                let place =
                    largest.get_mut(whole(output)?).ok_or_else(|| wrong("its output is none of the network's"))?;
                let number = |place: usize| {
                    row.get(place).and_then(|text| text.parse::<f64>().ok()).ok_or_else(|| wrong("it lacks a number"))
                };
                *place = (place.0.max(number(error)?), place.1.max(number(bound)?));
                samples = samples.max(sample + 1);
                continue;
            }
            if class.is_some_and(|class| whole(class).is_ok_and(|class| class != *expected)) {
                return Err(CertificateError::Other(sample));
            }
            match certified.and_then(|place| row.get(place)) {
                Some("true") => sure += 1,
                Some("false") => {}
                _ => return Err(wrong("`certified` is neither true nor false")),
            }
            samples += 1;
        }
        if samples != classes.len() {
            return Err(CertificateError::Samples { found: samples, expected: classes.len() });
        }
        Ok(if bounds.is_some() { Self::Bounds(largest) } else { Self::Samples(sure) })
    }
}
