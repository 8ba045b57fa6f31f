//! A record's file, with one JSON object on each line. Only an incomplete last line is allowed.

use std::io;

use serde::{Deserialize, Serialize};
use trainer::stray::RUN_RECORD;

use super::{End, EpochLine, FORMAT, Head, MAX_STEPS, Record, RecordError, Saved, Span};

/// A line of a record.
#[derive(Debug, Serialize)]
#[serde(tag = "line", rename_all = "lowercase")]
enum Line {
    Run(Head),
    Steps(Span),
    Epoch(EpochLine),
    Saved(Saved),
    End(End),
}

impl Line {
    /// Reads a line: its kind, then the rest. serde can do both at once, but then reads no numbers if serde_json has its feature
    /// `arbitrary_precision`.
    fn read(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "lowercase")]
        enum Kind {
            Run,
            Steps,
            Epoch,
            Saved,
            End,
        }
        #[derive(Deserialize)]
        struct Tag {
            line: Kind,
        }
        match serde_json::from_slice::<Tag>(bytes)?.line {
            Kind::Run => serde_json::from_slice(bytes).map(Self::Run),
            Kind::Steps => serde_json::from_slice(bytes).map(Self::Steps),
            Kind::Epoch => serde_json::from_slice(bytes).map(Self::Epoch),
            Kind::Saved => serde_json::from_slice(bytes).map(Self::Saved),
            Kind::End => serde_json::from_slice(bytes).map(Self::End),
        }
    }
}

impl Record {
    /// Reads a record. A last line that is not complete is left out.
    ///
    /// # Errors
    ///
    /// [`RecordError`] for bytes that are not a record.
    pub fn parse(bytes: &[u8]) -> Result<Self, RecordError> {
        if !bytes.starts_with(RUN_RECORD) {
            return Err(RecordError::Other);
        }
        let is_whole = bytes.ends_with(b"\n");
        let mut lines = bytes.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()).zip(1..).peekable();
        let read = |(bytes, line): (&[u8], usize)| -> Result<Line, RecordError> {
            Line::read(bytes).map_err(|error| RecordError::Line { line, error })
        };
        let first = lines.next().ok_or(RecordError::Other)?;
        // A later format may have other keys.
        if let Ok(Number { format }) = serde_json::from_slice(first.0)
            && format != FORMAT
        {
            return Err(RecordError::Format(format));
        }
        let Line::Run(head) = read(first)? else { return Err(RecordError::Other) };
        let mut record = Self::new(head);
        check(record.head.is_sound(), 1, "a run's numbers cannot be 0 or so large")?;
        while let Some(next) = lines.next() {
            let number = next.1;
            let line = match read(next) {
                Err(_) if !is_whole && lines.peek().is_none() => break,
                line => line?,
            };
            record.add(line, number)?;
        }
        Ok(record)
    }

    fn add(&mut self, line: Line, number: usize) -> Result<(), RecordError> {
        match line {
            Line::Run(_) => check(false, number, "a second run begins here")?,
            Line::Steps(span) => {
                let before = self.spans.last().map_or(0, |span| span.step);
                let is_next = span.step > before && span.steps > 0 && span.steps <= span.step - before;
                check(is_next && span.step <= MAX_STEPS, number, "its steps do not follow those before")?;
                self.spans.push(span);
            }
            Line::Epoch(epoch) => {
                let before = self.epochs.last().map_or(0, |epoch| epoch.epoch);
                let is_next = epoch.epoch > before && epoch.step <= MAX_STEPS;
                check(is_next, number, "its epoch does not follow the one before")?;
                self.epochs.push(epoch);
            }
            Line::Saved(saved) => self.saved.push(saved),
            Line::End(end) => {
                check(end.steps <= MAX_STEPS, number, "a run has fewer steps")?;
                self.end = Some(end);
            }
        }
        Ok(())
    }

    /// Writes all lines.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if they cannot be written.
    pub fn write(&self, file: &mut dyn io::Write) -> io::Result<()> {
        let mut line = |line: &Line| -> io::Result<()> {
            serde_json::to_writer(&mut *file, line)?;
            file.write_all(b"\n")
        };
        line(&Line::Run(self.head.clone()))?;
        self.spans.iter().try_for_each(|span| line(&Line::Steps(*span)))?;
        self.epochs.iter().try_for_each(|epoch| line(&Line::Epoch(epoch.clone())))?;
        self.saved.iter().try_for_each(|saved| line(&Line::Saved(*saved)))?;
        self.end.iter().try_for_each(|end| line(&Line::End(end.clone())))
    }
}

/// The number of a record's format. Other fields are ignored.
#[derive(Deserialize)]
struct Number {
    format: u32,
}

fn check(holds: bool, line: usize, problem: &'static str) -> Result<(), RecordError> {
    if holds { Ok(()) } else { Err(RecordError::Senseless { line, problem }) }
}
