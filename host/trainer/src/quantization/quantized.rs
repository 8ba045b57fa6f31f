//! The integer network that the search has chosen: its outputs and its file.

use selvedge::{architecture::Architecture, classification::argmax, quantized::QuantizationRecord, shape::Signature};

use super::{
    QuantizationError,
    integer_network::{IntegerNetwork, Run},
    outputs::{SampleOutputs, Values},
    threads::for_each,
};
use crate::engine::Simd;

/// An integer network, and the way in which it was chosen.
#[derive(Debug)]
pub struct Quantized {
    /// The integers. The units are in the file's order.
    pub(super) network: IntegerNetwork,
    /// The hidden layers' orders in the file.
    pub(super) orders: Vec<Vec<usize>>,
    pub(super) architecture: Architecture,
    pub(super) method: String,
    /// The fraction of the held-out samples, or of their labels, that is right. `None` for a regression.
    pub held_out_accuracy: Option<f64>,
    /// The number of held-out samples.
    pub held_out: usize,
}

impl Quantized {
    /// Returns the chosen methods, in one line.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// Returns the number of outputs whose weights are smaller than they could be, so that no sum overflows.
    pub fn shrunk(&self) -> usize {
        self.network.shrunk()
    }

    /// Returns the hidden layers' orders in the file: for each layer, and for each place in the file, the number of the unit in the model.
    pub fn orders(&self) -> &[Vec<usize>] {
        &self.orders
    }

    /// Returns the numbers that the network's integers stand for, for each sample. `values` has the samples' codes, one byte for each input, one
    /// sample after the other.
    pub fn outputs(&self, engine: &Simd, values: &[u8]) -> Vec<SampleOutputs> {
        let run = self.network.run(engine, values);
        let samples: Vec<usize> = (0..values.len() / self.architecture.inputs()).collect();
        for_each(engine, &samples, |&sample| self.of_sample(&run, sample))
    }

    fn of_sample(&self, run: &Run, sample: usize) -> SampleOutputs {
        let hidden = run.activations.iter().zip(&self.orders).zip(&self.network.output_scales);
        let in_models_order = hidden.map(|((activations, order), scale)| {
            let mut values = vec![0.0; order.len()];
            for (&unit, &activation) in order.iter().zip(&activations[sample * order.len()..]) {
                values[unit] = scale * f64::from(activation);
            }
            values
        });
        let (scale, outputs) = (self.network.logit_scale(), self.architecture.outputs());
        let integers = &run.logits[sample * outputs..][..outputs];
        let logits = integers.iter().map(|&logit| scale * f64::from(logit)).collect();
        SampleOutputs { class: argmax(integers), values: Values { activations: in_models_order.collect(), logits } }
    }

    /// Returns the network's file. `source` is the weight hash of the model. The two accuracies are the scores of the model and of this network
    /// on the test samples, 0 to 1.
    ///
    /// # Errors
    ///
    /// [`QuantizationError::LogitScale`] if the logits' scale is outside a float32's range. [`QuantizationError::File`] for a network or a
    /// signature that the format cannot hold.
    pub fn encode(
        &self,
        signature: &Signature<'_>,
        source: [u8; 32],
        [float_accuracy, accuracy]: [f64; 2],
    ) -> Result<Vec<u8>, QuantizationError> {
        let logit_scale = self.network.logit_scale() as f32;
        if !(logit_scale.is_finite() && logit_scale > 0.0) {
            return Err(QuantizationError::LogitScale { scale: self.network.logit_scale() });
        }
        let record = QuantizationRecord {
            source: &source,
            logit_scale,
            float_accuracy: float_accuracy as f32,
            accuracy: accuracy as f32,
            method: self.method.as_bytes(),
        };
        Ok(self.network.encode(&self.architecture, signature, &record)?)
    }
}
