//! A hash of the [arithmetic](crate::arithmetic)'s results, to compare two targets.
//!
//! ```
//! use selvedge::fingerprint::of_arithmetic;
//!
//! for (function, hash) in of_arithmetic() {
//!     println!("{function}: {hash:016x}"); // a board that prints another hash breaks the contract
//! }
//! assert_eq!(of_arithmetic(), of_arithmetic());
//! ```

use crate::{
    arithmetic::{add_product, dot, exp, fma, ln, softmax, sqrt},
    random::{Generator, Purpose},
    weights,
};

/// The number of results in a hash.
const COUNT: usize = 512;

/// Returns the name of each function and the first eight bytes of SHA-256 over its results. The hashes are the same on every target that
/// keeps the contract.
///
/// `fma`, `exp`, `ln` and `sqrt` get numbers of all of binary32: ±∞, ±0, the largest and the smallest ones, and random ones with subnormals and NaN.
/// `fma` also gets random numbers from −2 to 2, so that its sums round and its terms cancel, and `exp` random numbers from −100 to 100. `dot` and
/// `add_product` get only numbers from −2 to 2, and `softmax` gets the sums of `add_product`. The chains have every length up to 64. The function
/// takes 4 KB of stack.
pub fn of_arithmetic() -> [(&'static str, u64); 7] {
    let any = |index: u64| match index % 8 {
        0 => EDGES[(index / 8 % 8) as usize],
        _ => f32::from_bits(DRAWS.bits(index) as u32),
    };
    let near = |index| DRAWS.symmetric(index, 2.0);
    // Half of the draws from each.
    let number = |index: u64| if index.is_multiple_of(2) { any(index) } else { near(index) };
    let products = |place: u64| fma(number(3 * place), number(3 * place + 2), number(3 * place + 4));

    let mut a = [0.0; 64];
    let mut b = [0.0; 64];
    for ((a, b), index) in a.iter_mut().zip(&mut b).zip(0..) {
        (*a, *b) = (near(index), near(index + 1000));
    }
    let chain = |place: u64| {
        let len = place as usize % 65;
        dot(near(place), a.split_at_checked(len).unwrap_or_default().0, &b)
    };
    let mut sums = [0.0; 64];
    for len in 0..=64 {
        add_product(near(len as u64), a.split_at_checked(len).unwrap_or_default().0, &mut sums);
    }
    let mut probabilities = [0.0; 64];
    softmax(&sums, &mut probabilities);
    [
        ("fma", hash(products)),
        ("exp", hash(|place| exp(if place.is_multiple_of(2) { any(place) } else { 50.0 * near(place) }))),
        ("ln", hash(|place| ln(any(place)))),
        ("sqrt", hash(|place| sqrt(any(place)))),
        ("dot", hash(chain)),
        ("add_product", hash(|place| sums[place as usize % 64])),
        ("softmax", hash(|place| probabilities[place as usize % 64])),
    ]
}

const DRAWS: Generator = Generator::new(0, Purpose::Fingerprint, 0);

/// The ends of binary32, which are hardly ever drawn. The last one is the smallest subnormal.
const EDGES: [f32; 8] =
    [f32::INFINITY, f32::NEG_INFINITY, 0.0, -0.0, f32::MAX, f32::MIN, f32::MIN_POSITIVE, f32::from_bits(1)];

/// Hashes the function's results for 0..COUNT. Every NaN counts as the same number.
fn hash(function: impl Fn(u64) -> f32) -> u64 {
    let mut results = [0.0; COUNT];
    for (result, place) in results.iter_mut().zip(0..) {
        let value = function(place);
        *result = if value.is_nan() { f32::from_bits(0x7fc0_0000) } else { value };
    }
    weights::hash(&results).first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_contract_keeps_its_bits() {
        let expected = [
            ("fma", 7245066095444823260),
            ("exp", 15140857474222269590),
            ("ln", 15094403127285395757),
            ("sqrt", 16433702830840295700),
            ("dot", 10038901577484929234),
            ("add_product", 16014298786665881959),
            ("softmax", 5328254870811862749),
        ];
        assert_eq!(of_arithmetic(), expected);
    }
}
