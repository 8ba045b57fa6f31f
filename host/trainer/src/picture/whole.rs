//! Checks by its outer structure that a picture's file is complete. Decoders would fill a missing part with grey and report no error.

use image::ImageFormat;

/// The facts from the structure of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Structure {
    /// The number of a JPEG's scans. Each scan visits all blocks.
    pub scans: u64,
    /// The number of a JPEG's components: three, or four for print.
    pub components: u64,
    /// True if the decoder keeps every coefficient of the picture in memory.
    pub is_progressive: bool,
    /// True if more pictures follow the first: an animation, or pages.
    pub is_series: bool,
}

/// Reads a file's structure to its end mark. The error is the part that is missing.
///
/// A BMP and a TIFF have no end mark. Their decoders find each missing byte.
pub fn check(bytes: &[u8], format: ImageFormat) -> Result<Structure, &'static str> {
    match format {
        ImageFormat::Jpeg => jpeg(bytes),
        ImageFormat::Png => png(bytes).ok_or("its last chunk, IEND, is missing").map(Structure::of),
        ImageFormat::Gif => gif(bytes).ok_or("its end mark is missing").map(Structure::of),
        ImageFormat::WebP => match bytes.get(4..8).and_then(number_le) {
            // An extended header's flags.
            Some(size) if bytes.len() as u64 >= 8 + u64::from(size) => Ok(Structure::of(
                bytes.get(12..16) == Some(b"VP8X") && bytes.get(20).is_some_and(|flags| flags & 2 != 0),
            )),
            _ => Err("it has fewer bytes than its header says"),
        },
        ImageFormat::Tiff => Ok(Structure::of(tiff(bytes).unwrap_or(false))),
        _ => Ok(Structure::default()),
    }
}

impl Structure {
    fn of(is_series: bool) -> Self {
        Self { is_series, ..Self::default() }
    }
}

fn number_le(bytes: &[u8]) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

fn number_be(bytes: &[u8]) -> Option<usize> {
    Some(bytes.iter().fold(0, |number, &byte| number << 8 | usize::from(byte)))
}

/// Reads chunks: length, type, content, checksum. Returns true for an animation, which has APNG's `acTL`.
fn png(bytes: &[u8]) -> Option<bool> {
    let (mut rest, mut is_series) = (bytes.get(8..)?, false);
    loop {
        let length = number_be(rest.get(..4)?)?;
        let kind = rest.get(4..8)?;
        rest = rest.get(length.checked_add(12)?..)?;
        is_series |= kind == b"acTL";
        if kind == b"IEND" {
            return Some(is_series);
        }
    }
}

/// Reads segments with a length, and after a start of scan its data, in which FF is followed by 0 or a restart mark.
fn jpeg(bytes: &[u8]) -> Result<Structure, &'static str> {
    const CUT: &str = "its end mark is missing";
    /// The largest number of pixels that a byte of data describes: 8 blocks of 64 pixels, a bit for each block.
    const PIXELS_OF_A_BYTE: usize = 8 * 64;
    let (mut found, mut pixels, mut at) = (Structure::default(), 0, 2);
    loop {
        // Bytes between segments are passed over, as decoders do.
        at += bytes.get(at..).and_then(|rest| rest.windows(2).position(is_mark)).ok_or(CUT)?;
        let mark = bytes[at + 1];
        at += 2;
        match mark {
            0xd9 if pixels > PIXELS_OF_A_BYTE * bytes.len() => {
                return Err("it has too few bytes for the pixels that its header says");
            }
            0xd9 => return Ok(found),
            0x01 | 0xd8 => continue,
            _ => {}
        }
        let length = bytes.get(at..at + 2).and_then(number_be).ok_or(CUT)?;
        let segment = bytes.get(at + 2..at + length.max(2)).ok_or(CUT)?;
        at += length.max(2);
        match mark {
            // A start of frame: precision, height, width, components.
            0xc0..=0xcf if ![0xc4, 0xc8, 0xcc].contains(&mark) && segment.len() >= 6 => {
                pixels = number_be(&segment[1..3]).unwrap_or(0) * number_be(&segment[3..5]).unwrap_or(0);
                found.components = segment[5].into();
                found.is_progressive |= mark == 0xc2;
            }
            0xda => found.scans += 1,
            _ => {}
        }
    }
}

/// Returns true for FF and a marker's code, but not for a stuffed byte or a restart mark.
fn is_mark(pair: &[u8]) -> bool {
    pair[0] == 0xff && !matches!(pair[1], 0 | 0xff | 0xd0..=0xd7)
}

/// Returns true if the first directory names another one.
fn tiff(bytes: &[u8]) -> Option<bool> {
    let is_big_endian = bytes.starts_with(b"MM");
    let number = |at: usize, length: usize| {
        let field = bytes.get(at..at.checked_add(length)?)?;
        if is_big_endian { number_be(field) } else { number_be(&field.iter().rev().copied().collect::<Vec<_>>()) }
    };
    let first = number(4, 4)?;
    Some(number(2, 2)? == 42 && number(first.checked_add(2 + 12 * number(first, 2)?)?, 4)? != 0)
}

/// Reads the header, the colour table, extensions and images, which have blocks with a length. Returns true if there are several images.
fn gif(bytes: &[u8]) -> Option<bool> {
    let table = |flags: u8| if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) };
    let (mut at, mut images) = (13 + table(*bytes.get(10)?), 0);
    loop {
        at += match bytes.get(at)? {
            0x3b => return Some(images > 1),
            0x21 => 2,
            0x2c => {
                images += 1;
                11 + table(*bytes.get(at + 9)?)
            }
            // Padding.
            _ => {
                at += 1;
                continue;
            }
        };
        loop {
            let length = usize::from(*bytes.get(at)?);
            at += 1 + length;
            if length == 0 {
                break;
            }
        }
    }
}
