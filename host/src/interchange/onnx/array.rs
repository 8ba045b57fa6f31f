//! The constants of a graph.

use half::{bf16, f16};

use super::messages::Tensor;

/// The largest number of dimensions of a constant array, and the largest number of sizes in a shape.
const MAX_RANK: usize = 8;

/// A constant.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Array {
    pub dims: Vec<usize>,
    pub data: Data,
}

/// The elements in row-major order.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Data {
    Floats(Vec<f32>),
    Ints(Vec<i64>),
    /// Elements of a type that cannot be read.
    Other,
}

impl Array {
    pub(super) fn float(value: f32) -> Self {
        Self { dims: Vec::new(), data: Data::Floats(vec![value]) }
    }

    pub(super) fn ints(values: Vec<i64>) -> Self {
        Self { dims: vec![values.len()], data: Data::Ints(values) }
    }

    /// Reads the array from a file's tensor.
    pub(super) fn of(tensor: Tensor) -> Result<Self, String> {
        if tensor.data_location != 0 {
            return Err("has its numbers in another file (external data); export it as one file, by torch.onnx.export(…, external_data=False)".into());
        }
        if tensor.dims.len() > MAX_RANK {
            return Err(format!("has more than {MAX_RANK} dimensions"));
        }
        let dims: Result<Vec<usize>, _> = tensor.dims.iter().map(|&size| usize::try_from(size)).collect();
        let dims = dims.map_err(|_| "has a negative size")?;
        let len = dims.iter().try_fold(1_usize, |product, &size| product.checked_mul(size));
        let raw = &tensor.raw_data;
        let is_raw = !raw.is_empty();
        // Two bytes of numbers that are no whole words: a short raw form is refused by its count.
        let halves = |of: fn(u16) -> f32| match is_raw {
            true => raw.as_chunks().0.iter().map(|&bytes| of(u16::from_le_bytes(bytes))).collect(),
            false => tensor.int32_data.iter().map(|&bits| of(bits as u16)).collect(),
        };
        let (data, size) = match tensor.data_type {
            1 if is_raw => (Data::Floats(raw.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)).collect()), 4),
            1 => (Data::Floats(tensor.float_data), 4),
            10 => (Data::Floats(halves(|bits| f16::from_bits(bits).to_f32())), 2),
            16 => (Data::Floats(halves(|bits| bf16::from_bits(bits).to_f32())), 2),
            11 if is_raw => {
                (Data::Floats(raw.as_chunks().0.iter().map(|&b| f64::from_le_bytes(b) as f32).collect()), 8)
            }
            11 => (Data::Floats(tensor.double_data.iter().map(|&value| value as f32).collect()), 8),
            7 if is_raw => (Data::Ints(raw.as_chunks().0.iter().map(|&b| i64::from_le_bytes(b)).collect()), 8),
            7 => (Data::Ints(tensor.int64_data), 8),
            6 if is_raw => (Data::Ints(raw.as_chunks().0.iter().map(|&b| i32::from_le_bytes(b).into()).collect()), 4),
            6 => (Data::Ints(tensor.int32_data.iter().map(|&value| value.into()).collect()), 4),
            _ => return Ok(Self { dims, data: Data::Other }),
        };
        let array = Self { dims, data };
        let (found, dims) = (array.len(), &array.dims);
        let is_whole = !is_raw || len.and_then(|len| len.checked_mul(size)) == Some(raw.len());
        if len != Some(found) || !is_whole {
            return Err(format!("of shape {dims:?} has not as many numbers as its shape"));
        }
        Ok(array)
    }

    pub(super) fn len(&self) -> usize {
        match &self.data {
            Data::Floats(values) => values.len(),
            Data::Ints(values) => values.len(),
            Data::Other => 0,
        }
    }

    /// Returns the number of an array with one element.
    pub(super) fn scalar(&self) -> Option<f64> {
        match &self.data {
            Data::Floats(values) => values.first().filter(|_| values.len() == 1).map(|&value| value.into()),
            Data::Ints(values) => values.first().filter(|_| values.len() == 1).map(|&value| value as f64),
            Data::Other => None,
        }
    }

    /// Returns the numbers of a vector. Sizes of 1 before the vector's size are ignored.
    pub(super) fn vector(&self) -> Option<&[f32]> {
        let (_, before) = self.dims.split_last()?;
        match &self.data {
            Data::Floats(values) if before.iter().all(|&size| size == 1) => Some(values),
            _ => None,
        }
    }

    /// Returns a matrix' rows, columns and numbers. A matrix must have numbers, because sizes alone may be anything.
    pub(super) fn matrix(&self) -> Option<(usize, usize, &[f32])> {
        match (&self.dims[..], &self.data) {
            (&[rows, columns], Data::Floats(values)) if !values.is_empty() => Some((rows, columns, values)),
            _ => None,
        }
    }

    /// Returns the whole numbers of a vector that can be a shape.
    pub(super) fn whole_numbers(&self) -> Option<&[i64]> {
        match &self.data {
            Data::Ints(values) if self.dims.len() <= 1 && values.len() <= MAX_RANK => Some(values),
            _ => None,
        }
    }

    /// Returns the transposed matrix.
    pub(super) fn transposed(&self) -> Option<Self> {
        let (rows, columns, values) = self.matrix()?;
        Some(Self { dims: vec![columns, rows], data: Data::Floats(transposed(rows, columns, values)) })
    }
}

/// Returns the transposed matrix, in row-major order.
pub(super) fn transposed(rows: usize, columns: usize, values: &[f32]) -> Vec<f32> {
    (0..columns).flat_map(|column| (0..rows).map(move |row| values[row * columns + column])).collect()
}
