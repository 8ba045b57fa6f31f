//! A network with f16 weights.

use half::f16;
use selvedge::{
    quantized::{F16, F16Layer, QuantizationRecord},
    shape::Signature,
    weights::WeightFileError,
};

use super::{QuantizationError, Reference, SampleOutputs, encode::encode};
use crate::engine::Simd;

/// The method that chose the weights.
const METHOD: &str = "weights to the nearest f16, biases as they are";

/// A network whose weights were rounded to f16.
#[derive(Debug)]
pub struct F16Network {
    /// The network with the rounded weights, in binary32.
    widened: Reference,
}

impl F16Network {
    /// Rounds each weight to the nearest f16. A tie goes to the even one.
    ///
    /// # Errors
    ///
    /// [`QuantizationError::F16Range`] for a weight that would become infinite. [`QuantizationError::Network`] if there is not enough memory.
    pub fn new(reference: &Reference) -> Result<Self, QuantizationError> {
        for (index, layer) in reference.layers().enumerate() {
            if let Some(&weight) = layer.weight.iter().find(|&&weight| f16::from_f32(weight).is_infinite()) {
                return Err(QuantizationError::F16Range { layer: index, weight });
            }
        }
        Ok(Self { widened: reference.with_weights(|weight| f16::from_f32(weight).to_f32())? })
    }

    /// Returns the method that chose the weights, in one line.
    pub fn method(&self) -> &'static str {
        METHOD
    }

    /// Returns the network's activations and logits for samples.
    pub fn outputs(&self, engine: &Simd, values: &[u8]) -> Vec<SampleOutputs> {
        self.widened.outputs(engine, values)
    }

    /// Returns the network's file. `source` is the weight hash of the model. The two accuracies are the scores of the model and of this network
    /// on the test samples, 0 to 1.
    ///
    /// # Errors
    ///
    /// [`WeightFileError`] for a network, a signature or an accuracy that the format cannot hold.
    pub fn encode(
        &self,
        signature: &Signature<'_>,
        source: [u8; 32],
        [float_accuracy, accuracy]: [f64; 2],
    ) -> Result<Vec<u8>, WeightFileError> {
        let record = QuantizationRecord {
            source: &source,
            logit_scale: 1.0,
            float_accuracy: float_accuracy as f32,
            accuracy: accuracy as f32,
            method: METHOD.as_bytes(),
        };
        let bits = |weight: &f32| f16::from_f32(*weight).to_bits();
        let weights: Vec<Vec<u16>> =
            self.widened.layers().map(|layer| layer.weight.iter().map(bits).collect()).collect();
        let parts = weights.iter().zip(self.widened.layers());
        let layers: Vec<_> = parts.map(|(weight, layer)| F16Layer { weight, bias: layer.bias }).collect();
        encode::<F16>(self.widened.architecture(), &layers, signature, &record)
    }
}
