//! The memory that a prediction works in: one slice of words, whose length follows from the widths.

use core::fmt;

use super::{
    F16, Int4, Int8,
    active::Entry,
    block::ROWS,
    file::{VERSION, WITHOUT_SIGNATURE},
    format::Encoding,
    layout::{MAX_WIDTHS, Shape},
};
use crate::{architecture::MAX_WIDTH, preparation::ValueError, weights::Header};

/// A layer's place in its network: the first, the last, both or neither.
#[derive(Clone, Copy)]
pub struct Place {
    pub is_first: bool,
    pub is_last: bool,
}

/// Returns the number of words of an integer layer: those of [`activations`], and those of the list of inputs.
pub const fn of_integers(entries: usize, shape: Shape, place: Place) -> usize {
    activations(shape, place.is_first) + entries * size_of::<Entry>() / size_of::<u32>()
}

/// Returns the number of 32-bit words that a layer's activations take. Activations are bytes. The outputs overwrite the inputs, and are
/// filled up to whole blocks of rows. The first layer's inputs and the last layer's outputs lie elsewhere, but there may be room for these
/// outputs.
pub const fn activations(shape: Shape, is_first: bool) -> usize {
    let bytes = if is_first || shape.inputs < shape.outputs { shape.outputs } else { shape.inputs };
    bytes.next_multiple_of(ROWS) / size_of::<u32>()
}

/// Writes a format's constant function that computes the workspace from a network's widths.
macro_rules! required {
    ($format:ident $(#[$doc:meta])*) => {
        impl $format {
            $(#[$doc])*
            pub const fn required_words(widths: &[usize]) -> usize {
                let (mut most, mut layer) = (0, 0);
                while layer + 1 < widths.len() {
                    let shape = $crate::quantized::layout::Shape { inputs: widths[layer], outputs: widths[layer + 1] };
                    let place =
                        $crate::quantized::workspace::Place { is_first: layer == 0, is_last: layer + 2 == widths.len() };
                    let words = Self::layer_words(shape, place);
                    if words > most {
                        most = words;
                    }
                    layer += 1;
                }
                most
            }
        }
    };
}
pub(super) use required;

/// Returns the number of 32-bit words that a prediction needs as its workspace. `file` is a whole quantised file that is known when a program is
/// built. The result can be the length of an array, as in the [module's example](crate::quantized).
///
/// # Panics
///
/// If the bytes do not begin as a quantised file, or if their number is not the length that the file states. In a constant, that is an error of
/// the build.
pub const fn required_words(file: &[u8]) -> usize {
    if Header::is_of(file, Int8::MAGIC) {
        let (widths, count) = widths(file, Int8::MAGIC);
        Int8::required_words(widths.split_at(count).0)
    } else if Header::is_of(file, Int4::MAGIC) {
        let (widths, count) = widths(file, Int4::MAGIC);
        Int4::required_words(widths.split_at(count).0)
    } else {
        let (widths, count) = widths(file, F16::MAGIC);
        F16::required_words(widths.split_at(count).0)
    }
}

/// Returns the widths at the start of a quantised file, and their number.
pub(crate) const fn widths(file: &[u8], magic: [u8; 8]) -> ([usize; MAX_WIDTHS], usize) {
    let mut header = Header::new(file, magic, WITHOUT_SIGNATURE, VERSION);
    let count = header.varint() as usize / size_of::<u32>();
    assert!(2 <= count && count <= MAX_WIDTHS, "the embedded file has no network's widths");
    let (mut widths, mut place) = ([0; MAX_WIDTHS], 0);
    while place < count {
        widths[place] = header.u32() as usize;
        assert!(1 <= widths[place] && widths[place] <= MAX_WIDTH as usize, "the embedded file has no network's widths");
        place += 1;
    }
    (widths, count)
}

/// The error of a workspace, a sample or a place for logits with the wrong size, or of raw values with another element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum WorkspaceError {
    /// The sample has the wrong length. `run_raw` takes one raw value for each input. `run` takes one code (a byte) for each input of an integer
    /// network, and the bytes of one raw value for each input of an F16 network.
    Sample,
    /// The workspace has fewer words than the network requires.
    Workspace,
    /// The place for logits does not have a number for each of the network's outputs.
    Logits,
    /// The raw values have another number type than the network's file says. A wrong number of values is [`Sample`](Self::Sample).
    Value(ValueError),
}

impl From<ValueError> for WorkspaceError {
    fn from(error: ValueError) -> Self {
        Self::Value(error)
    }
}

impl fmt::Display for WorkspaceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Value(error) => return error.fmt(f),
            Self::Sample => "the sample does not have as many values as the network has inputs",
            Self::Workspace => "the workspace has fewer words than the network's required_words()",
            Self::Logits => "there is not a place for a logit for each of the network's outputs",
        })
    }
}

impl core::error::Error for WorkspaceError {}
