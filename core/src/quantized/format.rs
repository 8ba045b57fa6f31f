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
    /// The format's name: `int8`, `int4` or `f16`.
    const NAME: &'static str;
    /// The numbers of a layer, which an exporter computes.
    type Layer<'a>: Copy;
}

/// The encoding of a layer in a file.
pub trait Encoding: Copy + Debug + Sized + 'static {
    /// The first eight bytes of a file.
    const MAGIC: [u8; 8];
    /// True if the network computes in integers.
    const IS_INTEGERS: bool;
    /// The alignment in bytes that this machine's kernel needs for the weights.
    const ALIGNMENT: usize;

    /// Returns the number of bytes of a layer, or `None` if this machine cannot count them.
    fn bytes(shape: Shape) -> Option<usize>;

    /// Returns the number of 32-bit words of workspace that a prediction needs for a layer.
    fn words(shape: Shape, place: Place) -> usize;

    /// Writes the layer with this index into its bytes.
    fn write(index: usize, shape: Shape, layer: Self::Layer<'_>, place: &mut [u8]) -> Result<(), WeightFileError>
    where
        Self: QuantizedFormat;

    /// Checks that the layer with this index can be computed: no sum of its integers overflows.
    fn check(index: usize, shape: Shape, bytes: &[u8]) -> Result<(), WeightFileError>;
}

/// A format whose networks compute in integers, in blocks of eight rows.
pub trait Integers: QuantizedFormat + Kernel {}

/// The multiplication of a block of rows by a layer's inputs.
pub trait Kernel: Encoding {
    /// Returns the number of bytes of a block's weights, if this machine can count them.
    fn weight_bytes(inputs: usize) -> Option<usize>;

    /// Lists a layer's inputs, or returns `None` if there are not enough entries.
    fn list<'a>(inputs: &[u8], entries: &'a mut [Entry]) -> Option<Active<'a, Self>>;

    /// Returns `⌊((b + Σ wᵢ xᵢ) · m + 2³¹) / 2³²⌋` for each row of a block. `active` lists the layer's inputs.
    fn rows(active: &Active<'_, Self>, block: Block<'_>) -> [i32; ROWS];
}
