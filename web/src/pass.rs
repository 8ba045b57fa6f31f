//! The forward pass of a network whose layers are known at run time, with every stage's outputs.

use alloc::{vec, vec::Vec};

use selvedge::{
    Activation, Portable,
    architecture::{Architecture, Stage, StageKind},
    layers::{
        Pass,
        batch_norm::{self, Feature},
        dropout, gelu, log_softmax,
    },
    with_activation,
};

/// A network, with the activations of the last sample.
pub struct ForwardPass {
    stages: Vec<Stage>,
    parameters: Vec<f32>,
    /// The inputs of a sample.
    pub input: Vec<f32>,
    tape: Vec<f32>,
    features: Vec<Feature>,
}

impl ForwardPass {
    /// Returns a network with these parameters, or `None` if the architecture has another number of parameters.
    pub fn new(architecture: &Architecture, parameters: Vec<f32>) -> Option<Self> {
        let stages: Vec<Stage> = architecture.stages().collect();
        let widest =
            stages.iter().filter(|stage| stage.kind == StageKind::BatchNorm1d).map(|stage| stage.outputs).max();
        let is_whole = architecture.parameter_count() == Some(parameters.len()) && !stages.is_empty();
        is_whole.then(|| Self {
            stages,
            parameters,
            input: vec![0.0; architecture.inputs()],
            tape: vec![0.0; architecture.tape_len()],
            features: vec![Feature::default(); widest.unwrap_or(0)],
        })
    }

    /// Returns the parameters as a flat slice.
    pub fn parameters(&self) -> &[f32] {
        &self.parameters
    }

    /// Computes every stage's outputs for [`input`](Self::input).
    pub fn run(&mut self) {
        let mut before: Option<Stage> = None;
        for &stage in &self.stages {
            let own = stage.tape(1);
            let (earlier, rest) = self.tape.split_at_mut(own.start);
            let input = before.map_or(&self.input[..], |before| &earlier[before.tape(1)]);
            let output = &mut rest[..own.len()];
            let values = &self.parameters[stage.values()];
            match stage.kind {
                StageKind::Linear => with_activation!(stage.activation, A => linear::<A>(stage, values, input, output)),
                StageKind::BatchNorm1d => with_activation!(stage.activation, A => {
                    let features = &mut self.features[..stage.outputs];
                    batch_norm::forward::<A, _>(&Portable, Pass::Evaluation, values, input, output, features);
                }),
                StageKind::Gelu => gelu::forward(&Portable, input, output),
                StageKind::Dropout => dropout::forward(&Portable, Pass::Evaluation, input, output),
                StageKind::LogSoftmax => log_softmax::forward(&Portable, stage.outputs, input, output),
            }
            before = Some(stage);
        }
    }

    /// Returns each stage's outputs. The last ones are the logits.
    pub fn activations(&self) -> impl Iterator<Item = &[f32]> {
        self.stages.iter().map(|stage| &self.tape[stage.tape(1)])
    }
}

fn linear<A: Activation>(stage: Stage, values: &[f32], input: &[f32], output: &mut [f32]) {
    use selvedge::Engine as _;
    Portable.linear_forward::<A>(stage.widths(), values, input, output);
}
