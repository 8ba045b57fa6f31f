//! Checks the arithmetic of WebAssembly's vectors in the browser, because no host has these instructions.

use selvedge::{
    arithmetic::{add_product, fma},
    random::{Generator, Purpose},
};
use wasm_bindgen::prelude::*;

/// The number of elements in a row: whole vectors and a rest.
const LEN: usize = 11;

/// Computes this number of rows of 11 fused multiply-adds, once by vectors and once number by number. Returns the number of results that differ.
///
/// The numbers have random bits, or give products that cancel or are subnormal, or are special values such as −0, infinity and NaN.
#[wasm_bindgen(js_name = rowFaults)]
pub fn row_faults(seed: u32, rows: u32) -> u32 {
    let draws = Generator::new(seed.into(), Purpose::Fingerprint, 0);
    let mut faults = 0;
    for row in 0..u64::from(rows) {
        let bits = |place: u64| draws.bits(row * 64 + place) as u32;
        let number = |place| match row % 4 {
            0 => f32::from_bits(bits(place)),
            // Exponents around that of 1, and few bits.
            1 => f32::from_bits(bits(place) & 0x81ff_0001 | 0x3e00_0000),
            // Exponents of which products are subnormal.
            2 => f32::from_bits(bits(place) & 0x80ff_ffff | 0x1f80_0000),
            _ => [0.0, -0.0, 1.0, f32::INFINITY, f32::NAN, -1.0, 0.5, 1e-30][bits(place) as usize % 8],
        };
        let scale = if row % 8 == 7 { -0.0 } else { number(0) };
        let x: [f32; LEN] = core::array::from_fn(|place| number(1 + place as u64));
        let start: [f32; LEN] = core::array::from_fn(|place| match row % 3 {
            // Nearly the product's opposite.
            0 => f32::from_bits((-(scale * x[place])).to_bits() ^ bits(40 + place as u64) & 3),
            _ => number(20 + place as u64),
        });
        let mut sums = start;
        add_product(scale, &x, &mut sums);
        for ((sum, x), start) in sums.iter().zip(x).zip(start) {
            let expected = fma(scale, x, start);
            let is_equal = sum.to_bits() == expected.to_bits() || sum.is_nan() && expected.is_nan();
            faults += u32::from(!is_equal);
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hosts_rows_are_its_numbers() {
        assert_eq!(row_faults(1, 20_000), 0);
    }
}
