//! The generator of random numbers: SplitMix64 (Steele, Lea, Flood 2014), whose draw `i` is computed directly from `i`.
//!
//! Draw `i` depends only on (seed, purpose, epoch, i). So draws can be made in any order, by any thread, on any machine.
//!
//! ```
//! use selvedge::random::{Generator, Purpose, shuffle};
//!
//! let draws = Generator::new(42, Purpose::Drawing, 0);
//! let (second, first) = (draws.bits(1), draws.bits(0));
//! assert_eq!([first, second], [0, 1].map(|index| draws.bits(index)));
//!
//! let mut order = [0; 4];
//! shuffle(&mut order, 42, 0);
//! order.sort();
//! assert_eq!(order, [0, 1, 2, 3]);
//! ```

/// SplitMix64's increment, 2⁶⁴ divided by the golden ratio.
const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// Computes SplitMix64's output function: a bijection of 64 bits (Stafford's mix 13).
const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The purpose of random numbers. Each purpose has its own stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(u64)]
pub enum Purpose {
    /// The initial parameters of a model.
    Initialization = 1,
    /// The order of the samples in an epoch.
    Shuffle = 2,
    /// Samples that a program makes, such as the images of the built-in data set.
    Drawing = 3,
    /// The numbers of [`fingerprint`](crate::fingerprint).
    Fingerprint = 4,
    /// The augmentation of an epoch's images.
    Augmentation = 5,
    /// The activations that dropout sets to 0 in a training step.
    Dropout = 6,
    /// The samples that are held out for validation or for the test, and the folds of a cross-validation.
    Split = 7,
    /// The settings that a search for good training settings tries.
    Search = 8,
}

/// One stream of draws, addressed by index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Generator {
    key: u64,
}

impl Generator {
    /// Returns the stream of a seed, a purpose and an epoch. The epoch is 0 if there is none.
    pub const fn new(seed: u64, purpose: Purpose, epoch: u64) -> Self {
        let key = mix(seed.wrapping_add(GAMMA));
        let key = mix(key.wrapping_add(purpose as u64));
        Self { key: mix(key.wrapping_add(epoch)) }
    }

    /// Returns draw `index`: 64 uniform bits.
    pub const fn bits(&self, index: u64) -> u64 {
        mix(self.key.wrapping_add(index.wrapping_add(1).wrapping_mul(GAMMA)))
    }

    /// Returns draw `index` as an integer in 0..bound (0 for a bound of 0): ⌊d · bound / 2³²⌋, where d is the upper 32 bits of the draw. The
    /// relative error of an integer's probability is below bound / 2³².
    pub const fn below(&self, index: u64, bound: u32) -> u32 {
        (((self.bits(index) >> 32) * bound as u64) >> 32) as u32
    }

    /// Returns draw `index` as a uniform number from −bound to below bound (a normal number): `bound · (d / 2²³ − 1)`, rounded once, where d is the
    /// upper 24 bits of the draw.
    pub fn symmetric(&self, index: u64, bound: f32) -> f32 {
        let draw = (self.bits(index) >> 40) as f32;
        bound * (draw / 8_388_608.0 - 1.0)
    }
}

/// Fills `order` with a permutation of 0..len for this seed and epoch (Fisher and Yates, from the last element down).
///
/// For each place p from the last down to 1, it swaps the elements at p and at [`below(p, p + 1)`](Generator::below).
pub fn shuffle(order: &mut [u32], seed: u64, epoch: u64) {
    let generator = Generator::new(seed, Purpose::Shuffle, epoch);
    for (place, index) in order.iter_mut().zip(0..) {
        *place = index;
    }
    for last in (1..order.len()).rev() {
        order.swap(last, generator.below(last as u64, last as u32 + 1) as usize);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_keep_their_bits() {
        let generator = Generator::new(42, Purpose::Shuffle, 3);
        assert_eq!([generator.bits(0), generator.bits(1)], [1_870_138_078_465_189_866, 9_421_079_236_802_263_398]);
        assert_eq!(generator.bits(u64::MAX), mix(generator.key));
    }

    #[test]
    fn streams_differ_by_seed_purpose_and_epoch() {
        let draw = |seed, purpose, epoch| Generator::new(seed, purpose, epoch).bits(0);
        let first = draw(1, Purpose::Shuffle, 1);
        assert_ne!(first, draw(2, Purpose::Shuffle, 1));
        assert_ne!(first, draw(1, Purpose::Drawing, 1));
        assert_ne!(first, draw(1, Purpose::Shuffle, 2));
    }

    #[test]
    #[cfg_attr(miri, ignore = "counts thousands of draws, in code without `unsafe`")]
    fn a_shuffle_is_a_permutation_and_even() {
        let mut counts = [[0u32; 5]; 5];
        for epoch in 0..10_000 {
            let mut order = [9; 5];
            shuffle(&mut order, 7, epoch);
            let mut sorted = order;
            sorted.sort_unstable();
            assert_eq!(sorted, [0, 1, 2, 3, 4]);
            for (place, &index) in order.iter().enumerate() {
                counts[place][index as usize] += 1;
            }
        }
        // Each of the 25 counts is binomial(10,000, 1/5): mean 2,000, standard deviation 40.
        assert!(counts.as_flattened().iter().all(|&n| n.abs_diff(2_000) < 200), "{counts:?}");
    }

    #[test]
    #[cfg_attr(miri, ignore = "counts thousands of draws, in code without `unsafe`")]
    fn below_stays_below() {
        let generator = Generator::new(0, Purpose::Drawing, 0);
        assert!((0..10_000).all(|i| generator.below(i, 7) < 7));
        assert_eq!(generator.below(5, 0), 0);
    }
}
