use selvedge::{
    architecture::{Stage, StageKind},
    layers::Pass,
    with_activation,
};

use super::{View, Workspace};
use crate::{
    aligned::MemoryError,
    engine::{AtRest, Simd},
};

/// A network that is ready for many predictions, of one sample or of a batch at a time.
///
/// It keeps a transposed copy of the weights, which doubles their memory. With this copy, the prediction of one sample does not read the
/// weights of inputs that are zero, such as black pixels. The outputs have the bits of [`Network::predict`](super::Network::predict).
///
/// ```
/// use std::num::NonZero;
/// use trainer::{engine::{InstructionSet, Simd}, network::{Network, Predictor}};
///
/// let network = Network::initialized(&"4 => 8 Relu => 3".parse()?, 42)?;
/// let engine = Simd::new(InstructionSet::from_environment()?, NonZero::<usize>::MIN)?;
/// let mut predictor = Predictor::new(network.view(), 16)?;
/// let logits = predictor.predict(&engine, &[0.1, 0.2, 0.3, 0.4]);
/// assert_eq!(logits.len(), 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Predictor<'a> {
    network: View<'a>,
    /// The weights of each stage that is a linear layer.
    weights: Vec<Option<AtRest>>,
    workspace: Workspace,
    /// The outputs of the batch that was predicted last.
    outputs: Vec<f32>,
}

/// The number of samples of a thread that go through all layers together. Their activations fit into the second-level cache.
const TOGETHER: usize = 512;

impl<'a> Predictor<'a> {
    /// Returns a predictor for batches of at most `batch` samples.
    ///
    /// # Errors
    ///
    /// [`MemoryError`] if there is not enough memory.
    pub fn new(network: View<'a>, batch: usize) -> Result<Self, MemoryError> {
        let at_rest = |stage: &Stage| {
            let is_linear = stage.kind == StageKind::Linear;
            is_linear.then(|| AtRest::new(stage.widths(), &network.parameters[stage.values()])).transpose()
        };
        let weights = network.layers.stages.iter().map(at_rest).collect::<Result<_, _>>()?;
        Ok(Self { network, weights, workspace: Workspace::for_prediction(network, batch)?, outputs: Vec::new() })
    }

    /// Computes the outputs of a batch. The input is `[batch][inputs]`, the result `[batch][outputs]`.
    ///
    /// # Panics
    ///
    /// If the batch is larger than the predictor's.
    pub fn predict(&mut self, engine: &Simd, input: &[f32]) -> &[f32] {
        let Self { network, weights, workspace, outputs } = self;
        assert!(input.len() <= workspace.batch() * network.inputs(), "the batch is larger than the predictor's");
        let linear = |index: usize, stage: &Stage, _: &[f32], input: &[f32], output: &mut [f32]| {
            if let Some(weights) = &weights[index] {
                with_activation!(stage.activation, A => engine.forward_at_rest::<A>(weights, input, output));
            }
        };
        outputs.clear();
        for input in input.chunks(TOGETHER * engine.threads() * network.inputs()) {
            workspace.run_with(engine, *network, Pass::Evaluation, input, linear);
            outputs.extend_from_slice(workspace.outputs(*network, input));
        }
        outputs
    }
}
