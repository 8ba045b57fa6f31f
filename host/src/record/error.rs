//! The errors of bytes that are not a record.

use super::{ENDING, FORMAT};

/// The error of bytes that are not a record.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The bytes do not begin as a record does.
    #[error("this is no record of a run: `train` writes one beside its weights, with the ending .{ENDING}")]
    Other,
    /// A newer program wrote the record.
    #[error("its format has the number {0}, and this program knows {FORMAT}: use a newer version of this program")]
    Format(u32),
    /// A line cannot be read.
    #[error("line {line}: {}; the record is damaged", problem(error))]
    Line {
        /// The line's number, from 1.
        line: usize,
        /// The reason.
        error: serde_json::Error,
    },
    /// A line has a value that is not possible.
    #[error("line {line}: {problem}; the record is damaged")]
    Senseless {
        /// The line's number, from 1.
        line: usize,
        /// The mistake.
        problem: &'static str,
    },
}

/// Returns the message of serde_json without the line number. It reads one line at a time, so the number is always 1.
fn problem(error: &serde_json::Error) -> String {
    error.to_string().replace(" at line 1 column ", " at column ")
}
