//! From a trained model to an [integer network](selvedge::quantized).
//!
//! Weights have a scale for each output, activations one for each layer; how these are chosen is decided by trial. Each combination of
//! methods is calibrated on some training images and tried on others, which are held out; the best accuracy there decides, then the least
//! squared error of the logits. No test image takes part.
//!
//! Hidden units are then ordered such that those that fire together are neighbours, which changes no output.

mod certificate;
mod error;
mod evaluation;
mod float;
mod integer;
mod order;
mod report;
mod scales;
mod search;
#[cfg(test)]
mod tests;

pub use certificate::Certificate;
pub use error::QuantizationError;
pub use evaluation::{Predictor, evaluate, ram_bytes};
pub use float::FloatNetwork;
pub use report::{LayerReport, Report, Verdict};
pub use search::{Quantized, quantize};
