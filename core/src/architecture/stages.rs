//! The parts of a chain that are computed together.

use core::ops::Range;

use super::LayerKind;
use crate::{activation::ActivationKind, engine::Widths};

/// The layer that a stage computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum StageKind {
    /// [`Linear`](crate::layers::Linear)
    Linear,
    /// [`BatchNorm1d`](crate::layers::BatchNorm1d)
    BatchNorm1d,
    /// [`Gelu`](crate::layers::Gelu)
    Gelu,
    /// [`Dropout`](crate::layers::Dropout)
    Dropout,
    /// [`LogSoftmax`](crate::layers::LogSoftmax)
    LogSoftmax,
}

/// One part of a chain: a layer, with the activation that follows it where there is one.
///
/// | what | where |
/// |---|---|
/// | its parameters, then its buffers | in the flat model, from `offset` on |
/// | a batch's outputs, `[batch][outputs]` | on the tape, from `batch · tape_offset` on |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Stage {
    /// The layer.
    pub kind: StageKind,
    /// The activation that its sums go through.
    pub activation: ActivationKind,
    /// The activation that its inputs went through.
    pub input_activation: ActivationKind,
    /// The number of inputs of a sample.
    pub inputs: usize,
    /// The number of outputs of a sample.
    pub outputs: usize,
    /// The layer's place in the chain, from 0, activations and dropout counted.
    pub place: u32,
    /// The place of the stage's first value in the flat model.
    pub offset: usize,
    /// The number of values that the optimizer changes.
    pub parameters: usize,
    /// The number of values that follow the parameters. The layer changes these values itself.
    pub buffers: usize,
    /// The number of one sample's values on the tape before this stage's values.
    pub tape_offset: usize,
}

impl Stage {
    /// Returns the range of the stage's parameters and buffers in the flat model.
    pub fn values(&self) -> Range<usize> {
        self.offset..self.offset + self.parameters + self.buffers
    }

    /// Returns the range of the stage's parameters in the flat model: the values that an optimizer changes.
    pub fn updated(&self) -> Range<usize> {
        self.offset..self.offset + self.parameters
    }

    /// Returns the widths of a linear layer.
    pub fn widths(&self) -> Widths {
        Widths { inputs: self.inputs, outputs: self.outputs }
    }

    /// Returns the range of a batch's outputs on the tape.
    pub fn tape(&self, batch: usize) -> Range<usize> {
        batch * self.tape_offset..batch * (self.tape_offset + self.outputs)
    }
}

/// See [`Architecture::stages`](super::Architecture::stages). An activation after a layer that takes none is left out; such a chain is not
/// a network.
pub(super) fn stages(layers: &[LayerKind]) -> impl Iterator<Item = Stage> + Clone + '_ {
    let (mut offset, mut tape_offset) = (0, 0);
    let mut input_activation = ActivationKind::Identity;
    let mut rest = layers.iter().copied().zip(0..).peekable();
    core::iter::from_fn(move || {
        let (kind, place, stage) = rest.find_map(|(kind, place)| Some((kind, place, kind.stage()?)))?;
        let follows = |next: &(LayerKind, u32)| kind.takes_activation() && next.0.activation().is_some();
        let activation = rest.next_if(follows).and_then(|(layer, _)| layer.activation()).unwrap_or_default();
        let (inputs, outputs) = kind.widths();
        let [parameters, buffers] = kind.lens().unwrap_or_default();
        let (inputs, outputs) = (inputs as usize, outputs as usize);
        let stage = Stage {
            kind: stage,
            activation,
            input_activation,
            inputs,
            outputs,
            place,
            offset,
            parameters,
            buffers,
            tape_offset,
        };
        offset = offset.saturating_add(parameters).saturating_add(buffers);
        tape_offset += outputs;
        input_activation = activation;
        Some(stage)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Flat, Layer, architecture::Architecture, mlp};

    type Model = mlp!(784 => 16 BatchNorm1d Relu Dropout => 8 Gelu => 10 LogSoftmax);

    #[test]
    fn values_and_outputs_lie_as_those_of_the_type() {
        let architecture = Architecture::of::<Model>();
        let stages: std::vec::Vec<_> = architecture.stages().collect();
        assert_eq!(stages.last().map(|stage| stage.values().end), Some(Model::LEN));
        assert_eq!(architecture.tape_len(), <Model as Layer>::Tape::LEN);
        assert_eq!(stages.last().map(|stage| stage.tape(3).end), Some(3 * architecture.tape_len()));
        let tensors: std::vec::Vec<_> = architecture.parameters().map(|tensor| tensor.offset).collect();
        for stage in stages.iter().filter(|stage| stage.parameters > 0) {
            assert!(tensors.contains(&stage.offset), "{stage:?}");
        }
    }

    #[test]
    fn an_activation_belongs_to_the_layer_before() {
        let architecture = Architecture::of::<Model>();
        let named: std::vec::Vec<_> =
            architecture.stages().map(|stage| (stage.kind, stage.activation, stage.place)).collect();
        let identity = ActivationKind::Identity;
        assert_eq!(
            named[..3],
            [
                (StageKind::Linear, identity, 0),
                (StageKind::BatchNorm1d, ActivationKind::Relu, 1),
                (StageKind::Dropout, identity, 3)
            ]
        );
        let inputs: std::vec::Vec<_> = architecture.stages().map(|stage| stage.input_activation).collect();
        assert_eq!(inputs[2], ActivationKind::Relu);
        assert!(inputs.iter().enumerate().all(|(index, &activation)| index == 2 || activation == identity));
        assert_eq!(named.len(), Model::DEPTH - 1);
    }
}
