use core::fmt;

use super::VERSION;

/// The error of a frame that is no message, or of a request that cannot be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum MessageError {
    /// The bytes are not a valid frame, or the frame contains no message.
    Malformed,
    /// The bytes were changed on the way.
    Checksum,
    /// The frame is longer than the buffer of the reader or the writer.
    TooLong,
    /// The message has another version of the protocol.
    Version {
        /// The version of the message.
        found: u8,
    },
    /// The input does not have the size of the model's input.
    InputSize {
        /// The number of bytes that the model takes.
        expected: u32,
        /// The number of bytes that came.
        found: u32,
    },
    /// The class, or the output's place in a request, is not below the number of outputs.
    Output {
        /// The number.
        found: u16,
        /// The number of the model's outputs.
        outputs: u32,
    },
    /// The request has a class, but the model's outputs are no classes.
    NoClasses,
}

crate::wire::numbered! {
    MessageError {
        0 => Malformed,
        1 => Checksum,
        2 => TooLong,
        3 => Version { found },
        4 => InputSize { expected, found },
        5 => Output { found, outputs },
        6 => NoClasses,
    }
}

impl fmt::Display for MessageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => write!(f, "the frame is no message"),
            Self::Checksum => write!(f, "the frame was damaged on the line: its checksum is not that of its bytes"),
            Self::TooLong => write!(f, "the frame is longer than the buffer for it"),
            Self::Version { found } => {
                write!(f, "the frame is of version {found} of the protocol, this build speaks version {VERSION}")
            }
            Self::InputSize { expected, found } => write!(f, "the input has {found} bytes, the model takes {expected}"),
            Self::Output { found, outputs } => write!(f, "the output is {found}, but there are {outputs} from 0"),
            Self::NoClasses => write!(f, "a class came, but the model's outputs are no classes"),
        }
    }
}

impl core::error::Error for MessageError {}
