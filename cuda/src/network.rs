//! A chain of layers as the kernels see it: what is computed together, and where its numbers lie.

use selvedge::architecture::{Architecture, LayerKind};

use crate::task::Activation;

/// One part of the chain that is computed by itself, with the activation that follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layer {
    /// What it is.
    pub kind: LayerKind,
    /// What follows its sums.
    pub activation: Activation,
    /// What its inputs went through.
    pub input_activation: Activation,
    /// Features in.
    pub inputs: u32,
    /// Features out.
    pub outputs: u32,
    /// Its place in the chain, activations counted.
    pub place: u32,
    /// Where its numbers start in the flat model.
    pub offset: usize,
    /// How many of them the optimizer changes; the others are buffers, and follow.
    pub parameters: usize,
    /// How many of a sample's activations lie before its own on the tape.
    pub tape_offset: usize,
}

/// A chain of layers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// The layers, with their activations.
    pub layers: Vec<Layer>,
    /// Numbers in the flat model.
    pub len: usize,
    /// A sample's activations.
    pub tape_len: usize,
}

impl Network {
    /// The network of an architecture, as it is trained; [`Architecture::for_prediction`] gives it as it predicts.
    pub fn new(architecture: &Architecture) -> Self {
        let mut network = Self { layers: Vec::new(), len: 0, tape_len: 0 };
        for (&kind, place) in architecture.layers().iter().zip(0..) {
            let activation = Activation::of(&kind);
            match (activation, network.layers.last_mut()) {
                (Some(activation), Some(layer)) => layer.activation = activation,
                (_, before) => {
                    let (inputs, outputs) = kind.widths();
                    let width = outputs as usize;
                    let (parameters, buffers) = match kind {
                        LayerKind::Linear { .. } => ((inputs as usize + 1) * width, 0),
                        LayerKind::BatchNorm1d { .. } => (2 * width, 2 * width),
                        _ => (0, 0),
                    };
                    let layer = Layer {
                        kind,
                        activation: Activation::Identity,
                        input_activation: before.map(|layer| layer.activation).unwrap_or_default(),
                        inputs,
                        outputs,
                        place,
                        offset: network.len,
                        parameters,
                        tape_offset: network.tape_len,
                    };
                    network.layers.push(layer);
                    network.len += parameters + buffers;
                    network.tape_len += width;
                }
            }
        }
        network
    }

    /// Features going in.
    pub fn inputs(&self) -> usize {
        self.layers.first().map_or(0, |layer| layer.inputs as usize)
    }

    /// Features coming out.
    pub fn outputs(&self) -> usize {
        self.layers.last().map_or(0, |layer| layer.outputs as usize)
    }
}

#[cfg(test)]
mod tests {
    use selvedge::{Flat, Layer as _, mlp};

    use super::*;

    type Model = mlp!(784 => 16 BatchNorm1d Relu Dropout => 8 Gelu => 10 LogSoftmax);

    #[test]
    fn numbers_lie_as_in_the_flat_model() {
        let network = Network::new(&Architecture::of::<Model>());
        assert_eq!((network.len, network.tape_len), (Model::LEN, <Model as selvedge::Layer>::Tape::LEN));
        assert_eq!((network.inputs(), network.outputs()), (784, 10));
        let tensors: Vec<_> = Architecture::of::<Model>().parameters().map(|tensor| tensor.offset).collect();
        for layer in network.layers.iter().filter(|layer| layer.parameters > 0) {
            assert!(tensors.contains(&layer.offset), "{layer:?}");
        }
    }

    #[test]
    fn an_activation_belongs_to_the_layer_before() {
        let layers = Network::new(&Architecture::of::<Model>()).layers;
        let named: Vec<_> = layers.iter().map(|layer| (layer.kind.word(), layer.activation, layer.place)).collect();
        let identity = Activation::Identity;
        assert_eq!(
            named[..3],
            [(None, identity, 0), (Some("BatchNorm1d"), Activation::Relu, 1), (Some("Dropout"), identity, 3)]
        );
        assert_eq!(layers[2].input_activation, Activation::Relu);
        assert_eq!(layers.len() as u32, Model::DEPTH as u32 - 1);
    }
}
