//! Weights in f16, computed in binary32 by the [contract](crate::arithmetic). A binary32 model with the same
//! weights gives the same bits.
//!
//! | part of a layer | bytes | meaning |
//! |---|---|---|
//! | biases | outputs × f32 | |
//! | weights | outputs × ⌈inputs / 2⌉ × 4 | row after row, two bytes for each input, then two zero bytes if their number is odd |

#[cfg_attr(has_vfma, path = "vfp.rs")]
#[cfg_attr(not(has_vfma), path = "portable.rs")]
mod kernel;
mod network;

use super::{
    format::{Encoding, QuantizedFormat},
    layout::{Shape, check_len},
    workspace::{Place, required},
};
use crate::weights::WeightFileError;

/// Weights in f16: floating-point numbers of 16 bits, binary16 in IEEE 754.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct F16;

/// A layer's numbers.
#[derive(Clone, Copy, Debug)]
pub struct F16Layer<'a> {
    /// The weights row after row, one row for each output: the bits of each f16.
    pub weight: &'a [u16],
    /// One bias for each output.
    pub bias: &'a [f32],
}

impl F16 {
    /// Returns the f32 that equals the f16 with these bits. The result is exact.
    pub fn widen(bits: u16) -> f32 {
        const SUBNORMAL_UNIT: f32 = 1.0 / (1 << 24) as f32;
        let sign = u32::from(bits & 0x8000) << 16;
        let (exponent, fraction) = (u32::from(bits >> 10 & 31), u32::from(bits & 0x3ff));
        let magnitude = match exponent {
            0 => (fraction as f32 * SUBNORMAL_UNIT).to_bits(),
            31 => 0x7f80_0000 | fraction << 13,
            _ => (exponent + 112) << 23 | fraction << 13,
        };
        f32::from_bits(sign | magnitude)
    }
}

impl F16 {
    /// Returns the number of words for a layer's inputs, and for its outputs unless they are the logits.
    const fn layer_words(shape: Shape, place: Place) -> usize {
        if place.is_last { shape.inputs } else { shape.inputs + shape.outputs }
    }
}

required! { F16
    /// Returns the number of 32-bit words that a prediction needs as its workspace. `widths` are the network's inputs, then each layer's outputs.
}

impl QuantizedFormat for F16 {
    const NAME: &'static str = "f16";
    type Layer<'a> = F16Layer<'a>;
}

/// Returns the number of bytes of a row of weights, if this machine can count them.
fn row_bytes(inputs: usize) -> Option<usize> {
    inputs.div_ceil(2).checked_mul(4)
}

impl Encoding for F16 {
    const MAGIC: [u8; 8] = *b"SELVFP16";
    const IS_INTEGERS: bool = false;
    const ALIGNMENT: usize = kernel::ALIGNMENT;

    fn bytes(Shape { inputs, outputs }: Shape) -> Option<usize> {
        outputs.checked_mul(row_bytes(inputs)?.checked_add(size_of::<f32>())?)
    }

    fn words(shape: Shape, place: Place) -> usize {
        Self::layer_words(shape, place)
    }

    fn write(_: usize, shape: Shape, layer: F16Layer<'_>, place: &mut [u8]) -> Result<(), WeightFileError> {
        let Shape { inputs, outputs } = shape;
        check_len(inputs * outputs, layer.weight.len())?;
        check_len(outputs, layer.bias.len())?;
        let (biases, rows) = place.split_at_mut_checked(outputs * size_of::<f32>()).ok_or(WeightFileError::TooLarge)?;
        for (place, bias) in biases.as_chunks_mut().0.iter_mut().zip(layer.bias) {
            *place = bias.to_le_bytes();
        }
        let row_bytes = row_bytes(inputs).ok_or(WeightFileError::TooLarge)?;
        for (place, row) in rows.chunks_mut(row_bytes).zip(layer.weight.chunks(inputs)) {
            place.fill(0);
            for (place, weight) in place.as_chunks_mut().0.iter_mut().zip(row) {
                *place = weight.to_le_bytes();
            }
        }
        Ok(())
    }

    fn check(_: usize, _: Shape, _: &[u8]) -> Result<(), WeightFileError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_widened_exactly() {
        // An interpreter, which is slow, takes some of each exponent.
        for bits in (0..=u16::MAX).step_by(if cfg!(miri) { 251 } else { 1 }) {
            let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 0x3ff));
            let sign = if bits < 0x8000 { 1.0 } else { -1.0 };
            let value = match exponent {
                31 if fraction == 0.0 => sign * f64::INFINITY,
                31 => f64::NAN,
                0 => sign * fraction * 2_f64.powi(-24),
                _ => sign * (1024.0 + fraction) * 2_f64.powi(exponent - 25),
            };
            let widened = F16::widen(bits);
            let is_same = widened.to_bits() == (value as f32).to_bits() || widened.is_nan() && value.is_nan();
            assert!(is_same, "{bits:04x}: {widened}, not {value}");
        }
    }
}
