//! A sheet of images with their classes' names.

use std::{io, path::Path};

use image::{Rgb, RgbImage, imageops};
use noto_sans_mono_bitmap::{FontWeight, RasterHeight, get_raster, get_raster_width};

use super::{Captioned, png::png};
use crate::files::write_whole;

/// The largest number of bytes of a sheet.
const MOST: u64 = 1 << 30;

const GAP: u32 = 8;
const TEXT: RasterHeight = RasterHeight::Size16;
const GROUND: u8 = 34;

/// Draws images with this number of columns and rows, each enlarged `scale` times and with its caption below, in rows of `columns` images.
///
/// `None` if the sheet would have more than a gibibyte.
pub fn grid(images: &[Captioned<'_>], (width, height): (u32, u32), columns: u32, scale: u32) -> Option<RgbImage> {
    let scale = scale.max(1);
    let (width, height) = (width.checked_mul(scale)?, height.checked_mul(scale)?);
    let step_x = width.checked_add(GAP)?;
    let step_y = height.checked_add(TEXT.val() as u32 + GAP)?;
    let count = u32::try_from(images.len()).ok()?;
    let columns = columns.clamp(1, count.max(1));
    let rows = count.div_ceil(columns).max(1);
    let sheet_width = columns.checked_mul(step_x)?.checked_add(GAP)?;
    let sheet_height = rows.checked_mul(step_y)?.checked_add(GAP)?;
    // Each place below lies on the sheet, so its numbers are no larger than those that are checked here.
    u64::from(sheet_width).checked_mul(u64::from(sheet_height))?.checked_mul(3).filter(|&bytes| bytes <= MOST)?;
    let mut sheet = RgbImage::from_pixel(sheet_width, sheet_height, Rgb([GROUND; 3]));
    let plane = (width / scale) as usize * (height / scale) as usize;
    for (image, place) in images.iter().zip(0..) {
        let channels = if image.shades.len() >= 3 * plane { [0, plane, 2 * plane] } else { [0; 3] };
        let (left, top) = (GAP + place % columns * step_x, GAP + place / columns * step_y);
        let enlarged = RgbImage::from_fn(width, height, |x, y| {
            let place = y / scale * (width / scale) + x / scale;
            Rgb(channels.map(|first| image.shades.get(first + place as usize).copied().unwrap_or_default()))
        });
        imageops::replace(&mut sheet, &enlarged, left.into(), top.into());
        write(&mut sheet, image.caption, (left, top + height), width);
    }
    Some(sheet)
}

/// Writes a line of text, centred in a width. It is cut off if it is wider.
pub fn write(sheet: &mut RgbImage, text: &str, (left, top): (u32, u32), width: u32) {
    let advance = get_raster_width(FontWeight::Regular, TEXT) as u32;
    let length = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
    let start = left + width.saturating_sub(advance.saturating_mul(length)) / 2;
    let glyphs = text.chars().filter_map(|character| get_raster(character, FontWeight::Regular, TEXT));
    for (glyph, x) in glyphs.zip((start..=(left + width).saturating_sub(advance)).step_by(advance as usize)) {
        for (row, y) in glyph.rows().zip(top..) {
            for (&ink, x) in row.iter().zip(x..) {
                sheet.put_pixel(x, y, Rgb([ink.max(GROUND); 3]));
            }
        }
    }
}

/// Saves a [`grid`] with this number of columns and this scale as a PNG file, as a whole or not at all.
///
/// # Errors
///
/// [`io::Error`] if the file cannot be written, or if the sheet would have more than a gibibyte. Its text names the file.
pub fn save_grid(
    path: &Path,
    images: &[Captioned<'_>],
    size: (u32, u32),
    (columns, scale): (u32, u32),
) -> io::Result<()> {
    let sheet = grid(images, size, columns, scale).ok_or_else(|| {
        let (count, (width, height)) = (images.len(), size);
        io::Error::other(format!(
            "cannot write {}: a sheet of {count} images of {height}×{width} pixels is too large; take fewer",
            path.display()
        ))
    })?;
    write_whole(path, &png(&sheet, sheet.dimensions())?).map_err(io::Error::other)
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
        let sheet = grid(&images, (28, 28), 2, 3).unwrap();
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
        let sizes = |images: &[_], size, columns, scale| grid(images, size, columns, scale).unwrap().dimensions();
        assert_eq!(sizes(&[], (28, 28), 0, 0), (8 + 28 + 8, 8 + 28 + 16 + 8));
        let image = Captioned { shades: &[0; 784], caption: "größer" };
        assert_eq!(sizes(&[image], (28, 28), 10, 1), (8 + 28 + 8, 8 + 28 + 16 + 8));
        let image = Captioned { shades: &[0; 2], caption: "wider than the image" };
        assert_eq!(sizes(&[image], (1, 2), 10, 1), (8 + 1 + 8, 8 + 2 + 16 + 8));
    }

    #[test]
    fn a_sheet_that_is_too_large_is_an_error() {
        const MAX: u32 = u32::MAX;
        let many = |count| (0..count).map(|_| Captioned { shades: &[], caption: "" }).collect::<Vec<_>>();
        for (count, size, columns, scale) in [
            (0, (MAX, 1), 1, 1),
            (1, (1, MAX), 1, 1),
            (1, (MAX / 2, 1), 1, 3),
            (1, (MAX - 8, 1), 1, 1),
            (1, (1, MAX - 24), 1, 1),
            (2, (MAX / 2, 1), 2, 1),
            (2, (1, MAX / 2), 1, 1),
            (1, (MAX - 16, MAX - 32), 1, 1),
            (2000, (256, 256), 10, 3),
            (1, (28, 28), 1, MAX),
        ] {
            assert_eq!(grid(&many(count), size, columns, scale), None, "{count} {size:?} {columns} {scale}");
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sheet.png");
        let error = save_grid(&path, &many(2), (60_000, 70_000), (10, 3)).unwrap_err().to_string();
        assert!(error.contains("sheet.png: a sheet of 2 images of 70000×60000 pixels is too large"), "{error}");
        assert!(!path.exists());
    }

    #[test]
    fn an_image_of_three_planes_has_colours() {
        let image = Captioned { shades: &[10, 20, 30, 40, 50, 60], caption: "" };
        let sheet = grid(&[image], (2, 1), 1, 1).unwrap();
        assert_eq!([8, 9].map(|x| sheet.get_pixel(x, 8).0), [[10, 30, 50], [20, 40, 60]]);
    }

    #[test]
    fn saves_a_png() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sheet.png");
        let images = [Captioned { shades: &[100; 12], caption: "1" }, Captioned { shades: &[150; 12], caption: "2" }];
        save_grid(&path, &images, (4, 3), (10, 3)).unwrap();
        assert_eq!(image::open(&path).unwrap().to_rgb8(), grid(&images, (4, 3), 10, 3).unwrap());
        let error = save_grid(folder.path(), &images, (4, 3), (10, 3)).unwrap_err().to_string();
        assert!(error.starts_with("cannot write "), "{error}");
    }
}
