//! The chain for any processor, without instructions of its own.

use super::F16;
use crate::arithmetic::fma;

pub const ALIGNMENT: usize = 1;

pub fn dot(start: f32, input: &[f32], weight: &[[u8; 2]]) -> f32 {
    let terms = input.iter().zip(weight);
    terms.fold(start, |sum, (&x, &w)| fma(x, F16::widen(u16::from_le_bytes(w)), sum))
}
