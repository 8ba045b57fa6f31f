//! A network's numbers for a sample.

/// A quantised network's numbers for a sample.
#[derive(Clone, Debug)]
pub struct SampleOutputs {
    /// The predicted class.
    pub(super) class: usize,
    pub(super) values: Values,
}

/// The numbers that a quantised network's integers stand for, with the units in the model's order.
#[derive(Clone, Debug)]
pub(super) struct Values {
    /// The activations of each layer except the last, after ReLU.
    pub activations: Vec<Vec<f64>>,
    pub logits: Vec<f64>,
}
