use core::fmt::Debug;

use super::{
    active::{Active, Entry},
    block::{Block, ROWS},
    layout::Shape,
    workspace::Place,
};
use crate::weights::WeightFileError;

/// The number format of a quantised file: [`Int8`](super::Int8), [`Int4`](super::Int4) or [`F16`](super::F16).
pub trait QuantizedFormat: Encoding {
    /// Its name: `int8`, `int4`, `f16`.
    const NAME: &'static str;
    /// A layer's numbers, as an exporter has them.
    type Layer<'a>: Copy;
}

/// How a layer lies in a file.
pub trait Encoding: Copy + Debug + Sized + 'static {
    /// The first bytes of a file.
    const MAGIC: [u8; 8];
    /// True where the network computes in integers.
    const IS_INTEGERS: bool;
    /// The alignment in bytes that this machine's kernel needs for the weights.
    const ALIGNMENT: usize;

    /// Bytes of a layer, if this machine can count them.
    fn bytes(shape: Shape) -> Option<usize>;

    /// The words that a prediction works in for a layer.
    fn words(shape: Shape, place: Place) -> usize;

    /// Writes a layer, the `index`-th, into its bytes.
    fn write(index: usize, shape: Shape, layer: Self::Layer<'_>, place: &mut [u8]) -> Result<(), WeightFileError>
    where
        Self: QuantizedFormat;

    /// Checks that a layer, the `index`-th, can be computed: no sum of its integers overflows.
    fn check(index: usize, shape: Shape, bytes: &[u8]) -> Result<(), WeightFileError>;
}

/// A format that is computed in integers, in blocks of eight rows.
pub trait Integers: QuantizedFormat + Kernel {}

/// A block of rows times a layer's inputs.
pub trait Kernel: Encoding {
    /// Bytes of a block's weights, if this machine can count them.
    fn weight_bytes(inputs: usize) -> Option<usize>;

    /// Lists a layer's inputs, if the entries suffice.
    fn list<'a>(inputs: &[u8], entries: &'a mut [Entry]) -> Option<Active<'a, Self>>;

    /// `⌊((b + Σ wᵢ xᵢ) · m + 2³¹) / 2³²⌋` of each row of a block of the layer whose inputs are listed.
    fn rows(active: &Active<'_, Self>, block: Block<'_>) -> [i32; ROWS];
}
