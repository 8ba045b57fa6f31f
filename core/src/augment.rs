//! Augmentation: random changes of an epoch's images. Each change depends only on seed, epoch and image.
//!
//! ```
//! use selvedge::{augment::Augmentation, random::{Generator, Purpose}, shape::InputShape};
//!
//! let shape = InputShape::Image { channels: 1, height: 1, width: 2 };
//! let draws = Generator::new(42, Purpose::Augmentation, 0);
//! let flip = Augmentation { flip: true, ..Augmentation::default() };
//! let images = [0, 1, 2, 3].map(|index| {
//!     let mut input = [0.0; 2];
//!     flip.write(&draws, index, shape, &[0, 255], &mut input);
//!     input
//! });
//! assert!(images.iter().all(|image| [[0.0, 1.0], [1.0, 0.0]].contains(image)));
//! ```

use crate::{arithmetic::normalize, engine::rows, engine::rows_mut, random::Generator, shape::InputShape};

/// The random changes of an image, in the order in which they are made. By default there are none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Augmentation {
    /// The image is mirrored left to right, with probability 1/2.
    pub flip: bool,
    /// The image moves to the right and down, each by a uniform number of pixels in −shift..=shift; zeros move in. A shift above the
    /// image's width (or height) counts as the width (or height).
    pub shift: u8,
    /// With probability 1/2, a square is set to 0. Its side is uniform in 1..=erase, then its place is uniform within the image. A number
    /// above the image's shorter side counts as that side.
    pub erase: u8,
}

/// The number of draws for one image: flip or not, shift right, shift down, erase or not, and the side, top and left of the erased square.
const DRAWS: u64 = 7;

impl Augmentation {
    /// Returns true if no change is asked for.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// Writes the changed image as a network's input, `pixel / 255`. Every channel is changed in the same way. Samples that are not images
    /// are only divided by 255.
    ///
    /// `generator` is the generator of the run's seed, [`Purpose::Augmentation`](crate::random::Purpose::Augmentation) and the epoch. Image `index`
    /// of the data set takes the seven draws from `7 · index` on, whatever was drawn before: flip, shift to the right, shift down, erase or not, side
    /// of the erased square, its top, its left.
    pub fn write(&self, generator: &Generator, index: u64, shape: InputShape, image: &[u8], input: &mut [f32]) {
        let InputShape::Image { height, width, .. } = shape else { return normalize_all(image, input) };
        let draw = |number, bound| generator.below(index.wrapping_mul(DRAWS).wrapping_add(number), bound);
        let flip = self.flip && draw(0, 2) == 1;
        // By how much less than the most it moves.
        let cut = |number, side: u32| {
            let most = side.min(self.shift.into());
            (most as i64) - i64::from(draw(number, 2 * most + 1))
        };
        let (left, top) = (cut(1, width), cut(2, height));
        let largest = height.min(width).min(self.erase.into());
        let erased = (largest > 0 && draw(3, 2) == 1).then(|| {
            let side = 1 + draw(4, largest);
            let [top, left] =
                [(5, height), (6, width)].map(|(number, length)| draw(number, length - side + 1) as usize);
            (side as usize, top, left)
        });

        let (height, width) = (height as usize, width as usize);
        let area = height.saturating_mul(width);
        for (image, input) in rows(image, area).zip(rows_mut(input, area)) {
            for (output, row) in rows_mut(input, width).zip(top..) {
                output.fill(0.0);
                let shades = usize::try_from(row).ok().and_then(|row| rows(image, width).nth(row));
                let Some(shades) = shades else { continue };
                // The columns of the row that stay within the image, and where the first of them goes.
                let (skipped, first) = (left.max(0) as usize, (-left).max(0) as usize);
                let places = output.iter_mut().skip(first);
                if flip {
                    places.zip(shades.iter().rev().skip(skipped)).for_each(|(x, &shade)| *x = normalize(shade));
                } else {
                    places.zip(shades.iter().skip(skipped)).for_each(|(x, &shade)| *x = normalize(shade));
                }
            }
            if let Some((side, top, left)) = erased {
                for row in rows_mut(input, width).skip(top).take(side) {
                    row.iter_mut().skip(left).take(side).for_each(|x| *x = 0.0);
                }
            }
        }
    }
}

/// Writes bytes as a network's input: `byte / 255`.
#[inline(always)]
pub fn normalize_all(bytes: &[u8], input: &mut [f32]) {
    for (x, &byte) in input.iter_mut().zip(bytes) {
        *x = normalize(byte);
    }
}

#[cfg(test)]
mod tests {
    use std::{vec, vec::Vec};

    use proptest::prelude::*;

    use super::*;
    use crate::{
        fashion_mnist::{PIXELS, SHAPE, SIDE},
        random::Purpose,
    };

    type Image = [u8; PIXELS];

    fn generator(epoch: u64) -> Generator {
        Generator::new(11, Purpose::Augmentation, epoch)
    }

    /// Returns an image in which no two neighbours are alike and no pixel is 0.
    fn image() -> Image {
        core::array::from_fn(|place| (place % 251) as u8 + 1)
    }

    fn write(augmentation: Augmentation, index: u64, image: &Image) -> [f32; PIXELS] {
        // What was there before must not show.
        let mut input = [9.0; PIXELS];
        augmentation.write(&generator(3), index, SHAPE, image, &mut input);
        input
    }

    /// Computes the same change pixel by pixel, from the description of the draws.
    fn reference(
        augmentation: Augmentation,
        index: u64,
        [channels, height, width]: [i32; 3],
        image: &[u8],
    ) -> Vec<f32> {
        let Augmentation { flip, shift, erase } = augmentation;
        let draw = |number, bound: i32| generator(3).below(7 * index + number, bound as u32) as i32;
        let (shift, erase) = (i32::from(shift), i32::from(erase));
        let [right, down] = [(1, width), (2, height)].map(|(number, length)| {
            let most = shift.min(length);
            draw(number, 2 * most + 1) - most
        });
        let largest = erase.min(height).min(width);
        let side = 1 + draw(4, largest);
        let (top, left) = (draw(5, height - side + 1), draw(6, width - side + 1));
        let erased = largest > 0 && draw(3, 2) == 1;
        let pixel = |place: i32| {
            let (channel, row, column) = (place / (height * width), place / width % height, place % width);
            if erased && (top..top + side).contains(&row) && (left..left + side).contains(&column) {
                return 0.0;
            }
            let (row, column) = (row - down, column - right);
            if !(0..height).contains(&row) || !(0..width).contains(&column) {
                return 0.0;
            }
            let column = if flip && draw(0, 2) == 1 { width - 1 - column } else { column };
            normalize(image[((channel * height + row) * width + column) as usize])
        };
        (0..channels * height * width).map(pixel).collect()
    }

    proptest! {
        #[test]
        fn rows_that_are_copied_are_the_pixels_one_by_one(
            flip: bool, shift: u8, erase: u8, few: bool, index: u32,
            sizes in prop_oneof![Just([1, 28, 28]), (1..4, 1..9, 1..9).prop_map(|(c, h, w)| [c, h, w])],
        ) {
            let few = if few { 5 } else { 255 };
            let augmentation = Augmentation { flip, shift: shift.min(few), erase: erase.min(few) };
            let [channels, height, width] = sizes.map(|size: i32| size as u32);
            let shape = InputShape::Image { channels, height, width };
            let image: Vec<u8> = (0..shape.features()).map(|place| (place % 251) as u8 + 1).collect();
            let mut input = vec![9.0; image.len()];
            augmentation.write(&generator(3), index.into(), shape, &image, &mut input);
            prop_assert_eq!(input, reference(augmentation, index.into(), sizes, &image));
        }
    }

    #[test]
    fn what_is_no_image_is_not_changed() {
        let augmentation = Augmentation { flip: true, shift: 3, erase: 3 };
        let mut input = [9.0; 3];
        augmentation.write(&generator(3), 5, InputShape::Features(3), &[0, 51, 255], &mut input);
        assert_eq!(input, [0.0, 0.2, 1.0]);
    }

    #[test]
    fn no_augmentation_is_the_image() {
        for index in [0, 1, u64::MAX] {
            assert_eq!(write(Augmentation::default(), index, &image()), image().map(normalize));
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "counts thousands of draws, in code without `unsafe`")]
    fn half_of_the_images_are_flipped() {
        let augmentation = Augmentation { flip: true, ..Augmentation::default() };
        let kept = image().map(normalize);
        let flipped = (0..10_000).filter(|&index| write(augmentation, index, &image()) != kept).count();
        // Binomial(10,000, 1/2): standard deviation 50.
        assert!(flipped.abs_diff(5_000) < 250, "{flipped}");
    }

    #[test]
    #[cfg_attr(miri, ignore = "counts thousands of draws, in code without `unsafe`")]
    fn shifts_are_even_over_all_places() {
        let augmentation = Augmentation { shift: 2, ..Augmentation::default() };
        let mut image = [0; PIXELS];
        image[10 * SIDE + 10] = 255;
        let mut counts = [[0u32; 5]; 5];
        for index in 0..25_000 {
            let place = write(augmentation, index, &image).iter().position(|&x| x == 1.0).unwrap();
            counts[place / SIDE - 8][place % SIDE - 8] += 1;
        }
        // Each of the 25 counts is binomial(25,000, 1/25): mean 1,000, standard deviation 31.
        assert!(counts.as_flattened().iter().all(|&n| n.abs_diff(1_000) < 160), "{counts:?}");
    }

    #[test]
    #[cfg_attr(miri, ignore = "counts thousands of draws, in code without `unsafe`")]
    fn erased_squares_have_every_side_and_reach_every_pixel() {
        let augmentation = Augmentation { erase: 4, ..Augmentation::default() };
        let (mut sides, mut reached) = ([0u32; 5], [false; PIXELS]);
        for index in 0..20_000 {
            let input = write(augmentation, index, &image());
            let erased = input.iter().filter(|&&x| x == 0.0).count();
            let side = (0..=4).find(|side| side * side == erased).unwrap();
            sides[side] += 1;
            reached.iter_mut().zip(input).for_each(|(reached, x)| *reached |= x == 0.0);
        }
        // Binomial: half of them none (standard deviation 71), an eighth each side (47).
        assert!(sides[0].abs_diff(10_000) < 350 && sides[1..].iter().all(|n| n.abs_diff(2_500) < 240), "{sides:?}");
        assert!(reached.iter().all(|&reached| reached));
    }

    #[test]
    fn each_epoch_changes_an_image_in_another_way() {
        let augmentation = Augmentation { flip: true, shift: 3, erase: 8 };
        let mut inputs = [[0.0; PIXELS]; 2];
        for (epoch, input) in (0..).zip(&mut inputs) {
            augmentation.write(&generator(epoch), 5, SHAPE, &image(), input);
        }
        assert_ne!(inputs[0], inputs[1]);
    }
}
