//! A model's type as data: the layers that it tells, and its [`Architecture`].

use heapless::Vec;

use super::Layer;
use crate::{
    Activation,
    architecture::{Architecture, LayerKind, MAX_LAYERS},
};

impl Architecture {
    /// The architecture of a model's type. A chain of more than [`MAX_LAYERS`] layers does not compile.
    pub fn of<M: Layer>() -> Self {
        const { assert!(M::DEPTH <= MAX_LAYERS, "the chain has more layers than an architecture can name") };
        let mut layers = Vec::new();
        M::describe(&mut |layer| {
            // The assertion above left room.
            let _ = layers.push(layer);
        });
        Self { layers }
    }
}

/// Tells the layers of a model's type as it predicts: without dropout.
pub(crate) fn describe_without_dropout<M: Layer>(mut tell: impl FnMut(LayerKind)) {
    M::describe(&mut |layer| {
        if !matches!(layer, LayerKind::Dropout { .. }) {
            tell(layer);
        }
    });
}

/// The number of layers that an activation is in a chain: none or one.
pub(super) const fn activation_depth<A: Activation>() -> usize {
    LayerKind::of_activation(A::KIND, 1).is_some() as usize
}

/// Tells the layer of this width that an activation is, if it is one.
pub(super) fn describe_activation<A: Activation>(width: u32, tell: &mut impl FnMut(LayerKind)) {
    if let Some(layer) = LayerKind::of_activation(A::KIND, width) {
        tell(layer);
    }
}
