//! A quantised network's file at work on the host.

use selvedge::{
    Engine,
    architecture::Architecture,
    arithmetic::log_sum_exp,
    idx::Image,
    message::{Format, Logits},
    models::CLASSES,
    quantized::{self, Entry, Float16, Int4, Int8, QuantizationRecord, QuantizedFile, WorkspaceError},
    weights::WeightFileError,
};

use super::{FloatNetwork, QuantizationError};
use crate::{data::Split, evaluation::Evaluation};

/// A checked file of any format.
#[derive(Debug)]
pub enum Network<'a> {
    /// Weights of 8 bits.
    Int8(QuantizedFile<'a, Int8>),
    /// Weights of 4 bits.
    Int4(QuantizedFile<'a, Int4>),
    /// Weights of 16 bits.
    Float16(QuantizedFile<'a, Float16>),
}

/// The same of a file of each format.
macro_rules! each {
    ($network:expr, $file:ident => $of_file:expr) => {
        match $network {
            Network::Int8($file) => $of_file,
            Network::Int4($file) => $of_file,
            Network::Float16($file) => $of_file,
        }
    };
}

impl<'a> Network<'a> {
    /// Whether a file begins as that of a quantised network does.
    pub fn is_one(file: &[u8]) -> bool {
        QuantizedFile::<Int8>::is_one(file)
            || QuantizedFile::<Int4>::is_one(file)
            || QuantizedFile::<Float16>::is_one(file)
    }

    /// Checks a whole file.
    ///
    /// # Errors
    ///
    /// As [`QuantizedFile::parse`].
    pub fn parse(file: &'a [u8]) -> Result<Self, WeightFileError> {
        if QuantizedFile::<Int4>::is_one(file) {
            QuantizedFile::parse(file).map(Self::Int4)
        } else if QuantizedFile::<Float16>::is_one(file) {
            QuantizedFile::parse(file).map(Self::Float16)
        } else {
            QuantizedFile::parse(file).map(Self::Int8)
        }
    }

    /// What its weights are.
    pub fn format(&self) -> Format {
        match self {
            Self::Int8(_) => Format::Int8,
            Self::Int4(_) => Format::Int4,
            Self::Float16(_) => Format::Float16,
        }
    }

    /// The format's name in options and files: `int8`, `int4`, `f16`.
    pub fn format_name(&self) -> &'static str {
        fn name<F: quantized::Format>(_: &QuantizedFile<'_, F>) -> &'static str {
            F::NAME
        }
        each!(self, file => name(file))
    }

    /// Its layers.
    pub fn architecture(&self) -> Architecture {
        each!(self, file => file.architecture())
    }

    /// How its numbers came to be.
    pub fn record(&self) -> &QuantizationRecord<'a> {
        each!(self, file => file.record())
    }

    /// The RAM that a prediction works in on a device, in bytes.
    pub fn ram_bytes(&self) -> usize {
        let integers = |(entries, width): (usize, usize)| entries * size_of::<Entry>() + width;
        match self {
            Self::Int8(file) => integers(file.workspace()),
            Self::Int4(file) => integers(file.workspace()),
            Self::Float16(file) => file.floats() * size_of::<f32>(),
        }
    }
}

/// Runs a network from an image's pixels to the classes' logits: those of a device, bit for bit.
#[derive(Debug)]
pub struct Predictor<'a> {
    network: &'a Network<'a>,
    entries: Vec<Entry>,
    activations: Vec<u8>,
    /// The same numbers in binary32, for weights of 16 bits.
    float: Option<FloatNetwork>,
}

impl<'a> Predictor<'a> {
    /// With the memory that the network needs.
    ///
    /// # Errors
    ///
    /// [`QuantizationError::NotFinite`] for weights of 16 bits that are infinite or no numbers.
    pub fn new(network: &'a Network<'a>) -> Result<Self, QuantizationError> {
        let ((entries, width), float) = match network {
            Network::Int8(file) => (file.workspace(), None),
            Network::Int4(file) => (file.workspace(), None),
            Network::Float16(file) => {
                let flat: Vec<f32> = file.parameters().collect();
                ((0, 0), Some(FloatNetwork::new(&file.architecture(), &flat)?))
            }
        };
        Ok(Self { network, entries: vec![Entry::EMPTY; entries], activations: vec![0; width], float })
    }

    /// An image's logits.
    ///
    /// # Errors
    ///
    /// [`WorkspaceError`] for a network of other inputs or outputs.
    pub fn logits(&mut self, image: &Image) -> Result<Logits, WorkspaceError> {
        let Self { network, entries, activations, float } = self;
        let mut values = [0; CLASSES];
        match network {
            Network::Int8(file) => file.predict_in(image, entries, activations, &mut values)?,
            Network::Int4(file) => file.predict_in(image, entries, activations, &mut values)?,
            Network::Float16(_) => {
                let logits = float.as_ref().and_then(|float| float.run(image).pop()).unwrap_or_default();
                return Ok(Logits::Float32(logits.try_into().map_err(|_| WorkspaceError)?));
            }
        }
        Ok(Logits::Int32 { values, scale: network.record().logit_scale })
    }
}

/// Runs a network on a set of images.
///
/// # Errors
///
/// [`QuantizationError`] as [`Predictor`]'s.
pub fn evaluate<E: Engine>(engine: &E, network: &Network<'_>, split: &Split) -> Result<Evaluation, QuantizationError> {
    let mut logits = vec![Ok(Logits::Float32([0.0; CLASSES])); split.images.len()];
    Predictor::new(network)?;
    engine.share_out(&mut logits, |first, logits| {
        let Ok(mut predictor) = Predictor::new(network) else { return };
        for (logits, image) in logits.iter_mut().zip(&split.images[first..]) {
            *logits = predictor.logits(image);
        }
    });
    let mut evaluation = Evaluation { loss: 0.0, confusion: [[0; CLASSES]; CLASSES] };
    for (logits, &label) in logits.into_iter().zip(&split.labels) {
        let (logits, label) = (logits?, usize::from(label));
        let values = logits.values();
        evaluation.loss += f64::from(log_sum_exp(&values) - values[label]);
        evaluation.confusion[label][logits.class()] += 1;
    }
    evaluation.loss /= f64::from(evaluation.total());
    Ok(evaluation)
}
