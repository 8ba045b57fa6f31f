//! Turns a trained model into a [quantised network](selvedge::quantized).
//!
//! Integer weights have a scale for each output, or for each group of 64 inputs of each output. Activations have a scale for each layer. There are
//! several methods to compute the scales of weights, and several for activations. Each combination is tried twice: with the biases as they are, and
//! with biases that correct the mean error of the rounded weights. A trial computes the scales from some training samples, and tests them on others
//! that are held out. The best accuracy on these decides, then the smallest squared error of the outputs. A regression has no accuracy, so there the
//! error alone decides. No test sample is used. If rounding costs too much accuracy, call [`Quantizer::fine_tune`] before [`Quantizer::search`]: it
//! trains the model further with rounded weights. The command `quantize` does so with `--qat`.
//!
//! Hidden units that are active on the same samples are placed side by side. This changes no output.

mod calibration;
mod certificate;
mod coding;
mod encode;
mod error;
mod f16;
mod fine_tune;
mod integer_network;
mod integers;
mod layer_plan;
mod order;
mod output_verdict;
mod outputs;
mod quantized;
mod reference;
mod report;
mod scales;
mod search;
#[cfg(test)]
mod tests;
mod threads;

pub use certificate::Certificate;
pub use coding::Coding;
pub use error::QuantizationError;
pub use f16::F16Network;
pub use integers::Integers;
pub use output_verdict::{OutputVerdict, certificates};
pub use outputs::SampleOutputs;
pub use quantized::Quantized;
pub use reference::Reference;
pub use report::{LayerReport, Report, Verdict};
pub use search::Quantizer;
