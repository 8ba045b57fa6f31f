//! The tensors that a file holds, checked as they come.

use selvedge::{architecture::Parameter, weights::WeightFile};

use super::{element::Element, error::Problem, quote::quoted};

/// A state dict may have so many tensors; a network here has a few dozen.
const MAX_TENSORS: usize = 1024;
/// A state dict may have so many elements, or one for each byte of its file: this bounds what a small file can unpack to.
const MAX_UNPACKED: usize = 1 << 26;
const MAX_NAME: usize = 200;

/// A tensor with its name.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedTensor {
    name: String,
    shape: Vec<usize>,
    values: Vec<f32>,
}

impl NamedTensor {
    /// PyTorch's name, such as `linear_relu_stack.0.weight`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The sizes, outermost first.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The elements in row-major order.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    pub(super) fn rename(&mut self, name: String) {
        self.name = name;
    }
}

/// Collects what a reader finds, and checks what no format may differ in.
#[derive(Debug)]
pub(super) struct Tensors {
    pub(super) all: Vec<NamedTensor>,
    elements: usize,
    most: usize,
}

impl Tensors {
    /// For a file of so many bytes.
    pub(super) fn of_file(bytes: usize) -> Self {
        Self { all: Vec::new(), elements: 0, most: bytes.max(MAX_UNPACKED) }
    }

    /// Takes a tensor's bytes, row-major and exactly as many as its shape needs.
    pub(super) fn push(
        &mut self,
        name: &str,
        shape: Vec<usize>,
        element: Element,
        bytes: &[u8],
    ) -> Result<(), Problem> {
        self.check_name(name)?;
        if element == Element::I64 && !is_counter(name) {
            return Err(Problem::Type { name: name.into(), found: "I64".into() });
        }
        let elements = shape.iter().try_fold(1_usize, |product, &size| product.checked_mul(size));
        if elements.and_then(|elements| elements.checked_mul(element.size())) != Some(bytes.len()) {
            return Err(Problem::Bytes { name: name.into(), shape, found: bytes.len() });
        }
        self.elements += bytes.len() / element.size();
        if self.elements > self.most {
            return Err(Problem::TooMany { what: "elements", limit: self.most });
        }
        self.all.push(NamedTensor { name: name.into(), shape, values: element.decode(bytes) });
        Ok(())
    }

    /// The most bytes that a further tensor may have.
    pub(super) fn bytes_left(&self) -> u64 {
        ((self.most - self.elements) * Element::F64.size()) as u64
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

    /// Takes all tensors of a weight file.
    pub(super) fn push_all_of(&mut self, file: &WeightFile<'_>) -> Result<(), Problem> {
        for parameter in file.architecture().parameters() {
            let start = parameter.offset * Element::F32.size();
            let bytes = &file.weights()[start..][..parameter.len * Element::F32.size()];
            self.push(&parameter.name, sizes(&parameter), Element::F32, bytes)?;
        }
        Ok(())
    }
}

/// A parameter's sizes.
pub(super) fn sizes(parameter: &Parameter) -> Vec<usize> {
    parameter.shape.iter().map(|&size| size as usize).collect()
}

/// Tells whether a name is that of a counter of PyTorch's batch normalisation, which takes no part in its arithmetic.
pub(super) fn is_counter(name: &str) -> bool {
    name.rsplit('.').next() == Some("num_batches_tracked")
}
