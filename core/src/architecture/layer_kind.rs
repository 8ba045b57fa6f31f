//! One layer of a chain: its kind, its widths and its tensors.

use core::fmt;

use heapless::Vec;

use super::{StageKind, parameters::Described};
use crate::activation::{ActivationKind, LeakyRelu};

/// The largest width of a layer.
pub const MAX_WIDTH: u32 = 65_536;

/// One layer's kind and widths. In files it is a number and its widths: see docs/formats.md.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum LayerKind {
    /// A fully connected layer.
    Linear {
        /// The number of inputs of a sample.
        inputs: u32,
        /// The number of outputs of a sample.
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
    /// A Gaussian error linear unit, in PyTorch's approximation `tanh`.
    Gelu {
        /// Features in and out.
        width: u32,
    },
    /// Batch normalisation.
    BatchNorm1d {
        /// Features in and out.
        width: u32,
    },
    /// Dropout. A weight file does not name this layer, because a prediction does not use it.
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

crate::wire::numbered! {
    LayerKind {
        0 => Linear { inputs, outputs },
        1 => Relu { width },
        2 => Tanh { width },
        3 => Sigmoid { width },
        4 => LeakyRelu { width },
        5 => Gelu { width },
        6 => BatchNorm1d { width },
        7 => Dropout { width },
        8 => LogSoftmax { width },
    }
}

impl LayerKind {
    /// Returns the numbers of features in and out.
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

    /// Returns the layer's word in [`mlp!`](crate::mlp!), which follows the width, or `None` for a linear layer.
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

    /// Returns every layer that has a [`word`](Self::word), with this width.
    pub const fn with_words(width: u32) -> [Self; 8] {
        [
            Self::Relu { width },
            Self::Tanh { width },
            Self::Sigmoid { width },
            Self::LeakyRelu { width },
            Self::Gelu { width },
            Self::BatchNorm1d { width },
            Self::Dropout { width },
            Self::LogSoftmax { width },
        ]
    }

    /// Returns the part that computes the layer.
    const fn part(self) -> Part {
        match self {
            Self::Linear { .. } => Part::Stage(StageKind::Linear),
            Self::Relu { .. } => Part::Activation(ActivationKind::Relu),
            Self::Tanh { .. } => Part::Activation(ActivationKind::Tanh),
            Self::Sigmoid { .. } => Part::Activation(ActivationKind::Sigmoid),
            Self::LeakyRelu { .. } => Part::Activation(ActivationKind::LeakyRelu),
            Self::Gelu { .. } => Part::Stage(StageKind::Gelu),
            Self::BatchNorm1d { .. } => Part::Stage(StageKind::BatchNorm1d),
            Self::Dropout { .. } => Part::Stage(StageKind::Dropout),
            Self::LogSoftmax { .. } => Part::Stage(StageKind::LogSoftmax),
        }
    }

    /// Returns the activation that the layer is, or `None` for another layer. An activation has no parameters. It is computed with the layer before
    /// it: a linear layer or a batch normalisation.
    pub const fn activation(self) -> Option<ActivationKind> {
        match self.part() {
            Part::Activation(activation) => Some(activation),
            Part::Stage(_) => None,
        }
    }

    /// Returns the stage that computes the layer, or `None` for an activation, which is computed with the layer before it.
    pub(super) const fn stage(self) -> Option<StageKind> {
        match self.part() {
            Part::Activation(_) => None,
            Part::Stage(stage) => Some(stage),
        }
    }

    /// Returns the layer of an activation with this width, or `None` for [`ActivationKind::Identity`], which is not a layer.
    pub(crate) const fn of_activation(activation: ActivationKind, width: u32) -> Option<Self> {
        match activation {
            ActivationKind::Identity => None,
            ActivationKind::Relu => Some(Self::Relu { width }),
            ActivationKind::LeakyRelu => Some(Self::LeakyRelu { width }),
            ActivationKind::Sigmoid => Some(Self::Sigmoid { width }),
            ActivationKind::Tanh => Some(Self::Tanh { width }),
        }
    }

    /// Returns true if an activation after the layer can be computed with it.
    pub(super) const fn takes_activation(self) -> bool {
        matches!(self, Self::Linear { .. } | Self::BatchNorm1d { .. })
    }

    /// Returns PyTorch's name for the function of the layer's gradient.
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

    /// Returns the number of values that the layer has in the flat model: the parameters that the optimizer changes, and the buffers.
    ///
    /// `None` if this machine cannot count them.
    pub(crate) fn lens(self) -> Option<[usize; 2]> {
        Described::lens(self)
    }

    /// Returns the layer's tensors in the order of the flat model. The tensors that the optimizer changes come first.
    pub(super) const fn tensors(self) -> &'static [(&'static str, Role)] {
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

    /// Returns the shape of the layer's tensor with this name.
    pub(super) fn shape(self, tensor: &str) -> Vec<u32, 2> {
        let shape = match self {
            Self::Linear { inputs, outputs } if tensor == "weight" => Vec::from_slice(&[outputs, inputs]),
            _ => Vec::from_slice(&[self.widths().1]),
        };
        shape.unwrap_or_default()
    }
}

/// The part that computes a layer.
enum Part {
    /// A separate stage.
    Stage(StageKind),
    /// The stage before it, with this activation.
    Activation(ActivationKind),
}

/// Writes the layer in the form in which PyTorch's `print` shows a module. Dropout has no probability here, because the pass gives it.
impl fmt::Display for LayerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Linear { inputs, outputs } => {
                write!(f, "Linear(in_features={inputs}, out_features={outputs}, bias=True)")
            }
            Self::Relu { .. } => write!(f, "ReLU()"),
            Self::Tanh { .. } => write!(f, "Tanh()"),
            Self::Sigmoid { .. } => write!(f, "Sigmoid()"),
            Self::LeakyRelu { .. } => write!(f, "LeakyReLU(negative_slope={})", LeakyRelu::SLOPE),
            Self::Gelu { .. } => write!(f, "GELU(approximate='tanh')"),
            Self::BatchNorm1d { width } => {
                write!(f, "BatchNorm1d({width}, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True)")
            }
            Self::Dropout { .. } => write!(f, "Dropout()"),
            Self::LogSoftmax { .. } => write!(f, "LogSoftmax(dim=1)"),
        }
    }
}

/// A tensor's part in training.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Role {
    /// The optimizer changes it.
    Parameter,
    /// The layer itself changes it, such as a running mean.
    Buffer,
}
