//! Augmentation: an epoch's random changes to its images, each a function of (seed, epoch, image) alone.

use crate::{
    arithmetic::normalize,
    idx::Image,
    models::{PIXELS, SIDE},
    random::Generator,
};

/// Which changes an image may undergo, in this order. The default is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Augmentation {
    /// Mirrored left to right, with probability 1/2.
    pub flip: bool,
    /// Moved to the right and down, each by a uniform number of pixels in −shift..=shift; zeros move in. 28 and more are 28.
    pub shift: u8,
    /// With probability 1/2, a square is set to 0: its side uniform in 1..=erase, then its place uniform within the image. 28 and more
    /// are 28.
    pub erase: u8,
}

/// How many draws belong to one image: whether to flip; right, down; whether to erase, the side, the top, the left.
const DRAWS: u64 = 7;

impl Augmentation {
    /// Writes the changed image as a network's input, `pixel / 255`.
    ///
    /// `generator` is that of the run's seed, [`Purpose::Augmentation`](crate::random::Purpose::Augmentation) and the epoch; image `index`
    /// of the data set takes draws `7 · index` and following, whatever was drawn before.
    pub fn write(&self, generator: &Generator, index: u64, image: &Image, input: &mut [f32; PIXELS]) {
        let draw = |number, bound| generator.below(index.wrapping_mul(DRAWS).wrapping_add(number), bound) as usize;
        let flip = self.flip && draw(0, 2) == 1;
        // Where in an image with a margin of one image's side all around the result is cut out.
        let most = SIDE.min(self.shift.into());
        let cut = |number| SIDE + most - draw(number, 2 * most as u32 + 1);
        let (left, top) = (cut(1), cut(2));

        let mut padded = [0.0; 3 * SIDE];
        let (rows, _) = image.as_chunks::<SIDE>();
        for (row, output) in (top..).zip(input.as_chunks_mut::<SIDE>().0) {
            *output = [0.0; SIDE];
            let Some(shades) = row.checked_sub(SIDE).and_then(|row| rows.get(row)) else { continue };
            let mut shades = shades.map(normalize);
            if flip {
                shades.reverse();
            }
            padded[SIDE..2 * SIDE].copy_from_slice(&shades);
            if let Some(cut) = padded.get(left..).and_then(<[f32]>::first_chunk) {
                *output = *cut;
            }
        }

        let largest = SIDE.min(self.erase.into());
        if largest > 0 && draw(3, 2) == 1 {
            let side = 1 + draw(4, largest as u32);
            let [top, left] = [5, 6].map(|number| draw(number, (SIDE - side + 1) as u32));
            for row in input.as_chunks_mut::<SIDE>().0.iter_mut().skip(top).take(side) {
                row.iter_mut().skip(left).take(side).for_each(|x| *x = 0.0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::random::Purpose;

    fn generator(epoch: u64) -> Generator {
        Generator::new(11, Purpose::Augmentation, epoch)
    }

    /// No two neighbours are alike, and no pixel is 0.
    fn image() -> Image {
        core::array::from_fn(|place| (place % 251) as u8 + 1)
    }

    fn write(augmentation: Augmentation, index: u64, image: &Image) -> [f32; PIXELS] {
        // What was there before must not show.
        let mut input = [9.0; PIXELS];
        augmentation.write(&generator(3), index, image, &mut input);
        input
    }

    /// The same pixel by pixel, from the draws' description.
    fn reference(augmentation: Augmentation, index: u64, image: &Image) -> [f32; PIXELS] {
        let Augmentation { flip, shift, erase } = augmentation;
        let draw = |number, bound: i32| generator(3).below(7 * index + number, bound as u32) as i32;
        let (shift, largest) = (i32::from(shift).min(28), i32::from(erase).min(28));
        let (right, down) = (draw(1, 2 * shift + 1) - shift, draw(2, 2 * shift + 1) - shift);
        let side = 1 + draw(4, largest);
        let (top, left) = (draw(5, 28 - side + 1), draw(6, 28 - side + 1));
        let erased = largest > 0 && draw(3, 2) == 1;
        core::array::from_fn(|place| {
            let (row, column) = (place as i32 / 28, place as i32 % 28);
            if erased && (top..top + side).contains(&row) && (left..left + side).contains(&column) {
                return 0.0;
            }
            let (row, column) = (row - down, column - right);
            if !(0..28).contains(&row) || !(0..28).contains(&column) {
                return 0.0;
            }
            let column = if flip && draw(0, 2) == 1 { 27 - column } else { column };
            normalize(image[(28 * row + column) as usize])
        })
    }

    proptest! {
        #[test]
        fn rows_that_are_copied_are_the_pixels_one_by_one(flip: bool, shift: u8, erase: u8, few: bool, index: u32) {
            let few = if few { 5 } else { 255 };
            let augmentation = Augmentation { flip, shift: shift.min(few), erase: erase.min(few) };
            let index = index.into();
            prop_assert_eq!(write(augmentation, index, &image()), reference(augmentation, index, &image()));
        }
    }

    #[test]
    fn no_augmentation_is_the_image() {
        for index in [0, 1, u64::MAX] {
            assert_eq!(write(Augmentation::default(), index, &image()), image().map(normalize));
        }
    }

    #[test]
    fn half_of_the_images_are_flipped() {
        let augmentation = Augmentation { flip: true, ..Augmentation::default() };
        let kept = image().map(normalize);
        let flipped = (0..10_000).filter(|&index| write(augmentation, index, &image()) != kept).count();
        // Binomial(10,000, 1/2): standard deviation 50.
        assert!(flipped.abs_diff(5_000) < 250, "{flipped}");
    }

    #[test]
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
            augmentation.write(&generator(epoch), 5, &image(), input);
        }
        assert_ne!(inputs[0], inputs[1]);
    }
}
