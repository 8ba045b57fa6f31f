//! The value of `--layers`. The data may decide the first and the last width.

use std::{fmt, str::FromStr};

use selvedge::architecture::{Architecture, ArchitectureError};

/// The layers of a network. The data may decide the first and the last width.
#[derive(Clone, Debug, PartialEq)]
pub enum Layers {
    /// One hidden layer with ReLU. The numbers of features and classes decide its width.
    Auto,
    /// A text whose first or last width is `…`. A first `…` becomes the number of features. A last `…` becomes the number of classes,
    /// labels or targets. A width that is a number stays.
    Open(String),
    /// Layers whose widths are all given.
    Fixed(Box<Architecture>),
}

/// The texts for a width that the data decides.
const OPEN: [&str; 2] = ["…", "..."];

impl FromStr for Layers {
    type Err = ArchitectureError;

    fn from_str(text: &str) -> Result<Self, ArchitectureError> {
        let text = text.trim();
        if text == "auto" {
            return Ok(Self::Auto);
        }
        let is_open = OPEN.iter().any(|open| text.starts_with(open) || text.ends_with(open));
        let layers: Architecture = closed(text, 1, 1).parse()?;
        Ok(if is_open { Self::Open(text.into()) } else { Self::Fixed(layers.into()) })
    }
}

impl fmt::Display for Layers {
    /// Writes what [`from_str`](FromStr::from_str) reads.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Open(text) => f.write_str(text),
            Self::Fixed(layers) => write!(f, "{:#}", layers.expression()),
        }
    }
}

/// Returns the text with its open ends replaced.
fn closed(text: &str, inputs: usize, outputs: usize) -> String {
    let first = OPEN.iter().find_map(|open| text.strip_prefix(open));
    let text = first.map_or_else(|| text.to_owned(), |rest| format!("{inputs}{rest}"));
    let last = OPEN.iter().find_map(|open| text.strip_suffix(open));
    last.map_or_else(|| text.clone(), |rest| format!("{rest}{outputs}"))
}

impl Layers {
    /// Returns the layers for data with these numbers of features and classes.
    ///
    /// # Errors
    ///
    /// [`ArchitectureError`] if one of the numbers cannot be the width of a layer.
    pub fn resolve(&self, features: usize, classes: usize) -> Result<Architecture, ArchitectureError> {
        match self {
            Self::Auto => format!("{features},{},{classes}", auto_width(features, classes)).parse(),
            Self::Open(text) => closed(text, features, classes).parse(),
            Self::Fixed(layers) => Ok((**layers).clone()),
        }
    }

    /// Returns the layers, or `None` if they depend on the data.
    pub fn fixed(&self) -> Option<&Architecture> {
        match self {
            Self::Fixed(layers) => Some(layers),
            Self::Auto | Self::Open(_) => None,
        }
    }
}

/// Returns the width of the hidden layer of `auto`: the smallest power of two from 16 to 512 that is not below `√(features · classes)`.
fn auto_width(features: usize, classes: usize) -> usize {
    let width = (features as f64 * classes as f64).sqrt().ceil();
    (width as usize).next_power_of_two().clamp(16, 512)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_written_are_the_layers_read() {
        for text in ["auto", "… => 32 Gelu => …", "...,20,5", "12,8,5", "12 => 8 Tanh => 5"] {
            let layers: Layers = text.parse().unwrap();
            assert_eq!(layers.to_string().parse(), Ok(layers));
        }
    }

    #[test]
    fn the_data_decides_open_ends() {
        let resolved = |text: &str| {
            let layers: Layers = text.parse().unwrap();
            layers.resolve(60, 4).unwrap().to_string()
        };
        assert_eq!(resolved("auto"), "60-16-4");
        assert_eq!(resolved("… => 32 Relu => …"), "60-32-4");
        assert_eq!(resolved("...,20,..."), "60-20-4");
        assert_eq!(resolved("60,8,…"), "60-8-4");
        assert_eq!(resolved("…,8,5"), "60-8-5");
        assert_eq!(resolved("12,8,5"), "12-8-5");
    }

    #[test]
    fn what_is_no_network_is_an_error_before_the_data_is_known() {
        for text in ["…", "… => Relu => …", "8,…,4", "… => 0 => …", "automatic", ""] {
            assert!(text.parse::<Layers>().is_err(), "{text}");
        }
        let layers: Layers = "…,8,…".parse().unwrap();
        assert!(layers.resolve(70_000, 4).is_err());
    }

    #[test]
    fn the_width_grows_with_the_data() {
        for (features, classes, width) in [(2, 2, 16), (60, 4, 16), (784, 10, 128), (3072, 100, 512), (1, 1, 16)] {
            assert_eq!(auto_width(features, classes), width);
        }
    }
}
