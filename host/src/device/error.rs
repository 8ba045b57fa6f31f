use std::io;

use selvedge::message::MessageError;

/// The error of a board that does not do what it is asked.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// There is no such line, or it cannot be opened.
    #[error("cannot connect to {address}: {reason}")]
    Connect {
        /// Where.
        address: String,
        /// Why not.
        reason: String,
    },
    /// The line has failed.
    #[error("the line to the board failed: {0}")]
    Line(#[source] io::Error),
    /// The other end is gone.
    #[error("the board is gone: the other end closed the connection")]
    Closed,
    /// Nothing came, or no answer among what came.
    #[error(
        "the board has not answered for {seconds} s: does it run `serve`, at this baud rate? --timeout allows more"
    )]
    Silent {
        /// How long.
        seconds: f32,
    },
    /// The board answered that it cannot.
    #[error("the board refuses the request: {0}")]
    Refused(#[source] MessageError),
    /// What came is no answer.
    #[error("the board's answer cannot be read: {0}")]
    Answer(#[source] MessageError),
    /// An answer that no board of this project gives.
    #[error("what answers is no board for this program: it says {what}")]
    Foreign {
        /// What it says.
        what: String,
    },
}
