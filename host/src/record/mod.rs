//! The record of a run has all that a report of the run needs. It is a file of JSON lines beside the weights.
//!
//! The first line is the run's [`Head`]. Then comes a line for each span of steps, for each epoch, and for each of the last two steps after which
//! the run was saved. The last line is its [`End`]. A span is a number of steps for which one loss is stored. A new run has at most [`SPANS`] spans
//! and at most [`SPANS`] + 1 stored epochs. A resumed run that became longer may have twice as many. docs/report.md has the keys.

mod error;
mod file;
mod lines;
#[cfg(test)]
pub(crate) mod tests;

pub use self::{
    error::RecordError,
    lines::{Data, End, EpochLine, Head, Metrics, Saved, Span},
};
use crate::training::Progress;

/// The number of the format.
pub const FORMAT: u32 = 1;
/// The ending of a record's name.
pub const ENDING: &str = "run.jsonl";
/// The largest number of spans of a new run. A new run stores at most one epoch more than this number. See [`Record::thin`].
pub const SPANS: u64 = 1000;
/// The largest number of bytes of a record that is read.
pub const MAX_BYTES: u64 = 8 << 20;
/// The largest number of steps of a run in a record, so that all are exact as binary64.
pub const MAX_STEPS: u64 = 1 << 53;

/// The record of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// The run.
    pub head: Head,
    /// The steps' losses, span after span.
    pub spans: Vec<Span>,
    /// The epochs, and the tests after them.
    pub epochs: Vec<EpochLine>,
    /// The last places where the run was saved, at most two.
    pub saved: Vec<Saved>,
    /// The end. `None` for a run that goes on, or that was ended from outside.
    pub end: Option<End>,
}

impl Record {
    /// Returns the record of a new run.
    pub fn new(head: Head) -> Self {
        Self { head, spans: Vec::new(), epochs: Vec::new(), saved: Vec::new(), end: None }
    }

    /// Keeps the parts of the record up to this place, when a run is resumed. The resumed run adds the rest again.
    pub fn truncate(&mut self, progress: &Progress) {
        self.spans.retain(|span| span.step <= progress.steps);
        self.epochs.retain(|epoch| epoch.epoch <= progress.epochs && epoch.step <= progress.steps);
        self.saved.retain(|saved| saved.step <= progress.steps);
        self.end = None;
    }

    /// Joins neighbouring spans and leaves out epochs, so that a run of this number of steps has at most twice [`SPANS`] spans, and at most one epoch
    /// more than that.
    pub fn thin(&mut self, steps: u64) {
        while steps.min(MAX_STEPS).div_ceil(self.head.span) > 2 * SPANS {
            self.head.span *= 2;
            let span = self.head.span;
            let mut joined: Vec<Span> = Vec::new();
            for next in self.spans.drain(..) {
                match joined.last_mut().filter(|last| last.step.div_ceil(span) == next.step.div_ceil(span)) {
                    Some(last) => *last = last.joined(&next),
                    None => joined.push(next),
                }
            }
            self.spans = joined;
        }
        let epochs = steps.div_ceil(self.head.steps_in_epoch).min(u32::MAX.into());
        while epochs.div_ceil(self.head.every.into()) > 2 * SPANS {
            self.head.every *= 2;
            let every = self.head.every;
            self.epochs.retain(|epoch| epoch.epoch.is_multiple_of(every) || epoch.epoch == 1);
        }
    }

    /// Adds an epoch. It replaces the last one if that one is not to be stored.
    pub fn push(&mut self, epoch: EpochLine) {
        let every = self.head.every;
        if self.epochs.last().is_some_and(|last| !last.epoch.is_multiple_of(every) && last.epoch > 1) {
            self.epochs.pop();
        }
        self.epochs.push(epoch);
    }
}
