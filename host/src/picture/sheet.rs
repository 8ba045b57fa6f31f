//! A sheet of images with their classes' names.

use std::{io::Cursor, path::Path};

use image::{ImageFormat, Rgb, RgbImage, imageops};
use noto_sans_mono_bitmap::{FontWeight, RasterHeight, get_raster, get_raster_width};

use crate::files::{WriteError, write_whole};

/// An image in shades of grey, and the text below it.
pub struct Captioned<'a> {
    /// Row after row.
    pub shades: &'a [u8],
    /// The text.
    pub caption: &'a str,
}

/// Images in a row of a saved sheet, and the sheet's pixels for each of an image's.
const COLUMNS: u32 = 10;
const SCALE: u32 = 3;

const GAP: u32 = 8;
const TEXT: RasterHeight = RasterHeight::Size16;
const GROUND: u8 = 34;

/// Draws images of so many columns and rows, each enlarged `scale` times and with its caption below it, in rows of `columns`.
pub fn grid(images: &[Captioned<'_>], (width, height): (u32, u32), columns: u32, scale: u32) -> RgbImage {
    let scale = scale.max(1);
    let (width, height) = (width * scale, height * scale);
    let (step_x, step_y) = (width + GAP, height + TEXT.val() as u32 + GAP);
    let count = images.len() as u32;
    let columns = columns.clamp(1, count.max(1));
    let rows = count.div_ceil(columns).max(1);
    let mut sheet = RgbImage::from_pixel(columns * step_x + GAP, rows * step_y + GAP, Rgb([GROUND; 3]));
    for (image, place) in images.iter().zip(0..) {
        let (left, top) = (GAP + place % columns * step_x, GAP + place / columns * step_y);
        let enlarged = RgbImage::from_fn(width, height, |x, y| {
            let place = y / scale * (width / scale) + x / scale;
            Rgb([image.shades.get(place as usize).copied().unwrap_or_default(); 3])
        });
        imageops::replace(&mut sheet, &enlarged, left.into(), top.into());
        write(&mut sheet, image.caption, (left, top + height), width);
    }
    sheet
}

/// Writes a line of text, centred below an image and cut off where it is wider.
fn write(sheet: &mut RgbImage, text: &str, (left, top): (u32, u32), width: u32) {
    let advance = get_raster_width(FontWeight::Regular, TEXT) as u32;
    let start = left + width.saturating_sub(advance * text.chars().count() as u32) / 2;
    let glyphs = text.chars().filter_map(|character| get_raster(character, FontWeight::Regular, TEXT));
    for (glyph, x) in glyphs.zip((start..=(left + width).saturating_sub(advance)).step_by(advance as usize)) {
        for (row, y) in glyph.rows().zip(top..) {
            for (&ink, x) in row.iter().zip(x..) {
                sheet.put_pixel(x, y, Rgb([ink.max(GROUND); 3]));
            }
        }
    }
}

/// Saves a [`grid`] in rows of ten as a PNG file, whole or not at all.
///
/// # Errors
///
/// [`WriteError`].
pub fn save_grid(path: &Path, images: &[Captioned<'_>], size: (u32, u32)) -> Result<(), WriteError> {
    let mut png = Cursor::new(Vec::new());
    grid(images, size, COLUMNS, SCALE)
        .write_to(&mut png, ImageFormat::Png)
        .expect("memory takes every PNG of at least a pixel");
    write_whole(path, png.get_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_stand_in_rows_above_their_names() {
        let images = [(100, "T-shirt/top"), (150, "Bag"), (200, "Ankle boot")];
        let shades = images.map(|(shade, _)| [shade; 784]);
        let images: Vec<_> =
            images.iter().zip(&shades).map(|((_, caption), shades)| Captioned { shades, caption }).collect();
        let sheet = grid(&images, (28, 28), 2, 3);
        assert_eq!(sheet.dimensions(), (2 * 92 + 8, 2 * 108 + 8));
        let shade = |x, y| sheet.get_pixel(x, y).0[0];
        assert_eq!([shade(8, 8), shade(91, 91), shade(100, 8), shade(8, 116)], [100, 100, 150, 200]);
        assert_eq!([shade(7, 8), shade(92, 8), shade(100, 116)], [GROUND; 3]);
        // "Bag" is shorter than "T-shirt/top", and both leave ink below their images.
        let ink = |left| {
            (92..108).flat_map(|y| (left..left + 84).map(move |x| (x, y))).filter(|&(x, y)| shade(x, y) > 150).count()
        };
        assert!(ink(8) > ink(100) && ink(100) > 20, "{} {}", ink(8), ink(100));
    }

    #[test]
    fn small_and_empty_sheets_are_sheets() {
        assert_eq!(grid(&[], (28, 28), 0, 0).dimensions(), (8 + 28 + 8, 8 + 28 + 16 + 8));
        let image = Captioned { shades: &[0; 784], caption: "größer" };
        assert_eq!(grid(&[image], (28, 28), 10, 1).dimensions(), (8 + 28 + 8, 8 + 28 + 16 + 8));
        let image = Captioned { shades: &[0; 2], caption: "wider than the image" };
        assert_eq!(grid(&[image], (1, 2), 10, 1).dimensions(), (8 + 1 + 8, 8 + 2 + 16 + 8));
    }

    #[test]
    fn saves_a_png() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sheet.png");
        let images = [Captioned { shades: &[100; 12], caption: "1" }, Captioned { shades: &[150; 12], caption: "2" }];
        save_grid(&path, &images, (4, 3)).unwrap();
        assert_eq!(image::open(&path).unwrap().to_rgb8(), grid(&images, (4, 3), 10, 3));
        assert!(save_grid(folder.path(), &images, (4, 3)).is_err());
    }
}
