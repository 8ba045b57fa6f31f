//! What a host and a device say to each other over a serial line: postcard messages, framed by COBS, with a checksum.
//!
//! frame = COBS(version ‖ message ‖ checksum) ‖ 0
//!
//! | part | encoding | meaning |
//! |---|---|---|
//! | version | 1 byte | [`VERSION`] |
//! | message | postcard | a [`Request`] to the device, a [`Response`] from it |
//! | checksum | u32, little-endian | CRC-32 (ISO-HDLC) of version and message |
//! | end | 1 byte | 0, which consistent overhead byte stuffing (Cheshire, Baker 1999) leaves out of all that stands before |
//!
//! A device answers each frame with one, in their order, and says nothing of itself. A frame that is no request is answered by a
//! [`MessageError`]; an empty one by nothing, so a 0 can be sent at any time to end what the line's noise began. After a 0, the next
//! frame is understood, whatever came before it.
//!
//! [`Decoder`] takes the bytes as they come, [`encode`] gives a frame's, and [`Device`] has the answers.
//!
//! ```
//! use selvedge::message::{Decoder, REQUEST_LEN, Request, encode};
//!
//! let mut buffer = [0; REQUEST_LEN];
//! let frame = encode(&Request::Statistics, &mut buffer).unwrap();
//! let mut decoder = Decoder::<REQUEST_LEN>::new();
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
use serde::{Deserialize, Serialize};

use crate::models::PIXELS;

pub use device::Device;
pub use error::MessageError;
pub use frame::{Decoder, encode};
pub use logits::Logits;

/// The protocol's version that this build speaks.
pub const VERSION: u8 = 1;

/// How many candidates a [`Prediction`] has.
pub const TOP: usize = 3;

/// The most bytes of text in an [`Info`].
pub const TEXT_LEN: usize = 400;

/// The longest request's frame: a label with its image.
pub const REQUEST_LEN: usize = frame::len(1 + 2 + PIXELS + 1);

/// The longest response's frame: an [`Info`].
pub const RESPONSE_LEN: usize = frame::len(64 + TEXT_LEN);

/// What a device is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Request<'a> {
    /// What it is: [`Response::Info`].
    Info,
    /// An image's class: [`Response::Prediction`].
    Predict {
        /// 28 rows of 28 shades.
        image: &'a [u8],
    },
    /// The same of an image whose class is known, which goes into the [`Statistics`].
    Evaluate {
        /// 28 rows of 28 shades.
        image: &'a [u8],
        /// Its class.
        label: u8,
    },
    /// What the evaluated images came to: [`Response::Statistics`].
    Statistics,
    /// To count from 0 again: [`Response::Statistics`], all of them 0.
    Reset,
}

/// What a device answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Response<'a> {
    /// What the device is.
    #[serde(borrow)]
    Info(Info<'a>),
    /// What it made of an image.
    Prediction(Prediction),
    /// What the evaluated images came to.
    Statistics(Statistics),
    /// Why the frame was no request.
    Error(MessageError),
}

/// What a device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Info<'a> {
    /// The board's name.
    pub board: &'a str,
    /// The model's layers, as [`Architecture`](crate::architecture::Architecture) reads them.
    pub layers: &'a str,
    /// What the model's weights are.
    pub format: Format,
    /// Pixels of an image.
    pub pixels: u32,
    /// Classes.
    pub classes: u32,
    /// Bytes of flash that the model takes.
    pub flash: u32,
    /// Bytes of RAM that a prediction's input and activations take.
    pub ram: u32,
    /// What the device counts: `instructions` or `cycles`.
    pub unit: &'a str,
}

/// What a network's weights are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Format {
    /// Floating-point numbers of 32 bits.
    Float32,
    /// Integers of 8 bits, and sums of 32.
    Int8,
    /// Weights of 4 bits with scales of 8, all else as in int8.
    Int4,
    /// Weights of 16 bits, all else as in float32.
    Float16,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Float32 => "float32",
            Self::Int8 => "int8",
            Self::Int4 => "int4",
            Self::Float16 => "float16",
        })
    }
}

/// What a device made of an image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Prediction {
    /// The class.
    pub class: u8,
    /// The likeliest classes, the likeliest first.
    pub top: Vec<Candidate, TOP>,
    /// The [unit](Info::unit)s that it took, from the pixels to the logits.
    pub instructions: u64,
    /// The network's output.
    pub logits: Logits,
}

/// A class that an image may have.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Candidate {
    /// The class.
    pub class: u8,
    /// How likely it is, 0 to 1.
    pub probability: f32,
}

/// What the evaluated images came to, since the start or the last [`Request::Reset`]. All is 0 where there was none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Statistics {
    /// Images.
    pub images: u32,
    /// Those whose class was their label.
    pub right: u32,
    /// The [unit](Info::unit)s of all their predictions.
    pub total: u64,
    /// Those of the shortest.
    pub min: u64,
    /// Those of the longest.
    pub max: u64,
}

impl Statistics {
    /// Takes a prediction in.
    pub fn add(&mut self, is_right: bool, instructions: u64) {
        self.min = if self.images == 0 { instructions } else { self.min.min(instructions) };
        self.max = self.max.max(instructions);
        self.total = self.total.saturating_add(instructions);
        self.images = self.images.saturating_add(1);
        self.right = self.right.saturating_add(is_right.into());
    }

    /// The [unit](Info::unit)s of a prediction on average, rounded down.
    pub fn mean(&self) -> u64 {
        self.total.checked_div(self.images.into()).unwrap_or_default()
    }
}
