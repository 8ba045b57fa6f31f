//! Files that are not pictures, or that have a format that is not read.

use crate::{
    file_kind,
    stray::{self, Magic},
};

/// Kinds of files that this program does not read as pictures: the place of their magic, the magic, and advice.
const OTHERS: [Magic<&str>; 11] = [
    (4, b"ftypavi", "an AVIF picture, which is not read; save it as PNG or JPEG and give that"),
    (4, b"ftyphei", "a HEIC photo, which is not read; save it as PNG or JPEG and give that"),
    (4, b"ftyphev", "a HEIC photo, which is not read; save it as PNG or JPEG and give that"),
    (4, b"ftypmif1", "a HEIC photo, which is not read; save it as PNG or JPEG and give that"),
    (4, b"ftypmsf1", "a HEIC photo, which is not read; save it as PNG or JPEG and give that"),
    (4, b"ftyp", "a film (MP4); save one of its pictures as PNG or JPEG and give that"),
    (0, b"\0\0\x01\0", "an icon (ICO), which is not read; save it as PNG and give that"),
    (0, b"%PDF", "a PDF document; save its picture as PNG or JPEG and give that"),
    (0, b"\x93NUMPY", "a NumPy array (.npy); save it as a picture, or give its numbers by --values"),
    (
        0,
        b"SELV",
        "a file of Selvedge and no picture; `predict` takes the network's file first, and `device predict` by --weights",
    ),
    (0, b"8BPS", "a picture of Photoshop (PSD), which is not read; save it as PNG or JPEG and give that"),
];

/// Returns the kind of a file that is not a picture, with advice, or `None` for an unknown kind.
pub fn describe(bytes: &[u8]) -> Option<String> {
    if let Some(what) = stray::begins(&OTHERS, bytes) {
        return Some(what.into());
    }
    if let [0, 0, 0x09 | 0x0b..=0x0e, 1..=4, ..] = bytes {
        return Some("an IDX file of other numbers than bytes; save its samples as bytes from 0 to 255".into());
    }
    if let [b'P', b'1'..=b'7', b' ' | b'\n' | b'\r' | b'\t', ..] = bytes {
        return Some("a PBM, PGM, PPM or PAM picture, which is not read; save it as PNG and give that".into());
    }
    if stray::start(bytes).contains("<svg") {
        return Some("a drawing of lines (SVG), which is not read; save it as PNG and give that".into());
    }
    file_kind::foreign(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_picture_is_named() {
        for (bytes, expected) in [
            (&b"version https://git-lfs.github.com/spec/v1\n"[..], "a Git LFS pointer"),
            (b"<!DOCTYPE html><html>", "a web page"),
            (b"<?xml version=\"1.0\"?><svg xmlns=", "a drawing of lines (SVG)"),
            (b"<SVG ", "a drawing of lines (SVG)"),
            (b"PK\x03\x04", "a zip archive"),
            (b"%PDF-1.7", "a PDF document; save its picture"),
            (b"\0\0\0\x18ftypheic", "a HEIC photo"),
            (b"\0\0\0\x18ftypmif1", "a HEIC photo"),
            (b"\0\0\0\x18ftypavif", "an AVIF picture"),
            (b"\0\0\x01\0\x01", "an icon (ICO)"),
            (b"\0\0\x0d\x03", "an IDX file of other numbers than bytes"),
            (b"P6\n2 2\n255\n", "a PBM, PGM, PPM or PAM picture"),
            (b"SELV", "a file of Selvedge"),
            (b"{\"error\": 404}", "a text of JSON, perhaps a server's answer"),
            (b"\x40\0\0\0\0\0\0\0{", "a safetensors file that is cut short"),
        ] {
            let found = describe(bytes).unwrap();
            assert!(found.starts_with(expected), "{found}");
        }
        assert_eq!(describe(b"\x01\x02\x03\x04"), None);
    }
}
