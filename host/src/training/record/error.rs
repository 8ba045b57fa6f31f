//! The errors of bytes that are not a record.

use super::{ENDING, FORMAT};

/// Bytes that are no record.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// They begin as something else.
    #[error("this is no record of a run: `train` writes one beside its weights, with the ending .{ENDING}")]
    Other,
    /// A newer program wrote it.
    #[error("its format has the number {0}, and this program knows {FORMAT}: take a newer one")]
    Format(u32),
    /// A line cannot be read.
    #[error("line {line}: {}; the record is damaged", problem(error))]
    Line {
        /// Its number, from 1.
        line: usize,
        /// The reason.
        error: serde_json::Error,
    },
    /// A line says what cannot be.
    #[error("line {line}: {problem}; the record is damaged")]
    Senseless {
        /// Its number, from 1.
        line: usize,
        /// The mistake.
        problem: &'static str,
    },
}

/// Returns the message of serde_json without its line number. It reads one line at a time, so the number is always 1.
fn problem(error: &serde_json::Error) -> String {
    error.to_string().replace(" at line 1 column ", " at column ")
}
