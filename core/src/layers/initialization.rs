//! The initial parameters of a model.

use super::{Layer, batch_norm, linear};
use crate::{
    architecture::{Architecture, StageKind},
    random::{Generator, Purpose},
};

/// Sets PyTorch's initial values: each `Linear`'s weights and biases are uniform in ±1/√inputs. A `BatchNorm1d` gets weights and running
/// variances of 1, and biases and running means of 0.
///
/// Value `i` of the flat model (buffers are counted) takes draw `i` of the seed's [`Purpose::Initialization`] stream if it belongs to a `Linear`.
pub fn initialize<M: Layer>(model: &mut M, seed: u64) {
    model.initialize(&Generator::new(seed, Purpose::Initialization, 0), 0);
}

/// Does the same as [`initialize`], for a flat model whose layers are known at run time. `flat` has
/// [`architecture.parameter_count()`](Architecture::parameter_count) values. If it is shorter, the first layer that does not fit and all later
/// layers stay as they are.
pub fn initialize_flat(architecture: &Architecture, flat: &mut [f32], seed: u64) {
    let generator = Generator::new(seed, Purpose::Initialization, 0);
    for stage in architecture.stages() {
        let Some(values) = flat.get_mut(stage.values()) else { return };
        match stage.kind {
            StageKind::Linear => linear::initialize(stage.inputs, values, &generator, stage.offset as u64),
            StageKind::BatchNorm1d => batch_norm::initialize(values),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Chain, Flat, Linear, Relu};

    #[test]
    fn initialisation_is_pytorchs_range_and_spread() {
        let mut model = Chain::<Linear<100, 50, Relu>, Linear<50, 4>>::ZERO;
        initialize(&mut model, 1);
        let mut sum_of_squares = 0.0;
        for &w in model.head.weight.as_flattened() {
            assert!(w.abs() <= 0.1);
            sum_of_squares += w * w;
        }
        // A uniform number in ±0.1 has the variance 0.01 / 3.
        assert!((sum_of_squares / 5_000.0 - 0.01 / 3.0).abs() < 1e-4);
        assert!(model.tail.as_flat().iter().any(|w| w.abs() > 0.1));
        assert_ne!(model.head.bias, [0.0; 50]);
    }
}
