//! Merges batch normalisation into the linear layer before it, so a device computes one layer less.
//!
//! ```
//! use selvedge::architecture::Architecture;
//!
//! let network: Architecture = "4 => 8 BatchNorm1d Relu => 2".parse()?;
//! assert_eq!(network.folded(), "4 => 8 Relu => 2".parse()?);
//! # Ok::<(), selvedge::architecture::ArchitectureError>(())
//! ```

use core::fmt;

use crate::{
    architecture::{Architecture, LayerKind},
    layers::batch_norm::inverse_deviation,
};

impl Architecture {
    /// Returns the chain without dropout, and without the batch normalisations that directly follow a linear layer. There may be several in a row.
    /// Dropout between them does not count.
    pub fn folded(&self) -> Self {
        let chain = self.for_prediction();
        let mut before = None;
        let kept = chain.layers().iter().copied().filter(|&layer| {
            let is_kept = !is_foldable(before, layer);
            before = if is_kept { Some(layer) } else { before };
            is_kept
        });
        // A part of the chain has room where the chain had.
        Self::from_layers(kept).unwrap_or(chain.clone())
    }
}

/// Writes the flat model of [`Architecture::folded`]. The linear layer has the weights `w` and the biases `b`. The normalisation has `weight`,
/// `bias`, `running_mean` and `running_var`. Let `s = weight · (1 / √(running_var + ε))`, where ε is [`EPSILON`](crate::layers::EPSILON). A weight
/// becomes `w · s`, and a bias becomes `(b − running_mean) · s + bias`. Each operation is rounded.
///
/// Folding changes the logits by rounding: the folded network is another model, computed by the same arithmetic.
///
/// # Errors
///
/// [`FoldError`] if a slice does not have its architecture's length. If the architecture is no network, the expected length is 0.
pub fn fold(architecture: &Architecture, model: &[f32], folded: &mut [f32]) -> Result<(), FoldError> {
    let check = |architecture: &Architecture, found| match architecture.parameter_count() {
        Some(expected) if expected == found => Ok(()),
        expected => Err(FoldError { expected: expected.unwrap_or(0), found }),
    };
    check(architecture, model.len())?;
    check(&architecture.folded(), folded.len())?;
    let (mut rest, mut places) = (model, &mut *folded);
    let mut linear: Option<(usize, &mut [f32])> = None;
    for &layer in architecture.for_prediction().layers() {
        let tensors;
        (tensors, rest) = rest.split_at(layer.lens().unwrap_or_default().iter().sum());
        match (linear.take(), layer) {
            (Some((inputs, previous)), LayerKind::BatchNorm1d { .. }) => {
                scale(previous, inputs, tensors);
                // Another may follow.
                linear = Some((inputs, previous));
            }
            _ => {
                let place;
                (place, places) = core::mem::take(&mut places).split_at_mut(tensors.len());
                place.copy_from_slice(tensors);
                if let LayerKind::Linear { inputs, .. } = layer {
                    linear = Some((inputs as usize, place));
                }
            }
        }
    }
    Ok(())
}

fn is_foldable(before: Option<LayerKind>, layer: LayerKind) -> bool {
    matches!((before, layer), (Some(LayerKind::Linear { .. }), LayerKind::BatchNorm1d { .. }))
}

/// Merges a normalisation's tensors into those of a linear layer.
fn scale(linear: &mut [f32], inputs: usize, norm: &[f32]) {
    let outputs = norm.len() / 4;
    let (weight, rest) = norm.split_at(outputs);
    let (bias, rest) = rest.split_at(outputs);
    let (mean, variance) = rest.split_at(outputs);
    let (rows, biases) = linear.split_at_mut(inputs * outputs);
    for (o, (row, b)) in rows.chunks_mut(inputs).zip(biases).enumerate() {
        let factor = weight[o] * inverse_deviation(variance[o]);
        for w in row {
            *w *= factor;
        }
        *b = (*b - mean[o]) * factor + bias[o];
    }
}

/// The error of a slice that does not have its architecture's length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct FoldError {
    /// The number of values that the architecture has.
    pub expected: usize,
    /// The length that was given.
    pub found: usize,
}

impl fmt::Display for FoldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the architecture has {} numbers, {} were given", self.expected, self.found)
    }
}

impl core::error::Error for FoldError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Flat, Layer, Portable, mlp, random::Generator};

    type Trained = mlp!(5 => 7 BatchNorm1d Relu Dropout => 4 Tanh => 3 BatchNorm1d);
    type Deployed = mlp!(5 => 7 Relu => 4 Tanh => 3);

    /// Folds a model of the layers `From`, and checks that the result is a model of the layers `To`.
    fn check<From, To>()
    where
        From: Layer<Input = [f32; 5], Output = [f32; 3]>,
        To: Layer<Input = [f32; 5], Output = [f32; 3]>,
    {
        let generator = Generator::new(1, crate::random::Purpose::Initialization, 0);
        let (mut trained, mut deployed) = (From::ZERO, To::ZERO);
        for (i, parameter) in trained.as_flat_mut().iter_mut().enumerate() {
            // Variances are positive.
            *parameter = 1.0 + 0.5 * generator.symmetric(i as u64, 1.0);
        }
        let architecture = Architecture::of::<From>();
        assert_eq!(architecture.folded(), Architecture::of::<To>());
        fold(&architecture, trained.as_flat(), deployed.as_flat_mut()).unwrap();
        let (input, mut expected, mut found) = ([0.1, -0.2, 0.3, 0.9, -1.0], [0.0; 3], [0.0; 3]);
        trained.predict(&Portable, &input, &mut expected);
        deployed.predict(&Portable, &input, &mut found);
        assert!((0..3).all(|i| (expected[i] - found[i]).abs() < 1e-5), "{found:?}, not {expected:?}");
    }

    #[test]
    fn a_folded_model_predicts_the_same() {
        check::<Trained, Deployed>();
    }

    #[test]
    fn every_normalisation_after_a_linear_layer_is_folded() {
        check::<mlp!(5 => 4 BatchNorm1d BatchNorm1d Tanh => 3), mlp!(5 => 4 Tanh => 3)>();
        check::<mlp!(5 => 4 BatchNorm1d Dropout BatchNorm1d Tanh => 3), mlp!(5 => 4 Tanh => 3)>();
        check::<mlp!(5 => 4 Tanh => 3 BatchNorm1d BatchNorm1d BatchNorm1d), mlp!(5 => 4 Tanh => 3)>();
    }

    #[test]
    fn lengths_are_checked() {
        let architecture = Architecture::of::<Trained>();
        let mut folded = Deployed::ZERO;
        let error = fold(&architecture, &[0.0; 3], folded.as_flat_mut()).unwrap_err();
        assert_eq!(error, FoldError { expected: Trained::LEN, found: 3 });
        assert!(fold(&architecture, Trained::ZERO.as_flat(), &mut [0.0; 3]).is_err());
    }
}
