//! A quantised file, compared with the weights from which it was made.

use crate::{evaluation::Evaluation, model_file::AllLogits};

/// The effect of quantisation.
#[derive(Clone, Debug)]
pub struct Beside {
    /// The file's name.
    pub file: String,
    /// The number type of the file's weights.
    pub format: &'static str,
    /// The method by which the file was made, in one line.
    pub method: String,
    /// The size of the file in bytes.
    pub flash: usize,
    /// The RAM of a prediction, in bytes.
    pub ram: usize,
    /// The measurements on the test samples. `None` if there are no test samples.
    pub found: Option<Found>,
}

/// The results of both networks on the test samples.
#[derive(Clone, Debug)]
pub struct Found {
    /// The quantised network's metrics.
    pub evaluation: Evaluation,
    /// The number of samples whose class or labels differ from the model's. `None` for a regression.
    pub changed: Option<usize>,
    /// The samples for which certificates prove something.
    pub proved: Option<Proved>,
}

/// The results that certificates prove.
#[derive(Clone, Debug, PartialEq)]
pub enum Proved {
    /// The number of samples that are proved to keep their class or their labels.
    Samples(usize),
    /// For each target, the largest distance from the model's value, and the largest distance that the proof allows.
    Bounds(Vec<(f64, f64)>),
}

/// The error of a table of certificates that does not belong to these samples.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A row of the table cannot be read.
    #[error("row {row} is no certificate: {problem}")]
    Row {
        /// The row, from 1, below the header.
        row: usize,
        /// The reason.
        problem: String,
    },
    /// The header is not valid.
    #[error("this is no table of certificates: `quantize --certificates` writes one")]
    Header,
    /// The table has another number of samples.
    #[error("it has certificates of {found} samples, and the test part has {expected}")]
    Samples {
        /// The number of samples in the table.
        found: usize,
        /// The number of samples in the data.
        expected: usize,
    },
    /// The certificates belong to another network.
    #[error(
        "the certificate of sample {0} has another class than the quantised file gives: these are another file's certificates"
    )]
    Other(usize),
}

impl Proved {
    /// Reads the file of `quantize --certificates`, for these outputs of the quantised file.
    ///
    /// # Errors
    ///
    /// [`CertificateError`] if the table does not belong to these outputs.
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
