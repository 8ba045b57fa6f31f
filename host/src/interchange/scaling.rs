//! Merges a standardisation of the inputs, such as torchvision's `Normalize`, into the first layer.

use std::path::Path;

use selvedge::shape::InputShape;

use super::{element::Element, error::Problem};
use crate::{
    files::{self, ReadError},
    network::Network,
    npy,
    weights::{WrongWeight, check_all},
};

/// The number of colours: red, green and blue.
const COLOURS: usize = 3;
/// The largest number of bytes of a file of numbers. No array for a network's inputs needs more.
const MAX_NUMBERS_FILE: u64 = 1 << 20;

/// The mean and the standard deviation of a network's training inputs. The network takes `(x − mean) / std`. After
/// [`put_into`](Self::put_into), it takes x.
#[derive(Clone, Debug, PartialEq)]
pub struct InputScaling {
    /// One mean for all inputs, one for each channel, or one for each input.
    pub mean: Vec<f64>,
    /// The standard deviations. There are as many as means.
    pub std: Vec<f64>,
}

/// The error of a mean or a deviation that cannot be folded into a network.
#[derive(Debug, thiserror::Error)]
pub enum ScalingError {
    /// The numbers' file cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The file is not an array of numbers.
    #[error("{file}: {reason}")]
    File {
        /// The file.
        file: String,
        /// The reason.
        reason: String,
    },
    /// There are too few or too many numbers.
    #[error("{option} has {found} numbers; it takes one for all inputs, {}or one for each of the {inputs} inputs", channels.map(|channels| format!("one for each of the {channels} channels, ")).unwrap_or_default())]
    Count {
        /// The option.
        option: &'static str,
        /// The number of numbers.
        found: usize,
        /// The number of the network's inputs.
        inputs: usize,
        /// The number of channels of the network's images, if it is known and more than one.
        channels: Option<usize>,
    },
    /// A number is not valid: a mean must be finite, and a deviation finite and more than 0.
    #[error("{option}: its number {place} is {value}; {}", if *option == "--std" { "a deviation is finite and more than 0" } else { "a mean is finite" })]
    Value {
        /// The option.
        option: &'static str,
        /// The number's place, from 1.
        place: usize,
        /// The number.
        value: f64,
    },
    /// A weight became infinite or NaN.
    #[error("after --mean and --std: {0}")]
    Weight(WrongWeight),
}

impl InputScaling {
    /// Changes a network with inputs `(x − mean) / std` into one with inputs x. The first layer's weights become `W / std`, and its biases
    /// `b − Σ W · mean / std`, computed in 64 bits and rounded once. Returns notes for the user.
    ///
    /// `input` is the shape of a sample, if it is known.
    ///
    /// # Errors
    ///
    /// [`ScalingError`]. The network is then unchanged, unless the error is a weight that became infinite.
    pub fn put_into(&self, network: &mut Network, input: Option<InputShape>) -> Result<Vec<String>, ScalingError> {
        let architecture = network.architecture().clone();
        // Every network begins with a linear layer.
        let inputs = architecture.inputs();
        let weights = architecture.parameters().next().map_or(0, |weight| weight.len);
        let mean = spread("--mean", &self.mean, inputs, input)?;
        let std = spread("--std", &self.std, inputs, input)?;
        check("--mean", &self.mean, f64::is_finite)?;
        check("--std", &self.std, |std| std.is_finite() && std > 0.0)?;
        let (weights, rest) = network.parameters_mut().split_at_mut(weights);
        for (row, bias) in weights.chunks_exact_mut(inputs).zip(rest) {
            let mut shift = 0.0;
            for (weight, (mean, std)) in row.iter_mut().zip(mean.iter().zip(&std)) {
                let scaled = f64::from(*weight) / std;
                shift += scaled * mean;
                *weight = scaled as f32;
            }
            *bias = (f64::from(*bias) - shift) as f32;
        }
        check_all(&architecture, network.parameters()).map_err(ScalingError::Weight)?;
        let has_colours = [&self.mean, &self.std].iter().any(|numbers| numbers.len() == COLOURS);
        let is_assumed = has_colours && inputs != COLOURS && channels(input).is_none();
        let mut notes = Vec::new();
        if is_assumed {
            let area = inputs / COLOURS;
            notes.push(format!("the {COLOURS} numbers are taken for channels: for inputs 1 to {area}, the next {area} and the last {area}"));
        }
        for (option, numbers) in [("--mean", &self.mean), ("--std", &self.std)] {
            if let Some(large) = numbers.iter().find(|&&number| number > 1.0) {
                notes.push(format!("{option} {large} is above 1, but inputs are from 0 to 1 here; of bytes from 0 to 255, give mean and deviation divided by 255"));
            }
        }
        Ok(notes)
    }
}

fn check(option: &'static str, numbers: &[f64], is_right: impl Fn(f64) -> bool) -> Result<(), ScalingError> {
    match (1..).zip(numbers).find(|&(_, &value)| !is_right(value)) {
        Some((place, &value)) => Err(ScalingError::Value { option, place, value }),
        None => Ok(()),
    }
}

/// Returns the number of channels of images that have several.
fn channels(input: Option<InputShape>) -> Option<usize> {
    match input {
        Some(InputShape::Image { channels, .. }) if channels > 1 => Some(channels as usize),
        _ => None,
    }
}

/// Returns a number for each input. If the shape is not known, as for another program's network, three numbers are those of the colours.
fn spread(
    option: &'static str,
    numbers: &[f64],
    inputs: usize,
    input: Option<InputShape>,
) -> Result<Vec<f64>, ScalingError> {
    let known = channels(input);
    let taken = known.or((input.is_none() && inputs.is_multiple_of(COLOURS)).then_some(COLOURS));
    match numbers.len() {
        found if found == inputs => Ok(numbers.to_vec()),
        1 => Ok(vec![numbers[0]; inputs]),
        found if Some(found) == taken => {
            Ok(numbers.iter().flat_map(|&number| std::iter::repeat_n(number, inputs / found)).collect())
        }
        found => Err(ScalingError::Count { option, found, inputs, channels: taken }),
    }
}

/// Returns the numbers of a NumPy array (`.npy`) of any shape, in row-major order.
///
/// # Errors
///
/// [`ScalingError::Read`] if the file cannot be read, and [`ScalingError::File`] if it is not such an array.
pub fn read_numbers(path: &Path) -> Result<Vec<f64>, ScalingError> {
    let bytes = files::read(path, MAX_NUMBERS_FILE)?;
    let wrong = |reason: String| ScalingError::File { file: path.display().to_string(), reason };
    let (header, data) = npy::parse(&bytes).map_err(wrong)?;
    let mut data = data.to_vec();
    header.reorder(&mut data);
    let Some(element) = header.number.and_then(Element::of_number) else {
        return Err(wrong(format!("its numbers are {}; float64, float32 and float16 can be read", header.description)));
    };
    let sizes = header.shape.iter().filter(|&&size| size != 1).count();
    if header.is_column_major && sizes > 1 {
        return Err(wrong("it is in Fortran's order; save numpy.ascontiguousarray of it".into()));
    }
    if header.bytes() != Some(data.len()) {
        let problem = Problem::Bytes { name: "in it".into(), shape: header.shape, found: data.len() };
        return Err(wrong(problem.to_string()));
    }
    Ok(element.decode_wide(&data))
}

#[cfg(test)]
mod tests {
    use selvedge::Portable;

    use super::*;
    use crate::network::Workspace;

    fn network(layers: &str) -> Network {
        let mut network = Network::zeroed(&layers.parse().unwrap()).unwrap();
        (0_u8..).zip(network.parameters_mut()).for_each(|(n, x)| *x = f32::from(n * 7 % 13) / 8.0 - 0.75);
        network
    }

    fn put(network: &mut Network, mean: &[f64], std: &[f64], input: Option<InputShape>) -> Result<Vec<String>, String> {
        let scaling = InputScaling { mean: mean.into(), std: std.into() };
        scaling.put_into(network, input).map_err(|error| error.to_string())
    }

    fn logits(network: &Network, input: &[f32]) -> Vec<f32> {
        let mut workspace = Workspace::for_prediction(network.view(), 1).unwrap();
        workspace.predict(&Portable, network.view(), input).to_vec()
    }

    #[test]
    fn the_network_of_plain_inputs_computes_the_same() {
        let input = [0.0, 0.25, 0.5, 0.75, 1.0, 0.125];
        let image = InputShape::Image { channels: 2, height: 1, width: 3 };
        for (mean, std, shape) in [
            (&[0.286][..], &[0.353][..], None),
            (&[-0.5], &[2.0], Some(InputShape::Features(6))),
            (&[0.1, 0.2, 0.3, 0.4, 0.5, 0.6], &[1.0, 2.0, 3.0, 4.0, 5.0, 0.5], None),
            (&[0.485, 0.456, 0.406], &[0.229, 0.224, 0.225], None),
            (&[0.1, 0.9], &[0.5], Some(image)),
            (&[0.0], &[1.0 / 255.0], None),
        ] {
            let mut network = network("6 => 3 Relu => 2");
            let at = |numbers: &[f64], place: usize| numbers[place * numbers.len() / 6];
            let scaled = |(place, &x): (usize, &f32)| ((f64::from(x) - at(mean, place)) / at(std, place)) as f32;
            let scaled: Vec<f32> = input.iter().enumerate().map(scaled).collect();
            let expected = logits(&network, &scaled);
            let notes = put(&mut network, mean, std, shape).unwrap();
            let is_above = std.iter().any(|&std| std > 1.0);
            assert_eq!(notes.len(), usize::from(mean.len() == 3 || is_above), "{notes:?}");
            assert_eq!(notes.iter().any(|note| note.contains("divided by 255")), is_above, "{notes:?}");
            for (found, expected) in logits(&network, &input).iter().zip(&expected) {
                assert!((found - expected).abs() <= 1e-5 * expected.abs().max(1.0), "{mean:?}: {found} {expected}");
            }
        }
    }

    #[test]
    fn what_cannot_be_put_in_changes_nothing() {
        let error = |layers: &str, mean: &[f64], std: &[f64]| {
            let mut network = network(layers);
            let before = network.parameters().to_vec();
            let error = put(&mut network, mean, std, None).unwrap_err();
            assert_eq!(network.parameters(), before);
            error
        };
        for std in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let error = error("4 => 2", &[0.5], &[1.0, 1.0, std, 1.0]);
            assert!(error.contains("--std: its number 3 is") && error.contains("more than 0"), "{error}");
        }
        assert!(error("4 => 2", &[f64::NAN], &[1.0]).contains("a mean is finite"));
        assert!(
            error("4 => 2", &[0.5; 3], &[1.0])
                .contains("--mean has 3 numbers; it takes one for all inputs, or one for each of the 4")
        );
        assert!(error("6 => 2", &[0.5], &[1.0; 2]).contains("each of the 3 channels, or one for each of the 6"));
        let tiny = put(&mut network("4 => 2"), &[0.5], &[1e-300], None).unwrap_err();
        let tiny_error = InputScaling { mean: vec![0.5], std: vec![1e-300] }.put_into(&mut network("4 => 2"), None);
        assert!(std::error::Error::source(&tiny_error.unwrap_err()).is_none(), "its sentence would come twice");
        assert!(tiny.contains("after --mean and --std: linear_relu_stack.0.weight[0, 0] is -inf"), "{tiny}");
    }

    #[test]
    fn numbers_come_from_an_array_too() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mean.npy");
        let read = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            read_numbers(&path).map_err(|error| error.to_string())
        };
        let header = npy::header(&[1, 2]);
        let values = [0.5_f32.to_le_bytes(), 0.25_f32.to_le_bytes()].concat();
        assert_eq!(read(&[&header[..], &values].concat()).unwrap(), [0.5, 0.25]);
        assert!(read(&header).unwrap_err().contains("needs another number of bytes"));
        assert!(read(b"text").unwrap_err().contains("no .npy file"));
        assert!(read_numbers(&folder.path().join("none.npy")).unwrap_err().to_string().starts_with("cannot read"));
    }
}
