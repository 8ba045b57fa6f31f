use core::fmt;

use crate::{
    architecture::{CustomLayer, CustomName, LayerKind},
    flat::ViewError,
};

/// The error of a weight file or a quantised file that cannot be read or written.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum WeightFileError {
    /// The bytes are of another format.
    Magic,
    /// The file has fewer bytes than it says.
    Truncated {
        /// The number of bytes needed.
        expected: usize,
        /// The number of bytes found.
        found: usize,
    },
    /// There are bytes after the file's end.
    Trailing {
        /// The number of bytes that the file says it has.
        expected: usize,
        /// The number of bytes found.
        found: usize,
    },
    /// This build does not read the file's version.
    Version {
        /// The oldest version that this build reads.
        oldest: u16,
        /// The newest version, which this build writes.
        newest: u16,
        /// The file's version.
        found: u16,
    },
    /// The bytes were changed after they were written.
    Checksum {
        /// The checksum in the file.
        stored: u32,
        /// The checksum of the file's bytes.
        computed: u32,
    },
    /// A part of the file cannot be decoded.
    Malformed {
        /// The part's name.
        part: &'static str,
    },
    /// The file has a layer of a kind that this build does not know.
    Layer {
        /// The layer's place in the chain, from 0, without dropout.
        place: usize,
    },
    /// The layers do not form a network, or the network is too large for this machine.
    Architecture,
    /// The file has a custom layer that the reader does not expect there. Only the program that defines this layer, with this name and these
    /// sizes, can compute it.
    Custom {
        /// The layer's place in the chain, from 0, without dropout.
        place: usize,
        /// The layer's name.
        name: CustomName,
    },
    /// The file has a field that this build does not know and must not leave out.
    Field {
        /// The field's number.
        number: u8,
    },
    /// The name or shape of a parameter does not follow from the architecture.
    Parameter {
        /// The parameter's place in the file.
        index: usize,
    },
    /// The weights do not have the architecture's length. A reader and [`encode_flat`](super::encode_flat) count bytes;
    /// [`quantized::encode`](crate::quantized::encode) counts the numbers of one slice of a layer.
    WeightBytes {
        /// The length that follows from the architecture.
        expected: usize,
        /// The length that was found.
        found: usize,
    },
    /// The file's architecture differs from the model's.
    Mismatch {
        /// The place of the first layer that differs, from 0, without dropout.
        place: usize,
        /// The model's layer at this place, if it has one.
        expected: Option<LayerKind>,
        /// The file's layer at this place, if it has one.
        found: Option<LayerKind>,
    },
    /// The model has a custom layer, and the file has another layer in its place.
    OtherThanCustom {
        /// The layer's place in the chain, from 0, without dropout.
        place: usize,
        /// The model's layer at this place.
        expected: &'static CustomLayer,
        /// The file's layer at this place, if it has one.
        found: Option<LayerKind>,
    },
    /// The weights cannot be read in place.
    View(ViewError),
    /// An integer of a layer is outside its limits. The limits are those of a row's sums
    /// ([`Int8::SUM_LIMIT`](crate::quantized::Int8::SUM_LIMIT), [`Int4::SUM_LIMIT`](crate::quantized::Int4::SUM_LIMIT)), of a bias
    /// ([`BIAS_LIMIT`](crate::quantized::BIAS_LIMIT)), of a multiplier (not below 0), and of a weight.
    Overflow {
        /// The linear layer's index, from 0.
        layer: usize,
        /// The first row of the block of eight rows with the error. It is 0 for an int8 weight of −128.
        row: usize,
    },
    /// The record to be written has a value out of its range.
    Record,
    /// The signature to be written does not fit the network's inputs and outputs, or is not sound.
    Signature,
    /// The file to be written does not fit into the buffer, or is larger than the format allows.
    TooLarge,
}

impl From<ViewError> for WeightFileError {
    fn from(error: ViewError) -> Self {
        Self::View(error)
    }
}

impl fmt::Display for WeightFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Magic => write!(f, "this is not a Selvedge weight file"),
            Self::Truncated { expected, found } => {
                write!(f, "the weight file is truncated: {found} of {expected} bytes are there")
            }
            Self::Trailing { expected, found } => {
                write!(f, "the weight file has {expected} bytes, but {found} are there")
            }
            Self::Version { oldest, newest, found } => {
                write!(f, "the weight file has version {found}; this build reads versions {oldest} to {newest}")
            }
            Self::Checksum { stored, computed } => {
                write!(f, "the weight file is damaged: its checksum is {stored:08x}, its bytes give {computed:08x}")
            }
            Self::Malformed { part } => write!(f, "the weight file's {part} cannot be decoded"),
            Self::Layer { place } => {
                write!(
                    f,
                    "layer {place} of the weight file is of a kind that this build does not know: was it written by a newer one?"
                )
            }
            Self::Field { number } => {
                write!(
                    f,
                    "the weight file has a field {number} that this build does not know: was it written by a newer one?"
                )
            }
            Self::Architecture => write!(f, "the weight file's layers make no network that fits this machine"),
            Self::Custom { place, name } => {
                write!(
                    f,
                    "layer {place} of the weight file is the custom layer {name}: only the program that defines it can load it"
                )
            }
            Self::Parameter { index } => {
                write!(
                    f,
                    "parameter {index} of the weight file does not have the name and shape that its layers give it"
                )
            }
            Self::WeightBytes { expected, found } => {
                write!(f, "there are {found} bytes or numbers of weights, but the layers have {expected}")
            }
            Self::Mismatch { place, expected, found } => {
                write!(f, "layer {place} of the weight file is ")?;
                shown(f, found)?;
                write!(f, ", that of this build's model is ")?;
                shown(f, expected)
            }
            Self::OtherThanCustom { place, expected, found } => {
                write!(f, "layer {place} of the weight file is ")?;
                shown(f, found)?;
                write!(f, ", that of this build's model is {expected}")
            }
            Self::View(error) => error.fmt(f),
            Self::Overflow { layer, row } => {
                write!(
                    f,
                    "linear layer {layer}, rows from {row}: the integers could overflow in a sum, or are out of range"
                )
            }
            Self::Record => {
                write!(
                    f,
                    "the record has a learning rate below 0, an accuracy outside 0 to 1, or a text with control characters"
                )
            }
            Self::Signature => {
                write!(f, "the signature does not fit the network: its input shape, preparation, task, names or units")
            }
            Self::TooLarge => write!(f, "the weights do not fit the buffer for the file, or its format's 4 GiB"),
        }
    }
}

fn shown(f: &mut fmt::Formatter<'_>, layer: &Option<LayerKind>) -> fmt::Result {
    match layer {
        Some(layer) => write!(f, "{layer}"),
        None => write!(f, "not there"),
    }
}

impl core::error::Error for WeightFileError {}
