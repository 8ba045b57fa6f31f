//! Training with rounded weights, so that the model gets used to them.

use selvedge::Engine;

use super::{
    FloatNetwork, QuantizationError, Quantizer, integer::Integers, scales::WeightMethod, search::weight_scales,
};
use crate::{
    data::Dataset,
    models::{Boxed, Model},
    training::{self, Epoch, Observer, Rounding, State, TrainingError},
};

/// How weights were rounded in fine-tuning.
pub(super) struct FineTuned {
    pub description: String,
    /// Each layer's scales: in each row one for each group of columns.
    pub scales: Vec<Vec<f64>>,
}

impl<E: Engine> Quantizer<'_, E> {
    /// Trains the model on with rounded weights, whose scales stay those that are best for the weights it has; `see` is told each epoch, tested
    /// on the images that are held out.
    ///
    /// # Errors
    ///
    /// [`QuantizationError::FineTuning`].
    ///
    /// # Panics
    ///
    /// Where `M` is not of the model's layers.
    pub fn fine_tune<M: Model>(
        &mut self,
        options: &training::Options,
        see: impl FnMut(&Epoch),
    ) -> Result<(), QuantizationError> {
        let mut model = Boxed::<M>::zeroed();
        model.as_flat_mut().copy_from_slice(&self.ordered.flat());
        let mut state = State::new(model, options);
        let held_out = &self.held_out.split;
        let data = Dataset {
            name: String::new(),
            checksum: self.train.checksum(),
            train: self.train.clone(),
            validation: options.early_stop.map(|_| held_out.clone()),
            test: held_out.clone(),
            notice: None,
        };
        let scales = weight_scales(self.engine, self.integers, &self.ordered, WeightMethod::LeastSquares);
        let rounding =
            RoundedWeights { engine: self.engine, integers: self.integers, float: &self.ordered, scales: &scales };
        training::train_rounded(self.engine, &mut state, &data, options, &rounding, &mut Watch { see })?;
        let mut flat = vec![0.0; M::LEN];
        rounding.round(state.result().as_flat(), &mut flat);
        self.ordered = FloatNetwork::new(self.ordered.architecture(), &flat)?;
        let description = format!("fine-tuned for {} steps", state.progress.steps);
        self.fine_tuned = Some(FineTuned { description, scales });
        Ok(())
    }
}

/// Weights as their integers will be worth.
struct RoundedWeights<'a, E> {
    engine: &'a E,
    integers: Integers,
    /// The model before fine-tuning: its layers' widths.
    float: &'a FloatNetwork,
    scales: &'a [Vec<f64>],
}

impl<E: Engine> Rounding for RoundedWeights<'_, E> {
    fn round(&self, model: &[f32], rounded: &mut [f32]) {
        rounded.copy_from_slice(model);
        let mut rest = rounded;
        for (layer, scales) in self.float.layers.iter().zip(self.scales) {
            let (weight, after) = rest.split_at_mut(layer.weight.len());
            let groups = scales.len() / layer.outputs;
            let mut rows: Vec<(&mut [f32], &[f64])> =
                weight.chunks_exact_mut(layer.inputs).zip(scales.chunks_exact(groups)).collect();
            let integers = self.integers;
            self.engine.share_out(&mut rows, |_, rows| {
                for (row, scales) in rows {
                    integers.round_in_place(row, scales);
                }
            });
            rest = &mut after[layer.outputs..];
        }
    }
}

/// Hands on the epochs.
struct Watch<F> {
    see: F,
}

impl<M, F: FnMut(&Epoch)> Observer<M> for Watch<F> {
    type Error = TrainingError;

    fn epoch_ends(&mut self, epoch: &Epoch) -> Result<(), TrainingError> {
        (self.see)(epoch);
        Ok(())
    }
}
