//! Turns a table's values into samples' bytes. Each step works on parts, so values in a file are never in memory as a whole.

use std::{convert::Infallible, mem};

use selvedge::preparation::Element;

use super::{
    TableError,
    storage::{self, Storage},
};
use crate::data::{Store, encode};

/// Replaces each missing value by its column's mean. The mean is that of the training samples, over all rows of a window. It is a whole
/// number if the element is an integer. Returns the number of values that were replaced.
///
/// # Errors
///
/// [`TableError::NoMean`] for a column that has no value in the training part, and [`TableError::Temporary`].
pub fn fill(
    parts: [&mut Store; 2],
    training: &[u32],
    columns: &[&str],
    features: usize,
    element: Option<Element>,
    storage: &Storage,
) -> Result<usize, TableError> {
    let mut sums = vec![(0.0_f64, 0_u64); columns.len()];
    let (len, mut room) = (features * size_of::<f32>(), Vec::new());
    for start in training.iter().map(|&sample| sample as usize * len) {
        let sample = parts[0].read(start..start + len, &mut room);
        for (value, place) in Element::F32.values(sample).zip((0..columns.len()).cycle()) {
            if !value.is_nan() {
                sums[place].0 += f64::from(value);
                sums[place].1 += 1;
            }
        }
    }
    let mut filled = 0;
    for part in parts {
        let mut places = (0..columns.len()).cycle();
        *part = storage.edited(mem::take(part), |bytes| {
            for (bytes, place) in bytes.as_chunks_mut::<4>().0.iter_mut().zip(places.by_ref()) {
                if f32::from_le_bytes(*bytes).is_nan() {
                    let (sum, count) = sums[place];
                    if count == 0 {
                        return Err(TableError::NoMean { column: columns[place].into() });
                    }
                    let mean = sum / count as f64;
                    let mean = if element.is_some_and(|element| element != Element::F32) { mean.round() } else { mean };
                    *bytes = (mean as f32).to_le_bytes();
                    filled += 1;
                }
            }
            Ok(())
        })?;
    }
    Ok(filled)
}

/// Returns the element that holds all values: the first of i16 and u16 that does, or else f32.
pub fn smallest_element(parts: [&Store; 2]) -> Element {
    let (mut least, mut greatest, mut are_whole) = (f32::INFINITY, f32::NEG_INFINITY, true);
    for part in parts {
        let Ok(()) = storage::in_parts(part, |bytes| {
            for value in Element::F32.values(bytes) {
                (least, greatest) = (least.min(value), greatest.max(value));
                are_whole &= value.fract() == 0.0;
            }
            Ok::<_, Infallible>(())
        });
    }
    let holds = |element: &Element| {
        let (low, high) = element.range().unwrap_or_default();
        are_whole && low as f32 <= least && greatest <= high as f32
    };
    [Element::I16, Element::U16].into_iter().find(holds).unwrap_or(Element::F32)
}

/// Converts f32 values to another element, which must be able to hold all of them.
///
/// # Errors
///
/// [`TableError::Temporary`].
pub fn encoded(store: Store, element: Element, storage: &Storage) -> Result<Store, TableError> {
    if element == Element::F32 {
        return Ok(store);
    }
    storage.edited(store, |bytes| {
        encode_in_place(bytes, element);
        Ok(())
    })
}

/// Converts f32 values in place to another element, which must be able to hold all of them.
pub fn encode_in_place(values: &mut Vec<u8>, element: Element) {
    if element == Element::F32 {
        return;
    }
    let (mut value, mut end) = (Vec::with_capacity(4), 0);
    for start in (0..values.len()).step_by(4) {
        let number = f32::from_le_bytes([values[start], values[start + 1], values[start + 2], values[start + 3]]);
        value.clear();
        encode(number, element, &mut value).expect("the element was chosen for these values");
        values[end..][..value.len()].copy_from_slice(&value);
        end += value.len();
    }
    values.truncate(end);
    values.shrink_to_fit();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory() -> Storage {
        Storage::new(u64::MAX, "".into())
    }

    fn store(values: &[f32]) -> Store {
        Store::Memory(values.iter().flat_map(|value| value.to_le_bytes()).collect())
    }

    fn numbers(store: &Store, element: Element) -> Vec<f32> {
        element.values(store.get(0..store.len())).collect()
    }

    #[test]
    fn missing_values_become_means() {
        let nan = f32::NAN;
        let mut values = store(&[nan, 1.0, 1.0, 2.0, nan, 3.0, 4.0, nan, 5.0, 6.0]);
        let none = || Store::default();
        let filled = fill([&mut values, &mut none()], &[0, 1, 2, 4], &["a", "b"], 2, None, &memory()).unwrap();
        assert_eq!(filled, 3);
        assert_eq!(numbers(&values, Element::F32), [3.0, 1.0, 1.0, 2.0, 3.0, 3.0, 4.0, 3.0, 5.0, 6.0]);
        let mut values = store(&[nan, 1.0, 2.0, 2.0]);
        let error = fill([&mut values, &mut none()], &[0], &["a", "b"], 2, None, &memory()).unwrap_err();
        assert!(error.to_string().starts_with("column a has no value in the training part"));
        let mut values = store(&[nan, 1.0, 2.0, 2.0]);
        fill([&mut values, &mut none()], &[0, 1], &["a"], 2, Some(Element::I16), &memory()).unwrap();
        assert_eq!(numbers(&values, Element::F32), [2.0, 1.0, 2.0, 2.0]);
    }

    #[test]
    fn an_element_is_the_smallest_that_holds_all() {
        for (values, element) in [
            (&[1.0, -3.0][..], Element::I16),
            (&[0.0, 40_000.0], Element::U16),
            (&[-1.0, 40_000.0], Element::F32),
            (&[0.5], Element::F32),
            (&[70_000.0], Element::F32),
        ] {
            let found = store(values);
            assert_eq!(smallest_element([&found, &Store::default()]), element, "{values:?}");
            let encoded = encoded(found, element, &memory()).unwrap();
            assert_eq!(numbers(&encoded, element), values);
        }
    }
}
