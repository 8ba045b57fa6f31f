//! The description of a network: its layers as data. Files, messages, and every program that learns the shape of a network at
//! run time use it.
//!
//! ```
//! use selvedge::{architecture::Architecture, mlp};
//!
//! let architecture: Architecture = "12 => 40 Relu => 3".parse()?;
//! assert_eq!(architecture, Architecture::of::<mlp!(12 => 40 Relu => 3)>());
//! assert_eq!((architecture.inputs(), architecture.outputs()), (12, 3));
//! let stage = architecture.stages().next().unwrap();
//! assert_eq!((stage.inputs, stage.outputs, stage.tape_offset), (12, 40, 0));
//! # Ok::<(), selvedge::architecture::ArchitectureError>(())
//! ```
//!
//! - [`Architecture`]: the layers. `{}` shows the widths, such as `784-512-10`. The words of all layers come after them (`4-3-2 Linear Linear Relu`),
//!   unless the chain is linear layers with one ReLU between each two. `{:#}` shows the chain in the form in which PyTorch's `print(model)` shows the
//!   quickstart's model, with its name and its `Flatten`.
//! - [`LayerKind`]: one layer: its kind, widths and tensors.
//! - [`CustomLayer`]: a layer that a program defines itself. No architecture has such a layer: only a model's type has it, and
//!   the weight file of such a model.
//! - [`Parameter`]: a named tensor, and its place in the flat model.
//! - [`Stage`]: a part that is computed together, and the place of its activations on the *tape*, the memory for the outputs of all layers in a
//!   training pass.
//! - [`Expression`]: the text of an architecture, as [`mlp!`](crate::mlp!) and the option `--layers` of `selvedge train` take it.

mod custom;
mod display;
mod layer_kind;
mod parameters;
mod stages;
mod text;

pub(crate) use custom::CUSTOM;
pub use custom::{CustomLayer, CustomName, LayerDescription, MAX_NAME};
pub(crate) use display::show_module;
pub use layer_kind::{LayerKind, MAX_WIDTH, Role};
pub(crate) use parameters::{Described, parameter_count, parameters};
pub use parameters::{Parameter, STACK_NAME};
pub use stages::{Stage, StageKind};
pub use text::{ArchitectureError, Expression, Word};

use heapless::Vec;

/// The largest number of layers in a chain. An activation counts as one.
pub const MAX_LAYERS: usize = 64;

/// A chain of layers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Architecture {
    pub(crate) layers: Vec<LayerKind, MAX_LAYERS>,
}

impl Architecture {
    /// An architecture without layers, which is not a network.
    pub(crate) const EMPTY: Self = Self { layers: Vec::new() };

    /// Returns the chain of these layers, or `None` for more than [`MAX_LAYERS`].
    pub fn from_layers(layers: impl IntoIterator<Item = LayerKind>) -> Option<Self> {
        let mut chain = Vec::new();
        for layer in layers {
            chain.push(layer).ok()?;
        }
        Some(Self { layers: chain })
    }

    /// Returns a chain of linear layers with ReLU between them, or `None` for more than [`MAX_LAYERS`] layers.
    pub fn rectified(inputs: u32, hidden: &[u32], outputs: u32) -> Option<Self> {
        let widths = hidden.iter().copied().chain([outputs]);
        let mut before = inputs;
        let mut layers = Vec::new();
        for width in widths {
            if !layers.is_empty() {
                layers.push(LayerKind::Relu { width: before }).ok()?;
            }
            layers.push(LayerKind::Linear { inputs: before, outputs: width }).ok()?;
            before = width;
        }
        Some(Self { layers })
    }

    /// Returns the layers in chain order.
    pub fn layers(&self) -> &[LayerKind] {
        &self.layers
    }

    /// Returns the number of features going in (0 for an empty chain).
    pub fn inputs(&self) -> usize {
        self.layers.first().map_or(0, |layer| layer.widths().0 as usize)
    }

    /// Returns the number of features coming out (0 for an empty chain).
    pub fn outputs(&self) -> usize {
        self.layers.last().map_or(0, |layer| layer.widths().1 as usize)
    }

    /// Returns true if the widths alone describe the chain: ReLU stands between any two linear layers, and there is no other layer.
    pub fn is_plain(&self) -> bool {
        self.layers.iter().enumerate().all(|(index, layer)| match layer {
            LayerKind::Linear { .. } => index % 2 == 0,
            LayerKind::Relu { .. } => index % 2 == 1 && index + 1 < self.layers.len(),
            _ => false,
        })
    }

    /// Returns the chain for prediction: without dropout. Both chains have the same flat model.
    pub fn for_prediction(&self) -> Self {
        let mut chain = self.clone();
        chain.layers.retain(|layer| !matches!(layer, LayerKind::Dropout { .. }));
        chain
    }

    /// Returns the chain with dropout after each activation and after each GELU. A chain that already has dropout stays as it is.
    ///
    /// `None` if that is more than [`MAX_LAYERS`] layers.
    pub fn with_dropout(&self) -> Option<Self> {
        if *self != self.for_prediction() {
            return Some(self.clone());
        }
        let mut layers = Vec::new();
        for &layer in &self.layers {
            layers.push(layer).ok()?;
            let width = layer.widths().1;
            match layer {
                LayerKind::Linear { .. } | LayerKind::BatchNorm1d { .. } | LayerKind::LogSoftmax { .. } => {}
                _ => layers.push(LayerKind::Dropout { width }).ok()?,
            }
        }
        Some(Self { layers })
    }

    /// Returns the number of values in the flat model: parameters and buffers (see [`Role`]).
    ///
    /// `None` if the chain is no network:
    ///
    /// - its first layer is not linear, or there is none;
    /// - a width is 0 or above [`MAX_WIDTH`];
    /// - a layer's inputs are not the outputs of the layer before;
    /// - an activation does not directly follow a linear layer or a batch normalisation;
    /// - the values are more than memory can hold.
    pub fn parameter_count(&self) -> Option<usize> {
        parameter_count(self.layers.iter().copied())
    }

    /// Returns the named tensors in the order of the flat model. A `Linear` has a weight and a bias. A `BatchNorm1d` also has the running mean
    /// and variance.
    pub fn parameters(&self) -> impl Iterator<Item = Parameter> {
        parameters(self.layers.iter().copied())
    }

    /// Returns the parts of the chain that are computed together, in chain order. The chain has to be a network, that is, it has a
    /// [`parameter_count`](Self::parameter_count).
    pub fn stages(&self) -> impl Iterator<Item = Stage> + Clone + '_ {
        stages::stages(&self.layers)
    }

    /// Returns the number of values that a training pass keeps for one sample: the outputs of every stage.
    pub fn tape_len(&self) -> usize {
        self.stages().map(|stage| stage.outputs).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{fashion_mnist::Quickstart, mlp};

    #[test]
    fn dropout_is_added_after_activations_and_removed_for_prediction() {
        let architecture = Architecture::of::<mlp!(4 => 3 BatchNorm1d Relu Dropout => 2)>();
        let deployed = architecture.for_prediction();
        assert_eq!(deployed, Architecture::of::<mlp!(4 => 3 BatchNorm1d Relu => 2)>());
        assert_eq!(deployed.with_dropout(), Some(architecture.clone()));
        assert_eq!(architecture.with_dropout(), Some(architecture));
    }

    #[test]
    fn a_chain_has_room_for_its_dropout_or_none_is_given() {
        let rectified = |layers: usize| Architecture::rectified(9, &std::vec![9; layers], 10).unwrap();
        // 21 linear layers and 20 ReLUs, and dropout after each of these: 61 layers.
        assert_eq!(rectified(20).with_dropout().unwrap().layers().len(), 61);
        assert_eq!(rectified(22).with_dropout(), None);
        assert_eq!(rectified(31).layers().len(), 63);
        assert_eq!(Architecture::rectified(9, &[9; 32], 10), None);
    }

    #[test]
    fn widths_make_the_plain_chain() {
        let quickstart = Architecture::rectified(784, &[512, 512], 10).unwrap();
        assert_eq!(quickstart, Architecture::of::<Quickstart>());
        assert!(quickstart.is_plain());
        assert_eq!(Architecture::rectified(4, &[], 3), Some(Architecture::of::<mlp!(4 => 3)>()));
        assert!(!Architecture::of::<mlp!(4 => 3 Relu)>().is_plain());
        assert!(!Architecture::of::<mlp!(4 => 3 => 2)>().is_plain());
    }

    #[test]
    fn what_is_no_network_has_no_parameter_count() {
        let chain = |layers: &[LayerKind]| Architecture::from_layers(layers.iter().copied()).unwrap();
        let linear = |inputs, outputs| LayerKind::Linear { inputs, outputs };
        assert_eq!(chain(&[]).parameter_count(), None);
        assert_eq!(chain(&[linear(4, 0)]).parameter_count(), None);
        assert_eq!(chain(&[linear(4, 3), linear(2, 1)]).parameter_count(), None);
        assert_eq!(chain(&[linear(1, MAX_WIDTH + 1)]).parameter_count(), None);
        assert_eq!(chain(&[linear(MAX_WIDTH, 1)]).parameter_count(), Some(MAX_WIDTH as usize + 1));
        assert_eq!(chain(&[LayerKind::BatchNorm1d { width: 4 }, linear(4, 3)]).parameter_count(), None);
        let [relu, gelu] = [LayerKind::Relu { width: 3 }, LayerKind::Gelu { width: 3 }];
        assert_eq!(chain(&[relu]).parameter_count(), None);
        assert_eq!(chain(&[linear(4, 3), gelu, relu]).parameter_count(), None);
        assert_eq!(chain(&[linear(4, 3), relu, gelu]).parameter_count(), Some(15));
    }
}
