//! The named models: hidden layers to put between any inputs and outputs.
//!
//! ```
//! use selvedge::models;
//!
//! let small = models::named("small", 784, 10);
//! assert_eq!(small, "784 => 128 Relu => 10".parse().ok());
//! assert!(models::named("large", 784, 10).is_none());
//! ```

use core::fmt::{self, Write as _};

use crc::{CRC_32_ISO_HDLC, Crc, Digest};
use heapless::String;

use crate::{
    architecture::Architecture,
    fashion_mnist::{CLASSES, PIXELS},
};

/// The longest name of a network's files, in bytes.
pub const LONGEST_NAME: usize = 100;

static CRC: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);

/// The models' names, for options and files.
pub const NAMES: [&str; 3] = ["quickstart", "small", "tiny"];

/// Returns the widths of a named model's hidden layers; ReLU follows each.
fn hidden_widths(name: &str) -> Option<&'static [u32]> {
    match name {
        "quickstart" => Some(&[512, 512]),
        "small" => Some(&[128]),
        "tiny" => Some(&[16]),
        _ => None,
    }
}

/// Returns the architecture of a named model (`quickstart`, `small` or `tiny`) with these inputs and outputs. Returns `None` for another
/// name, and for widths that no network has.
pub fn named(name: &str, inputs: u32, outputs: u32) -> Option<Architecture> {
    let architecture = Architecture::rectified(inputs, hidden_widths(name)?, outputs)?;
    architecture.parameter_count().map(|_| architecture)
}

/// Returns the name of the model with these layers, whatever its inputs and outputs. Returns `None` if no named model has them.
pub fn name_of(architecture: &Architecture) -> Option<&'static str> {
    let [inputs, outputs] = [architecture.inputs(), architecture.outputs()].map(|width| width as u32);
    NAMES.into_iter().find(|name| named(name, inputs, outputs).as_ref() == Some(architecture))
}

/// Returns a name for a network's files. A named model with Fashion-MNIST's inputs and outputs has the model's name. The name of any other network is
/// made of its layers, `784-256-10` if ReLU stands between all linear layers and there is no other layer, else with the words of all layers, such as
/// `784-256-BatchNorm1d-Relu-10`. Dropout is left out.
///
/// A name has at most [`LONGEST_NAME`] bytes. If the layers need more, the name has their number and a checksum instead:
/// `784-40-layers-10-1f2e3d4c`.
pub fn file_name(architecture: &Architecture) -> impl fmt::Display {
    let architecture = architecture.for_prediction();
    let is_default = [architecture.inputs(), architecture.outputs()] == [PIXELS, CLASSES];
    let mut name = String::<LONGEST_NAME>::new();
    let written = match name_of(&architecture).filter(|_| is_default) {
        Some(word) => name.write_str(word),
        None => write_layers(&mut name, &architecture),
    };
    if written.is_err() {
        name.clear();
        let [inputs, outputs] = [architecture.inputs(), architecture.outputs()];
        let (layers, mut checksum) = (architecture.layers().len(), Checksum(CRC.digest()));
        // A checksum takes every text, and the longest name of this kind has 41 bytes.
        let _ = write!(checksum, "{}", architecture.expression());
        let _ = write!(name, "{inputs}-{layers}-layers-{outputs}-{:08x}", checksum.0.finalize());
    }
    name
}

fn write_layers(name: &mut impl fmt::Write, architecture: &Architecture) -> fmt::Result {
    write!(name, "{}", architecture.inputs())?;
    for layer in architecture.layers() {
        match layer.word() {
            None => write!(name, "-{}", layer.widths().1)?,
            Some(_) if architecture.is_plain() => {}
            Some(word) => write!(name, "-{word}")?,
        }
    }
    Ok(())
}

/// A text's checksum.
struct Checksum(Digest<'static, u32>);

impl fmt::Write for Checksum {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.update(text.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::string::{String, ToString};

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
            ("12,16,3", "12-16-3"),
            ("784,129,10", "784-129-10"),
            ("784 => 128 Relu Dropout => 10", "small"),
            ("784=>256  BatchNorm1d Relu Dropout=>10", "784-256-BatchNorm1d-Relu-10"),
        ] {
            assert_eq!(file_name(&layers.parse().unwrap()).to_string(), name);
        }
    }

    #[test]
    fn a_deep_networks_files_have_short_names_that_tell_it_from_others() {
        let name = |layers: String| file_name(&layers.parse().unwrap()).to_string();
        let chain = |words: &str| std::format!("65536{} => 65536", std::format!(" => 65536 {words}").repeat(15));
        let names = [name(chain("Relu")), name(chain("Tanh")), name(chain("BatchNorm1d Relu"))];
        assert_eq!(names[0], "65536-31-layers-65536-984e158d");
        assert!(names[0] != names[1] && names[2].starts_with("65536-46-layers-65536-"), "{names:?}");
        assert_eq!(name(std::vec!["1"; 33].join(",")).len(), 65);
    }
}
