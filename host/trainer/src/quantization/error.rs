use selvedge::{
    architecture::{Architecture, LayerKind},
    weights::WeightFileError,
};

use crate::{network::NetworkError, training::TrainingError};

/// The error of a model that cannot be quantised.
#[derive(Debug, thiserror::Error)]
pub enum QuantizationError {
    /// The model has a layer that a quantised network cannot have.
    #[error(
        "a quantised network is linear layers with ReLU between them, and batch normalisation directly after a linear layer; this one is \
         {layers}: {problem}"
    )]
    Layers {
        /// The model's layers.
        layers: String,
        /// The layer that is not supported.
        problem: String,
    },
    /// A weight is infinite or NaN.
    #[error(
        "linear layer {layer}, counted from 0, has a weight that is not a finite number: train anew with a smaller --lr"
    )]
    NotFinite {
        /// The linear layer, from 0.
        layer: usize,
    },
    /// The integers of an output overflow at every scale.
    #[error(
        "linear layer {layer}, output {row} (both counted from 0): compared with the layer's outputs, its weights or its bias are so large \
         that the integers overflow; --format {instead} takes them"
    )]
    Range {
        /// The linear layer, from 0.
        layer: usize,
        /// The output, from 0.
        row: usize,
        /// A format that can hold the network.
        instead: &'static str,
    },
    /// The scale of the logits is outside the range of binary32.
    #[error(
        "an integer of the last layer is worth {scale:e} as a logit, which a float32 cannot hold: the weights are too large or too small; \
         --format f32 takes the network as it is"
    )]
    LogitScale {
        /// The logit that an integer of 1 stands for.
        scale: f64,
    },
    /// A weight is outside the range of f16.
    #[error(
        "linear layer {layer}, counted from 0, has a weight of {weight}, and an f16 is at most 65504 in absolute value; --format f32 takes it"
    )]
    F16Range {
        /// The linear layer, from 0.
        layer: usize,
        /// The weight.
        weight: f32,
    },
    /// There are too few training samples to hold some out.
    #[error("{data} has {found} training samples, too few to choose the scales by; at least {least} are needed")]
    Samples {
        /// The data set's name.
        data: String,
        /// The number of training samples.
        found: usize,
        /// The number of samples that is needed.
        least: usize,
    },
    /// Fine-tuning ended early.
    #[error("fine-tuning: {0}")]
    FineTuning(#[from] TrainingError),
    /// There is not enough memory for the network.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The file cannot be encoded.
    #[error(transparent)]
    File(#[from] WeightFileError),
}

impl QuantizationError {
    /// Returns the error of layers that a quantised network cannot have, also after batch normalisation is folded.
    pub(super) fn layers(architecture: &Architecture) -> Self {
        let folded = architecture.folded();
        let last = folded.layers().len().saturating_sub(1);
        let problem = folded.layers().iter().enumerate().find_map(|(index, layer)| match (index % 2, layer) {
            (0, LayerKind::Linear { .. }) => None,
            (1, LayerKind::Relu { .. }) if index < last => None,
            (_, LayerKind::Relu { .. }) => Some("Relu stands after the last linear layer".into()),
            (_, LayerKind::Linear { inputs, outputs }) => {
                Some(format!("Relu is missing between the width {inputs} and the next, {outputs}"))
            }
            (_, other) => Some(format!("{} cannot be quantised", other.word().unwrap_or_default())),
        });
        Self::Layers {
            layers: format!("{:#}", architecture.expression()),
            problem: problem.unwrap_or_else(|| "there are no layers".into()),
        }
    }
}
