//! The named tensors of a chain, and where they lie in the flat model.

use heapless::{String, Vec};

use super::{LayerKind, MAX_WIDTH, Role};

/// The name of the chain in PyTorch's quickstart; parameters are called `linear_relu_stack.<layer>.weight` and `.bias`.
pub const STACK_NAME: &str = "linear_relu_stack";

/// One named tensor of a model. Its numbers are parameters, which the optimizer changes, or a layer's buffer: see [`role`](Self::role).
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Parameter {
    /// PyTorch's name, such as `linear_relu_stack.0.weight`.
    pub name: String<40>,
    /// The tensor's part in training.
    pub role: Role,
    /// The sizes: `[outputs, inputs]` for the weight of a linear layer, else one size, the layer's outputs.
    pub shape: Vec<u32, 2>,
    /// The place of the tensor's first element in the flat model.
    pub offset: usize,
    /// The number of elements.
    pub len: usize,
}

impl Parameter {
    /// Returns the tensor's elements in a flat model, or `None` if the model is too short.
    pub fn values<'a>(&self, flat: &'a [f32]) -> Option<&'a [f32]> {
        flat.get(self.offset..)?.get(..self.len)
    }
}

/// A layer as a chain sees it: one of an architecture, or one of a model's type.
pub(crate) trait Described: Copy {
    /// Returns the numbers of features in and out.
    fn widths(self) -> (u32, u32);

    /// Returns true if the layer may be the first layer.
    fn is_start(self) -> bool;

    /// Returns true if the layer is computed together with the layer before it.
    fn is_activation(self) -> bool;

    /// Returns true if an activation after the layer can be computed together with it.
    fn takes_activation(self) -> bool;

    /// Returns the names of the layer's tensors and their parts in training, in the flat model's order. Those that the optimizer changes come
    /// first.
    fn tensors(self) -> &'static [(&'static str, Role)];

    /// Returns the shape of the layer's tensor with this name.
    fn shape(self, tensor: &str) -> Vec<u32, 2>;

    /// See [`LayerKind::lens`].
    fn lens(self) -> Option<[usize; 2]> {
        let mut lens = [0_usize; 2];
        for &(name, role) in self.tensors() {
            let len = self.shape(name).iter().try_fold(1_usize, |len, &size| len.checked_mul(size as usize))?;
            let sum = &mut lens[usize::from(role == Role::Buffer)];
            *sum = sum.checked_add(len)?;
        }
        Some(lens)
    }
}

impl Described for LayerKind {
    fn widths(self) -> (u32, u32) {
        self.widths()
    }

    fn is_start(self) -> bool {
        matches!(self, Self::Linear { .. })
    }

    fn is_activation(self) -> bool {
        self.activation().is_some()
    }

    fn takes_activation(self) -> bool {
        self.takes_activation()
    }

    fn tensors(self) -> &'static [(&'static str, Role)] {
        self.tensors()
    }

    fn shape(self, tensor: &str) -> Vec<u32, 2> {
        self.shape(tensor)
    }
}

/// See [`Architecture::parameter_count`](super::Architecture::parameter_count).
pub(crate) fn parameter_count<L: Described>(layers: impl Iterator<Item = L>) -> Option<usize> {
    let mut count = 0_usize;
    let mut before: Option<L> = None;
    for layer in layers {
        let (inputs, outputs) = layer.widths();
        let follows = match before {
            None => layer.is_start(),
            Some(before) => before.widths().1 == inputs,
        };
        let is_placed = !layer.is_activation() || before.is_some_and(L::takes_activation);
        let widths = 1..=MAX_WIDTH;
        if !follows || !is_placed || !widths.contains(&inputs) || !widths.contains(&outputs) {
            return None;
        }
        for len in layer.lens()? {
            count = count.checked_add(len)?;
        }
        before = Some(layer);
    }
    before.and_then(|_| count.checked_mul(size_of::<f32>())).map(|_| count)
}

/// See [`Architecture::parameters`](super::Architecture::parameters).
pub(crate) fn parameters(layers: impl Iterator<Item = impl Described>) -> impl Iterator<Item = Parameter> {
    let tensors = layers.enumerate().flat_map(|(index, layer)| {
        layer.tensors().iter().map(move |&(kind, role)| (index, kind, role, layer.shape(kind)))
    });
    tensors.scan(0_usize, |offset, (index, kind, role, shape)| {
        // 40 bytes hold the longest name: the stack's, two digits and "running_mean".
        let name = parameter_name(index, kind).unwrap_or_default();
        let len = shape.iter().fold(1, |product: usize, &n| product.saturating_mul(n as usize));
        let parameter = Parameter { name, role, shape, offset: *offset, len };
        *offset = offset.saturating_add(len);
        Some(parameter)
    })
}

/// Returns PyTorch's name for a tensor of the layer at this place. The place is below 100.
///
/// It does not use `core::fmt`, which calls functions by pointers: only without such calls can a device's stack have a proved bound.
fn parameter_name(index: usize, tensor: &str) -> Option<String<40>> {
    let digit = |number: usize| char::from(b'0' + (number % 10) as u8);
    let mut name = String::new();
    name.push_str(STACK_NAME).ok()?;
    name.push('.').ok()?;
    if index >= 10 {
        name.push(digit(index / 10)).ok()?;
    }
    name.push(digit(index)).ok()?;
    name.push('.').ok()?;
    name.push_str(tensor).ok()?;
    Some(name)
}

#[cfg(test)]
mod tests {
    use core::fmt;

    use super::*;
    use crate::{architecture::Architecture, fashion_mnist::Quickstart, mlp};

    #[test]
    fn names_shapes_and_places_are_pytorchs() {
        let architecture = Architecture::of::<Quickstart>();
        let mut parameters = architecture.parameters();
        let first = parameters.next().unwrap();
        assert_eq!(
            (first.name.as_str(), first.shape.as_slice(), first.offset),
            ("linear_relu_stack.0.weight", &[512, 784][..], 0)
        );
        let last = parameters.last().unwrap();
        assert_eq!((last.name.as_str(), last.shape.as_slice()), ("linear_relu_stack.4.bias", &[10][..]));
        assert_eq!(last.offset + last.len, 669_706);
        assert_eq!(architecture.parameter_count(), Some(669_706));
    }

    #[test]
    fn batch_normalisation_has_buffers() {
        let architecture = Architecture::of::<mlp!(4 => 3 BatchNorm1d Relu Dropout => 2)>();
        let mut text = String::<400>::new();
        for parameter in architecture.parameters() {
            let name = parameter.name.trim_start_matches("linear_relu_stack.");
            fmt::write(&mut text, format_args!("{name} {:?} {} ", parameter.role, parameter.offset)).unwrap();
        }
        assert_eq!(
            text.as_str(),
            "0.weight Parameter 0 0.bias Parameter 12 1.weight Parameter 15 1.bias Parameter 18 \
             1.running_mean Buffer 21 1.running_var Buffer 24 4.weight Parameter 27 4.bias Parameter 33 "
        );
        assert_eq!(architecture.parameter_count(), Some(35));
    }
}
