//! The costs of a prediction on a device: the instructions that `cargo xtask bench device` has measured.

use serde::Deserialize;

/// The measurements, from docs/bench-device.json.
const MEASURED: &str = include_str!("../../../docs/bench-device.json");

/// The measurements of a prediction on a board.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub struct Measured {
    /// The emulated board.
    pub board: String,
    /// The network's name.
    pub model: String,
    /// The number type of the weights.
    pub format: String,
    /// The number of instructions, the mean of 100 images.
    pub instructions: u64,
    /// The number of cycles, if it was estimated.
    pub cycles_estimate: Option<u64>,
    /// The largest amount of stack, in bytes.
    pub stack_bytes: u64,
    /// The size of the weights, in bytes.
    pub weight_bytes: u64,
}

/// Returns the measurements of a network of this name in these formats.
pub fn measured(model: &str, formats: &[&str]) -> Vec<Measured> {
    let all: Vec<Measured> = serde_json::from_str(MEASURED).unwrap_or_default();
    all.into_iter().filter(|row| row.model == model && formats.contains(&row.format.as_str())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_measurements_are_read() {
        let found = measured("quickstart", &["f32", "int8"]);
        assert!(found.iter().any(|row| row.board == "mps2-an386" && row.format == "int8" && row.instructions > 0));
        assert!(found.iter().all(|row| row.model == "quickstart" && row.format != "int4"));
        assert_eq!(measured("none", &["f32"]), []);
    }
}
