use std::io;

use selvedge::message::MessageError;

/// The error of a board that does not do what it is asked.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// There is no such line, or it cannot be opened.
    #[error("cannot connect to {address}: {reason}")]
    Connect {
        /// The address.
        address: String,
        /// The reason.
        reason: String,
    },
    /// The line has failed.
    #[error("the line to the board failed: {0}")]
    Line(#[source] io::Error),
    /// The other end has closed the line.
    #[error("the board is gone: the other end closed the connection")]
    Closed,
    /// The board sent nothing, or nothing that is an answer.
    #[error(
        "the board has not answered for {seconds} s: does it run `serve`, at this baud rate? --timeout allows more"
    )]
    Silent {
        /// The time that the host waited, in seconds.
        seconds: f32,
    },
    /// The board answered with an error.
    #[error("the board refuses the request: {0}")]
    Refused(#[source] MessageError),
    /// The received bytes are no answer.
    #[error("the board's answer cannot be read: {0}")]
    Answer(#[source] MessageError),
    /// The answer is not one of a board of this project.
    #[error("the device that answers is no board for this program: it sent {what}")]
    Foreign {
        /// The content of the answer.
        what: String,
    },
}
