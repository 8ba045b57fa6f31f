//! A layer that a program defines itself.

use core::fmt;

use heapless::Vec;
use serde::{Serialize, Serializer};

use super::{LayerKind, MAX_WIDTH, Role, parameters::Described};
use crate::{Flat, Layer};

/// The number of a custom layer in files. The library's layers have the numbers of [`LayerKind`].
pub(crate) const CUSTOM: u8 = 9;

/// The longest name of a custom layer, in bytes.
pub const MAX_NAME: usize = 16;

/// The description of a layer that a program defines itself: its name and sizes. Only that program can compute it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct CustomLayer {
    name: &'static str,
    inputs: u32,
    outputs: u32,
    parameters: u32,
}

impl CustomLayer {
    /// Returns the description of a custom layer. The name has 1 to 16 ASCII letters, digits and `_`, and begins with a letter.
    ///
    /// # Panics
    ///
    /// If the name is not of this kind, if a width is above [`MAX_WIDTH`], or if the layer has more than `u32::MAX` parameters. In the constant
    /// [`LAYERS`](Layer::LAYERS) of a layer, this is an error of the build.
    pub const fn of<L: Layer>(name: &'static str) -> Self {
        let [inputs, outputs] = [<L::Input as Flat>::LEN, <L::Output as Flat>::LEN];
        assert!(inputs <= MAX_WIDTH as usize && outputs <= MAX_WIDTH as usize, "a layer is too wide");
        assert!(L::LEN <= u32::MAX as usize, "a layer has too many parameters");
        assert!(
            is_name(name.as_bytes()),
            "a layer's name is 1 to 16 ASCII letters, digits and `_`, of which the first is a letter"
        );
        Self { name, inputs: inputs as u32, outputs: outputs as u32, parameters: L::LEN as u32 }
    }

    /// Returns the layer's name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Returns the number of the layer's parameters.
    pub const fn parameters(&self) -> u32 {
        self.parameters
    }
}

/// The name of a custom layer in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct CustomName([u8; MAX_NAME]);

impl CustomName {
    /// Returns the name with these bytes. Shorter names are filled up with zeros.
    pub(crate) fn of(text: &[u8]) -> Self {
        let mut name = [0; MAX_NAME];
        for (byte, &of_text) in name.iter_mut().zip(text) {
            *byte = of_text;
        }
        Self(name)
    }
}

impl fmt::Display for CustomName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.split(|&byte| byte == 0).next().unwrap_or_default();
        match str::from_utf8(text) {
            Ok(name) if is_name(text) => f.write_str(name),
            _ => f.write_str("(not a valid name)"),
        }
    }
}

/// Returns true if these bytes are a custom layer's name.
const fn is_name(text: &[u8]) -> bool {
    let mut place = 0;
    while place < text.len() {
        if !text[place].is_ascii_alphabetic() && (place == 0 || !matches!(text[place], b'0'..=b'9' | b'_')) {
            return false;
        }
        place += 1;
    }
    0 < place && place <= MAX_NAME
}

/// Shows the name, and in brackets the widths and the number of parameters.
impl fmt::Display for CustomLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, inputs, outputs, parameters } = self;
        write!(f, "{name}(in_features={inputs}, out_features={outputs}, parameters={parameters})")
    }
}

/// One layer of a model's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum LayerDescription {
    /// A layer of the library, which every engine computes.
    Known(LayerKind),
    /// A layer that the program defines itself.
    Custom(CustomLayer),
}

impl LayerDescription {
    /// Returns the numbers of features in and out.
    pub const fn widths(self) -> (u32, u32) {
        match self {
            Self::Known(layer) => layer.widths(),
            Self::Custom(layer) => (layer.inputs, layer.outputs),
        }
    }

    /// Returns true if the layer is dropout, which a prediction does not use.
    pub(crate) const fn is_dropout(self) -> bool {
        matches!(self, Self::Known(LayerKind::Dropout { .. }))
    }
}

impl Described for LayerDescription {
    fn widths(self) -> (u32, u32) {
        self.widths()
    }

    fn is_start(self) -> bool {
        matches!(self, Self::Known(LayerKind::Linear { .. }) | Self::Custom(_))
    }

    fn is_activation(self) -> bool {
        matches!(self, Self::Known(layer) if layer.is_activation())
    }

    fn takes_activation(self) -> bool {
        matches!(self, Self::Known(layer) if layer.takes_activation())
    }

    /// Returns the layer's tensors. A custom layer's parameters are one tensor.
    fn tensors(self) -> &'static [(&'static str, Role)] {
        match self {
            Self::Known(layer) => layer.tensors(),
            Self::Custom(CustomLayer { parameters: 0, .. }) => &[],
            Self::Custom(_) => &[("weight", Role::Parameter)],
        }
    }

    fn shape(self, tensor: &str) -> Vec<u32, 2> {
        match self {
            Self::Known(layer) => layer.shape(tensor),
            Self::Custom(layer) => Vec::from_iter([layer.parameters]),
        }
    }
}

/// Writes the layer's number. For a layer of the library, its widths follow. For a custom layer, these follow: the name as text, the inputs, the
/// outputs and the number of parameters.
impl Serialize for LayerDescription {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Known(layer) => layer.serialize(serializer),
            Self::Custom(CustomLayer { name, inputs, outputs, parameters }) => {
                (CUSTOM, name, inputs, outputs, parameters).serialize(serializer)
            }
        }
    }
}

impl fmt::Display for LayerDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(layer) => layer.fmt(f),
            Self::Custom(layer) => layer.fmt(f),
        }
    }
}
