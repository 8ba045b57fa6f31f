//! A model's type as data: its layers, and its [`Architecture`].

use heapless::Vec;

use super::Layer;
use crate::architecture::{Architecture, LayerDescription, LayerKind, MAX_LAYERS};

impl Architecture {
    /// Returns the architecture of a model's type. A chain of more than [`MAX_LAYERS`] layers does not compile. Neither does one with a layer that
    /// a program defines itself, because every engine must be able to compute an architecture.
    pub fn of<M: Layer>() -> Self {
        const { assert!(M::DEPTH <= MAX_LAYERS, "the chain has more layers than an architecture can name") };
        let mut layers = Vec::new();
        describe_known::<M>(|layer| {
            // The assertion above left room.
            let _ = layers.push(layer);
        });
        Self { layers }
    }
}

/// Calls `tell` with each layer of a model's type. A type with a layer that is not the library's does not compile.
fn describe_known<M: Layer>(mut tell: impl FnMut(LayerKind)) {
    const {
        assert!(
            !has_custom(M::LAYERS),
            "the model has a layer of the program's own, which this function does not know"
        );
    };
    M::describe(&mut |layer| {
        if let LayerDescription::Known(layer) = layer {
            tell(layer);
        }
    });
}

/// Calls `tell` with each layer that a model's type has in prediction: without dropout.
pub(crate) fn describe_without_dropout<M: Layer>(mut tell: impl FnMut(LayerKind)) {
    describe_known::<M>(|layer| {
        if !matches!(layer, LayerKind::Dropout { .. }) {
            tell(layer);
        }
    });
}

const fn has_custom(layers: &[LayerDescription]) -> bool {
    let mut place = 0;
    while place < layers.len() {
        if matches!(layers[place], LayerDescription::Custom(_)) {
            return true;
        }
        place += 1;
    }
    false
}
