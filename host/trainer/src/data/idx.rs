//! IDX files on a host. Samples are bytes, as in core, or int8, int16 or float32. Labels are integers of any type.
//!
//! The type is a byte of the magic number. All numbers are big-endian. [`selvedge::idx`] reads the header, whatever the type.

use std::path::Path;

use selvedge::{
    idx::{self, IdxError, MAX_HEADER},
    preparation::Element,
    shape::InputShape,
};

use super::{ArrayError, DataError, Store, arrays, contents::Kind};

/// The place of the type in a file.
const TYPE: usize = 2;

/// The kind of files of samples. Files with values of single bytes can be mapped.
pub const SAMPLES: Kind = Kind {
    len: |beginning| Ok(header(beginning)?.len),
    can_be_mapped: |beginning| header(beginning).is_ok_and(|header| header.element.size() == 1),
};

/// The kind of files of labels.
pub const LABELS: Kind = Kind { len: |beginning| Ok(begun_labels(beginning)?.1), can_be_mapped: |_| false };

/// The beginning of a file of samples.
struct Header {
    element: Element,
    shape: InputShape,
    /// The bytes before the values.
    start: usize,
    /// The length of the file.
    len: u64,
}

/// Returns the type that a file has by its first bytes.
pub fn element(beginning: &[u8]) -> Option<Element> {
    match *beginning.first_chunk()? {
        [0, 0, 0x08] => Some(Element::U8),
        [0, 0, 0x09] => Some(Element::I8),
        [0, 0, 0x0b] => Some(Element::I16),
        [0, 0, 0x0d] => Some(Element::F32),
        _ => None,
    }
}

/// Returns the header as if the values were bytes, and its length.
fn as_bytes(beginning: &[u8]) -> ([u8; MAX_HEADER], usize) {
    let (mut bytes, len) = ([0; MAX_HEADER], beginning.len().min(MAX_HEADER));
    bytes[..len].copy_from_slice(&beginning[..len]);
    bytes[TYPE] = 0x08;
    (bytes, len)
}

/// Returns the length of a file whose values have `size` bytes, from the length with values of one byte.
fn scaled(len: u64, start: usize, size: usize) -> Result<u64, IdxError> {
    let values = (len - start as u64).checked_mul(size as u64);
    values.and_then(|values| values.checked_add(start as u64)).ok_or(IdxError::Shape)
}

fn header(beginning: &[u8]) -> Result<Header, IdxError> {
    // Core's error says what is wrong with any other file.
    let Some(element) = element(beginning) else {
        return Err(idx::samples_len(beginning).err().unwrap_or(IdxError::Shape));
    };
    let (bytes, len) = as_bytes(beginning);
    let len = idx::samples_len(&bytes[..len])?;
    let start = 4 + 4 * usize::from(bytes[3]);
    let sizes: Vec<u32> = bytes[8..start].as_chunks().0.iter().map(|&size| u32::from_be_bytes(size)).collect();
    let shape = InputShape::of_sizes(&sizes).ok_or(IdxError::Shape)?;
    Ok(Header { element, shape, start, len: scaled(len, start, element.size())? })
}

/// Returns the samples of a file whose length was checked: their shape, their element, and the values, little-endian.
///
/// # Errors
///
/// [`DataError::Idx`] for an invalid header, and [`DataError::Array`] for a value that is not a finite number.
pub fn samples(path: &Path, file: Store) -> Result<(InputShape, Element, Store), DataError> {
    let beginning = file.get(0..file.len().min(MAX_HEADER));
    let Header { element, shape, start, .. } =
        header(beginning).map_err(|error| DataError::Idx { path: path.into(), error })?;
    let mut values = file.skip(start);
    if let Store::Memory(bytes) = &mut values
        && element.size() > 1
    {
        bytes.chunks_exact_mut(element.size()).for_each(<[u8]>::reverse);
    }
    arrays::check_finite(path, element, shape.features(), &values)?;
    Ok((shape, element, values))
}

/// Returns the number of bytes of a label, whether it can be below 0, and the length of the file.
fn begun_labels(beginning: &[u8]) -> Result<((usize, bool), u64), IdxError> {
    let label = match beginning {
        [0, 0, 0x09, ..] => (1, true),
        [0, 0, 0x0b, ..] => (2, true),
        [0, 0, 0x0c, ..] => (4, true),
        _ => (1, false),
    };
    let len = match label {
        (_, false) => idx::labels_len(beginning)?,
        _ => {
            let (bytes, len) = as_bytes(beginning);
            idx::labels_len(&bytes[..len])?
        }
    };
    Ok((label, scaled(len, 8, label.0)?))
}

/// Returns the labels of a file whose length was checked.
///
/// # Errors
///
/// [`DataError::Idx`] for an invalid header, and [`DataError::Array`] for a label that is not the number of a class.
pub fn labels(path: &Path, file: &[u8]) -> Result<Vec<u16>, DataError> {
    let ((size, is_signed), _) = begun_labels(file).map_err(|error| DataError::Idx { path: path.into(), error })?;
    let number = |bytes: &[u8]| {
        let start = if is_signed && bytes[0] >= 128 { -1 } else { 0 };
        bytes.iter().fold(start, |number: i64, &byte| number << 8 | i64::from(byte))
    };
    let labels = file[8..].chunks_exact(size).enumerate().map(|(index, bytes)| {
        let value = number(bytes);
        u16::try_from(value).map_err(|_| ArrayError::Label { path: path.into(), index, value: value.into() })
    });
    Ok(labels.collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(kind: u8, sizes: &[u32], values: &[u8]) -> Vec<u8> {
        let sizes: Vec<u8> = sizes.iter().flat_map(|size| size.to_be_bytes()).collect();
        [&[0, 0, kind, (sizes.len() / 4) as u8][..], &sizes, values].concat()
    }

    fn read(file: Vec<u8>) -> Result<(InputShape, Element, Vec<u8>), String> {
        let path = Path::new("x");
        assert_eq!((SAMPLES.len)(&file[..file.len().min(MAX_HEADER)]), Ok(file.len() as u64));
        let (shape, element, values) = samples(path, Store::Memory(file)).map_err(|error| error.to_string())?;
        Ok((shape, element, values.get(0..values.len()).to_vec()))
    }

    #[test]
    fn values_become_little_endian() {
        let two = InputShape::Features(2);
        assert_eq!(read(file(0x08, &[1, 2], &[1, 200])), Ok((two, Element::U8, vec![1, 200])));
        assert_eq!(read(file(0x09, &[1, 2], &[1, 200])), Ok((two, Element::I8, vec![1, 200])));
        assert_eq!(read(file(0x0b, &[1, 2], &[1, 2, 3, 4])), Ok((two, Element::I16, vec![2, 1, 4, 3])));
        let image = InputShape::of_sizes(&[1, 2]).unwrap();
        let floats = [1.5_f32, -2.0];
        let expected = floats.map(f32::to_le_bytes).concat();
        assert_eq!(
            read(file(0x0d, &[1, 1, 2], &floats.map(f32::to_be_bytes).concat())),
            Ok((image, Element::F32, expected))
        );
        let error = read(file(0x0d, &[2, 1], &[1.0, f32::NAN].map(f32::to_be_bytes).concat())).unwrap_err();
        assert!(error.starts_with("x: feature 0 of sample 1 (from 0) is NaN"), "{error}");
    }

    #[test]
    fn other_types_are_refused() {
        for kind in [0x0c, 0x0e, 0x07] {
            assert_eq!((SAMPLES.len)(&file(kind, &[1, 2], &[0; 16])), Err(IdxError::Type { found: kind }));
        }
        // 2³² · 2³¹ · 4 bytes are 2⁶⁵.
        assert_eq!((SAMPLES.len)(&file(0x0d, &[u32::MAX, 1 << 31], &[])), Err(IdxError::Shape));
        for end in 0..12 {
            assert!((SAMPLES.len)(&file(0x0b, &[1, 2], &[])[..end]).is_err());
        }
    }

    #[test]
    fn labels_are_integers_from_0() {
        let read = |kind, count: u32, bytes: &[u8]| {
            let file = file(kind, &[count], bytes);
            assert_eq!((LABELS.len)(&file[..8]), Ok(file.len() as u64));
            labels("y".as_ref(), &file).map_err(|error| error.to_string())
        };
        assert_eq!(read(0x08, 2, &[3, 255]), Ok(vec![3, 255]));
        assert_eq!(read(0x09, 2, &[3, 127]), Ok(vec![3, 127]));
        assert_eq!(read(0x0b, 2, &[1, 0, 0, 7]), Ok(vec![256, 7]));
        assert_eq!(read(0x0c, 1, &[0, 0, 1, 1]), Ok(vec![257]));
        for (kind, bytes, shown) in
            [(0x09, &[200][..], "-56"), (0x0b, &[255, 254], "-2"), (0x0c, &[0, 1, 0, 0], "65536")]
        {
            let error = read(kind, 1, bytes).unwrap_err();
            assert!(error.starts_with(&format!("y: label 0 is {shown}; ")), "{error}");
        }
        assert_eq!((LABELS.len)(&file(0x0d, &[1], &[0; 4])), Err(IdxError::Type { found: 0x0d }));
    }
}
