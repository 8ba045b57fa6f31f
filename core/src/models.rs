//! The named models: hidden layers to put between any inputs and outputs.

use crate::architecture::Architecture;

/// The models' names, for options and files.
pub const NAMES: [&str; 3] = ["quickstart", "small", "tiny"];

/// The widths of a named model's hidden layers; ReLU follows each.
pub fn hidden_widths(name: &str) -> Option<&'static [u32]> {
    match name {
        "quickstart" => Some(&[512, 512]),
        "small" => Some(&[128]),
        "tiny" => Some(&[16]),
        _ => None,
    }
}

/// The architecture of a named model (`quickstart`, `small` or `tiny`) from so many inputs to so many outputs.
pub fn named(name: &str, inputs: u32, outputs: u32) -> Option<Architecture> {
    Architecture::rectified(inputs, hidden_widths(name)?, outputs)
}

/// The name of the model with these layers, whatever its inputs and outputs.
pub fn name_of(architecture: &Architecture) -> Option<&'static str> {
    let [inputs, outputs] = [architecture.inputs(), architecture.outputs()].map(|width| width as u32);
    NAMES.into_iter().find(|name| named(name, inputs, outputs).as_ref() == Some(architecture))
}

#[cfg(test)]
mod tests {
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
}
