//! The named models: hidden layers to put between any inputs and outputs.

use core::fmt;

use crate::architecture::Architecture;

/// The models' names, for options and files.
pub const NAMES: [&str; 3] = ["quickstart", "small", "tiny"];

/// The widths of a named model's hidden layers; ReLU follows each.
fn hidden_widths(name: &str) -> Option<&'static [u32]> {
    match name {
        "quickstart" => Some(&[512, 512]),
        "small" => Some(&[128]),
        "tiny" => Some(&[16]),
        _ => None,
    }
}

/// The architecture of a named model (`quickstart`, `small` or `tiny`) with these inputs and outputs; `None` for another name, and for widths
/// that no network has.
pub fn named(name: &str, inputs: u32, outputs: u32) -> Option<Architecture> {
    let architecture = Architecture::rectified(inputs, hidden_widths(name)?, outputs)?;
    architecture.parameter_count().map(|_| architecture)
}

/// The name of the model with these layers, whatever its inputs and outputs.
pub fn name_of(architecture: &Architecture) -> Option<&'static str> {
    let [inputs, outputs] = [architecture.inputs(), architecture.outputs()].map(|width| width as u32);
    NAMES.into_iter().find(|name| named(name, inputs, outputs).as_ref() == Some(architecture))
}

/// A name for a network's files: a named model's own, or else the layers, such as `784-256-BatchNorm1d-Relu-10`. Dropout is left out.
pub fn file_name(architecture: &Architecture) -> impl fmt::Display {
    FileName(architecture.for_prediction())
}

struct FileName(Architecture);

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(architecture) = self;
        if let Some(name) = name_of(architecture) {
            return f.write_str(name);
        }
        write!(f, "{}", architecture.inputs())?;
        for layer in architecture.layers() {
            match layer.word() {
                None => write!(f, "-{}", layer.widths().1)?,
                Some(_) if architecture.is_plain() => {}
                Some(word) => write!(f, "-{word}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;
    use crate::fashion_mnist::{Quickstart, Small, Tiny};

    #[test]
    fn names_are_the_types() {
        let all = [Architecture::of::<Quickstart>(), Architecture::of::<Small>(), Architecture::of::<Tiny>()];
        for (name, architecture) in NAMES.into_iter().zip(all) {
            assert_eq!(named(name, 784, 10).as_ref(), Some(&architecture));
            assert_eq!(name_of(&architecture), Some(name));
        }
        assert_eq!(named("small", 12, 3), "12,128,3".parse().ok());
        assert_eq!(name_of(&"12,16,3".parse().unwrap()), Some("tiny"));
        assert_eq!(name_of(&"12,17,3".parse().unwrap()), None);
        assert_eq!(named("large", 784, 10), None);
    }

    #[test]
    fn files_have_the_models_name_or_its_layers() {
        for (layers, name) in [
            ("784,128,10", "small"),
            ("12,16,3", "tiny"),
            ("784,129,10", "784-129-10"),
            ("784 => 128 Relu Dropout => 10", "small"),
            ("784=>256  BatchNorm1d Relu Dropout=>10", "784-256-BatchNorm1d-Relu-10"),
        ] {
            assert_eq!(file_name(&layers.parse().unwrap()).to_string(), name);
        }
    }
}
