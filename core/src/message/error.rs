use core::fmt;

use serde::{Deserialize, Serialize};

use super::VERSION;
use crate::models::{CLASSES, PIXELS};

/// Why a frame is no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum MessageError {
    /// Bytes that no frame has.
    Malformed,
    /// Bytes that were changed on the way.
    Checksum,
    /// A frame longer than any message's, or than the buffer for it.
    TooLong,
    /// Another version of the protocol.
    Version {
        /// Which.
        found: u8,
    },
    /// An image of another size.
    ImageSize {
        /// Its pixels.
        found: u32,
    },
    /// A label that names no class.
    Label {
        /// The label.
        found: u8,
    },
}

impl fmt::Display for MessageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => write!(f, "the frame is no message"),
            Self::Checksum => write!(f, "the frame was damaged on the line: its checksum is not that of its bytes"),
            Self::TooLong => write!(f, "the frame is longer than any message"),
            Self::Version { found } => {
                write!(f, "the frame is of version {found} of the protocol, this build speaks version {VERSION}")
            }
            Self::ImageSize { found } => write!(f, "the image has {found} pixels, the model takes {PIXELS}"),
            Self::Label { found } => write!(f, "the label is {found}, but there are {CLASSES} classes from 0"),
        }
    }
}

impl core::error::Error for MessageError {}
