//! From a trained model to a [quantised network](selvedge::quantized).
//!
//! Integer weights have a scale for each output, or for each output and 64 inputs; activations have one for each layer. How these are chosen is
//! decided by trial: each combination of methods is calibrated on some training samples and tried on others, which are held out; the best
//! accuracy there decides (of a regression none), then the least squared error of the outputs. No test sample takes part. Where rounding costs too much, the
//! model is first trained on with rounded weights.
//!
//! Hidden units are ordered such that those that fire together are neighbours, which changes no output.

mod certificate;
mod coding;
mod error;
mod fine_tune;
mod half;
mod integer;
mod order;
mod output_verdict;
mod outputs;
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
pub use half::HalfNetwork;
pub use integer::Integers;
pub use output_verdict::{OutputVerdict, certificates};
pub use outputs::SampleOutputs;
pub use reference::Reference;
pub use report::{LayerReport, Report, Verdict};
pub use search::{Quantized, Quantizer};
