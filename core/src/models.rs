//! The named models, and other topologies as text: `784,256,64,10`.

use core::{fmt, iter, str::FromStr};

use heapless::Vec;

use crate::{
    Layer,
    architecture::{Architecture, LayerKind, MAX_LAYERS},
    mlp,
};

/// Image height and width in pixels.
pub const SIDE: usize = 28;
/// Pixels in an image: every model's inputs.
pub const PIXELS: usize = SIDE * SIDE;
/// Classes: every model's outputs.
pub const CLASSES: usize = 10;

/// Fashion-MNIST's classes, by label.
pub const CLASS_NAMES: [&str; CLASSES] =
    ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"];

/// The PyTorch quickstart's model: 669,706 parameters.
pub type Quickstart = mlp!(784 => 512 Relu => 512 Relu => 10);
/// A model for a chip with 512 KB of flash: 101,770 parameters.
pub type Small = mlp!(784 => 128 Relu => 10);
/// A model that trains within 128 KB of RAM: 12,730 parameters.
pub type Tiny = mlp!(784 => 16 Relu => 10);

/// The widths of a multilayer perceptron with ReLU between its layers, read from text such as `784,256,64,10`.
///
/// Build scripts turn it into a type: [`TypeExpression`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Widths(Vec<u32, { MAX_WIDTHS }>);

/// A chain of MAX_LAYERS layers has a `Linear` at every second place.
const MAX_WIDTHS: usize = MAX_LAYERS / 2 + 1;

/// The models' names, for options and files.
pub const NAMES: [&str; 3] = ["quickstart", "small", "tiny"];

impl Widths {
    /// The widths of a named model: `quickstart`, `small` or `tiny`.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "quickstart" => Some(Self::of::<Quickstart>()),
            "small" => Some(Self::of::<Small>()),
            "tiny" => Some(Self::of::<Tiny>()),
            _ => None,
        }
    }

    /// The widths of a model's linear layers.
    fn of<M: Layer>() -> Self {
        let architecture = Architecture::of::<M>();
        let outputs = architecture.layers().iter().filter_map(|layer| match *layer {
            LayerKind::Linear { outputs, .. } => Some(outputs),
            LayerKind::Relu { .. } => None,
        });
        Self(iter::once(architecture.inputs() as u32).chain(outputs).collect())
    }

    /// The widths, inputs first.
    pub fn as_slice(&self) -> &[u32] {
        &self.0
    }

    /// Shows the model's type as source text: `selvedge::mlp!(784 => 256 Relu => 10)`.
    pub const fn type_expression(&self) -> TypeExpression<'_> {
        TypeExpression(self)
    }
}

impl FromStr for Widths {
    type Err = WidthsError;

    fn from_str(text: &str) -> Result<Self, WidthsError> {
        let mut widths = Vec::new();
        for (place, word) in text.split(',').enumerate() {
            let width = word.trim().parse().ok().filter(|width| (1..=65_536).contains(width));
            let width = width.ok_or(WidthsError::NotAWidth { place: place + 1 })?;
            widths.push(width).map_err(|_| WidthsError::TooMany)?;
        }
        match widths.as_slice() {
            [first, .., last] if *first == PIXELS as u32 && *last == CLASSES as u32 => Ok(Self(widths)),
            _ => Err(WidthsError::Ends),
        }
    }
}

/// As in the option: `784,256,64,10`.
impl fmt::Display for Widths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, width) in self.0.iter().enumerate() {
            write!(f, "{}{width}", if place > 0 { "," } else { "" })?;
        }
        Ok(())
    }
}

/// See [`Widths::type_expression`].
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct TypeExpression<'a>(&'a Widths);

impl fmt::Display for TypeExpression<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "selvedge::mlp!(")?;
        for (place, width) in self.0.0.iter().enumerate() {
            let before = match place {
                0 => "",
                1 => " => ",
                _ => " Relu => ",
            };
            write!(f, "{before}{width}")?;
        }
        write!(f, ")")
    }
}

/// Why a text names no topology.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum WidthsError {
    /// A word that is no number from 1 to 65,536.
    NotAWidth {
        /// Which word, from 1.
        place: usize,
    },
    /// More widths than a chain can have.
    TooMany,
    /// Inputs other than an image's pixels, or outputs other than the classes.
    Ends,
}

impl fmt::Display for WidthsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAWidth { place } => write!(f, "width {place} is not a whole number from 1 to 65536"),
            Self::TooMany => write!(f, "there may be at most {MAX_WIDTHS} widths"),
            Self::Ends => write!(
                f,
                "the first width must be {PIXELS} (pixels) and the last {CLASSES} (classes), as in 784,256,64,10"
            ),
        }
    }
}

impl core::error::Error for WidthsError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Flat;

    #[test]
    fn the_named_models_have_their_sizes() {
        assert_eq!((Quickstart::LEN, Small::LEN, Tiny::LEN), (669_706, 101_770, 12_730));
        let architectures = [Architecture::of::<Quickstart>(), Architecture::of::<Small>(), Architecture::of::<Tiny>()];
        for (name, architecture) in NAMES.iter().zip(architectures) {
            assert_eq!(Architecture::of_widths(&Widths::named(name).unwrap()), architecture, "{name}");
        }
        assert_eq!(Widths::named("large"), None);
    }

    #[test]
    fn widths_become_a_type() {
        let widths: Widths = "784, 256,64,10".parse().unwrap();
        let mut text = heapless::String::<80>::new();
        fmt::write(&mut text, format_args!("{widths} {}", widths.type_expression())).unwrap();
        assert_eq!(text, "784,256,64,10 selvedge::mlp!(784 => 256 Relu => 64 Relu => 10)");
        let linear: Widths = "784,10".parse().unwrap();
        text.clear();
        fmt::write(&mut text, format_args!("{}", linear.type_expression())).unwrap();
        assert_eq!(text, "selvedge::mlp!(784 => 10)");
    }

    #[test]
    fn what_is_no_topology_says_why() {
        let error = |text: &str| text.parse::<Widths>().unwrap_err();
        assert_eq!(error("784,x,10"), WidthsError::NotAWidth { place: 2 });
        assert_eq!(error("784,0,10"), WidthsError::NotAWidth { place: 2 });
        assert_eq!(error("784,99999999999,10"), WidthsError::NotAWidth { place: 2 });
        assert_eq!(error("784"), WidthsError::Ends);
        assert_eq!(error("10,784"), WidthsError::Ends);
        assert_eq!(error("784,1,1,1,1,1,1,1,1,10"), WidthsError::TooMany);
    }
}
