//! One image's random numbers, taken one after another from its own part of the stream.

use selvedge::random::{Generator, Purpose};

/// The number of draws for an image's shape. The draws after these are for the noise of its pixels.
const SHAPE: u64 = 1024;
/// The number of draws for an image.
const STRIDE: u64 = 2048;

/// The draws of one image.
pub struct Draws {
    generator: Generator,
    first: u64,
    taken: u64,
}

impl Draws {
    /// Returns the draws of image `index`, in the stream of this seed and split.
    pub const fn new(seed: u64, split: u64, index: u64) -> Self {
        Self { generator: Generator::new(seed, Purpose::Drawing, split), first: index * STRIDE, taken: 0 }
    }

    /// Returns the next draw: uniform in `low..=high`.
    pub fn range(&mut self, low: i32, high: i32) -> i32 {
        debug_assert!(low <= high && self.taken < SHAPE);
        let draw = self.generator.below(self.first + self.taken, (high - low + 1) as u32);
        self.taken += 1;
        low + draw as i32
    }

    /// Returns the next draw: uniform in `-spread..=spread`.
    pub fn around(&mut self, spread: i32) -> i32 {
        self.range(-spread, spread)
    }

    /// Returns the next draw: true with a probability of `percent` in a hundred.
    pub fn chance(&mut self, percent: i32) -> bool {
        self.range(0, 99) < percent
    }

    /// Returns the noise of a pixel. It is near to normal, with a standard deviation of about 37 (the sum of four bytes over 4).
    pub fn noise(&self, pixel: usize) -> i32 {
        let bytes = (self.generator.bits(self.first + SHAPE + pixel as u64) as u32).to_le_bytes();
        bytes.iter().map(|&byte| i32::from(byte)).sum::<i32>() / 4 - 127
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_include_their_ends() {
        let mut draws = Draws::new(1, 0, 0);
        let mut seen = [false; 5];
        for _ in 0..200 {
            seen[(draws.around(2) + 2) as usize] = true;
        }
        assert_eq!(seen, [true; 5]);
        assert!(draws.chance(100) && !draws.chance(0));
    }

    #[test]
    fn images_share_no_draws() {
        let last_noise = Draws::new(1, 0, 0).first + SHAPE + selvedge::fashion_mnist::PIXELS as u64 - 1;
        assert!(last_noise < Draws::new(1, 0, 1).first);
    }

    #[test]
    fn noise_is_centred() {
        let draws = Draws::new(1, 0, 0);
        let values: Vec<_> = (0..784).map(|pixel| draws.noise(pixel)).collect();
        let mean = values.iter().sum::<i32>() / 784;
        let variance = values.iter().map(|v| v * v).sum::<i32>() / 784;
        assert!(mean.abs() <= 5 && (1_100..1_700).contains(&variance), "{mean} {variance}");
    }
}
