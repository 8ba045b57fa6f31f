//! The tensors of a file. Each is checked when it is added.

use selvedge::{
    architecture::{Architecture, Parameter},
    flat::as_bytes,
    weights::WeightFile,
};

use super::{
    element::Element,
    error::Problem,
    names::{self, Kind},
};
use crate::quote::quoted;

/// The largest number of tensors of a state dict. A network here has a few dozen.
const MAX_TENSORS: usize = 1024;
/// The largest number of elements of a state dict, if its file has fewer bytes. This limits the memory for a small file. A network that
/// compresses to less, such as one of ones and zeros, can be saved uncompressed.
const MAX_UNPACKED: usize = 1 << 22;
const MAX_NAME: usize = 200;

/// The readers' words for entries that are not tensors.
const NO_TENSORS: [&str; 3] = ["no tensor", "a dict", "no array"];

/// A tensor with its name.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedTensor {
    name: String,
    shape: Vec<usize>,
    values: Vec<f32>,
    /// The name of the tensor's type, if its elements cannot be read.
    unread: Option<String>,
    /// The name in the file, if the user gave another name.
    before: Option<String>,
}

impl NamedTensor {
    /// Returns the tensor's name, such as `linear_relu_stack.0.weight`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the sizes, the outermost first.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Returns the elements in row-major order. Empty if their type cannot be read, such as a counter's.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// Returns true if the elements have a type that weights can have.
    pub(super) fn is_read(&self) -> bool {
        self.unread.is_none()
    }

    /// Returns true if the entry is a tensor of any type.
    pub(super) fn is_tensor(&self) -> bool {
        !self.unread.as_deref().is_some_and(|found| NO_TENSORS.contains(&found))
    }

    /// Returns true if the user gave the name, and it is that of a parameter.
    pub(super) fn is_mapped(&self) -> bool {
        self.before.is_some()
    }

    pub(super) fn map_to(&mut self, name: String) {
        self.before = Some(std::mem::replace(&mut self.name, name));
    }

    /// Returns the name in the file, also if the user gave another name.
    pub(super) fn name_in_file(&self) -> &str {
        self.before.as_ref().unwrap_or(&self.name)
    }

    /// Changes a bias of one row or one column to a vector.
    pub(super) fn flatten_bias(&mut self) {
        if let [1, len] | [len, 1] = self.shape[..]
            && names::read(&self.name).1 == Some(Kind::Bias)
        {
            self.shape = vec![len];
        }
    }

    /// Returns the elements. It is an error if weights cannot have their type.
    pub(super) fn numbers(&self) -> Result<&[f32], Problem> {
        match &self.unread {
            None => Ok(&self.values),
            Some(found) => Err(Problem::Type { name: self.name.clone(), found: found.clone() }),
        }
    }
}

/// Collects the tensors that a reader finds, and makes the checks that are the same for all formats.
#[derive(Debug)]
pub(super) struct Tensors {
    pub(super) all: Vec<NamedTensor>,
    elements: usize,
    most: usize,
}

impl Tensors {
    /// Returns an empty collection for a file with this number of bytes.
    pub(super) fn of_file(bytes: usize) -> Self {
        Self { all: Vec::new(), elements: 0, most: bytes.max(MAX_UNPACKED) }
    }

    /// Adds a tensor's bytes, which are row-major and exactly as many as its shape needs.
    pub(super) fn push(
        &mut self,
        name: &str,
        shape: Vec<usize>,
        element: Element,
        bytes: &[u8],
    ) -> Result<(), Problem> {
        self.check_name(name)?;
        let elements = shape.iter().try_fold(1_usize, |product, &size| product.checked_mul(size));
        if elements.and_then(|elements| elements.checked_mul(element.size())) != Some(bytes.len()) {
            return Err(Problem::Bytes { name: name.into(), shape, found: bytes.len() });
        }
        self.count(bytes.len() / element.size())?;
        self.all.push(NamedTensor {
            name: name.into(),
            shape,
            values: element.decode(bytes),
            unread: None,
            before: None,
        });
        Ok(())
    }

    /// Adds a tensor whose elements lie in `bytes` at these strides, in elements.
    pub(super) fn push_strided(
        &mut self,
        name: &str,
        shape: Vec<usize>,
        strides: &[usize],
        element: Element,
        bytes: &[u8],
    ) -> Result<(), Problem> {
        let outside = || Problem::Outside { name: quoted(name) };
        let len = shape.iter().try_fold(1_usize, |product, &size| product.checked_mul(size)).ok_or_else(outside)?;
        if is_row_major(&shape, strides) {
            let bytes = len.checked_mul(element.size()).and_then(|len| bytes.get(..len)).ok_or_else(outside)?;
            return self.push(name, shape, element, bytes);
        }
        self.check_name(name)?;
        let last = shape
            .iter()
            .zip(strides)
            .try_fold(0_usize, |last, (&size, &stride)| last.checked_add(size.saturating_sub(1).checked_mul(stride)?));
        let end = last.and_then(|last| last.checked_add(1)?.checked_mul(element.size()));
        if len > 0 && end.is_none_or(|end| end > bytes.len()) {
            return Err(outside());
        }
        self.count(len)?;
        let place = |mut index: usize| {
            let sizes = shape.iter().zip(strides).rev();
            sizes.fold(0, |place, (&size, &stride)| {
                let step = index % size;
                index /= size;
                place + step * stride
            })
        };
        let value = |place: usize| element.decode_one(&bytes[place * element.size()..]);
        let values = (0..len).map(|index| value(place(index))).collect();
        self.all.push(NamedTensor { name: name.into(), shape, values, unread: None, before: None });
        Ok(())
    }

    /// Notes an entry whose elements cannot be read. `found` says what it is.
    pub(super) fn push_unread(&mut self, name: &str, shape: Vec<usize>, found: &str) -> Result<(), Problem> {
        self.check_name(name)?;
        let (values, unread) = (Vec::new(), Some(found.into()));
        self.all.push(NamedTensor { name: name.into(), shape, values, unread, before: None });
        Ok(())
    }

    /// Checks that a further tensor may have this number of elements.
    pub(super) fn check_room(&self, elements: usize) -> Result<(), Problem> {
        let all = self.elements.checked_add(elements).filter(|&all| all <= self.most);
        all.map(drop).ok_or(Problem::Elements { limit: self.most })
    }

    fn count(&mut self, elements: usize) -> Result<(), Problem> {
        self.check_room(elements)?;
        self.elements += elements;
        Ok(())
    }

    fn check_name(&self, name: &str) -> Result<(), Problem> {
        if name.is_empty() || name.len() > MAX_NAME || name.chars().any(char::is_control) {
            return Err(Problem::Name { name: quoted(name), limit: MAX_NAME });
        }
        if self.all.len() == MAX_TENSORS {
            return Err(Problem::TooMany { what: "tensors", limit: MAX_TENSORS });
        }
        if self.all.iter().any(|tensor| tensor.name == name) {
            return Err(Problem::Repeated(name.into()));
        }
        Ok(())
    }

    /// Adds all tensors of a flat model.
    pub(super) fn push_flat(&mut self, architecture: &Architecture, flat: &[f32]) -> Result<(), Problem> {
        architecture.parameters().try_for_each(|parameter| {
            let values = parameter.values(flat).unwrap_or_default();
            self.push(&parameter.name, sizes(&parameter), Element::F32, as_bytes(values))
        })
    }

    /// Adds all tensors of a weight file.
    pub(super) fn push_all_of(&mut self, file: &WeightFile<'_>) -> Result<(), Problem> {
        for parameter in file.architecture().parameters() {
            let start = parameter.offset * Element::F32.size();
            let bytes = &file.weights()[start..][..parameter.len * Element::F32.size()];
            self.push(&parameter.name, sizes(&parameter), Element::F32, bytes)?;
        }
        Ok(())
    }
}

/// Returns true if the elements follow each other. The stride of a single element does not matter.
fn is_row_major(shape: &[usize], strides: &[usize]) -> bool {
    let mut expected = 1_usize;
    shape.iter().zip(strides).rev().all(|(&size, &stride)| {
        let follows = size == 1 || stride == expected;
        expected = expected.saturating_mul(size);
        follows
    })
}

/// Returns a parameter's sizes.
pub(super) fn sizes(parameter: &Parameter) -> Vec<usize> {
    parameter.shape.iter().map(|&size| size as usize).collect()
}

/// Returns true if a name is that of a counter of PyTorch, which is used in no computation: the number of batches of a batch normalisation, or
/// of steps of an averaged model.
pub(super) fn is_counter(name: &str) -> bool {
    matches!(name.rsplit('.').next(), Some("num_batches_tracked" | "n_averaged"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pushed(shape: &[usize], strides: &[usize], count: u8) -> Result<Vec<f32>, String> {
        let bytes: Vec<u8> = (0..count).flat_map(|n| f32::from(n).to_le_bytes()).collect();
        let mut tensors = Tensors::of_file(0);
        let pushed = tensors.push_strided("a", shape.to_vec(), strides, Element::F32, &bytes);
        pushed.map(|()| tensors.all[0].values().to_vec()).map_err(|problem| problem.to_string())
    }

    #[test]
    fn strides_are_followed_and_never_leave_the_storage() {
        assert_eq!(pushed(&[2, 3], &[3, 1], 6).unwrap(), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
        assert_eq!(pushed(&[2, 3], &[1, 2], 6).unwrap(), [0.0, 2.0, 4.0, 1.0, 3.0, 5.0]);
        assert_eq!(pushed(&[2, 2], &[3, 1], 6).unwrap(), [0.0, 1.0, 3.0, 4.0]);
        assert_eq!(pushed(&[3], &[0], 1).unwrap(), [0.0; 3]);
        assert!(pushed(&[0, 3], &[9, 9], 0).unwrap().is_empty());
        for (shape, strides) in
            [([2, 3], [1, 3]), ([7, 1], [1, 1]), ([2, 2], [usize::MAX, 1]), ([usize::MAX, 2], [0, 0])]
        {
            assert!(pushed(&shape, &strides, 6).unwrap_err().contains("outside its storage"), "{shape:?}");
        }
        assert!(pushed(&[1 << 30, 1 << 10], &[0, 0], 1).unwrap_err().contains("more than"));
    }
}
