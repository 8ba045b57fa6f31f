//! The network with weights of 16 bits.

use half::f16;
use selvedge::{
    idx::Image,
    quantized::{Float16, Float16Layer, QuantizationRecord},
    weights::WeightFileError,
};

use super::{FloatNetwork, Outputs, QuantizationError, float::FloatLayer, integer::encode};

/// How the weights came to be.
const METHOD: &str = "weights to the nearest of 16 bits, biases as they are";

/// A network whose weights were rounded to binary16.
#[derive(Clone, Debug)]
pub struct HalfNetwork {
    /// The weights' bits, layer by layer.
    weights: Vec<Vec<u16>>,
    /// The same in binary32.
    widened: FloatNetwork,
}

impl HalfNetwork {
    /// Rounds each weight to the nearest number of binary16, of two the even one.
    ///
    /// # Errors
    ///
    /// [`QuantizationError::Float16Range`] for a weight that would become infinite.
    pub fn new(float: &FloatNetwork) -> Result<Self, QuantizationError> {
        let mut weights = Vec::with_capacity(float.layers.len());
        for (layer, FloatLayer { weight, .. }) in float.layers.iter().enumerate() {
            let rounded: Vec<f16> = weight.iter().map(|&weight| f16::from_f32(weight)).collect();
            if let Some(place) = rounded.iter().position(|weight| weight.is_infinite()) {
                return Err(QuantizationError::Float16Range { layer, weight: weight[place] });
            }
            weights.push(rounded.into_iter().map(f16::to_bits).collect::<Vec<_>>());
        }
        let widened =
            float.with_weights(weights.iter().map(|weights| weights.iter().map(|&bits| Float16::widen(bits))));
        Ok(Self { weights, widened })
    }

    /// How its weights came to be, in one line.
    pub fn method(&self) -> &'static str {
        METHOD
    }

    /// Its numbers for an image.
    pub fn outputs(&self, image: &Image) -> Outputs {
        self.widened.outputs(image)
    }

    /// The network's file.
    ///
    /// # Errors
    ///
    /// [`WeightFileError`] for a network or an accuracy that the format cannot hold.
    pub fn encode(&self, source: [u8; 32], [float_accuracy, accuracy]: [f64; 2]) -> Result<Vec<u8>, WeightFileError> {
        let record = QuantizationRecord {
            source: &source,
            logit_scale: 1.0,
            float_accuracy: float_accuracy as f32,
            accuracy: accuracy as f32,
            method: METHOD.as_bytes(),
        };
        let parts = self.weights.iter().zip(&self.widened.layers);
        let layers: Vec<_> = parts.map(|(weight, layer)| Float16Layer { weight, bias: &layer.bias }).collect();
        encode::<Float16>(self.widened.architecture(), &layers, &record)
    }
}
