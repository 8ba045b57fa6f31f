//! From any PNG or JPEG to shades of the size that a network takes, light on black: Fashion-MNIST's own pipeline (Xiao, Rasul, Vollgraf 2017,
//! section 2), without its sharpening.

use std::{io, path::Path};

use image::{
    DynamicImage, GrayAlphaImage, GrayImage, ImageError, ImageReader, Limits, Luma,
    imageops::{self, FilterType},
};
use selvedge::shape::InputShape;

use super::PictureError;

/// The largest width and height that are read.
const MAX_SIDE: u32 = 16_384;
/// The most memory that decoding may take.
const MAX_MEMORY: u64 = 512 << 20;
/// Shades up to this one are the ground around the thing.
const GROUND: u8 = 32;

/// Reads a picture of one thing, a PNG or JPEG of any size up to 16,384×16,384, as a sample of a network: an image of one channel, light
/// on black.
///
/// A picture with a light border is inverted. Unless it has the sample's size already, its ground is cut off around the thing, and the
/// thing is enlarged or reduced until it fits, and put in the middle.
///
/// # Errors
///
/// [`PictureError`].
pub fn read(path: &Path, shape: InputShape) -> Result<Vec<u8>, PictureError> {
    let InputShape::Image { channels: 1, height, width } = shape else {
        return Err(PictureError::Shape { path: path.into(), shape });
    };
    let unreadable = |error| PictureError::Unreadable { path: path.into(), error };
    let mut reader = ImageReader::open(path).and_then(ImageReader::with_guessed_format).map_err(unreadable)?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_MEMORY);
    reader.limits(limits);
    let picture = reader.decode().map_err(|error| match error {
        ImageError::IoError(error) if error.kind() != io::ErrorKind::UnexpectedEof => unreadable(error),
        error => PictureError::Picture { path: path.into(), error: error.into() },
    })?;
    Ok(prepare(&picture, (width, height)))
}

/// A picture as shades of so many columns and rows.
fn prepare(picture: &DynamicImage, size: (u32, u32)) -> Vec<u8> {
    let mut gray = flatten(&picture.to_luma_alpha8());
    if border_mean(&gray) > 127 {
        imageops::invert(&mut gray);
    }
    let fitted = if gray.dimensions() == size { gray } else { fit(&gray, size) };
    fitted.into_raw()
}

/// Lays a picture over white or, where the thing is light, over black: the thing must not vanish.
fn flatten(picture: &GrayAlphaImage) -> GrayImage {
    let (mut light, mut weight) = (0, 0);
    for pixel in picture.pixels() {
        let [shade, alpha] = pixel.0.map(u64::from);
        light += shade * alpha;
        weight += alpha;
    }
    let ground = if 2 * light > 255 * weight { 0 } else { 255 };
    GrayImage::from_fn(picture.width(), picture.height(), |x, y| {
        let [shade, alpha] = picture.get_pixel(x, y).0.map(u32::from);
        Luma([((shade * alpha + ground * (255 - alpha) + 127) / 255) as u8])
    })
}

/// The mean shade of the outermost pixels.
fn border_mean(gray: &GrayImage) -> u64 {
    let (width, height) = gray.dimensions();
    let (mut sum, mut count) = (0, 0);
    for (x, y, pixel) in gray.enumerate_pixels() {
        if x == 0 || y == 0 || x + 1 == width || y + 1 == height {
            sum += u64::from(pixel.0[0]);
            count += 1;
        }
    }
    sum / count.max(1)
}

/// Cuts the ground off, and makes the rest as large as the size allows, in the middle of black.
fn fit(gray: &GrayImage, (full_width, full_height): (u32, u32)) -> GrayImage {
    let (mut left, mut top, mut right, mut bottom) = (u32::MAX, u32::MAX, 0, 0);
    for (x, y, pixel) in gray.enumerate_pixels() {
        if pixel.0[0] > GROUND {
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
    use std::fs;

    use image::{LumaA, Rgb, RgbImage};

    use super::*;

    const SIDE: usize = 28;
    const PIXELS: usize = SIDE * SIDE;
    const SHAPE: InputShape = InputShape::Image { channels: 1, height: 28, width: 28 };

    fn at(image: &[u8], x: usize, y: usize) -> u8 {
        image[y * SIDE + x]
    }

    fn prepare(picture: &DynamicImage) -> Vec<u8> {
        super::prepare(picture, (28, 28))
    }

    /// A picture with a block of one shade on a ground of another, and where the block is.
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
        let mut negative = shades.clone();
        imageops::invert(&mut negative);
        assert_eq!(prepare(&negative.into()).as_slice(), shades.as_raw().as_slice());
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
        let image = super::prepare(&block((100, 100), 0, 200).into(), (20, 10));
        let lit = |x: usize, y: usize| image[20 * y + x] > 100;
        assert!(lit(9, 0) && lit(9, 9) && lit(8, 5) && lit(11, 5));
        assert!(!lit(6, 5) && !lit(13, 5));
        let wide = GrayImage::from_fn(100, 10, |_, y| Luma([if (4..6).contains(&y) { 255 } else { 0 }]));
        assert_eq!(super::prepare(&wide.into(), (20, 10)).iter().filter(|&&x| x > 200).count(), 20);
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
    fn reads_png_and_jpeg_by_content() {
        let folder = tempfile::tempdir().unwrap();
        let picture = block((300, 300), 255, 40);
        for format in [image::ImageFormat::Png, image::ImageFormat::Jpeg] {
            let path = folder.path().join("picture.dat");
            picture.save_with_format(&path, format).unwrap();
            assert!(at(&read(&path, SHAPE).unwrap(), 14, 14).abs_diff(215) < 4);
        }
    }

    #[test]
    fn what_is_no_picture_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("picture.png");
        assert!(matches!(read(&path, SHAPE), Err(PictureError::Unreadable { .. })));
        block((30, 30), 0, 200).save(&path).unwrap();
        let whole = fs::read(&path).unwrap();
        for end in [0, 5, 20, 40, whole.len() / 2] {
            fs::write(&path, &whole[..end]).unwrap();
            assert!(matches!(read(&path, SHAPE), Err(PictureError::Picture { .. })), "{end}");
        }
        // The header says 2³¹−1 × 2³¹−1 pixels, with the checksum that goes with it.
        let mut huge = whole.clone();
        huge[16..24].copy_from_slice(&[0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff]);
        let mut crc = flate2::Crc::new();
        crc.update(&huge[12..29]);
        huge[29..33].copy_from_slice(&crc.sum().to_be_bytes());
        fs::write(&path, &huge).unwrap();
        let error = read(&path, SHAPE).unwrap_err();
        let PictureError::Picture { error, .. } = error else { panic!("{error}") };
        assert!(matches!(error.downcast_ref(), Some(ImageError::Limits(_))), "{error}");
    }
}
