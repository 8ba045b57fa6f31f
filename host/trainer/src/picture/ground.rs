//! The background around the object that a picture shows.

use image::GrayImage;

/// The smallest part of the border that has the shade of a plain background.
pub const PLAIN: f32 = 0.75;
/// The largest tolerance of a background, however noisy it is.
const FARTHEST: u8 = 32;
/// The smallest tolerance of a background, however even it is.
const NEAREST: u8 = 8;

/// The part of the border's background from which the noise is measured: the noise is the distance from the background's shade within which this
/// part lies. An object of nearly the same shade may touch the rest. The tolerance is 4.5 times the noise. For normally distributed noise, that
/// is 5.8 standard deviations.
const USUAL: f64 = 0.8;

/// The background of a picture, estimated from its border.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ground {
    /// The background's shade: the middle of the shades that most of the border has.
    pub shade: u8,
    /// The largest distance of a background pixel's shade from `shade`.
    pub tolerance: u8,
    /// The part of the border that has this shade, within the tolerance: from 0 to 1.
    pub share: f32,
}

impl Ground {
    /// Returns an even background with a known shade.
    pub fn exact(shade: u8) -> Self {
        Self { shade, tolerance: NEAREST, share: 1.0 }
    }

    /// Estimates the background from the outermost pixels.
    pub fn of(gray: &GrayImage) -> Self {
        Self::of_ring(gray, 0)
    }

    /// Estimates the background from the pixels that are `inset` pixels from the edge. There must be some.
    pub fn of_ring(gray: &GrayImage, inset: u32) -> Self {
        let (right, bottom) = (gray.width() - inset, gray.height() - inset);
        let mut counts = [0_u64; 256];
        let mut count = |x, y| counts[usize::from(gray.get_pixel(x, y).0[0])] += 1;
        for x in inset..right {
            count(x, inset);
            count(x, bottom - 1);
        }
        for y in inset..bottom {
            count(inset, y);
            count(right - 1, y);
        }
        let window =
            |centre: u8| usize::from(centre.saturating_sub(NEAREST))..=usize::from(centre.saturating_add(NEAREST));
        let sum = |centre: &u8| counts[window(*centre)].iter().sum::<u64>();
        // Of equal windows the darkest: a sample's ground is black.
        let best = window((0..=255).rev().max_by_key(sum).unwrap_or(0));
        let shade = quantile(best.map(|shade| (shade as u8, counts[shade])), 0.5);
        let near = |distance: u8| {
            let below = (distance > 0).then(|| shade.checked_sub(distance)).flatten();
            let both = [shade.checked_add(distance), below];
            both.into_iter().flatten().map(|shade| counts[usize::from(shade)]).sum::<u64>()
        };
        let noise = quantile((0..=FARTHEST).map(|distance| (distance, near(distance))), USUAL);
        let tolerance = ((u16::from(noise) * 9 / 2).min(255) as u8).clamp(NEAREST, FARTHEST);
        let within: u64 = (0..=tolerance).map(near).sum();
        Self { shade, tolerance, share: within as f32 / counts.iter().sum::<u64>() as f32 }
    }

    /// Returns a third of the tolerance: most pixels of the background are within this distance of the shade. It is 0 if the tolerance is the smallest.
    pub fn noise(&self) -> u8 {
        if self.tolerance > NEAREST { self.tolerance / 3 } else { 0 }
    }

    /// Finds the pixels of the background: those of its shade that are connected to the border by such pixels. `true` for each, row after row.
    pub fn mask(&self, gray: &GrayImage) -> Vec<bool> {
        let (width, height) = (gray.width() as usize, gray.height() as usize);
        let shades = gray.as_raw();
        let mut mask = vec![false; shades.len()];
        let mut open: Vec<usize> = Vec::new();
        let mut visit = |place: usize, open: &mut Vec<usize>| {
            if !mask[place] && shades[place].abs_diff(self.shade) <= self.tolerance {
                mask[place] = true;
                open.push(place);
            }
        };
        for x in 0..width {
            visit(x, &mut open);
            visit((height - 1) * width + x, &mut open);
        }
        for y in 0..height {
            visit(y * width, &mut open);
            visit(y * width + width - 1, &mut open);
        }
        while let Some(place) = open.pop() {
            let (x, y) = (place % width, place / width);
            if x > 0 {
                visit(place - 1, &mut open);
            }
            if x + 1 < width {
                visit(place + 1, &mut open);
            }
            if y > 0 {
                visit(place - width, &mut open);
            }
            if y + 1 < height {
                visit(place + width, &mut open);
            }
        }
        mask
    }
}

/// Makes small objects a part of the background, if there is an object more than a hundred times as large.
pub fn cover_specks(mask: &mut [bool], width: usize) {
    const SMALL: usize = 100;
    let mut seen = mask.to_vec();
    let things: Vec<(usize, usize)> =
        (0..mask.len()).map(|place| (place, fill(&mut seen, width, place))).filter(|&(_, size)| size > 0).collect();
    let largest = things.iter().map(|&(_, size)| size).max().unwrap_or(0);
    for (place, _) in things.into_iter().filter(|&(_, size)| size < largest / SMALL) {
        fill(mask, width, place);
    }
}

/// Sets a pixel that is not set, and all such pixels that are connected to it. Returns their number.
fn fill(mask: &mut [bool], width: usize, place: usize) -> usize {
    let (mut open, mut count) = (Vec::new(), 0);
    let mut visit = |place: usize, open: &mut Vec<usize>| {
        if let Some(is_set @ false) = mask.get_mut(place) {
            *is_set = true;
            count += 1;
            open.push(place);
        }
    };
    visit(place, &mut open);
    while let Some(place) = open.pop() {
        if !place.is_multiple_of(width) {
            visit(place - 1, &mut open);
        }
        if !(place + 1).is_multiple_of(width) {
            visit(place + 1, &mut open);
        }
        if place >= width {
            visit(place - width, &mut open);
        }
        visit(place + width, &mut open);
    }
    count
}

/// Returns the smallest value such that this part of all values is not above it.
fn quantile(counts: impl Iterator<Item = (u8, u64)> + Clone, part: f64) -> u8 {
    let total: u64 = counts.clone().map(|(_, count)| count).sum();
    let wanted = (total as f64 * part).ceil() as u64;
    let mut seen = 0;
    for (value, count) in counts {
        seen += count;
        if seen >= wanted.max(1) {
            return value;
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use image::Luma;

    use super::*;

    #[test]
    fn any_even_ground_is_found() {
        for shade in 0..=255 {
            let ground = Ground::of(&GrayImage::from_pixel(9, 7, Luma([shade])));
            assert_eq!(ground, Ground::exact(shade));
        }
    }

    #[test]
    fn a_thing_on_most_of_the_border_does_not_hide_an_even_ground() {
        let gray =
            GrayImage::from_fn(40, 40, |x, y| Luma([if x < 12 { 90 } else { (100 + (7 * x + 11 * y) % 150) as u8 }]));
        let ground = Ground::of(&gray);
        assert!(ground.shade.abs_diff(90) < 3 && ground.share < 0.75, "{ground:?}");
    }

    #[test]
    fn noise_widens_the_tolerance() {
        let noisy =
            |most: u32| GrayImage::from_fn(50, 50, |x, y| Luma([(100 + (x * 7919 + y * 104_729) % (most + 1)) as u8]));
        let tolerances = [0, 6, 12, 40].map(|most| Ground::of(&noisy(most)).tolerance);
        assert!(tolerances.is_sorted() && tolerances[0] == NEAREST && tolerances[3] == FARTHEST, "{tolerances:?}");
    }

    #[test]
    fn specks_are_ground_and_a_pair_is_not() {
        // Two blocks of 200 pixels, and a speck.
        let mut mask: Vec<bool> = (0..40 * 40).map(|place| !((place % 40) % 20 < 10 && place / 40 < 20)).collect();
        let expected = mask.clone();
        mask[39 * 40 + 39] = false;
        cover_specks(&mut mask, 40);
        assert_eq!(mask, expected);
        let mut all = [true; 6];
        cover_specks(&mut all, 3);
        assert_eq!(all, [true; 6]);
        let mut none = [false; 6];
        cover_specks(&mut none, 3);
        assert_eq!(none, [false; 6]);
    }

    #[test]
    fn what_the_thing_encloses_is_no_ground() {
        // A ring of 200 on 80, with 80 inside.
        let gray = GrayImage::from_fn(9, 9, |x, y| {
            let ring = x.abs_diff(4).max(y.abs_diff(4)) == 2;
            Luma([if ring { 200 } else { 80 }])
        });
        let mask = Ground::of(&gray).mask(&gray);
        assert!(mask[0] && mask[80] && !mask[9 * 4 + 4] && !mask[9 * 2 + 2]);
        assert_eq!(mask.iter().filter(|&&is_ground| is_ground).count(), 81 - 25);
    }
}
