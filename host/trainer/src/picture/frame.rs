//! A thin frame around a picture, between the border and the background.

use image::{GrayImage, imageops};

use super::ground::Ground;

/// The shorter side divided by the widest allowed frame.
const THINNEST: u32 = 25;
/// The part of each of the frame's four-sided rings that has the frame's shade.
const EVEN: f32 = 0.9;
/// The smallest difference between the frame's shade and the background's.
const APART: u8 = 32;
/// The largest difference between neighbouring rings of a background. At the soft edge of a frame, the difference is larger.
const ALIKE: u8 = 8;
/// The smallest part of the pixels inside, in percent, that is not background. A light object with straight edges is not a frame.
const LEAST: usize = 1;

/// Returns the width of a picture's frame, or 0 if it has none.
pub fn width(gray: &GrayImage) -> u32 {
    let outer = Ground::of(gray);
    let shorter = gray.width().min(gray.height());
    if outer.share < EVEN {
        return 0;
    }
    let is_ground = |&inset: &u32| {
        let [ring, next] = [inset, inset + 1].map(|inset| Ground::of_ring(gray, inset));
        ring.share >= EVEN && ring.shade.abs_diff(outer.shade) > APART && ring.shade.abs_diff(next.shade) <= ALIKE
    };
    let found = (1..=shorter / THINNEST).find(is_ground);
    found.filter(|&inset| has_thing(gray, inset)).unwrap_or(0)
}

fn has_thing(gray: &GrayImage, inset: u32) -> bool {
    let (width, height) = (gray.width() - 2 * inset, gray.height() - 2 * inset);
    let inside = imageops::crop_imm(gray, inset, inset, width, height).to_image();
    let mask = Ground::of(&inside).mask(&inside);
    100 * mask.iter().filter(|&&is_ground| !is_ground).count() >= LEAST * mask.len()
}

#[cfg(test)]
mod tests {
    use image::Luma;

    use super::*;

    fn framed(frame: u32, thing: u8) -> GrayImage {
        GrayImage::from_fn(200, 100, |x, y| {
            let inset = x.min(199 - x).min(y.min(99 - y));
            let is_thing = (60..140).contains(&x) && (30..70).contains(&y);
            Luma([if inset < frame {
                0
            } else if is_thing {
                thing
            } else {
                250
            }])
        })
    }

    #[test]
    fn a_thin_frame_is_seen_and_a_thing_is_none() {
        for (frame, thing, expected) in [(0, 40, 0), (1, 40, 1), (4, 40, 4), (30, 40, 0), (4, 250, 0)] {
            assert_eq!(width(&framed(frame, thing)), expected, "{frame} {thing}");
        }
        let soft = imageops::blur(&framed(2, 40), 0.8);
        assert!((2..=4).contains(&width(&soft)), "{}", width(&soft));
        for size in [(1, 1), (1, 300), (2, 2), (30, 30)] {
            assert_eq!(width(&GrayImage::new(size.0, size.1)), 0);
        }
    }
}
