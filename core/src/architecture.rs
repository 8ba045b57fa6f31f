//! A model's layers as data: for files, messages and checks where the type is not known.

use core::fmt;

use heapless::{String, Vec};
use serde::{Deserialize, Serialize};

use crate::{Layer, models::Widths};

/// The longest chain that a file can name.
pub const MAX_LAYERS: usize = 16;

/// The name of the chain in PyTorch's quickstart; parameters are called `linear_relu_stack.<layer>.weight` and `.bias`.
pub const STACK_NAME: &str = "linear_relu_stack";

/// One layer's kind and widths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum LayerKind {
    /// A fully connected layer.
    Linear {
        /// Features in.
        inputs: u32,
        /// Features out.
        outputs: u32,
    },
    /// A rectifier.
    Relu {
        /// Features in and out.
        width: u32,
    },
}

impl LayerKind {
    /// Features in and out.
    pub const fn widths(self) -> (u32, u32) {
        match self {
            Self::Linear { inputs, outputs } => (inputs, outputs),
            Self::Relu { width } => (width, width),
        }
    }
}

/// A chain of layers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Architecture {
    layers: Vec<LayerKind, MAX_LAYERS>,
}

/// One named parameter tensor of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Parameter {
    /// PyTorch's name, such as `linear_relu_stack.0.weight`.
    pub name: String<40>,
    /// `[outputs, inputs]` of a weight, `[outputs]` of a bias.
    pub shape: Vec<u32, 2>,
    /// Where the tensor starts in the flat model.
    pub offset: usize,
    /// How many elements it has.
    pub len: usize,
}

impl Architecture {
    /// The architecture of a model's type. A chain of more than [`MAX_LAYERS`] layers does not compile.
    pub fn of<M: Layer>() -> Self {
        const { assert!(M::DEPTH <= MAX_LAYERS, "the chain has more layers than a weight file can name") };
        let mut layers = Vec::new();
        M::describe(&mut |layer| {
            // The assertion above left room.
            let _ = layers.push(layer);
        });
        Self { layers }
    }

    /// The architecture of a multilayer perceptron of these widths.
    pub fn of_widths(widths: &Widths) -> Self {
        let mut layers = Vec::new();
        let widths = widths.as_slice();
        for (place, (&inputs, &outputs)) in widths.iter().zip(widths.iter().skip(1)).enumerate() {
            // There is room: `Widths` holds no more than a chain can have.
            if place > 0 {
                let _ = layers.push(LayerKind::Relu { width: inputs });
            }
            let _ = layers.push(LayerKind::Linear { inputs, outputs });
        }
        Self { layers }
    }

    /// The layers in chain order.
    pub fn layers(&self) -> &[LayerKind] {
        &self.layers
    }

    /// Features going in (0 for an empty chain).
    pub fn inputs(&self) -> usize {
        self.layers.first().map_or(0, |layer| layer.widths().0 as usize)
    }

    /// Features coming out: the classes (0 for an empty chain).
    pub fn outputs(&self) -> usize {
        self.layers.last().map_or(0, |layer| layer.widths().1 as usize)
    }

    /// How many parameters the chain has.
    ///
    /// `None` where it is no network: no layers, a width of 0, widths that do not follow from each other, or more parameters than
    /// memory can hold.
    pub fn parameter_count(&self) -> Option<usize> {
        let mut count = 0_usize;
        let mut features = self.layers.first()?.widths().0;
        for layer in &self.layers {
            let (inputs, outputs) = layer.widths();
            if inputs != features || inputs == 0 || outputs == 0 {
                return None;
            }
            if let LayerKind::Linear { .. } = layer {
                let weights = (inputs as usize).checked_mul(outputs as usize)?;
                count = count.checked_add(weights)?.checked_add(outputs as usize)?;
            }
            features = outputs;
        }
        count.checked_mul(size_of::<f32>()).map(|_| count)
    }

    /// The named parameters in flat order: for each `Linear` its weight, then its bias.
    pub fn parameters(&self) -> impl Iterator<Item = Parameter> {
        let linear = self.layers.iter().enumerate().filter_map(|(index, layer)| match *layer {
            LayerKind::Linear { inputs, outputs } => Some((index, inputs, outputs)),
            LayerKind::Relu { .. } => None,
        });
        linear
            .flat_map(|(index, inputs, outputs)| {
                [
                    (index, "weight", [outputs, inputs].as_slice().try_into()),
                    (index, "bias", [outputs].as_slice().try_into()),
                ]
            })
            .scan(0_usize, |offset, (index, kind, shape)| {
                let shape: Vec<u32, 2> = shape.unwrap_or_default();
                let mut name = String::new();
                // 40 bytes hold the longest name: the stack's, two digits and "weight".
                let _ = fmt::write(&mut name, format_args!("{STACK_NAME}.{index}.{kind}"));
                let len = shape.iter().fold(1, |product: usize, &n| product.saturating_mul(n as usize));
                let parameter = Parameter { name, shape, offset: *offset, len };
                *offset = offset.saturating_add(len);
                Some(parameter)
            })
    }
}

/// The widths, `784-512-512-10` (and the layers, where they are other than linear with ReLU between); with `{:#}`, the module as PyTorch's `print(model)` shows the quickstart's.
impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() {
            writeln!(
                f,
                "NeuralNetwork(\n  (flatten): Flatten(start_dim=1, end_dim=-1)\n  ({STACK_NAME}): Sequential("
            )?;
            for (index, layer) in self.layers.iter().enumerate() {
                match layer {
                    LayerKind::Linear { inputs, outputs } => {
                        writeln!(f, "    ({index}): Linear(in_features={inputs}, out_features={outputs}, bias=True)")?;
                    }
                    LayerKind::Relu { .. } => writeln!(f, "    ({index}): ReLU()")?,
                }
            }
            return write!(f, "  )\n)");
        }
        write!(f, "{}", self.inputs())?;
        for layer in &self.layers {
            if let LayerKind::Linear { outputs, .. } = layer {
                write!(f, "-{outputs}")?;
            }
        }
        // The widths say it all where a ReLU stands between any two linear layers, and nowhere else.
        let is_usual = self.layers.iter().enumerate().all(|(index, layer)| match layer {
            LayerKind::Linear { .. } => index % 2 == 0,
            LayerKind::Relu { .. } => index % 2 == 1 && index + 1 < self.layers.len(),
        });
        if !is_usual {
            for layer in &self.layers {
                write!(f, " {}", if matches!(layer, LayerKind::Linear { .. }) { "Linear" } else { "ReLU" })?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{mlp, models::Quickstart};

    #[test]
    fn names_shapes_and_places_are_pytorchs() {
        let architecture = Architecture::of::<Quickstart>();
        let mut parameters = architecture.parameters();
        let first = parameters.next().unwrap();
        assert_eq!(
            (first.name.as_str(), first.shape.as_slice(), first.offset),
            ("linear_relu_stack.0.weight", &[512, 784][..], 0)
        );
        let last = parameters.last().unwrap();
        assert_eq!((last.name.as_str(), last.shape.as_slice()), ("linear_relu_stack.4.bias", &[10][..]));
        assert_eq!(last.offset + last.len, 669_706);
        assert_eq!(architecture.parameter_count(), Some(669_706));
    }

    #[test]
    fn widths_give_the_types_architecture() {
        let widths: Widths = "784,512,512,10".parse().unwrap();
        assert_eq!(Architecture::of_widths(&widths), Architecture::of::<Quickstart>());
        let longest: Widths = "784,1,2,3,4,5,6,7,10".parse().unwrap();
        assert_eq!(Architecture::of_widths(&longest).layers().len(), 15);
    }

    #[test]
    fn displays_widths_and_pytorchs_module() {
        let architecture = Architecture::of::<mlp!(4 => 3 Relu => 2)>();
        let mut text = String::<400>::new();
        fmt::write(&mut text, format_args!("{architecture}")).unwrap();
        assert_eq!(text, "4-3-2");
        text.clear();
        fmt::write(&mut text, format_args!("{}", Architecture::of::<mlp!(4 => 3 => 2 Relu)>())).unwrap();
        assert_eq!(text, "4-3-2 Linear Linear ReLU");
        text.clear();
        fmt::write(&mut text, format_args!("{architecture:#}")).unwrap();
        assert_eq!(
            text.as_str(),
            "NeuralNetwork(
  (flatten): Flatten(start_dim=1, end_dim=-1)
  (linear_relu_stack): Sequential(
    (0): Linear(in_features=4, out_features=3, bias=True)
    (1): ReLU()
    (2): Linear(in_features=3, out_features=2, bias=True)
  )
)"
        );
    }

    #[test]
    fn what_is_no_network_has_no_parameter_count() {
        let chain = |layers: &[LayerKind]| Architecture { layers: Vec::from_slice(layers).unwrap() };
        let linear = |inputs, outputs| LayerKind::Linear { inputs, outputs };
        assert_eq!(chain(&[]).parameter_count(), None);
        assert_eq!(chain(&[linear(4, 0)]).parameter_count(), None);
        assert_eq!(chain(&[linear(4, 3), linear(2, 1)]).parameter_count(), None);
        assert_eq!(chain(&[linear(u32::MAX, u32::MAX)]).parameter_count(), None);
        assert_eq!(chain(&[linear(4, 3), LayerKind::Relu { width: 3 }]).parameter_count(), Some(15));
    }
}
