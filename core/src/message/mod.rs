//! The messages of a host and a device on a serial line: encoded as [postcard](https://postcard.jamesmunns.com/wire-format), a compact binary
//! format, framed by COBS, with a checksum.
//!
//! docs/formats.md has the frame and every message byte by byte. A device answers each frame with one frame, in their order, and sends nothing else.
//! It answers a frame that is no request with a [`MessageError`], and ignores an empty frame. So a host may send a zero byte before any frame: if
//! noise on the line has begun a frame, the zero byte ends it, and the device answers with an error, which the host has to read. After a zero byte,
//! the device understands the next frame, whatever came before.
//!
//! [`Decoder`] takes the received bytes one by one, [`encode`] writes a frame, and [`Device`] answers requests.
//!
//! ```
//! use selvedge::message::{Decoder, Request, encode, request_len};
//!
//! const LEN: usize = request_len(784);
//! let mut buffer = [0; LEN];
//! let frame = encode(&Request::Statistics, &mut buffer).unwrap();
//! let mut decoder = Decoder::new([0; LEN]);
//! let (end, rest) = frame.split_last().unwrap();
//! for &byte in rest {
//!     assert!(decoder.push::<Request>(byte).is_none());
//! }
//! assert_eq!(decoder.push(*end), Some(Ok(Request::Statistics)));
//! ```

mod device;
mod error;
mod frame;
mod logits;
#[cfg(test)]
mod tests;

use core::fmt;

use heapless::Vec;

use crate::{
    preparation::Element,
    shape::{InputShape, MAX_NAME},
    task::TaskKind,
};

pub use device::Device;
pub use error::MessageError;
pub use frame::{Decoder, encode};
pub use logits::{Logits, Words};

/// The protocol's version that this build speaks.
pub const VERSION: u8 = 4;

/// The largest number of candidates in a [`Prediction`].
pub const TOP: usize = 3;

/// Returns a buffer size for the frame of the longest request, which has a label and a sample of `sample` bytes.
pub const fn request_len(sample: usize) -> usize {
    // The number, the input's length, the input, the label.
    frame::len(1 + 5 + sample + 3)
}

/// Returns a buffer size for the frame of the longest response: the [`Info`] of a device, the [`Prediction`] of `outputs` outputs, or an
/// [`OutputInfo`]. `text` is the number of bytes of [`Info::board`], [`Info::layers`] and [`Info::unit`] together.
pub const fn response_len(text: usize, outputs: usize) -> usize {
    let (info, prediction, output) = (64 + text, 64 + 4 * outputs, 16 + 2 * (1 + MAX_NAME));
    let most = if info > prediction { info } else { prediction };
    frame::len(if most > output { most } else { output })
}

/// A message to a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Request<'a> {
    /// Asks for the device's description: [`Response::Info`].
    Info,
    /// Asks for a sample's outputs: [`Response::Prediction`].
    Predict {
        /// The sample's values, little-endian, of the number type [`Info::element`].
        input: &'a [u8],
    },
    /// Asks for the outputs of a sample whose class is known: [`Response::Prediction`]. The device counts its answer in the [`Statistics`]. Only a
    /// [classification](TaskKind::Classification) has classes.
    Evaluate {
        /// The sample's values, each [`Info::element`], little-endian.
        input: &'a [u8],
        /// The sample's class.
        label: u16,
    },
    /// Asks for the sums over the evaluated samples: [`Response::Statistics`].
    Statistics,
    /// Sets the [`Statistics`] to 0. The answer is [`Response::Statistics`], with zeros.
    Reset,
    /// Asks for the description of an output: [`Response::Output`].
    Output {
        /// The output's place, from 0.
        output: u16,
    },
}

crate::wire::numbered! {
    Request<'a> {
        0 => Info,
        1 => Predict { input },
        2 => Evaluate { input, label },
        3 => Statistics,
        4 => Reset,
        5 => Output { output },
    }
}

/// A device's answer.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Response<'a> {
    /// The description of the device.
    Info(Info<'a>),
    /// The answer for a sample.
    Prediction(Prediction<'a>),
    /// The sums over the evaluated samples.
    Statistics(Statistics),
    /// The error of a frame that is no request, or of a request that the device cannot answer.
    Error(MessageError),
    /// The description of an output.
    Output(OutputInfo<'a>),
}

crate::wire::numbered! {
    Response<'a> {
        0 => Info(info),
        1 => Prediction(prediction),
        2 => Statistics(statistics),
        3 => Error(error),
        4 => Output(output),
    }
}

/// The description of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Info<'a> {
    /// The board's name.
    pub board: &'a str,
    /// The model's layers, as a text that [`Architecture`](crate::architecture::Architecture) parses.
    pub layers: &'a str,
    /// The number format of the weights.
    pub format: WeightFormat,
    /// The shape of a sample.
    pub input: InputShape,
    /// The number type of a sample's values.
    pub element: Element,
    /// The number of outputs.
    pub outputs: u32,
    /// The meaning of the outputs.
    pub task: TaskKind,
    /// Bytes of flash that the model takes.
    pub flash: u32,
    /// Bytes of RAM that a prediction's workspace takes, with the activations. Not counted: the received sample, and in an integer network the
    /// codes that a preparation makes of it.
    pub ram: u32,
    /// The unit that the device counts in: `instructions` or `cycles`.
    pub unit: &'a str,
}

crate::wire::fields! { Info<'a> { board, layers, format, input, element, outputs, task, flash, ram, unit } }

/// The description of a network's output.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct OutputInfo<'a> {
    /// The name of the class, label or target of the output. Empty if it has no name.
    pub name: &'a str,
    /// The unit of a target. Empty if no target of the file has a unit; `-` for a target without a unit among others with one.
    pub unit: &'a str,
    /// The scale of a regression: `target = fma(output, scale, shift)`. Other tasks have scale 1 and shift 0.
    pub scale: f32,
    /// See [`scale`](Self::scale).
    pub shift: f32,
}

crate::wire::fields! { OutputInfo<'a> { name, unit, scale, shift } }

/// The number type of a network's weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum WeightFormat {
    /// Floating-point numbers of 32 bits.
    F32,
    /// Integers of 8 bits, and sums of 32 bits.
    Int8,
    /// Weights of 4 bits with scales of 8 bits, everything else as in int8.
    Int4,
    /// Weights in f16, everything else as in float32.
    F16,
}

crate::wire::numbered! { WeightFormat { 0 => F32, 1 => Int8, 2 => Int4, 3 => F16 } }

impl fmt::Display for WeightFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "float32",
            Self::Int8 => "int8",
            Self::Int4 => "int4",
            Self::F16 => "f16",
        })
    }
}

/// A device's prediction.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Prediction<'a> {
    /// The predicted class, or 0 for a task without classes.
    pub class: u16,
    /// The most likely classes, the most likely first. Empty for a task without classes.
    pub top: Vec<Candidate, TOP>,
    /// The number of instructions or cycles ([`Info::unit`]) that the prediction took, from the input's bytes to the logits.
    pub instructions: u64,
    /// The network's output.
    pub logits: Logits<'a>,
}

crate::wire::fields! { Prediction<'a> { class, top, instructions, logits } }

/// A class that a sample may have.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Candidate {
    /// The class.
    pub class: u16,
    /// The probability of the class, 0 to 1.
    pub probability: f32,
}

crate::wire::fields! { Candidate { class, probability } }

/// The sums over the evaluated samples, since the start or the last [`Request::Reset`]. All are 0 if there was no such sample.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Statistics {
    /// The number of samples.
    pub samples: u32,
    /// The number of samples whose predicted class was their class.
    pub right: u32,
    /// The sum of the instructions or cycles ([`Info::unit`]) of the predictions of all evaluated samples.
    pub total: u64,
    /// The number of instructions or cycles ([`Info::unit`]) of the shortest prediction.
    pub min: u64,
    /// The number of instructions or cycles of the longest prediction.
    pub max: u64,
}

crate::wire::fields! { Statistics { samples, right, total, min, max } }

impl Statistics {
    /// Adds a prediction to the sums.
    pub fn add(&mut self, is_right: bool, instructions: u64) {
        self.min = if self.samples == 0 { instructions } else { self.min.min(instructions) };
        self.max = self.max.max(instructions);
        self.total = self.total.saturating_add(instructions);
        self.samples = self.samples.saturating_add(1);
        self.right = self.right.saturating_add(is_right.into());
    }

    /// Returns the mean number of instructions or cycles of a prediction, rounded down.
    pub fn mean(&self) -> u64 {
        self.total.checked_div(self.samples.into()).unwrap_or_default()
    }
}
