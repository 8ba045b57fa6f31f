//! Numbers as colours: 0 is white, negative numbers are blue, and positive ones orange. Colour-blind readers can tell these apart.

/// The colours of the smallest and of the largest number.
const ENDS: [[f32; 3]; 2] = [[0.0, 90.0, 190.0], [200.0, 80.0, 0.0]];

/// A scale of colours from `-limit` to `limit`.
#[derive(Clone, Copy, Debug)]
pub struct Diverging {
    /// The number, above 0, from which on the colour does not change.
    pub limit: f32,
}

impl Diverging {
    /// Returns numbers as an image in three planes: red, green and blue.
    pub fn image(self, numbers: &[f32]) -> Vec<u8> {
        let channel = |channel: usize| numbers.iter().map(move |&number| self.colour(number)[channel]);
        (0..3).flat_map(channel).collect()
    }

    /// Returns numbers for red, green and blue, in three planes, as an image: 0 is grey, negative numbers are dark, and positive ones light.
    pub fn channels(self, numbers: &[f32]) -> Vec<u8> {
        numbers.iter().map(|&number| (127.5 + 127.5 * self.part(number)).round() as u8).collect()
    }

    /// Returns the place of a number on the scale, from -1 to 1.
    fn part(self, number: f32) -> f32 {
        (number / self.limit).clamp(-1.0, 1.0)
    }

    fn colour(self, number: f32) -> [u8; 3] {
        let part = self.part(number);
        ENDS[usize::from(part > 0.0)].map(|end| (255.0 + (end - 255.0) * part.abs()).round() as u8)
    }
}

/// Returns the limit of a scale for these numbers. About one number in 200 lies beyond it, so a few extreme numbers do not make all others pale. The
/// limit is 1 if all are 0.
pub fn limit(numbers: impl Iterator<Item = f32>) -> f32 {
    let mut sizes: Vec<f32> = numbers.map(f32::abs).filter(|size| size.is_finite()).collect();
    sizes.sort_unstable_by(f32::total_cmp);
    let place = sizes.len().saturating_sub(1) * 199 / 200;
    let greatest = sizes.last().copied();
    sizes.get(place).copied().filter(|&size| size > 0.0).or(greatest).filter(|&size| size > 0.0).unwrap_or(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_is_white_and_the_signs_have_colours() {
        let image = Diverging { limit: 2.0 }.image(&[0.0, -2.0, 9.0, 1.0]);
        let pixel = |place: usize| [image[place], image[4 + place], image[8 + place]];
        assert_eq!([0, 1, 2, 3].map(pixel), [[255; 3], [0, 90, 190], [200, 80, 0], [228, 168, 128]]);
        assert_eq!(Diverging { limit: 1.0 }.channels(&[0.0, -1.0, 1.0, 7.0]), [128, 0, 255, 255]);
    }

    #[test]
    fn a_few_large_numbers_do_not_make_the_scale() {
        let numbers = (0..1000).map(|place| if place == 5 { 1e6 } else { -1.0 });
        assert_eq!(limit(numbers), 1.0);
        assert_eq!(limit([0.0, 0.0, 3.0].into_iter()), 3.0);
        assert_eq!(limit([].into_iter()), 1.0);
        assert_eq!(limit([f32::NAN, 0.0].into_iter()), 1.0);
    }
}
