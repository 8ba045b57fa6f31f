//! Turns any picture into shades of the size that a network takes, light on black. This is the method of Fashion-MNIST (Xiao, Rasul, Vollgraf
//! 2017, section 2), without its sharpening.

use std::{borrow::Cow, path::Path};

use image::{
    GrayImage, RgbaImage,
    imageops::{self, FilterType},
};
use selvedge::shape::InputShape;

use super::{
    PictureError, Prepared, colour,
    decode::{Decoded, decode, decode_bytes},
    doubts,
    even::even_out,
    frame,
    ground::{self, Ground},
    shades::{darken, flatten, lighten},
};

/// The smallest number of pixels. Fewer pixels show too little.
const FEW: u64 = 64;

/// Reads a picture of one object, a PNG, JPEG, WebP, GIF, BMP or TIFF, as a sample of a network: an image of one channel, light on black.
///
/// EXIF's orientation is applied. A thin frame is left out. The background has the shade of most of the border; the parts with this shade that are
/// connected to the border become black. On a light background, the object is inverted. On a coloured background, the colour tells the object
/// from the background, and a dark object is inverted. Unless the picture already has the sample's size and a black background, the background
/// is cut off around the object. The object is then resized to fit, and put in the middle. A picture that [`save_sample`](super::save_sample)
/// wrote stays as it is if it has the sample's size. A picture may have at most 64 million pixels. Reading it may take at most 320 MiB of
/// memory.
///
/// # Errors
///
/// [`PictureError`] if the picture cannot be read, or if the network does not take such images.
pub fn read(path: &Path, shape: InputShape) -> Result<Prepared, PictureError> {
    let size = size(path, shape)?;
    Ok(take(&decode(path)?, size))
}

/// Does the same as [`read`], for the bytes of a file. `path` is the file's name in errors.
///
/// # Errors
///
/// [`PictureError`].
pub fn read_bytes(path: &Path, bytes: Vec<u8>, shape: InputShape) -> Result<Prepared, PictureError> {
    let size = size(path, shape)?;
    Ok(take(&decode_bytes(path, bytes)?, size))
}

/// Returns the columns and rows of the network's image.
fn size(path: &Path, shape: InputShape) -> Result<(u32, u32), PictureError> {
    match shape {
        InputShape::Image { channels: 1, height, width } => Ok((width, height)),
        _ => Err(PictureError::Shape { path: path.into(), shape }),
    }
}

fn take(decoded: &Decoded, (width, height): (u32, u32)) -> Prepared {
    let is_sample = decoded.is_sample && decoded.size == (width, height);
    let mut prepared = prepare(&decoded.pixels, (width, height), is_sample);
    let ((columns, rows), features) = (decoded.size, u64::from(width) * u64::from(height));
    if u64::from(columns) * u64::from(rows) < FEW.min(features) {
        prepared.notes.insert(0, format!("the picture has only {columns}×{rows} pixels; the answer says little"));
    }
    if decoded.is_series {
        prepared.notes.insert(0, "the file holds more than one picture; the answer is for the first".into());
    }
    (prepared.size, prepared.orientation) = (decoded.size, decoded.orientation);
    prepared
}

/// Returns a picture as shades with this number of columns and rows. The shades of a saved sample are not changed.
fn prepare(picture: &RgbaImage, size: (u32, u32), is_sample: bool) -> Prepared {
    let full_size = picture.dimensions();
    let (gray, laid_over) = flatten(picture);
    let prepared = |shades: GrayImage, ground: u8, notes: Vec<String>| Prepared {
        shades: shades.into_raw(),
        ground,
        size: full_size,
        orientation: 1,
        notes,
    };
    if is_sample {
        let notes = doubts::of_picture(&gray).into_iter().collect();
        return prepared(gray, 0, notes);
    }
    let is_small = full_size == size;
    let frame = if is_small { 0 } else { frame::width(&gray) };
    let inside = (full_size.0 - 2 * frame, full_size.1 - 2 * frame);
    let (picture, gray) = match frame {
        0 => (Cow::Borrowed(picture), gray),
        _ => (
            Cow::Owned(imageops::crop_imm(picture, frame, frame, inside.0, inside.1).to_image()),
            imageops::crop_imm(&gray, frame, frame, inside.0, inside.1).to_image(),
        ),
    };
    let distances = if laid_over.is_none() { colour::distances(&picture) } else { None };
    let mut notes: Vec<_> = doubts::of_picture(distances.as_ref().unwrap_or(&gray)).into_iter().collect();
    let (gray, ground) = match laid_over {
        Some(shade) => (gray, Ground::exact(shade)),
        None if is_small || distances.is_some() => {
            let ground = Ground::of(&gray);
            (gray, ground)
        }
        None => even_out(gray, size),
    };
    // Of the size and on black, it is a sample already.
    let is_fit = is_small && distances.is_none() && ground.shade <= ground.tolerance;
    let (mut mask, seen) = match &distances {
        Some(distances) => {
            let ground = Ground::of(distances);
            (ground.mask(distances), ground)
        }
        None => (ground.mask(&gray), ground),
    };
    if !is_fit {
        notes.extend(doubts::of_ground(&seen));
        ground::cover_specks(&mut mask, gray.width() as usize);
    }
    let light_on_black = match distances {
        Some(_) => lighten(&gray, &mask),
        None => darken(&gray, &ground, &mask),
    };
    let shades = if is_fit { light_on_black } else { fit(&light_on_black, &mask, size) };
    if notes.is_empty() {
        notes.extend(doubts::of_sample(&shades));
    }
    if frame > 0 {
        notes.push(format!("a frame of {frame} pixels around the picture is left out"));
    }
    prepared(shades, ground.shade, notes)
}

/// Cuts the background off, and resizes the rest as far as the size allows, in the middle of black.
fn fit(gray: &GrayImage, ground: &[bool], (full_width, full_height): (u32, u32)) -> GrayImage {
    let (mut left, mut top, mut right, mut bottom) = (u32::MAX, u32::MAX, 0, 0);
    for ((x, y, _), &is_ground) in gray.enumerate_pixels().zip(ground) {
        if !is_ground {
            (left, top) = (left.min(x), top.min(y));
            (right, bottom) = (right.max(x + 1), bottom.max(y + 1));
        }
    }
    if left >= right {
        (left, top, right, bottom) = (0, 0, gray.width(), gray.height());
    }
    let (width, height) = (right - left, bottom - top);
    let thing = imageops::crop_imm(gray, left, top, width, height).to_image();
    // The longer side, beside the room that it has, decides.
    let [width, height, full_width, full_height] = [width, height, full_width, full_height].map(u64::from);
    let is_wide = width * full_height >= height * full_width;
    let (side, longer) = if is_wide { (full_width, width) } else { (full_height, height) };
    let scaled = |length: u64, full: u64| ((length * side + longer / 2) / longer).clamp(1, full) as u32;
    let (width, height) = (scaled(width, full_width), scaled(height, full_height));
    let thing = imageops::resize(&thing, width, height, FilterType::CatmullRom);
    let mut fitted = GrayImage::new(full_width as u32, full_height as u32);
    let (left, top) = ((full_width - u64::from(width)) / 2, (full_height - u64::from(height)) / 2);
    imageops::replace(&mut fitted, &thing, left as i64, top as i64);
    fitted
}

#[cfg(test)]
mod tests {
    use image::{DynamicImage, GrayAlphaImage, Luma, LumaA, Rgb, RgbImage};

    use super::*;

    const SIDE: usize = 28;
    const PIXELS: usize = SIDE * SIDE;
    const SHAPE: InputShape = InputShape::Image { channels: 1, height: 28, width: 28 };

    fn at(image: &[u8], x: usize, y: usize) -> u8 {
        image[y * SIDE + x]
    }

    fn prepare(picture: &DynamicImage) -> Vec<u8> {
        sized(picture, (28, 28))
    }

    fn sized(picture: &DynamicImage, size: (u32, u32)) -> Vec<u8> {
        super::prepare(&picture.to_rgba8(), size, false).shades
    }

    /// Returns a picture with a block of one shade on a background of another, and the place of the block.
    fn block(size: (u32, u32), ground: u8, shade: u8) -> RgbImage {
        RgbImage::from_fn(size.0, size.1, |x, y| {
            let inside = (size.0 / 4..size.0 / 2).contains(&x) && (size.1 / 4..size.1 * 3 / 4).contains(&y);
            Rgb([if inside { shade } else { ground }; 3])
        })
    }

    #[test]
    fn an_image_of_the_right_size_is_kept() {
        let shades = GrayImage::from_fn(28, 28, |x, y| Luma([if x % 27 == 0 { 0 } else { (x * y % 256) as u8 }]));
        assert_eq!(prepare(&shades.clone().into()).as_slice(), shades.as_raw().as_slice());
    }

    #[test]
    fn of_a_samples_size_a_light_ground_is_cut_off_too() {
        let [small, large] = [(28, 28), (280, 280)].map(|size| prepare(&block(size, 255, 55).into()));
        assert_eq!((at(&small, 14, 0), at(&small, 14, 27), at(&small, 0, 14)), (200, 200, 0));
        let differences = small.iter().zip(&large).filter(|(a, b)| a.abs_diff(**b) > 100).count();
        assert!(differences < 28, "{differences}");
    }

    #[test]
    fn a_frame_and_the_colour_of_the_ground_change_nothing() {
        let plain = block((400, 400), 255, 55);
        let expected = prepare(&plain.clone().into());
        let framed = RgbImage::from_fn(400, 400, |x, y| {
            if x.min(399 - x).min(y.min(399 - y)) < 4 { Rgb([0; 3]) } else { *plain.get_pixel(x, y) }
        });
        let found = super::prepare(&DynamicImage::from(framed).into_rgba8(), (28, 28), false);
        assert_eq!((&found.shades, found.notes.len()), (&expected, 1), "{:?}", found.notes);
        for colour in [[40, 60, 200], [120, 200, 90], [222, 200, 170], [200, 30, 30]] {
            let coloured = RgbImage::from_fn(400, 400, |x, y| match plain.get_pixel(x, y) {
                Rgb([255, ..]) => Rgb(colour),
                thing => *thing,
            });
            let found = super::prepare(&DynamicImage::from(coloured).into_rgba8(), (28, 28), false);
            assert_eq!((&found.shades, found.notes), (&expected, vec![]), "{colour:?}");
        }
    }

    #[test]
    fn light_and_dark_grounds_come_out_alike() {
        for (width, height) in [(100, 100), (200, 100), (64, 480), (20, 20)] {
            let dark = prepare(&block((width, height), 0, 200).into());
            let light = prepare(&block((width, height), 255, 55).into());
            assert_eq!(dark, light);
            assert_eq!(at(&dark, 14, 14), 200);
        }
    }

    #[test]
    fn a_garment_fills_the_image_and_keeps_its_aspect() {
        // Twice as high as wide: 28 rows, 14 columns in the middle.
        let image = prepare(&block((100, 100), 0, 200).into());
        let lit = |x, y| at(&image, x, y) > 100;
        assert!(lit(14, 0) && lit(14, 27) && lit(7, 14) && lit(20, 14));
        assert!(!lit(6, 14) && !lit(21, 14));
    }

    #[test]
    fn a_sample_may_be_wider_than_high() {
        // 20 columns, 10 rows; the block is half as wide as high.
        let image = sized(&block((100, 100), 0, 200).into(), (20, 10));
        let lit = |x: usize, y: usize| image[20 * y + x] > 100;
        assert!(lit(9, 0) && lit(9, 9) && lit(8, 5) && lit(11, 5));
        assert!(!lit(6, 5) && !lit(13, 5));
        let wide = GrayImage::from_fn(100, 10, |_, y| Luma([if (4..6).contains(&y) { 255 } else { 0 }]));
        assert_eq!(sized(&wide.into(), (20, 10)).iter().filter(|&&x| x > 200).count(), 20);
    }

    #[test]
    fn features_are_no_picture() {
        let error = read("a.png".as_ref(), InputShape::Features(12)).unwrap_err().to_string();
        assert!(error.contains("the network takes 12 features; use --values"), "{error}");
    }

    #[test]
    fn a_garment_on_transparent_ground_does_not_vanish() {
        for shade in [10, 245] {
            let cut_out = GrayAlphaImage::from_fn(50, 50, |x, _| LumaA([shade, if x < 25 { 0 } else { 255 }]));
            assert_eq!(at(&prepare(&cut_out.into()), 14, 14), 245, "{shade}");
        }
    }

    #[test]
    fn odd_pictures_have_an_image_too() {
        assert_eq!(prepare(&GrayImage::new(500, 3).into()), [0; PIXELS]);
        assert_eq!(prepare(&GrayImage::from_pixel(1, 1, Luma([255])).into()), [0; PIXELS]);
        let line = GrayImage::from_fn(16_000, 3, |_, y| Luma([if y == 1 { 255 } else { 0 }]));
        assert_eq!(at(&prepare(&line.into()), 3, 13), 255);
    }

    #[test]
    fn any_plain_ground_becomes_black() {
        for ground in (0..=255).step_by(15) {
            let shade = if ground > 127 { 30 } else { 225 };
            for size in [(100, 100), (28, 28)] {
                let found =
                    super::prepare(&DynamicImage::from(block(size, ground, shade)).into_rgba8(), (28, 28), false);
                assert_eq!((found.ground, found.notes), (ground, vec![]));
                // On black, a picture of a sample's size stays as it is.
                let other = if ground == 0 { 0 } else { 30 };
                let same = prepare(&block(size, other, 225).into());
                assert_eq!(found.shades, same, "{ground} {size:?}");
            }
        }
    }

    #[test]
    fn on_a_middle_grey_the_thing_is_the_lighter_side() {
        for (ground, shade, expected) in [(110, 40, 215), (110, 200, 200), (140, 220, 220), (140, 40, 215)] {
            assert_eq!(at(&prepare(&block((100, 100), ground, shade).into()), 14, 14), expected, "{ground} {shade}");
        }
    }

    #[test]
    fn what_makes_an_answer_doubtful_is_said() {
        let notes =
            |picture: RgbImage| super::prepare(&DynamicImage::from(picture).into_rgba8(), (28, 28), false).notes;
        let slope = RgbImage::from_fn(200, 200, |x, _| Rgb([(x * 255 / 199) as u8; 3]));
        let noise = RgbImage::from_fn(200, 200, |x, y| {
            Rgb([((x * 7919 + y * 104_729).wrapping_mul(2_654_435_761) >> 24) as u8; 3])
        });
        let full =
            RgbImage::from_fn(200, 200, |x, y| Rgb([if x % 199 == 0 && y < 160 || y % 199 == 0 { 0 } else { 200 }; 3]));
        assert!(!notes(noise).is_empty());
        let stripes = RgbImage::from_fn(90, 90, |x, _| Rgb([if x / 9 % 2 == 0 { 30 } else { 220 }; 3]));
        for (picture, expected) in [
            (block((60, 60), 77, 77), "the picture is blank: every pixel has the shade 77"),
            (block((60, 60), 70, 90), "the picture hardly varies: its shades are 70 to 90"),
            (slope, "nothing was found"),
            (full, "the thing fills the whole picture"),
            (stripes, "the ground is not plain: 5"),
        ] {
            let found = notes(picture);
            assert!(found.len() == 1 && found[0].starts_with(expected), "{found:?}");
        }
        assert!(notes(block((60, 60), 70, 200)).is_empty());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dot.png");
        block((1, 1), 9, 9).save(&path).unwrap();
        let dot = read(&path, SHAPE).unwrap();
        assert!(dot.notes[0].starts_with("the picture has only 1×1 pixels"), "{:?}", dot.notes);
        assert_eq!((dot.size, dot.shades), ((1, 1), vec![0; PIXELS]));
    }

    #[test]
    fn reads_pictures_by_content() {
        let folder = tempfile::tempdir().unwrap();
        let picture = block((300, 300), 255, 40);
        for format in super::super::decode::FORMATS {
            let path = folder.path().join("picture.dat");
            picture.save_with_format(&path, format).unwrap();
            assert!(at(&read(&path, SHAPE).unwrap().shades, 14, 14).abs_diff(215) < 6, "{format:?}");
        }
    }
}
