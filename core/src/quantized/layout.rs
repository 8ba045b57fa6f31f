//! Where a layer's integers lie in the file: eight rows in a block, and in the order in which a kernel reads them.
//!
//! | part of a block | bytes | meaning |
//! |---|---|---|
//! | biases | 8 × i32 | of rows 8k to 8k + 7 |
//! | multipliers | 8 × i32 | of the same |
//! | weights | ⌈inputs / 2⌉ × 16 | for each pair of columns (2p, 2p + 1), four words |
//!
//! Word j of a pair holds rows 2j and 2j + 1: its lower half is `256 · w[2j + 1][2p] + w[2j][2p]`, its upper half the same of column 2p + 1.
//! Rows and columns that a layer does not have are zeros. All is little-endian.

use super::{BIAS_LIMIT, MAX_ACTIVATION, SUM_LIMIT};
use crate::architecture::{Architecture, LayerKind};

/// Rows in a block.
pub(super) const ROWS: usize = 8;
/// Bytes of a pair of columns in a block.
pub(super) const PAIR_BYTES: usize = 2 * ROWS;
/// Bytes of a block's biases, and of its multipliers.
const VECTOR_BYTES: usize = 4 * ROWS;

/// A layer's integers, as an exporter has them.
#[derive(Clone, Copy, Debug)]
pub struct Layer<'a> {
    /// Row after row, one row for each output.
    pub weights: &'a [i8],
    /// One for each output.
    pub biases: &'a [i32],
    /// One for each output, from 0.
    pub multipliers: &'a [i32],
}

/// A layer's widths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub inputs: usize,
    pub outputs: usize,
}

impl Shape {
    pub const fn pairs(self) -> usize {
        self.inputs.div_ceil(2)
    }

    pub const fn blocks(self) -> usize {
        self.outputs.div_ceil(ROWS)
    }

    /// Bytes of a block, if this machine can count them.
    pub const fn block_bytes(self) -> Option<usize> {
        match self.pairs().checked_mul(PAIR_BYTES) {
            Some(weights) => weights.checked_add(2 * VECTOR_BYTES),
            None => None,
        }
    }

    pub fn bytes(self) -> Option<usize> {
        self.blocks().checked_mul(self.block_bytes()?)
    }
}

/// The linear layers of a chain of linear layers with ReLU between them; none of any other.
pub(super) fn shapes(architecture: &Architecture) -> Option<impl Iterator<Item = Shape> + Clone + '_> {
    let layers = architecture.layers();
    let is_supported = layers.iter().enumerate().all(|(place, layer)| match layer {
        LayerKind::Linear { .. } => place % 2 == 0,
        LayerKind::Relu { .. } => place % 2 == 1,
        _ => false,
    });
    (is_supported && layers.len() % 2 == 1).then(|| {
        layers.iter().step_by(2).map(|layer| {
            let (inputs, outputs) = layer.widths();
            Shape { inputs: inputs as usize, outputs: outputs as usize }
        })
    })
}

/// Bytes of all layers.
pub(super) fn bytes(architecture: &Architecture) -> Option<usize> {
    shapes(architecture)?.try_fold(0_usize, |sum, shape| sum.checked_add(shape.bytes()?))
}

/// A block, in place.
#[derive(Clone, Copy)]
pub(super) struct Block<'a> {
    pub biases: &'a [[u8; 4]; ROWS],
    pub multipliers: &'a [[u8; 4]; ROWS],
    pub weights: &'a [[u8; PAIR_BYTES]],
}

impl<'a> Block<'a> {
    /// A block of [`Shape::block_bytes`].
    pub fn new(bytes: &'a [u8]) -> Option<Self> {
        let (biases, rest) = bytes.split_first_chunk::<VECTOR_BYTES>()?;
        let (multipliers, weights) = rest.split_first_chunk::<VECTOR_BYTES>()?;
        let vector = |bytes: &'a [u8; VECTOR_BYTES]| bytes.as_chunks().0.try_into().ok();
        Some(Self { biases: vector(biases)?, multipliers: vector(multipliers)?, weights: weights.as_chunks().0 })
    }

    /// Whether nothing in it can overflow and no multiplier is negative.
    pub fn is_sound(&self) -> bool {
        let is_bias = |bytes: &[u8; 4]| i32::from_le_bytes(*bytes).unsigned_abs() < BIAS_LIMIT;
        let is_multiplier = |bytes: &[u8; 4]| i32::from_le_bytes(*bytes) >= 0;
        let mut positive = [0_u32; ROWS];
        let mut negative = [0_u32; ROWS];
        for pair in self.weights {
            for (j, half) in pair.as_chunks().0.iter().enumerate() {
                let (lower, upper) = split(i16::from_le_bytes(*half));
                for (row, weight) in [(j / 2 * 2, lower), (j / 2 * 2 + 1, upper)] {
                    let sums = if weight < 0 { &mut negative } else { &mut positive };
                    if let Some(sum) = sums.get_mut(row) {
                        *sum = sum.saturating_add(weight.unsigned_abs().into());
                    }
                }
            }
        }
        self.biases.iter().all(is_bias)
            && self.multipliers.iter().all(is_multiplier)
            && positive.iter().chain(&negative).all(|&sum| sum < SUM_LIMIT.div_ceil(MAX_ACTIVATION.into()))
    }
}

/// The weights of two rows in a half word: the lower row's, the upper row's.
pub(super) const fn split(half: i16) -> (i16, i16) {
    let lower = half as i8 as i16;
    (lower, half.wrapping_sub(lower) >> 8)
}

/// Writes a layer's blocks. The layer has as many of everything as its shape says.
pub(super) fn write(shape: Shape, layer: &Layer<'_>, place: &mut [u8]) {
    let Some(block_bytes) = shape.block_bytes() else { return };
    let weight = |row: usize, column: usize| {
        let is_there = row < shape.outputs && column < shape.inputs;
        if is_there { layer.weights.get(row * shape.inputs + column).copied().unwrap_or(0) } else { 0 }
    };
    for (k, block) in place.chunks_mut(block_bytes).enumerate() {
        let (biases, rest) = block.split_at_mut(VECTOR_BYTES);
        let (multipliers, weights) = rest.split_at_mut(VECTOR_BYTES);
        for (place, values) in [(biases, layer.biases), (multipliers, layer.multipliers)] {
            for (r, bytes) in place.as_chunks_mut().0.iter_mut().enumerate() {
                *bytes = values.get(k * ROWS + r).copied().unwrap_or(0).to_le_bytes();
            }
        }
        for (h, half) in weights.as_chunks_mut().0.iter_mut().enumerate() {
            let (pair, within) = (h / ROWS, h % ROWS);
            let (row, column) = (k * ROWS + within / 2 * 2, pair * 2 + within % 2);
            *half = (256 * i16::from(weight(row + 1, column)) + i16::from(weight(row, column))).to_le_bytes();
        }
    }
}
