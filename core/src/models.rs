//! The named models, and which networks classify images.

use core::fmt;

use crate::{
    architecture::{Architecture, ArchitectureError},
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

/// The models' names, for options and files.
pub const NAMES: [&str; 3] = ["quickstart", "small", "tiny"];

/// The architecture of a named model: `quickstart`, `small` or `tiny`.
pub fn named(name: &str) -> Option<Architecture> {
    match name {
        "quickstart" => Some(Architecture::of::<Quickstart>()),
        "small" => Some(Architecture::of::<Small>()),
        "tiny" => Some(Architecture::of::<Tiny>()),
        _ => None,
    }
}

/// The architecture, as [`Architecture`] reads it, of a network from an image's pixels to the classes' logits.
///
/// # Errors
///
/// [`ClassifierError`] for a text that is no architecture, or that of a network with other ends.
pub fn classifier(layers: &str) -> Result<Architecture, ClassifierError> {
    let architecture: Architecture = layers.parse().map_err(ClassifierError::Architecture)?;
    match (architecture.inputs(), architecture.outputs()) {
        (PIXELS, CLASSES) => Ok(architecture),
        _ => Err(ClassifierError::Ends),
    }
}

/// Why a text names no network from an image's pixels to the classes' logits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum ClassifierError {
    /// It is no architecture.
    Architecture(ArchitectureError),
    /// Inputs other than an image's pixels, or outputs other than the classes.
    Ends,
}

impl fmt::Display for ClassifierError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Architecture(error) => error.fmt(f),
            Self::Ends => write!(
                f,
                "the first width must be {PIXELS} (pixels) and the last {CLASSES} (classes), as in 784,256,64,10"
            ),
        }
    }
}

impl core::error::Error for ClassifierError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_types() {
        for name in NAMES {
            assert!(named(name).is_some(), "{name}");
        }
        assert_eq!(named("small"), "784,128,10".parse().ok());
        assert_eq!(named("large"), None);
    }

    #[test]
    fn a_classifier_has_an_images_pixels_and_the_classes() {
        assert!(classifier("784 => 20 Gelu => 10").is_ok());
        assert_eq!(classifier("10,784"), Err(ClassifierError::Ends));
        assert_eq!(classifier("784"), Err(ClassifierError::Architecture(ArchitectureError::TooFew)));
    }
}
