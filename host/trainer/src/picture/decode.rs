//! Reads a picture's file, within a limit of memory and time, as upright colours with an alpha channel.

use std::{
    io::{self, Cursor, Read},
    path::Path,
};

use image::{
    DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits, Rgba, RgbaImage, imageops,
    metadata::Orientation,
};

use super::{
    PictureError,
    file::open,
    foreign,
    sample::is_sample,
    whole::{self, Structure},
};

/// The formats that are read.
pub const FORMATS: [ImageFormat; 6] =
    [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP, ImageFormat::Gif, ImageFormat::Bmp, ImageFormat::Tiff];

/// The bytes that identify a WebP. The other formats need fewer.
const LONGEST_MAGIC: usize = 12;
/// The largest number of bytes that a picture takes: its file, the decoder's memory and the pixels.
const MAX_MEMORY: u64 = 320 << 20;
/// The largest number of bytes of a PNG's colour profile or text.
const MAX_PROFILE: u64 = 4 << 20;
/// The largest number of columns and rows: decoders keep some rows beside the picture.
const MAX_SIDE: u32 = 65_535;
/// The largest number of pixels. The second constant is the largest number of pixels that all scans of a JPEG visit together.
const MAX_PIXELS: u64 = 64_000_000;
const MAX_VISITS: u64 = 10 * MAX_PIXELS;
/// The largest number of bytes of a JPEG with scans, which is slow to read.
const MAX_PROGRESSIVE: u64 = 24 << 20;
/// The largest number of pixels for the further steps. Larger pictures are reduced.
const MAX_WORKED: u64 = 4 << 20;

/// The number of bytes for each pixel in the further steps: colours, shades, alpha, the background's mask and the places from which it grows.
const WORK: u64 = 32;

/// A picture that was read.
pub struct Decoded {
    /// Colours and alpha, turned by EXIF's orientation. A large picture is reduced: each pixel is the mean of a square block of the file's
    /// pixels.
    pub pixels: RgbaImage,
    /// The columns and rows of the upright picture in the file.
    pub size: (u32, u32),
    /// EXIF's orientation, from 1 to 8.
    pub orientation: u8,
    /// True if more pictures follow in the file.
    pub is_series: bool,
    /// True if `show --plain` wrote it.
    pub is_sample: bool,
}

/// Reads a file.
///
/// # Errors
///
/// [`PictureError`]. A picture that is too large is refused by its header.
pub fn decode(path: &Path) -> Result<Decoded, PictureError> {
    let unreadable = |error| PictureError::Unreadable { path: path.into(), error };
    let mut bytes = Vec::new();
    open(path)?.take(MAX_MEMORY + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    decode_bytes(path, bytes)
}

/// Decodes a file's bytes. `path` is the file's name in errors.
///
/// # Errors
///
/// The errors of [`decode`], except those of opening the file.
pub fn decode_bytes(path: &Path, bytes: Vec<u8>) -> Result<Decoded, PictureError> {
    let unreadable = |error| PictureError::Unreadable { path: path.into(), error };
    let cut = |missing| PictureError::Cut { path: path.into(), missing };
    let too_large = |reason| PictureError::TooLarge { path: path.into(), reason };
    let failed = |error| match error {
        ImageError::IoError(error) if error.kind() == io::ErrorKind::UnexpectedEof => cut("its last part is missing"),
        ImageError::Limits(_) => too_large(format!(
            "it has more than {MAX_SIDE} columns or rows, or its parts more memory than a picture may"
        )),
        error => PictureError::Picture { path: path.into(), error: error.into() },
    };
    if bytes.is_empty() {
        return Err(cut("it has no bytes"));
    }
    let length = bytes.len() as u64;
    if length > MAX_MEMORY {
        return Err(too_large(format!("its file has more than {} MB", MAX_MEMORY >> 20)));
    }
    let mut reader = ImageReader::new(Cursor::new(&bytes)).with_guessed_format().map_err(unreadable)?;
    let format = reader.format().filter(|format| FORMATS.contains(format));
    if let (None, Some(what)) = (format, foreign::describe(&bytes))
        && bytes.len() >= LONGEST_MAGIC
    {
        return Err(PictureError::Foreign { path: path.into(), what });
    }
    let mut limits = Limits::default();
    // A PNG's are for what stands before its pixels, such as a colour profile.
    limits.max_alloc = Some(if format == Some(ImageFormat::Png) { MAX_PROFILE } else { MAX_MEMORY });
    (limits.max_image_width, limits.max_image_height) = (Some(MAX_SIDE), Some(MAX_SIDE));
    reader.limits(limits);
    // What is no picture at all has no structure: the decoder says so.
    let structure = format.map_or(Ok(Structure::default()), |format| whole::check(&bytes, format)).map_err(cut)?;
    check_memory(path, 2 * MAX_PROFILE)?;
    let mut decoder = reader.into_decoder().map_err(failed)?;
    let (width, height) = decoder.dimensions();
    let pixels = u64::from(width) * u64::from(height);
    let memory = format.map_or(0, |format| memory(&decoder, format, structure, length));
    if pixels > MAX_PIXELS {
        let most = MAX_PIXELS / 1_000_000;
        return Err(too_large(format!("it has {width}×{height} pixels, and at most {most} million are read")));
    }
    if memory > MAX_MEMORY {
        let (memory, most) = (memory >> 20, MAX_MEMORY >> 20);
        return Err(too_large(format!(
            "reading its {width}×{height} pixels takes {memory} MB, and at most {most} MB are taken"
        )));
    }
    check_memory(path, memory + WORK * pixels.min(MAX_WORKED))?;
    if pixels * structure.scans > MAX_VISITS || structure.is_progressive && length > MAX_PROGRESSIVE {
        let (scans, length) = (structure.scans, length >> 20);
        return Err(too_large(format!("{scans} scans of {width}×{height} pixels in {length} MB take too long")));
    }
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let picture = DynamicImage::from_decoder(decoder).map_err(failed)?;
    let is_sample = is_sample(&bytes);
    drop(bytes);
    let mut reduced = DynamicImage::ImageRgba8(reduce(picture));
    reduced.apply_orientation(orientation);
    let orientation = orientation.to_exif();
    let size = if orientation > 4 { (height, width) } else { (width, height) };
    Ok(Decoded { pixels: reduced.into_rgba8(), size, orientation, is_series: structure.is_series, is_sample })
}

/// Allocates memory and frees it without use. Decoders would abort the program if there is too little.
fn check_memory(path: &Path, bytes: u64) -> Result<(), PictureError> {
    let megabytes = (bytes >> 20) + 1;
    let asked = Vec::<u8>::new().try_reserve_exact((megabytes << 20) as usize);
    asked.map_err(|_| PictureError::Memory { path: path.into(), megabytes })
}

/// Returns the largest number of bytes that reading needs, by the header: for the file, the pixels, and the decoder.
fn memory(decoder: &impl ImageDecoder, format: ImageFormat, structure: Structure, length: u64) -> u64 {
    let (width, height) = decoder.dimensions();
    // Decoders work in blocks.
    let pixels = u64::from(width.next_multiple_of(32)) * u64::from(height.next_multiple_of(32));
    let decoded = decoder.total_bytes();
    let beside = match format {
        // A copy of the file; where the picture comes in several scans, 16 bits for each coefficient.
        ImageFormat::Jpeg if structure.is_progressive || structure.scans > 1 => {
            length + 2 * pixels * structure.components
        }
        ImageFormat::Jpeg => length,
        // A frame of four bytes a pixel; WebP's planes beside that.
        ImageFormat::Gif => 4 * pixels,
        ImageFormat::WebP => 8 * pixels,
        // A copy of the pixels.
        ImageFormat::Tiff => decoded,
        _ => 0,
    };
    length.saturating_add(decoded).saturating_add(beside)
}

/// Returns colours and alpha. If there are too many pixels for the further steps, each returned pixel is the mean of a square block of pixels.
fn reduce(picture: DynamicImage) -> RgbaImage {
    let (width, height) = (picture.width(), picture.height());
    let pixels = u64::from(width) * u64::from(height);
    if pixels <= MAX_WORKED {
        return picture.into_rgba8();
    }
    let side = (1..).find(|side| pixels <= MAX_WORKED * side * side).unwrap_or(1) as u32;
    let mut reduced = RgbaImage::new(width.div_ceil(side), height.div_ceil(side));
    for row in 0..reduced.height() {
        // Only these rows are copied.
        let rows = picture.crop_imm(0, row * side, width, side).into_rgba8();
        for column in 0..reduced.width() {
            let square = imageops::crop_imm(&rows, column * side, 0, side, side);
            let (mut light, mut weight, mut count) = ([0; 3], 0, 0);
            for (_, _, pixel) in image::GenericImageView::pixels(&*square) {
                let [red, green, blue, alpha] = pixel.0.map(u64::from);
                light.iter_mut().zip([red, green, blue]).for_each(|(sum, channel)| *sum += channel * alpha);
                weight += alpha;
                count += 1;
            }
            let [red, green, blue] = light;
            let mean = |sum: u64, of: u64| (sum + of / 2).checked_div(of).unwrap_or(0) as u8;
            reduced.put_pixel(
                column,
                row,
                Rgba([mean(red, weight), mean(green, weight), mean(blue, weight), mean(weight, count)]),
            );
        }
    }
    reduced
}

#[cfg(test)]
mod tests {
    use std::fs;

    use image::{
        GrayImage, ImageEncoder, Luma, Rgb, RgbImage,
        codecs::{jpeg::JpegEncoder, png::PngEncoder, webp::WebPEncoder},
    };

    use super::*;

    fn picture() -> RgbImage {
        RgbImage::from_fn(20, 16, |x, y| Rgb([(x * 12) as u8, (y * 15) as u8, (x * y) as u8]))
    }

    #[test]
    fn a_part_of_a_picture_is_refused_in_every_format() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("picture");
        for format in FORMATS {
            picture().save_with_format(&path, format).unwrap();
            let whole = fs::read(&path).unwrap();
            assert_eq!(decode(&path).unwrap().size, (20, 16));
            for end in 0..whole.len() {
                fs::write(&path, &whole[..end]).unwrap();
                let error = decode(&path).err();
                let is_right = matches!(error, Some(PictureError::Cut { .. } | PictureError::Picture { .. }));
                assert!(is_right, "{format:?} {end} of {}: {error:?}", whole.len());
            }
        }
    }

    #[test]
    fn exifs_orientation_is_applied() {
        // A light corner above and to the left of a darker one; 24 columns and 16 rows.
        let upright = |x: u32, y: u32| match (x / 8, y / 8) {
            (0, 0) => 250,
            (2, 0) => 150,
            (0, 1) => 80,
            _ => 0,
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("picture");
        for orientation in 1..=8 {
            let (width, height) = if orientation > 4 { (16, 24) } else { (24, 16) };
            // Where the file's first row and column are seen: EXIF 2.32, tag 274.
            let stored = GrayImage::from_fn(width, height, |x, y| {
                Luma([match orientation {
                    1 => upright(x, y),
                    2 => upright(23 - x, y),
                    3 => upright(23 - x, 15 - y),
                    4 => upright(x, 15 - y),
                    5 => upright(y, x),
                    6 => upright(23 - y, x),
                    7 => upright(23 - y, 15 - x),
                    _ => upright(y, 15 - x),
                }])
            });
            let mut exif = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
            exif.extend([orientation, 0, 0, 0, 0, 0, 0, 0]);
            for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP] {
                let file = fs::File::create(&path).unwrap();
                let result = match format {
                    ImageFormat::Jpeg => with_exif(JpegEncoder::new_with_quality(&file, 95), &exif, &stored),
                    ImageFormat::Png => with_exif(PngEncoder::new(&file), &exif, &stored),
                    _ => with_exif(WebPEncoder::new_lossless(&file), &exif, &stored),
                };
                result.unwrap();
                let found = decode(&path).unwrap();
                assert_eq!((found.size, found.orientation), ((24, 16), orientation), "{format:?}");
                for (x, y, pixel) in found.pixels.enumerate_pixels() {
                    assert!(pixel.0[0].abs_diff(upright(x, y)) < 12, "{format:?} {orientation}: {x} {y}");
                }
            }
        }
    }

    fn with_exif(mut encoder: impl ImageEncoder, exif: &[u8], image: &GrayImage) -> image::ImageResult<()> {
        encoder.set_exif_metadata(exif.to_vec()).unwrap();
        image.write_with_encoder(encoder)
    }

    #[test]
    fn what_is_too_large_is_refused_by_its_header() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("picture.png");
        picture().save(&path).unwrap();
        let mut huge = fs::read(&path).unwrap();
        // With the checksum that goes with it.
        for side in [[0x7f, 0xff, 0xff, 0xff], [0, 0, 64, 0]] {
            huge[16..20].copy_from_slice(&side);
            huge[20..24].copy_from_slice(&side);
            let mut crc = flate2::Crc::new();
            crc.update(&huge[12..29]);
            huge[29..33].copy_from_slice(&crc.sum().to_be_bytes());
            fs::write(&path, &huge).unwrap();
            let error = decode(&path).err().unwrap();
            assert!(matches!(error, PictureError::TooLarge { .. }), "{error}");
        }
        // More bytes than are read, none of them on a disk.
        fs::File::create(&path).unwrap().set_len(1 << 40).unwrap();
        assert!(matches!(decode(&path), Err(PictureError::TooLarge { .. })));
    }

    #[test]
    fn a_jpeg_of_few_bytes_has_few_pixels() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("picture.jpg");
        picture().save(&path).unwrap();
        let mut bytes = fs::read(&path).unwrap();
        let frame = bytes.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
        bytes[frame + 5..frame + 9].copy_from_slice(&[0x20, 0, 0x20, 0]);
        fs::write(&path, &bytes).unwrap();
        let error = decode(&path).err().unwrap().to_string();
        assert!(error.contains("too few bytes for the pixels"), "{error}");
    }

    #[test]
    fn a_large_picture_is_reduced() {
        let gray = GrayImage::from_fn(5000, 1700, |x, y| Luma([if x < 2500 && y < 850 { 40 } else { 200 }]));
        let reduced = reduce(gray.into());
        assert_eq!(reduced.dimensions(), (2500, 850));
        assert_eq!(
            [(0, 0), (2400, 840)].map(|(x, y)| reduced.get_pixel(x, y).0),
            [[40, 40, 40, 255], [200, 200, 200, 255]]
        );
    }

    #[test]
    fn a_fault_of_the_pixels_is_no_fault_of_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("picture.tif");
        let mut bytes = b"II*\0\x08\0\0\0\x08\0".to_vec();
        // Eight rows and columns of a byte, compressed by Deflate, and no Deflate stream.
        for (tag, value) in [(256, 8), (257, 8), (258, 8), (259, 8), (262, 1), (273, 110), (278, 8), (279, 64)] {
            bytes.extend([tag as u8, (tag >> 8) as u8, 4, 0, 1, 0, 0, 0, value, 0, 0, 0]);
        }
        bytes.resize(110 + 64, 0xff);
        bytes[106..110].fill(0);
        fs::write(&path, bytes).unwrap();
        assert!(matches!(decode(&path), Err(PictureError::Picture { .. })), "{:?}", decode(&path).err());
    }

    #[test]
    fn more_memory_than_there_is_is_an_error() {
        assert!(check_memory("a".as_ref(), 1 << 20).is_ok());
        let error = check_memory("a".as_ref(), 1 << 60).unwrap_err().to_string();
        assert!(error.starts_with("a: reading it takes "), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn what_has_no_end_is_not_opened() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        for path in [&*pipe, folder.path(), Path::new("/dev/zero")] {
            assert!(matches!(decode(path), Err(PictureError::NoFile { .. })), "{}", path.display());
        }
        assert!(matches!(decode(&folder.path().join("none")), Err(PictureError::Unreadable { .. })));
    }
}
