//! Pixels as a PNG file's bytes.

use std::io::{self, Cursor};

use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};

/// Encodes pixels of red, green and blue, row after row.
///
/// # Errors
///
/// [`io::Error`] if there are not three bytes for each of the columns and rows.
pub fn png(pixels: &[u8], (width, height): (u32, u32)) -> io::Result<Vec<u8>> {
    let expected = u64::from(width) * u64::from(height) * 3;
    if pixels.len() as u64 != expected || expected == 0 {
        return Err(io::Error::other(format!("{} bytes are no picture of {width}×{height} pixels", pixels.len())));
    }
    let mut bytes = Cursor::new(Vec::new());
    let encoder = PngEncoder::new(&mut bytes);
    encoder.write_image(pixels, width, height, ExtendedColorType::Rgb8).map_err(io::Error::other)?;
    Ok(bytes.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_come_back() {
        let pixels: Vec<u8> = (0..18).collect();
        let bytes = png(&pixels, (3, 2)).unwrap();
        assert_eq!(image::load_from_memory(&bytes).unwrap().to_rgb8().into_raw(), pixels);
        assert!(png(&pixels, (3, 3)).is_err() && png(&[], (0, 0)).is_err());
    }
}
