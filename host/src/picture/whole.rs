//! Whether a picture's file is whole, by its outer structure alone: decoders fill a lost part with grey and say nothing.

use image::ImageFormat;

/// What the structure of a file says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Structure {
    /// A JPEG's scans: each visits all blocks.
    pub scans: u64,
    /// A JPEG's components: three, or four in print.
    pub components: u64,
    /// Whether the decoder keeps every coefficient of the picture in memory.
    pub is_progressive: bool,
}

/// Walks a file to its end mark; on failure, what is missing.
///
/// A BMP and a TIFF have none. Their decoders find each missing byte.
pub fn check(bytes: &[u8], format: ImageFormat) -> Result<Structure, &'static str> {
    match format {
        ImageFormat::Jpeg => jpeg(bytes),
        ImageFormat::Png => png(bytes).ok_or("its last chunk, IEND, is missing").map(|()| Structure::default()),
        ImageFormat::Gif => gif(bytes).ok_or("its end mark is missing").map(|()| Structure::default()),
        ImageFormat::WebP => match bytes.get(4..8).and_then(number_le) {
            Some(size) if bytes.len() as u64 >= 8 + u64::from(size) => Ok(Structure::default()),
            _ => Err("it has fewer bytes than its header says"),
        },
        _ => Ok(Structure::default()),
    }
}

fn number_le(bytes: &[u8]) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

fn number_be(bytes: &[u8]) -> Option<usize> {
    Some(bytes.iter().fold(0, |number, &byte| number << 8 | usize::from(byte)))
}

/// Chunks: length, type, content, checksum.
fn png(bytes: &[u8]) -> Option<()> {
    let mut rest = bytes.get(8..)?;
    loop {
        let length = number_be(rest.get(..4)?)?;
        let kind = rest.get(4..8)?;
        rest = rest.get(length.checked_add(12)?..)?;
        if kind == b"IEND" {
            return Some(());
        }
    }
}

/// Segments with a length, and after a start of scan its data, in which FF is followed by 0 or a restart mark.
fn jpeg(bytes: &[u8]) -> Result<Structure, &'static str> {
    const CUT: &str = "its end mark is missing";
    /// The most pixels that a byte of data describes: 8 blocks of 64, a bit each.
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

/// FF and a marker's code; neither a stuffed byte nor a restart mark.
fn is_mark(pair: &[u8]) -> bool {
    pair[0] == 0xff && !matches!(pair[1], 0 | 0xff | 0xd0..=0xd7)
}

/// Header, colour table, then extensions and images, each in blocks with a length.
fn gif(bytes: &[u8]) -> Option<()> {
    let table = |flags: u8| if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) };
    let mut at = 13 + table(*bytes.get(10)?);
    loop {
        at += match bytes.get(at)? {
            0x3b => return Some(()),
            0x21 => 2,
            0x2c => 11 + table(*bytes.get(at + 9)?),
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
