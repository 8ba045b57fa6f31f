//! Weights by name: a model's named parameters, and PyTorch's
//! [`load_state_dict`](https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html#torch.nn.Module.load_state_dict).
//!
//! ```
//! use selvedge::{Flat, mlp, state_dict::named_parameters};
//!
//! let model = <mlp!(4 => 3 Relu => 2)>::ZERO;
//! let names: Vec<_> = named_parameters(&model).map(|(parameter, _)| parameter.name).collect();
//! assert_eq!(names[0], "linear_relu_stack.0.weight");
//! assert_eq!(names.len(), 4);
//! ```

use core::fmt;

use heapless::{String, Vec};

use crate::{
    Layer,
    architecture::{Architecture, Parameter},
};

/// How many keys of a kind are named; of further ones only the number is kept.
const NAMED_KEYS: usize = 4;
/// How many sizes of a shape are shown.
const SHOWN_SIZES: usize = 4;

/// A named tensor that weights come from, in any format: it writes its elements as `f32`.
pub trait Tensor {
    /// PyTorch's name, such as `linear_relu_stack.0.weight`.
    fn name(&self) -> &str;

    /// The sizes, outermost first.
    fn shape(&self) -> &[usize];

    /// Writes the elements in row-major order; there is room for exactly as many as the shape has.
    fn copy_to(&self, values: &mut [f32]);
}

/// Every parameter of a model in flat order, with its values. Its name counts the layers as they predict: without dropout.
pub fn named_parameters<M: Layer>(model: &M) -> impl Iterator<Item = (Parameter, &[f32])> {
    let architecture = Architecture::of::<M>().for_prediction();
    (0..).map_while(move |index| {
        let parameter = architecture.parameters().nth(index)?;
        let values = parameter.values(model.as_flat())?;
        Some((parameter, values))
    })
}

/// Copies every tensor into the model's parameter of the same name.
///
/// With `strict`, the names must be exactly the model's; without, parameters that are missing keep their values and tensors that the
/// model does not have are passed over, and both are returned. The counters of PyTorch's batch normalisation
/// (`num_batches_tracked`) are always passed over.
///
/// # Errors
///
/// [`LoadError`]; the model is then untouched.
pub fn load<M: Layer, T: Tensor>(model: &mut M, tensors: &[T], strict: bool) -> Result<IncompatibleKeys, LoadError> {
    load_flat(&Architecture::of::<M>().for_prediction(), model.as_flat_mut(), tensors, strict)
}

/// [`load`] where only the model's layers are known: `flat` is as long as their flat model. The names count every one of the layers.
///
/// # Errors
///
/// [`LoadError`]; the model is then untouched.
pub fn load_flat<T: Tensor>(
    architecture: &Architecture,
    flat: &mut [f32],
    tensors: &[T],
    strict: bool,
) -> Result<IncompatibleKeys, LoadError> {
    let keys = compare(architecture, tensors)?;
    if strict && !keys.is_empty() {
        return Err(LoadError::Keys(keys));
    }
    for parameter in architecture.parameters() {
        let place = flat.get_mut(parameter.offset..).and_then(|rest| rest.get_mut(..parameter.len));
        if let (Some(place), Some(tensor)) = (place, tensors.iter().find(|tensor| tensor.name() == parameter.name)) {
            tensor.copy_to(place);
        }
    }
    Ok(keys)
}

/// Whether a name is that of a counter of PyTorch's batch normalisation, which takes no part in its arithmetic.
pub fn is_counter(name: &str) -> bool {
    name.rsplit('.').next() == Some("num_batches_tracked")
}

fn compare<T: Tensor>(architecture: &Architecture, tensors: &[T]) -> Result<IncompatibleKeys, LoadError> {
    let mut keys = IncompatibleKeys::default();
    for parameter in architecture.parameters() {
        let mut of_its_name = tensors.iter().filter(|tensor| tensor.name() == parameter.name);
        let Some(tensor) = of_its_name.next() else {
            keys.missing.push(&parameter.name);
            continue;
        };
        if of_its_name.next().is_some() {
            return Err(LoadError::Repeated { name: key(&parameter.name) });
        }
        let expected = parameter.shape.iter().map(|&size| size as usize);
        if !expected.clone().eq(tensor.shape().iter().copied()) {
            let (expected, found) = (Shape::of(expected), Shape::of(tensor.shape().iter().copied()));
            return Err(LoadError::Shape { name: key(&parameter.name), expected, found });
        }
    }
    for tensor in tensors {
        let name = tensor.name();
        if !is_counter(name) && architecture.parameters().all(|parameter| parameter.name != name) {
            keys.unexpected.push(name);
        }
    }
    Ok(keys)
}

/// A name; a longer one is cut, and ends with `…`.
pub type Key = String<48>;

fn key(name: &str) -> Key {
    const CUT: char = '…';
    let mut key = Key::new();
    if key.push_str(name).is_err() {
        // Both fit: the name up to where the sign still has room.
        let end = name.floor_char_boundary(key.capacity() - CUT.len_utf8());
        let _ = key.push_str(name.get(..end).unwrap_or_default());
        let _ = key.push(CUT);
    }
    key
}

/// Names, of which only the first few are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Keys {
    names: Vec<Key, NAMED_KEYS>,
    more: usize,
}

impl Keys {
    /// The first names.
    pub fn names(&self) -> &[Key] {
        &self.names
    }

    /// How many there are in all.
    pub fn count(&self) -> usize {
        self.names.len() + self.more
    }

    fn push(&mut self, name: &str) {
        if self.names.push(key(name)).is_err() {
            self.more += 1;
        }
    }
}

/// `a, b and 3 more`.
impl fmt::Display for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, name) in self.names.iter().enumerate() {
            write!(f, "{}{name}", if place > 0 { ", " } else { "" })?;
        }
        if self.more > 0 {
            write!(f, " and {} more", self.more)?;
        }
        Ok(())
    }
}

/// Where a model's names and those of the tensors differ.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct IncompatibleKeys {
    /// The model's parameters that no tensor is for.
    pub missing: Keys,
    /// Tensors that the model has no parameter for.
    pub unexpected: Keys,
}

impl IncompatibleKeys {
    /// Whether the names are the same.
    pub fn is_empty(&self) -> bool {
        self.missing.count() == 0 && self.unexpected.count() == 0
    }
}

impl fmt::Display for IncompatibleKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.missing.count(), self.unexpected.count()) {
            (0, 0) => write!(f, "all names match"),
            (_, 0) => write!(f, "missing: {}", self.missing),
            (0, _) => write!(f, "the model has no {}", self.unexpected),
            _ => write!(f, "missing: {}; the model has no {}", self.missing, self.unexpected),
        }
    }
}

/// The sizes of a tensor, of which only the first few are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Shape {
    sizes: Vec<usize, SHOWN_SIZES>,
    more: bool,
}

impl Shape {
    fn of(sizes: impl Iterator<Item = usize>) -> Self {
        let mut shape = Self::default();
        for size in sizes {
            shape.more |= shape.sizes.push(size).is_err();
        }
        shape
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[")?;
        for (place, size) in self.sizes.iter().enumerate() {
            write!(f, "{}{size}", if place > 0 { ", " } else { "" })?;
        }
        write!(f, "{}]", if self.more { ", …" } else { "" })
    }
}

/// Why tensors cannot be a model's weights.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum LoadError {
    /// The names are not the model's, though they had to be.
    Keys(IncompatibleKeys),
    /// A tensor has another shape than the parameter of its name.
    Shape {
        /// Both's name.
        name: Key,
        /// The parameter's shape.
        expected: Shape,
        /// The tensor's shape.
        found: Shape,
    },
    /// Two tensors have the name of one parameter.
    Repeated {
        /// The name.
        name: Key,
    },
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keys(keys) => write!(f, "the tensors' names are not the model's: {keys}"),
            Self::Shape { name, expected, found } => {
                write!(f, "the tensor {name} has the shape {found}, the model's is {expected}")
            }
            Self::Repeated { name } => write!(f, "there are two tensors with the name {name}"),
        }
    }
}

impl core::error::Error for LoadError {}

#[cfg(test)]
mod tests {
    use std::{string::ToString, vec::Vec as List};

    use super::*;
    use crate::{Flat, mlp, random};

    type Model = mlp!(2 => 3 Relu => 1);

    struct Constant<'a>(&'a str, &'a [usize], f32);

    impl Tensor for Constant<'_> {
        fn name(&self) -> &str {
            self.0
        }

        fn shape(&self) -> &[usize] {
            self.1
        }

        fn copy_to(&self, values: &mut [f32]) {
            assert_eq!(values.len(), self.1.iter().product());
            values.fill(self.2);
        }
    }

    fn whole<'a>() -> List<Constant<'a>> {
        std::vec![
            Constant("linear_relu_stack.2.bias", &[1], 4.0),
            Constant("linear_relu_stack.0.weight", &[3, 2], 1.0),
            Constant("linear_relu_stack.0.bias", &[3], 2.0),
            Constant("linear_relu_stack.2.weight", &[1, 3], 3.0),
        ]
    }

    /// A refused load must leave the model as it was.
    fn refused(tensors: &[Constant<'_>], strict: bool) -> LoadError {
        let mut model = Model::ZERO;
        random::initialize(&mut model, 1);
        let before: List<f32> = model.as_flat().to_vec();
        let error = load(&mut model, tensors, strict).unwrap_err();
        assert_eq!(model.as_flat(), before);
        error
    }

    #[test]
    fn parameters_have_their_values() {
        let mut model = Model::ZERO;
        model.tail.bias = [7.0];
        let all: List<_> = named_parameters(&model).collect();
        assert_eq!(all.iter().map(|(_, values)| values.len()).sum::<usize>(), Model::LEN);
        let (last, values) = all.last().unwrap();
        assert_eq!((last.name.as_str(), *values), ("linear_relu_stack.2.bias", &[7.0][..]));
    }

    #[test]
    fn loads_by_name_in_any_order() {
        let mut model = Model::ZERO;
        let mut tensors = whole();
        tensors.push(Constant("linear_relu_stack.1.num_batches_tracked", &[], 9.0));
        assert!(load(&mut model, &tensors, true).unwrap().is_empty());
        assert_eq!((model.head.weight, model.head.bias), ([[1.0; 2]; 3], [2.0; 3]));
        assert_eq!((model.tail.weight, model.tail.bias), ([[3.0; 3]], [4.0]));
    }

    #[test]
    fn a_partial_load_keeps_the_rest_and_says_so() {
        let mut model = Model::ZERO;
        model.head.bias = [5.0; 3];
        let mut tensors = whole();
        tensors.retain(|tensor| tensor.0 != "linear_relu_stack.0.bias");
        tensors.push(Constant("head.scale", &[1], 0.0));
        let keys = load(&mut model, &tensors, false).unwrap();
        assert_eq!(keys.to_string(), "missing: linear_relu_stack.0.bias; the model has no head.scale");
        assert_eq!((model.head.bias, model.tail.bias), ([5.0; 3], [4.0]));
        assert_eq!(refused(&tensors, true), LoadError::Keys(keys));
    }

    #[test]
    fn an_extra_or_repeated_name_and_a_wrong_shape_are_errors() {
        let with = |tensor| {
            let mut tensors = whole();
            tensors.push(tensor);
            tensors
        };
        let error = refused(&with(Constant("extra", &[1], 0.0)), true).to_string();
        assert_eq!(error, "the tensors' names are not the model's: the model has no extra");
        for strict in [true, false] {
            let error = refused(&with(Constant("linear_relu_stack.0.bias", &[3], 0.0)), strict).to_string();
            assert_eq!(error, "there are two tensors with the name linear_relu_stack.0.bias");
            let mut transposed = whole();
            transposed[1].1 = &[2, 3];
            let error = refused(&transposed, strict).to_string();
            assert_eq!(error, "the tensor linear_relu_stack.0.weight has the shape [2, 3], the model's is [3, 2]");
            transposed[1].1 = &[1, 1, 1, 2, 3];
            assert!(refused(&transposed, strict).to_string().contains("[1, 1, 1, 2, …]"));
        }
    }

    #[test]
    fn of_many_keys_the_first_are_named_and_the_rest_counted() {
        let long = "a".repeat(47) + "ö";
        let mut tensors: List<_> = (0..9).map(|_| Constant("x", &[], 0.0)).collect();
        tensors.insert(0, Constant(&long, &[], 0.0));
        let LoadError::Keys(keys) = refused(&tensors, true) else { panic!("another error") };
        assert_eq!((keys.missing.count(), keys.unexpected.count()), (4, 10));
        let cut = "a".repeat(45) + "…";
        assert_eq!(keys.unexpected.names()[0], cut.as_str());
        assert_eq!(keys.unexpected.to_string(), std::format!("{cut}, x, x, x and 6 more"));
    }
}
