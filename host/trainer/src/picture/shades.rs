//! Turns colours into shades of grey, light on black.

use image::{DynamicImage, GrayImage, Luma, RgbaImage};

use super::ground::Ground;

/// The part of an object, in percent, that decides whether it is light or dark on a background of a middle shade.
const MOST: usize = 97;
/// The middle shades. A darker background has a light object, and a lighter background has a dark object.
const MIDDLE: std::ops::RangeInclusive<u8> = 64..=191;

/// Makes a coloured background black and the object light. The object's own shade decides whether it is inverted, not the background's.
pub fn lighten(gray: &GrayImage, mask: &[bool]) -> GrayImage {
    let thing = || gray.as_raw().iter().zip(mask).filter(|&(_, &is_ground)| !is_ground);
    let dark = thing().filter(|&(&shade, _)| shade < 128).count();
    let inverts = 2 * dark > thing().count();
    let shades = gray.as_raw().iter().zip(mask).map(|(&shade, &is_ground)| match is_ground {
        true => 0,
        false if inverts => 255 - shade,
        false => shade,
    });
    GrayImage::from_raw(gray.width(), gray.height(), shades.collect()).expect("a shade for each pixel")
}

/// Makes the background black, and an object on a light background light.
pub fn darken(gray: &GrayImage, ground: &Ground, mask: &[bool]) -> GrayImage {
    let thing = || gray.as_raw().iter().zip(mask).filter(|&(_, &is_ground)| !is_ground).map(|(&shade, _)| shade);
    let (all, lighter) = (thing().count(), thing().filter(|&shade| shade > ground.shade).count());
    let most = |part: usize| 100 * part >= MOST * all && all > 0;
    let inverts = match ground.shade {
        shade if !MIDDLE.contains(&shade) => shade > 127,
        _ if most(lighter) => false,
        _ if most(all - lighter) => true,
        shade => shade > 127,
    };
    let turn = |shade: u8| if inverts { 255 - shade } else { shade };
    let black = turn(ground.shade).saturating_add(ground.noise());
    let darkened = |shade: u8| Some(turn(shade).saturating_sub(black)).filter(|&rest| rest <= ground.tolerance);
    let pixels = gray.as_raw().iter().zip(mask);
    let shades =
        pixels.map(|(&shade, &is_ground)| if is_ground { darkened(shade).unwrap_or(0) } else { turn(shade) }).collect();
    GrayImage::from_raw(gray.width(), gray.height(), shades).expect("a shade for each pixel")
}

/// Puts a picture over white, or over black if the object is light, so that the object stays visible. Also returns this shade, if it is the
/// background: if more than a tenth of the border is transparent.
pub fn flatten(picture: &RgbaImage) -> (GrayImage, Option<u8>) {
    let picture = DynamicImage::from(picture.clone()).into_luma_alpha8();
    let (mut light, mut weight, mut border, mut transparent) = (0, 0, 0, 0);
    let (width, height) = picture.dimensions();
    for (x, y, pixel) in picture.enumerate_pixels() {
        let [shade, alpha] = pixel.0.map(u64::from);
        light += shade * alpha;
        weight += alpha;
        if x == 0 || y == 0 || x + 1 == width || y + 1 == height {
            border += 1;
            transparent += u32::from(alpha < 128);
        }
    }
    let ground = if 2 * light > 255 * weight { 0 } else { 255 };
    let flat = GrayImage::from_fn(width, height, |x, y| {
        let [shade, alpha] = picture.get_pixel(x, y).0.map(u32::from);
        Luma([((shade * alpha + u32::from(ground) * (255 - alpha) + 127) / 255) as u8])
    });
    (flat, (10 * transparent > border).then_some(ground))
}
