//! An array's elements as samples: their shape, their order, and the numbers that they become.

use std::path::Path;

use half::f16;
use selvedge::{preparation::Element, shape::InputShape};

use super::{ArrayError, source::Array};
use crate::{
    data::{DataError, Store},
    npy::Number,
};

/// Samples without their labels.
pub struct Samples {
    pub shape: InputShape,
    pub element: Element,
    /// True for wide integers, for which the smallest element with all values was chosen.
    pub is_chosen: bool,
    pub values: Store,
    pub count: usize,
}

/// Reads an array's samples, or maps those of a large file.
///
/// # Errors
///
/// [`DataError`] for a type or a shape that samples do not have, and for a value that no element has.
pub fn read(mut array: Array) -> Result<Samples, DataError> {
    let path = array.path.clone();
    let Some(number) = array.header.number.filter(|number| !matches!(number, Number::Text(_))) else {
        return Err(ArrayError::Type { path, found: array.header.description }.into());
    };
    let sizes = array.header.shape.clone();
    let (shape, axes) =
        layout(&sizes).map_err(|advice| ArrayError::Shape { path: path.clone(), shape: sizes.clone(), advice })?;
    let (count, features) = (sizes[0], shape.features());
    // A sample's index has 32 bits.
    if u32::try_from(count).is_err() {
        return Err(ArrayError::Shape { path, shape: sizes, advice: "there can be 4294967295 samples at most" }.into());
    }
    let strides = array.header.strides();
    let order: Vec<(usize, usize)> = axes.iter().map(|&axis| (sizes[axis], strides[axis])).collect();
    let is_in_order = is_row_major(&order);
    if let (Some(element), true) = (native(number), is_in_order && (number.size() == 1 || !array.header.is_big_endian))
        && number != Number::Bool
        && let Some(values) = array.mapped()?
    {
        check_finite(&path, element, features, &values)?;
        return Ok(Samples { shape, element, is_chosen: false, values, count });
    }
    let mut bytes = array.bytes()?;
    if !is_in_order && count > 0 {
        bytes = gathered(&bytes, number.size(), &order);
    }
    array.header.reorder(&mut bytes);
    let wrong = |index: usize, value: String, reason| {
        let (sample, feature) = (index / features, index % features);
        ArrayError::Value { path: path.clone(), sample, feature, value, reason }
    };
    let (element, values) = match native(number) {
        Some(element) => {
            if number == Number::Bool {
                bytes.iter_mut().for_each(|byte| *byte = u8::from(*byte != 0));
            }
            (element, bytes)
        }
        None if matches!(number, Number::F16 | Number::F64) => (Element::F32, floats(number, &bytes, wrong)?),
        None => integers(number, &bytes, wrong)?,
    };
    let values = Store::Memory(values);
    check_finite(&path, element, features, &values)?;
    let is_chosen = matches!(number, Number::I32 | Number::U32 | Number::I64 | Number::U64);
    Ok(Samples { shape, element, is_chosen, values, count })
}

/// Checks that float32 samples are finite numbers. Integers always are.
///
/// # Errors
///
/// [`ArrayError::Value`] for the first value that is not a valid number.
pub fn check_finite(path: &Path, element: Element, features: usize, values: &Store) -> Result<(), ArrayError> {
    const TOGETHER: usize = 1 << 20;
    if element != Element::F32 {
        return Ok(());
    }
    for start in (0..values.len()).step_by(TOGETHER) {
        let part = values.get(start..values.len().min(start + TOGETHER));
        if let Some((place, value)) = element.values(part).enumerate().find(|(_, value)| !value.is_finite()) {
            let index = start / element.size() + place;
            let (sample, feature) = (index / features, index % features);
            let reason = "which is no number; samples are finite numbers";
            return Err(ArrayError::Value { path: path.into(), sample, feature, value: value.to_string(), reason });
        }
    }
    Ok(())
}

/// Returns the shape of a sample, and the array's axes in the order that samples have: channels before rows and columns.
fn layout(sizes: &[usize]) -> Result<(InputShape, Vec<usize>), &'static str> {
    let axes = match *sizes {
        [_, _] => vec![0, 1],
        [_, _, _] => vec![0, 1, 2],
        [_, first, _, last] => match [first, last].map(|size| matches!(size, 1 | 3)) {
            [true, false] => vec![0, 1, 2, 3],
            [false, true] => vec![0, 3, 1, 2],
            [true, true] => {
                return Err(
                    "its second and its last size can both be channels; save X.reshape(len(X), -1), features in \
                            the order of channels, rows, columns",
                );
            }
            [false, false] => {
                return Err("images have 1 or 3 channels, as the second or the last size; save X.reshape(len(X), -1)");
            }
        },
        [_] => return Err("there is no size for features; save X.reshape(-1, 1)"),
        _ => {
            return Err(
                "samples × features, samples × rows × columns, or the latter with channels in second or last place are read; \
                        save X.reshape(len(X), -1)",
            );
        }
    };
    let sample: Option<Vec<u32>> = axes[1..].iter().map(|&axis| u32::try_from(sizes[axis]).ok()).collect();
    let shape = sample.as_deref().and_then(InputShape::of_sizes);
    Ok((shape.ok_or("a sample has no values, or too many")?, axes))
}

/// Returns the element that has the same numbers as the array, if there is one.
fn native(number: Number) -> Option<Element> {
    match number {
        Number::Bool | Number::U8 => Some(Element::U8),
        Number::I8 => Some(Element::I8),
        Number::I16 => Some(Element::I16),
        Number::U16 => Some(Element::U16),
        Number::F32 => Some(Element::F32),
        _ => None,
    }
}

/// Returns true if the elements of these dimensions lie one after the other. A dimension is a size and a stride; for size 1, the stride may be
/// any.
fn is_row_major(order: &[(usize, usize)]) -> bool {
    let mut next = 1_usize;
    order.iter().rev().all(|&(size, stride)| {
        let fits = size == 1 || stride == next;
        next = next.saturating_mul(size);
        fits
    })
}

/// Returns the elements of these dimensions, one after the other. A dimension is a size and a stride in elements.
fn gathered(bytes: &[u8], size: usize, order: &[(usize, usize)]) -> Vec<u8> {
    let mut result = Vec::with_capacity(bytes.len());
    let (&(inner, step), outer) = order.split_last().expect("there are two dimensions at least");
    let mut index = vec![0; outer.len()];
    let rows: usize = outer.iter().map(|&(size, _)| size).product();
    for _ in 0..rows {
        let start: usize = index.iter().zip(outer).map(|(&index, &(_, stride))| index * stride).sum();
        for place in 0..inner {
            result.extend_from_slice(&bytes[(start + place * step) * size..][..size]);
        }
        for (index, &(size, _)) in index.iter_mut().zip(outer).rev() {
            *index += 1;
            if *index < size {
                break;
            }
            *index = 0;
        }
    }
    result
}

/// Converts floats to float32: those of 16 bits exactly, those of 64 bits rounded.
fn floats(
    number: Number,
    bytes: &[u8],
    wrong: impl Fn(usize, String, &'static str) -> ArrayError,
) -> Result<Vec<u8>, ArrayError> {
    let mut values = Vec::with_capacity(bytes.len() / number.size() * 4);
    for (index, bytes) in bytes.chunks_exact(number.size()).enumerate() {
        let value = match *bytes {
            [a, b] => f16::from_le_bytes([a, b]).to_f64(),
            _ => bytes.first_chunk().map_or(0.0, |&bytes| f64::from_le_bytes(bytes)),
        };
        let rounded = value as f32;
        if value.is_finite() && !rounded.is_finite() {
            return Err(wrong(index, value.to_string(), "beyond what a float32 can be"));
        }
        values.extend(rounded.to_le_bytes());
    }
    Ok(values)
}

/// Converts integers of 32 and 64 bits to the first of int16, uint16 and float32 that has all of them.
fn integers(
    number: Number,
    bytes: &[u8],
    wrong: impl Fn(usize, String, &'static str) -> ArrayError,
) -> Result<(Element, Vec<u8>), ArrayError> {
    let values = || bytes.chunks_exact(number.size()).map(|bytes| integer(number, bytes));
    let (least, greatest) =
        values().fold((0, 0), |(least, greatest): (i128, i128), value| (least.min(value), greatest.max(value)));
    let within = |low: i128, high: i128| low <= least && greatest <= high;
    Ok(if within(i16::MIN.into(), i16::MAX.into()) {
        (Element::I16, values().flat_map(|value| (value as i16).to_le_bytes()).collect())
    } else if within(0, u16::MAX.into()) {
        (Element::U16, values().flat_map(|value| (value as u16).to_le_bytes()).collect())
    } else {
        let mut floats = Vec::with_capacity(bytes.len() / number.size() * 4);
        for (index, value) in values().enumerate() {
            let float = value as f32;
            if float as i128 != value {
                return Err(wrong(
                    index,
                    value.to_string(),
                    "which a float32 does not have exactly; scale the values first",
                ));
            }
            floats.extend(float.to_le_bytes());
        }
        (Element::F32, floats)
    })
}

/// Returns an integer of an array, little-endian.
pub fn integer(number: Number, bytes: &[u8]) -> i128 {
    let is_signed = matches!(number, Number::I8 | Number::I16 | Number::I32 | Number::I64);
    let start = if is_signed && bytes.last().is_some_and(|&byte| byte >= 128) { -1 } else { 0 };
    bytes.iter().rev().fold(start, |number, &byte| number << 8 | i128::from(byte))
}
