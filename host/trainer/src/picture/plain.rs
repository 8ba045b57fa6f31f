//! Pictures that are only resized, as in a folder of pictures.

use std::path::Path;

use image::{
    DynamicImage, RgbImage,
    imageops::{self, FilterType},
};

use super::{PictureError, decode::decode};

/// The colours of an upright picture. Transparent parts are black.
pub struct Plain {
    pixels: RgbImage,
    size: (u32, u32),
}

/// Reads a picture of any format and size, turned as EXIF says.
///
/// # Errors
///
/// [`PictureError`] if the picture cannot be read.
pub fn read_plain(path: &Path) -> Result<Plain, PictureError> {
    let decoded = decode(path)?;
    let mut pixels = decoded.pixels;
    for pixel in pixels.pixels_mut().filter(|pixel| pixel.0[3] < u8::MAX) {
        let alpha = u32::from(pixel.0[3]);
        pixel.0[..3].iter_mut().for_each(|shade| *shade = ((u32::from(*shade) * alpha + 127) / 255) as u8);
    }
    Ok(Plain { pixels: DynamicImage::from(pixels).into_rgb8(), size: decoded.size })
}

impl Plain {
    /// Returns the columns and rows of the picture in the file.
    pub fn size(&self) -> (u32, u32) {
        self.size
    }

    /// Returns true if no pixel has a colour.
    pub fn is_grey(&self) -> bool {
        self.pixels.pixels().all(|pixel| pixel.0.iter().all(|shade| *shade == pixel.0[0]))
    }

    /// Returns the sample with this number of columns and rows: channels × rows × columns. The proportions may change. One channel is the luminance
    /// (ITU-R BT.709), and three are red, green and blue.
    pub fn fit(self, (width, height): (u32, u32), channels: u32) -> Vec<u8> {
        let pixels = match self.pixels.dimensions() == (width, height) {
            true => self.pixels,
            false => imageops::resize(&self.pixels, width, height, FilterType::Triangle),
        };
        if channels == 1 {
            return DynamicImage::from(pixels).into_luma8().into_raw();
        }
        (0..3).flat_map(|channel| pixels.pixels().map(move |pixel| pixel.0[channel])).collect()
    }
}

#[cfg(test)]
mod tests {
    use image::{GrayImage, Luma, Rgb, Rgba, RgbaImage};

    use super::*;

    #[test]
    fn a_picture_becomes_channels_of_rows() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("picture.png");
        RgbImage::from_fn(3, 2, |x, y| Rgb([x as u8, y as u8, 9])).save(&path).unwrap();
        let picture = read_plain(&path).unwrap();
        assert_eq!((picture.size(), picture.is_grey()), ((3, 2), false));
        assert_eq!(picture.fit((3, 2), 3), [0, 1, 2, 0, 1, 2, 0, 0, 0, 1, 1, 1, 9, 9, 9, 9, 9, 9]);
        GrayImage::from_fn(4, 4, |x, _| Luma([if x < 2 { 40 } else { 200 }])).save(&path).unwrap();
        let picture = read_plain(&path).unwrap();
        assert!(picture.is_grey());
        let small = picture.fit((2, 1), 1);
        assert!(small[0] < 80 && small[1] > 160, "{small:?}");
        RgbaImage::from_fn(2, 1, |x, _| Rgba([200, 100, 50, if x == 0 { 0 } else { 255 }])).save(&path).unwrap();
        assert_eq!(read_plain(&path).unwrap().fit((2, 1), 3), [0, 200, 0, 100, 0, 50]);
    }
}
