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

use heapless::Vec;

use super::{BIAS_LIMIT, MAX_ACTIVATION, SUM_LIMIT};
use crate::architecture::{Architecture, LayerKind, MAX_LAYERS};

/// Rows in a block.
pub(super) const ROWS: usize = 8;
/// Bytes of a pair of columns in a block.
pub(super) const PAIR_BYTES: usize = 2 * ROWS;
/// Bytes of a block's biases, and of its multipliers.
const VECTOR_BYTES: usize = 4 * ROWS;
/// Where a block's weights begin.
pub(super) const WEIGHTS: usize = 2 * VECTOR_BYTES;

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
            Some(weights) => weights.checked_add(WEIGHTS),
            None => None,
        }
    }

    pub fn bytes(self) -> Option<usize> {
        self.blocks().checked_mul(self.block_bytes()?)
    }
}

/// A chain's widths, little-endian: of its inputs, and of each layer's outputs.
pub(super) type Widths = [[u8; 4]];

/// The widths of a chain of linear layers with ReLU between them; none of any other.
pub(super) fn widths(architecture: &Architecture) -> Option<Vec<[u8; 4], { MAX_LAYERS + 1 }>> {
    let mut widths = Vec::new();
    let layers = architecture.layers();
    for (place, layer) in layers.iter().enumerate() {
        match layer {
            LayerKind::Linear { inputs, outputs } if place.is_multiple_of(2) => {
                if place == 0 {
                    widths.push(inputs.to_le_bytes()).ok()?;
                }
                widths.push(outputs.to_le_bytes()).ok()?;
            }
            LayerKind::Relu { .. } if !place.is_multiple_of(2) => {}
            _ => return None,
        }
    }
    (!layers.len().is_multiple_of(2)).then_some(widths)
}

/// The chain of these widths.
pub(super) fn architecture(widths: &Widths) -> Architecture {
    let mut layers = Vec::new();
    for (place, shape) in shapes(widths).enumerate() {
        let (inputs, outputs) = (shape.inputs as u32, shape.outputs as u32);
        // There is room: `bytes` has been asked.
        if place > 0 {
            let _ = layers.push(LayerKind::Relu { width: inputs });
        }
        let _ = layers.push(LayerKind::Linear { inputs, outputs });
    }
    Architecture::from_layers(layers)
}

/// The linear layers.
pub(super) fn shapes(widths: &Widths) -> impl Iterator<Item = Shape> {
    let widths = widths.iter().map(|width| u32::from_le_bytes(*width) as usize);
    widths.clone().zip(widths.skip(1)).map(|(inputs, outputs)| Shape { inputs, outputs })
}

/// Bytes of all layers, if the chain is one that an [`Architecture`] can be, no layer is empty, and this machine can count them.
pub(super) fn bytes(widths: &Widths) -> Option<usize> {
    let is_chain = (2..=MAX_LAYERS.div_ceil(2) + 1).contains(&widths.len());
    if !is_chain || widths.contains(&[0; 4]) {
        return None;
    }
    shapes(widths).try_fold(0_usize, |sum, shape| sum.checked_add(shape.bytes()?))
}

/// A block of a layer's rows, in place.
#[derive(Clone, Copy)]
pub(super) struct Block<'a> {
    bytes: &'a [u8],
}

impl<'a> Block<'a> {
    /// A layer's blocks.
    pub fn all(shape: Shape, bytes: &'a [u8]) -> impl Iterator<Item = Self> {
        // A block that cannot be counted is in no file.
        bytes.chunks_exact(shape.block_bytes().unwrap_or(usize::MAX)).map(|bytes| Self { bytes })
    }

    #[cfg(has_dsp)]
    pub fn bytes(self) -> &'a [u8] {
        self.bytes
    }

    pub fn biases(self) -> impl Iterator<Item = i32> {
        integers(self.bytes).take(ROWS)
    }

    pub fn multipliers(self) -> impl Iterator<Item = i32> {
        integers(self.bytes).skip(ROWS).take(ROWS)
    }

    /// Four words for each pair of columns.
    pub fn weights(self) -> &'a [[u8; PAIR_BYTES]] {
        self.bytes.get(WEIGHTS..).unwrap_or_default().as_chunks().0
    }

    /// Whether nothing in it can overflow and no multiplier is negative.
    pub fn is_sound(self) -> bool {
        let is_row_sound = |row: usize| {
            let (mut positive, mut negative) = (0, 0);
            for columns in self.weights().as_flattened().as_chunks::<4>().0.iter().skip(row / 2).step_by(ROWS / 2) {
                for half in columns.as_chunks().0 {
                    let (lower, upper) = split(*half);
                    let weight = if row.is_multiple_of(2) { lower } else { upper };
                    positive += weight.max(0);
                    negative -= weight.min(0);
                }
            }
            positive.max(negative) < SUM_LIMIT.div_ceil(MAX_ACTIVATION.into()) as i32
        };
        self.biases().all(|bias| bias.unsigned_abs() < BIAS_LIMIT)
            && self.multipliers().all(|multiplier| multiplier >= 0)
            && (0..ROWS).all(is_row_sound)
    }
}

fn integers(bytes: &[u8]) -> impl Iterator<Item = i32> {
    bytes.as_chunks().0.iter().map(|bytes| i32::from_le_bytes(*bytes))
}

/// The weights of two rows in a half word: the lower row's, the upper row's.
pub(super) const fn split([low, high]: [u8; 2]) -> (i32, i32) {
    // A lower weight below 0 has taken 1 from the upper byte.
    (low as i8 as i32, high as i8 as i32 + (low >> 7) as i32)
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
