//! From a trained model to a [quantised network](selvedge::quantized).
//!
//! Integer weights have a scale for each output, or for each output and 64 inputs; activations have one for each layer. How these are chosen is
//! decided by trial: each combination of methods is calibrated on some training images and tried on others, which are held out; the best
//! accuracy there decides, then the least squared error of the logits. No test image takes part. Where rounding costs too much, the
//! model is first trained on with rounded weights.
//!
//! Hidden units are ordered such that those that fire together are neighbours, which changes no output.

mod certificate;
mod error;
mod fine_tune;
mod float;
mod half;
mod integer;
mod network;
mod order;
mod report;
mod scales;
mod search;
#[cfg(test)]
mod tests;

pub use certificate::Certificate;
pub use error::QuantizationError;
pub use float::FloatNetwork;
pub use half::HalfNetwork;
pub use integer::Integers;
pub use network::{Network, Predictor, evaluate};
pub use report::{LayerReport, Outputs, Report, Verdict};
pub use search::{Quantized, Quantizer};
