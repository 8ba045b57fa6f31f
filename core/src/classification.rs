//! Turns logits into an answer: class, probabilities, top-k.
//!
//! ```
//! use selvedge::classification::argmax;
//!
//! assert_eq!(argmax([0.5, 2.0, -1.0]), 1);
//! ```

use heapless::Vec;

#[cfg(feature = "micromath")]
use crate::arithmetic::softmax_by;
pub use crate::arithmetic::{probabilities, softmax};

/// Returns the index of the largest logit. If several logits are the largest, it returns the lowest index. NaN is ignored. If there is no logit, or if
/// all are NaN, it returns 0.
pub fn argmax<T: PartialOrd>(logits: impl IntoIterator<Item = T>) -> usize {
    let mut best: Option<(usize, T)> = None;
    for (class, z) in logits.into_iter().enumerate() {
        let is_number = z.partial_cmp(&z).is_some();
        if is_number && best.as_ref().is_none_or(|(_, largest)| z > *largest) {
            best = Some((class, z));
        }
    }
    best.map_or(0, |(class, _)| class)
}

/// Returns the classes of the `K` largest logits with their probabilities, the largest first. Of equal logits, the lower class comes first.
/// NaN is left out.
///
/// The classes are ordered by their logits and not by their probabilities, because two probabilities may be rounded to the same number. So the first
/// class is the result of [`argmax`]. If fewer than `K` logits are numbers, the result is shorter.
///
/// ```
/// use selvedge::classification::{probabilities, top_k};
///
/// let logits = [0.5, 2.0, -1.0];
/// let top = top_k::<2, _>(logits, probabilities(logits.iter().copied()));
/// assert_eq!((top[0].0, top[1].0), (1, 0));
/// ```
pub fn top_k<const K: usize, T: PartialOrd + Copy>(
    logits: impl IntoIterator<Item = T>,
    probabilities: impl IntoIterator<Item = f32>,
) -> Vec<(usize, f32), K> {
    let mut top: Vec<(T, usize, f32), K> = Vec::new();
    for (class, (z, probability)) in logits.into_iter().zip(probabilities).enumerate() {
        let is_number = z.partial_cmp(&z).is_some();
        let place = top.iter().position(|&(other, ..)| z > other).unwrap_or(top.len());
        if is_number && place < K {
            if top.is_full() {
                top.pop();
            }
            // There is room, and `place` is within the vector.
            let _ = top.insert(place, (z, class, probability));
        }
    }
    top.iter().map(|&(_, class, probability)| (class, probability)).collect()
}

/// Writes softmax for a device's display, by `micromath`'s fast `exp`. Each probability is within 0.001 of [`softmax`]'s.
///
/// It needs the feature `micromath`. It is not part of the arithmetic contract, so no training may use it.
#[cfg(feature = "micromath")]
pub fn display_probabilities(logits: &[f32], probabilities: &mut [f32]) {
    // Named in full: where `std` is linked, as for tests, its own `exp` would be called.
    softmax_by(micromath::F32Ext::exp, logits, probabilities);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_the_largest_wins() {
        assert_eq!(argmax([1.0, 3.0, 3.0, f32::NAN]), 1);
        assert_eq!(argmax([f32::NAN, -1.0]), 1);
        assert_eq!(argmax([f32::NAN; 3]), 0);
        assert_eq!(argmax([0.0; 0]), 0);
        assert_eq!(argmax([i32::MIN, i32::MIN + 1, i32::MIN]), 1);
    }

    #[test]
    fn top_k_is_sorted_and_short_where_there_is_less() {
        let (z, p) = ([1.0, 4.0, 1.0, f32::NAN, 3.0], [0.1, 0.4, 0.1, f32::NAN, 0.3]);
        assert_eq!(top_k::<3, _>(z, p).as_slice(), [(1, 0.4), (4, 0.3), (0, 0.1)]);
        assert_eq!(top_k::<9, _>(z, p).len(), 4);
        assert!(top_k::<0, _>(z, p).is_empty());
        // Logits may differ where their probabilities do not.
        assert_eq!(top_k::<1, _>([0, 1, 2], [0.25; 3])[0], (2, 0.25));
    }

    #[cfg(feature = "micromath")]
    mod display {
        use proptest::prelude::*;

        use super::*;

        proptest! {
            #![proptest_config(ProptestConfig::with_cases(20_000))]

            #[test]
            fn probabilities_keep_their_bound(
                mut logits in prop::array::uniform10(-30.0f32..30.0),
                scale in prop_oneof![Just(1.0f32), Just(0.1), Just(1e3), Just(1e30)],
                below in 1.0f32..4.0,
                equal: bool,
            ) {
                for logit in &mut logits[1..] {
                    // Equal logits some way below the top one are the worst case.
                    *logit = if equal { -below } else { *logit * scale };
                }
                if equal {
                    logits[0] = 0.0;
                }
                let (mut exact, mut fast) = ([0.0; 10], [0.0; 10]);
                softmax(&logits, &mut exact);
                display_probabilities(&logits, &mut fast);
                for (exact, fast) in exact.iter().zip(fast) {
                    prop_assert!((exact - fast).abs() <= 0.001, "{fast} for {exact}");
                }
            }
        }
    }
}
