//! Trains with rounded weights, so that the model adapts to them.

use selvedge::Engine;

use super::{
    QuantizationError, Quantizer, Reference, calibration::weight_scales, integers::Integers, scales::WeightMethod,
    search::FineTuned, threads::Costly,
};
use crate::{
    data::Dataset,
    engine::Simd,
    network::{Network, NetworkError},
    training::{self, Epoch, Observer, Rounding, State, TrainingError},
};

impl Quantizer<'_> {
    /// Continues the training of the model with rounded weights. The scales are those of the weights before fine-tuning, by least squares. They
    /// do not change. `see` gets each epoch, tested on the held-out samples.
    ///
    /// # Errors
    ///
    /// [`QuantizationError::FineTuning`] if the training fails, [`QuantizationError::Network`] if there is not enough memory, and the errors of
    /// [`Reference::new`](super::Reference::new).
    pub fn fine_tune(
        &mut self,
        options: &training::TrainingOptions,
        see: &mut dyn FnMut(&Epoch),
    ) -> Result<(), QuantizationError> {
        let ordered = self.ordered.network();
        let network = Network::with_parameters(ordered.architecture(), ordered.parameters())?;
        let mut state = State::new(network, options).map_err(NetworkError::from)?;
        let held_out = &self.held_out.split;
        let splits = [self.train.clone(), held_out.clone()];
        let mut data = Dataset::new(&self.data_name, self.input, self.classes.clone(), splits);
        data.task = self.task.clone();
        data.validation = options.early_stop.map(|_| held_out.clone());
        let scales = weight_scales(self.engine, self.integers, &self.ordered, WeightMethod::LeastSquares);
        let rounding =
            RoundedWeights { engine: self.engine, integers: self.integers, reference: &self.ordered, scales: &scales };
        training::train_rounded(self.engine, &mut state, &data, options, &rounding, &mut Watch { see })?;
        let mut flat = vec![0.0; ordered.parameters().len()];
        rounding.round(state.result().parameters(), &mut flat);
        self.ordered = Reference::new(ordered.architecture(), &flat)?;
        let description = format!("fine-tuned for {} steps", state.progress.steps);
        self.fine_tuned = Some(FineTuned { description, scales });
        Ok(())
    }
}

/// The weights, rounded to the values that their integers will have.
struct RoundedWeights<'a> {
    engine: &'a Simd,
    integers: Integers,
    /// The model before fine-tuning: its layers' widths.
    reference: &'a Reference,
    scales: &'a [Vec<f64>],
}

impl Rounding for RoundedWeights<'_> {
    fn round(&self, model: &[f32], rounded: &mut [f32]) {
        rounded.copy_from_slice(model);
        let mut rest = rounded;
        for (layer, scales) in self.reference.layers().zip(self.scales) {
            let (weight, after) = rest.split_at_mut(layer.weight.len());
            let groups = scales.len() / layer.outputs;
            let mut rows: Vec<(&mut [f32], &[f64])> =
                weight.chunks_exact_mut(layer.inputs).zip(scales.chunks_exact(groups)).collect();
            let integers = self.integers;
            let work = |_: usize, rows: &mut [(&mut [f32], &[f64])]| {
                for (row, scales) in rows {
                    integers.round_in_place(row, scales);
                }
            };
            // A weight is divided, rounded, limited, and multiplied again.
            self.engine.share_out_work(1, &mut rows, Costly { cost: 8 * layer.inputs, work });
            rest = &mut after[layer.outputs..];
        }
    }
}

/// Passes on the epochs.
struct Watch<'a> {
    see: &'a mut dyn FnMut(&Epoch),
}

impl Observer for Watch<'_> {
    type Error = TrainingError;

    fn epoch_ends(&mut self, epoch: &Epoch) -> Result<(), TrainingError> {
        (self.see)(epoch);
        Ok(())
    }
}
