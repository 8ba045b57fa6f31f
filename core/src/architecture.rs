//! A model's layers as data: for files, messages and checks where the type is not known.

use core::{fmt, str::FromStr};

use heapless::{String, Vec};
use serde::{Deserialize, Serialize};

use crate::{
    Chain, Layer, Linear,
    layers::{BatchNorm1d, Dropout, Gelu, LogSoftmax},
};

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
    /// A hyperbolic tangent.
    Tanh {
        /// Features in and out.
        width: u32,
    },
    /// A logistic function.
    Sigmoid {
        /// Features in and out.
        width: u32,
    },
    /// A leaky rectifier with the slope 0.01.
    LeakyRelu {
        /// Features in and out.
        width: u32,
    },
    /// A Gaussian error linear unit by the hyperbolic tangent.
    Gelu {
        /// Features in and out.
        width: u32,
    },
    /// Batch normalisation.
    BatchNorm1d {
        /// Features in and out.
        width: u32,
    },
    /// Dropout, which a weight file does not name: in prediction it is no layer.
    Dropout {
        /// Features in and out.
        width: u32,
    },
    /// Logarithms of softmax.
    LogSoftmax {
        /// Features in and out.
        width: u32,
    },
}

impl LayerKind {
    /// Features in and out.
    pub const fn widths(self) -> (u32, u32) {
        match self {
            Self::Linear { inputs, outputs } => (inputs, outputs),
            Self::Relu { width }
            | Self::Tanh { width }
            | Self::Sigmoid { width }
            | Self::LeakyRelu { width }
            | Self::Gelu { width }
            | Self::BatchNorm1d { width }
            | Self::Dropout { width }
            | Self::LogSoftmax { width } => (width, width),
        }
    }

    /// Its word in [`mlp!`](crate::mlp!), after the width; a linear layer has none.
    pub const fn word(self) -> Option<&'static str> {
        match self {
            Self::Linear { .. } => None,
            Self::Relu { .. } => Some("Relu"),
            Self::Tanh { .. } => Some("Tanh"),
            Self::Sigmoid { .. } => Some("Sigmoid"),
            Self::LeakyRelu { .. } => Some("LeakyRelu"),
            Self::Gelu { .. } => Some("Gelu"),
            Self::BatchNorm1d { .. } => Some("BatchNorm1d"),
            Self::Dropout { .. } => Some("Dropout"),
            Self::LogSoftmax { .. } => Some("LogSoftmax"),
        }
    }

    /// Whether it is computed with the layer before it, a linear one or batch normalisation, and keeps nothing of its own.
    pub const fn is_activation(self) -> bool {
        matches!(self, Self::Relu { .. } | Self::LeakyRelu { .. } | Self::Tanh { .. } | Self::Sigmoid { .. })
    }

    /// Whether it can be computed with an activation after it.
    const fn takes_activation(self) -> bool {
        matches!(self, Self::Linear { .. } | Self::BatchNorm1d { .. })
    }

    /// PyTorch's name of its gradient's function.
    pub const fn grad_fn(self) -> &'static str {
        match self {
            Self::Linear { .. } => "AddmmBackward0",
            Self::Relu { .. } => "ReluBackward0",
            Self::Tanh { .. } => "TanhBackward0",
            Self::Sigmoid { .. } => "SigmoidBackward0",
            Self::LeakyRelu { .. } => "LeakyReluBackward0",
            Self::Gelu { .. } => "GeluBackward0",
            Self::BatchNorm1d { .. } => "NativeBatchNormBackward0",
            Self::Dropout { .. } => "NativeDropoutBackward0",
            Self::LogSoftmax { .. } => "LogSoftmaxBackward0",
        }
    }

    /// The kind of this [`word`](Self::word).
    fn of_word(word: &str, width: u32) -> Option<Self> {
        let all = [
            Self::Relu { width },
            Self::Tanh { width },
            Self::Sigmoid { width },
            Self::LeakyRelu { width },
            Self::Gelu { width },
            Self::BatchNorm1d { width },
            Self::Dropout { width },
            Self::LogSoftmax { width },
        ];
        all.into_iter().find(|kind| kind.word() == Some(word))
    }

    /// How many numbers it has in the flat model, if its widths are those of a chain with a
    /// [`parameter_count`](Architecture::parameter_count).
    pub(crate) fn len(self) -> usize {
        self.tensors().iter().map(|(name, _)| shape(self, name).iter().map(|&n| n as usize).product::<usize>()).sum()
    }

    /// Its tensors in the flat model, in order.
    const fn tensors(self) -> &'static [(&'static str, Role)] {
        match self {
            Self::Linear { .. } => &[("weight", Role::Parameter), ("bias", Role::Parameter)],
            Self::BatchNorm1d { .. } => &[
                ("weight", Role::Parameter),
                ("bias", Role::Parameter),
                ("running_mean", Role::Buffer),
                ("running_var", Role::Buffer),
            ],
            _ => &[],
        }
    }
}

/// As PyTorch's `print` shows the module.
impl fmt::Display for LayerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Linear { inputs, outputs } => {
                write!(f, "Linear(in_features={inputs}, out_features={outputs}, bias=True)")
            }
            Self::Relu { .. } => write!(f, "ReLU()"),
            Self::Tanh { .. } => write!(f, "Tanh()"),
            Self::Sigmoid { .. } => write!(f, "Sigmoid()"),
            Self::LeakyRelu { .. } => write!(f, "LeakyReLU(negative_slope={})", crate::LeakyRelu::SLOPE),
            Self::Gelu { .. } => write!(f, "GELU(approximate='tanh')"),
            Self::BatchNorm1d { width } => {
                write!(f, "BatchNorm1d({width}, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True)")
            }
            Self::Dropout { .. } => write!(f, "Dropout()"),
            Self::LogSoftmax { .. } => write!(f, "LogSoftmax(dim=1)"),
        }
    }
}

/// A chain of layers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Architecture {
    layers: Vec<LayerKind, MAX_LAYERS>,
}

/// What becomes of a tensor in training.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Role {
    /// The optimizer changes it.
    Parameter,
    /// The layer changes it itself: a running mean.
    Buffer,
}

/// One named tensor of a model: a parameter, or a layer's buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Parameter {
    /// PyTorch's name, such as `linear_relu_stack.0.weight`.
    pub name: String<40>,
    /// What becomes of it in training.
    pub role: Role,
    /// `[outputs, inputs]` of a weight, `[outputs]` of a bias.
    pub shape: Vec<u32, 2>,
    /// Where the tensor starts in the flat model.
    pub offset: usize,
    /// How many elements it has.
    pub len: usize,
}

impl Parameter {
    /// Its elements in a flat model; `None` in one that is too short.
    pub fn values<'a>(&self, flat: &'a [f32]) -> Option<&'a [f32]> {
        flat.get(self.offset..)?.get(..self.len)
    }
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

    /// A part of another chain.
    pub(crate) fn from_layers(layers: Vec<LayerKind, MAX_LAYERS>) -> Self {
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

    /// Whether its widths say it all: a ReLU stands between any two linear layers, and nothing else anywhere.
    pub fn is_plain(&self) -> bool {
        self.layers.iter().enumerate().all(|(index, layer)| match layer {
            LayerKind::Linear { .. } => index % 2 == 0,
            LayerKind::Relu { .. } => index % 2 == 1 && index + 1 < self.layers.len(),
            _ => false,
        })
    }

    /// The chain as it predicts: without dropout. Both have the same flat model.
    pub fn for_prediction(&self) -> Self {
        let mut chain = self.clone();
        chain.layers.retain(|layer| !matches!(layer, LayerKind::Dropout { .. }));
        chain
    }

    /// The chain with dropout after each activation; one that has dropout already stays as it is.
    ///
    /// `None` where that is more than [`MAX_LAYERS`] layers.
    pub fn with_dropout(&self) -> Option<Self> {
        if *self != self.for_prediction() {
            return Some(self.clone());
        }
        let mut layers = Vec::new();
        for &layer in &self.layers {
            layers.push(layer).ok()?;
            let width = layer.widths().1;
            match layer {
                LayerKind::Linear { .. } | LayerKind::BatchNorm1d { .. } | LayerKind::LogSoftmax { .. } => {}
                _ => layers.push(LayerKind::Dropout { width }).ok()?,
            }
        }
        Some(Self { layers })
    }

    /// How many numbers the flat model has: parameters, and buffers.
    ///
    /// `None` where it is no network: no layers, a width of 0, widths that do not follow from each other, or more numbers than
    /// memory can hold.
    pub fn parameter_count(&self) -> Option<usize> {
        let mut count = 0_usize;
        let mut features = self.layers.first()?.widths().0;
        for layer in &self.layers {
            let (inputs, outputs) = layer.widths();
            if inputs != features || inputs == 0 || outputs == 0 {
                return None;
            }
            for (name, _) in layer.tensors() {
                let len = shape(*layer, name).iter().try_fold(1_usize, |len, &n| len.checked_mul(n as usize))?;
                count = count.checked_add(len)?;
            }
            features = outputs;
        }
        count.checked_mul(size_of::<f32>()).map(|_| count)
    }

    /// The named tensors in flat order: of each `Linear` its weight, then its bias; of a `BatchNorm1d` the running mean and
    /// variance too.
    pub fn parameters(&self) -> impl Iterator<Item = Parameter> {
        let tensors = self.layers.iter().enumerate().flat_map(|(index, &layer)| {
            layer.tensors().iter().map(move |&(kind, role)| (index, kind, role, shape(layer, kind)))
        });
        tensors.scan(0_usize, |offset, (index, kind, role, shape)| {
            // 40 bytes hold the longest name: the stack's, two digits and "running_mean".
            let name = parameter_name(index, kind).unwrap_or_default();
            let len = shape.iter().fold(1, |product: usize, &n| product.saturating_mul(n as usize));
            let parameter = Parameter { name, role, shape, offset: *offset, len };
            *offset = offset.saturating_add(len);
            Some(parameter)
        })
    }

    /// Shows the chain as [`mlp!`](crate::mlp!) takes it, `784 => 512 Relu => 10`; with `{:#}`, by its widths, `784,512,10`, where they
    /// say it all. An architecture is read from both.
    pub const fn expression(&self) -> Expression<'_> {
        Expression(self)
    }
}

/// PyTorch's name for a tensor of the layer at a place below 100.
///
/// Without `core::fmt`, which calls by pointers: a device's stack has a provable bound only where there are none.
fn parameter_name(index: usize, tensor: &str) -> Option<String<40>> {
    let digit = |number: usize| char::from(b'0' + (number % 10) as u8);
    let mut name = String::new();
    name.push_str(STACK_NAME).ok()?;
    name.push('.').ok()?;
    if index >= 10 {
        name.push(digit(index / 10)).ok()?;
    }
    name.push(digit(index)).ok()?;
    name.push('.').ok()?;
    name.push_str(tensor).ok()?;
    Some(name)
}

/// The shape of a layer's tensor of this name.
fn shape(layer: LayerKind, tensor: &str) -> Vec<u32, 2> {
    let shape = match layer {
        LayerKind::Linear { inputs, outputs } if tensor == "weight" => Vec::from_slice(&[outputs, inputs]),
        _ => Vec::from_slice(&[layer.widths().1]),
    };
    shape.unwrap_or_default()
}

/// See [`Architecture::expression`].
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Expression<'a>(&'a Architecture);

impl fmt::Display for Expression<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by_widths = f.alternate() && self.0.is_plain();
        write!(f, "{}", self.0.inputs())?;
        for layer in &self.0.layers {
            match layer.word() {
                None if by_widths => write!(f, ",{}", layer.widths().1)?,
                None => write!(f, " => {}", layer.widths().1)?,
                Some(_) if by_widths => {}
                Some(word) => write!(f, " {word}")?,
            }
        }
        Ok(())
    }
}

/// From widths, `784,256,64,10`, with ReLU between the layers, or from layers as [`mlp!`](crate::mlp!) takes them,
/// `784 => 256 BatchNorm1d Relu => 10`.
impl FromStr for Architecture {
    type Err = ArchitectureError;

    fn from_str(text: &str) -> Result<Self, ArchitectureError> {
        let is_plain = !text.contains("=>");
        let mut layers = Vec::new();
        let mut inputs = None;
        for (index, part) in text.split(if is_plain { "," } else { "=>" }).enumerate() {
            let place = index + 1;
            let mut words = part.split_whitespace();
            let width = words.next().and_then(|word| word.parse().ok()).filter(|width| (1..=65_536).contains(width));
            let outputs = width.ok_or(ArchitectureError::NotAWidth { place })?;
            let mut push = |layer: LayerKind| {
                if layer.is_activation() && !layers.last().is_some_and(|before: &LayerKind| before.takes_activation()) {
                    return Err(ArchitectureError::Activation { place });
                }
                layers.push(layer).map_err(|_| ArchitectureError::TooMany)
            };
            if let Some(inputs) = inputs {
                if is_plain && index > 1 {
                    push(LayerKind::Relu { width: inputs })?;
                }
                push(LayerKind::Linear { inputs, outputs })?;
            }
            for word in words {
                let layer = LayerKind::of_word(word, outputs).filter(|_| !is_plain && inputs.is_some());
                push(layer.ok_or(ArchitectureError::NotALayer { place })?)?;
            }
            inputs = Some(outputs);
        }
        match layers.is_empty() {
            true => Err(ArchitectureError::TooFew),
            false => Ok(Self { layers }),
        }
    }
}

/// A model shows its layers as PyTorch's `print(model)` does: its [`Architecture`] with `{:#}`.
macro_rules! show_layers {
    ($([$($generics:tt)*] $layer:ty;)*) => {
        $(impl<$($generics)*> fmt::Display for $layer
        where
            Self: Layer,
        {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:#}", Architecture::of::<Self>())
            }
        })*
    };
}
show_layers! {
    [Head, Tail] Chain<Head, Tail>;
    [const INPUTS: usize, const OUTPUTS: usize, A] Linear<INPUTS, OUTPUTS, A>;
    [const WIDTH: usize, A] BatchNorm1d<WIDTH, A>;
    [const WIDTH: usize] Dropout<WIDTH>;
    [const WIDTH: usize] Gelu<WIDTH>;
    [const WIDTH: usize] LogSoftmax<WIDTH>;
}

/// Why a text names no architecture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum ArchitectureError {
    /// A part that does not start with a number from 1 to 65,536.
    NotAWidth {
        /// Which part, from 1.
        place: usize,
    },
    /// After a width, a word that names no layer.
    NotALayer {
        /// Which part, from 1.
        place: usize,
    },
    /// An activation after a layer that takes none.
    Activation {
        /// After which width, from 1.
        place: usize,
    },
    /// A single width.
    TooFew,
    /// More layers than a chain can have.
    TooMany,
}

impl fmt::Display for ArchitectureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAWidth { place } => write!(f, "width {place} is not a whole number from 1 to 65536"),
            Self::NotALayer { place } => write!(
                f,
                "after width {place} stands a word that names no layer; there are Relu, Tanh, Sigmoid, LeakyRelu, Gelu, \
                 BatchNorm1d, Dropout and LogSoftmax, in layers written as `784 => 256 BatchNorm1d Relu => 10`"
            ),
            Self::Activation { place } => write!(
                f,
                "after width {place}, Relu, Tanh, Sigmoid and LeakyRelu can stand only directly after the width or after BatchNorm1d"
            ),
            Self::TooFew => write!(f, "there must be two widths at least, as in 784,10"),
            Self::TooMany => write!(f, "there may be at most {MAX_LAYERS} layers"),
        }
    }
}

impl core::error::Error for ArchitectureError {}

/// The widths, `784-512-512-10` (and the layers, where they are other than linear with ReLU between); with `{:#}`, the module as PyTorch's `print(model)` shows the quickstart's.
impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() {
            writeln!(
                f,
                "NeuralNetwork(\n  (flatten): Flatten(start_dim=1, end_dim=-1)\n  ({STACK_NAME}): Sequential("
            )?;
            for (index, layer) in self.layers.iter().enumerate() {
                writeln!(f, "    ({index}): {layer}")?;
            }
            return write!(f, "  )\n)");
        }
        write!(f, "{}", self.inputs())?;
        for layer in &self.layers {
            if let LayerKind::Linear { outputs, .. } = layer {
                write!(f, "-{outputs}")?;
            }
        }
        if !self.is_plain() {
            for layer in &self.layers {
                write!(f, " {}", layer.word().unwrap_or("Linear"))?;
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
    fn batch_normalisation_has_buffers() {
        let architecture = Architecture::of::<mlp!(4 => 3 BatchNorm1d Relu Dropout => 2)>();
        let mut text = String::<400>::new();
        for parameter in architecture.parameters() {
            let name = parameter.name.trim_start_matches("linear_relu_stack.");
            fmt::write(&mut text, format_args!("{name} {:?} {} ", parameter.role, parameter.offset)).unwrap();
        }
        assert_eq!(
            text.as_str(),
            "0.weight Parameter 0 0.bias Parameter 12 1.weight Parameter 15 1.bias Parameter 18 \
             1.running_mean Buffer 21 1.running_var Buffer 24 4.weight Parameter 27 4.bias Parameter 33 "
        );
        assert_eq!(architecture.parameter_count(), Some(35));
        let deployed = architecture.for_prediction();
        assert_eq!(deployed, Architecture::of::<mlp!(4 => 3 BatchNorm1d Relu => 2)>());
        assert_eq!(deployed.with_dropout(), Some(architecture.clone()));
        assert_eq!(architecture.with_dropout(), Some(architecture));
    }

    #[test]
    fn dropout_that_is_there_is_all_that_there_is() {
        let rectified = "784 => 9 Relu => 9 Relu => 9 Relu => 9 Relu => 9 Relu => 9 Relu";
        let parse = |end: &str| {
            let mut text = String::<100>::new();
            fmt::write(&mut text, format_args!("{rectified}{end}")).unwrap();
            text.parse::<Architecture>().unwrap()
        };
        let last = parse(" Dropout => 10");
        assert_eq!(last.with_dropout(), Some(last));
        assert_eq!(parse(" => 10").with_dropout(), None);
    }

    #[test]
    fn texts_give_the_types_architecture_and_back() {
        let parse = |text: &str| text.parse::<Architecture>();
        assert_eq!(parse("784,512,512,10"), Ok(Architecture::of::<Quickstart>()));
        assert_eq!(parse("784, 10"), Ok(Architecture::of::<mlp!(784 => 10)>()));
        let all = "9 => 8 BatchNorm1d LeakyRelu Dropout => 7 Tanh => 6 Sigmoid => 5 => 4 Gelu => 3 LogSoftmax";
        let architecture = Architecture::of::<
            mlp!(9 => 8 BatchNorm1d LeakyRelu Dropout => 7 Tanh => 6 Sigmoid => 5 => 4 Gelu => 3 LogSoftmax),
        >();
        assert_eq!(parse(all).as_ref(), Ok(&architecture));
        let mut text = String::<200>::new();
        fmt::write(&mut text, format_args!("{}", architecture.expression())).unwrap();
        assert_eq!(text.as_str(), all);
        text.clear();
        let quickstart = Architecture::of::<Quickstart>();
        fmt::write(&mut text, format_args!("{} {:#}", quickstart.expression(), quickstart.expression())).unwrap();
        assert_eq!(text.as_str(), "784 => 512 Relu => 512 Relu => 10 784,512,512,10");
    }

    #[test]
    fn what_is_no_architecture_says_why() {
        let error = |text: &str| text.parse::<Architecture>().unwrap_err();
        assert_eq!(error("784,x,10"), ArchitectureError::NotAWidth { place: 2 });
        assert_eq!(error("784,0,10"), ArchitectureError::NotAWidth { place: 2 });
        assert_eq!(error("784,99999999999,10"), ArchitectureError::NotAWidth { place: 2 });
        assert_eq!(error("784,256 Relu,10"), ArchitectureError::NotALayer { place: 2 });
        assert_eq!(error("784 => 256 Swish => 10"), ArchitectureError::NotALayer { place: 2 });
        assert_eq!(error("784 Relu => 10"), ArchitectureError::NotALayer { place: 1 });
        for layers in ["784 => 9 Gelu Relu => 10", "784 => 9 Dropout Tanh => 10", "784 => 9 Relu Relu => 10"] {
            assert_eq!(error(layers), ArchitectureError::Activation { place: 2 });
        }
        assert_eq!(error("784"), ArchitectureError::TooFew);
        assert_eq!(error("784,1,1,1,1,1,1,1,1,1,1,1,1,1,10"), ArchitectureError::TooMany);
    }

    #[test]
    fn displays_widths_and_pytorchs_module() {
        let architecture = Architecture::of::<mlp!(4 => 3 Relu => 2)>();
        let mut text = String::<400>::new();
        fmt::write(&mut text, format_args!("{architecture}")).unwrap();
        assert_eq!(text, "4-3-2");
        text.clear();
        fmt::write(&mut text, format_args!("{}", Architecture::of::<mlp!(4 => 3 => 2 Relu)>())).unwrap();
        assert_eq!(text, "4-3-2 Linear Linear Relu");
        text.clear();
        // The model itself shows it too.
        fmt::write(&mut text, format_args!("{}", <mlp!(4 => 3 Relu => 2) as crate::Flat>::ZERO)).unwrap();
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
