//! A run's record: what a report of it needs, as one JSON object a line, beside the weights.
//!
//! The first line is the run's [`Head`]. Then comes a line for each span of steps and for each epoch, and where the run was saved. The last line is its
//! [`End`]. A long run's steps are in [`SPANS`] spans at most, and as many of its epochs are kept. docs/report.md has the keys.

use std::io;

use serde::{Deserialize, Serialize};

use super::{Epoch, Progress};
use crate::evaluation::{Answers, Evaluation};

/// The number of the format.
pub const FORMAT: u32 = 1;
/// The bytes that a record begins with.
pub const BEGINNING: &[u8] = b"{\"line\":\"run\"";
/// The ending of a record's name.
pub const ENDING: &str = "run.jsonl";
/// The most spans of a run, and the most epochs that are kept of it.
pub const SPANS: u64 = 1000;
/// The most bytes of a record that is read.
pub const MAX_BYTES: u64 = 8 << 20;
/// The most classes whose names are kept, and the most targets whose errors are.
const MAX_CLASSES: usize = 1000;
const MAX_TARGETS: usize = 16;
/// The most steps of a run in a record, so that all are exact as binary64.
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
    /// The places where the run was saved last.
    pub saved: Vec<Saved>,
    /// The end; none of a run that goes on, or was ended.
    pub end: Option<End>,
}

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
    /// Reads a line: its kind, then the rest. serde does both at once, but no numbers then where serde_json has its feature `arbitrary_precision`.
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

/// The settings and the samples that decide a run.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Head {
    /// The number of the format.
    pub format: u32,
    /// The program's version.
    pub version: String,
    /// The commands that make the run, one after the other: the first, and those that gave it another length.
    pub commands: Vec<String>,
    /// The processor and the engine.
    pub processor: String,
    /// The recipe as a file.
    pub recipe: String,
    /// The layers, as `--layers` takes them.
    pub layers: String,
    /// The seed.
    pub seed: u64,
    /// Steps of an epoch.
    pub steps_in_epoch: u64,
    /// Steps of a span.
    pub span: u64,
    /// Of so many epochs one is kept, and the last.
    pub every: u32,
    /// The samples.
    pub data: Data,
}

/// The identity of the samples.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Data {
    /// The set's name.
    pub name: String,
    /// The options that named it, without their dashes, and their values.
    pub options: Vec<[String; 2]>,
    /// SHA-256 of the training samples with those that are held out for validation, and their labels.
    pub sha256: String,
    /// The same of the test samples.
    pub test_sha256: String,
    /// Training samples with those that are held out for validation.
    pub samples: u64,
    /// Those that are held out.
    pub validation: u64,
    /// Test samples.
    pub test: u64,
    /// A sample's values.
    pub features: u64,
    /// An image's sizes, outermost first; none of other samples.
    pub image: Vec<u32>,
    /// The names of the classes, labels or targets, of at most a thousand.
    pub classes: Vec<String>,
    /// `classification`, `multi-label` or `regression`.
    pub task: String,
    /// The targets' units.
    pub units: Vec<String>,
}

/// Steps of which one loss is kept.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Span {
    /// The number of the last step.
    pub step: u64,
    /// The number of steps.
    pub steps: u64,
    /// The mean of the steps' losses.
    pub loss: f64,
    /// The last step's learning rate.
    pub learning_rate: f64,
}

/// An epoch.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct EpochLine {
    /// Its number, from 1.
    pub epoch: u32,
    /// Steps of the run so far.
    pub step: u64,
    /// Seconds of training so far, without the tests.
    pub seconds: f64,
    /// The test.
    pub test: Metrics,
    /// The test on the validation samples.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<Metrics>,
}

/// A task's metrics: an accuracy; or an accuracy of labels and F1; or R² and each target's mean absolute error.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Metrics {
    /// The mean loss.
    pub loss: f64,
    /// The accuracy, of classes or of labels, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
    /// The mean F1 of the labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub f1: Option<f64>,
    /// The mean R² of the targets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r2: Option<f64>,
    /// The mean absolute errors of the first targets, in their units.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mae: Vec<f64>,
}

/// A place where the run was saved, in the midst of a span: a run that goes on from there ends the same span.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Saved {
    /// The last step.
    pub step: u64,
    /// Steps of the span so far.
    pub steps: u64,
    /// The sum of their losses.
    pub loss_sum: f64,
    /// The last step's learning rate.
    pub learning_rate: f64,
    /// Seconds of training so far.
    pub seconds: f64,
}

/// The end of a run.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct End {
    /// Epochs done.
    pub epochs: u32,
    /// Steps taken.
    pub steps: u64,
    /// Seconds of training.
    pub seconds: f64,
    /// The weights' hash.
    pub weights_sha256: String,
    /// The test of the weights that were saved.
    pub test: Metrics,
}

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
    #[error("line {line}: {error}; the record is damaged")]
    Line {
        /// Its number, from 1.
        line: usize,
        /// Why.
        error: serde_json::Error,
    },
    /// A line says what cannot be.
    #[error("line {line}: {problem}; the record is damaged")]
    Senseless {
        /// Its number, from 1.
        line: usize,
        /// What.
        problem: &'static str,
    },
}

impl Record {
    /// The record of a run that begins.
    pub fn new(head: Head) -> Self {
        Self { head, spans: Vec::new(), epochs: Vec::new(), saved: Vec::new(), end: None }
    }

    /// Reads a record. A last line that was not written to its end is left out.
    ///
    /// # Errors
    ///
    /// [`RecordError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, RecordError> {
        if !bytes.starts_with(BEGINNING) {
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
    /// [`io::Error`] where they cannot be written.
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

    /// Keeps what a run says that goes on from here; the rest it will say again.
    pub fn truncate(&mut self, progress: &Progress) {
        self.spans.retain(|span| span.step <= progress.steps);
        self.epochs.retain(|epoch| epoch.epoch <= progress.epochs && epoch.step <= progress.steps);
        self.saved.retain(|saved| saved.step <= progress.steps);
        self.end = None;
    }

    /// Joins neighbouring spans, and leaves out epochs, until a run of so many steps and epochs has no more than twice [`SPANS`] of each.
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

    /// Adds an epoch in the place of the last one where that is not kept.
    pub fn push(&mut self, epoch: EpochLine) {
        let every = self.head.every;
        if self.epochs.last().is_some_and(|last| !last.epoch.is_multiple_of(every) && last.epoch > 1) {
            self.epochs.pop();
        }
        self.epochs.push(epoch);
    }
}

/// The number of a format, whatever else there is.
#[derive(Deserialize)]
struct Number {
    format: u32,
}

fn check(holds: bool, line: usize, problem: &'static str) -> Result<(), RecordError> {
    if holds { Ok(()) } else { Err(RecordError::Senseless { line, problem }) }
}

impl Head {
    fn is_sound(&self) -> bool {
        let steps = [self.steps_in_epoch, self.span];
        let samples = [self.data.samples, self.data.validation, self.data.test, self.data.features];
        steps.iter().all(|steps| (1..=MAX_STEPS).contains(steps))
            && samples.iter().all(|count| *count <= MAX_STEPS)
            && self.every > 0
    }

    /// Tells whether both are of one run: the same layers, samples and seed.
    pub fn is_of_run(&self, other: &Self) -> bool {
        let parts = |head: &Self| (head.layers.clone(), head.data.sha256.clone(), head.seed, head.steps_in_epoch);
        parts(self) == parts(other)
    }
}

impl Data {
    /// The names of the first classes.
    pub fn first_names<T: Into<String>>(names: impl Iterator<Item = T>) -> Vec<String> {
        names.take(MAX_CLASSES).map(Into::into).collect()
    }
}

impl Span {
    fn joined(&self, next: &Self) -> Self {
        let steps = self.steps + next.steps;
        let sum = self.loss * self.steps as f64 + next.loss * next.steps as f64;
        Self { steps, loss: sum / steps as f64, ..*next }
    }
}

impl EpochLine {
    /// An epoch's line, after so many seconds of training.
    pub fn new(epoch: &Epoch, seconds: f64) -> Self {
        let validation = epoch.validation.as_ref().map(Metrics::of);
        Self { epoch: epoch.number + 1, step: epoch.steps, seconds, test: Metrics::of(&epoch.test), validation }
    }
}

impl Metrics {
    /// The metrics of an evaluation.
    pub fn of(evaluation: &Evaluation) -> Self {
        // JSON has no infinity.
        let finite = |value: f64| if value.is_nan() { 0.0 } else { value.clamp(f64::MIN, f64::MAX) };
        let metrics = Self { loss: finite(evaluation.loss), ..Self::default() };
        match &evaluation.answers {
            Answers::Classes(answers) => Self { accuracy: Some(finite(answers.accuracy())), ..metrics },
            Answers::Labels(answers) => {
                Self { accuracy: Some(finite(answers.accuracy())), f1: Some(finite(answers.f1())), ..metrics }
            }
            Answers::Values(answers) => {
                let mae = answers.targets().iter().take(MAX_TARGETS).map(|target| finite(target.mae)).collect();
                Self { r2: Some(finite(answers.r2())), mae, ..metrics }
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The record of a run of four steps in two epochs.
    pub(crate) fn example() -> Record {
        let data = Data {
            name: "builtin".into(),
            options: vec![["data".into(), "builtin".into()]],
            sha256: "00".repeat(32),
            test_sha256: "11".repeat(32),
            samples: 8,
            validation: 0,
            test: 4,
            features: 784,
            image: vec![1, 28, 28],
            classes: vec!["<b>&\"a\"".into(), "b".into()],
            task: "classification".into(),
            units: Vec::new(),
        };
        let head = Head {
            format: FORMAT,
            version: "0.1.0".into(),
            commands: vec!["selvedge train --data builtin".into()],
            processor: "cpu device".into(),
            recipe: "lr = 0.1\n".into(),
            layers: "784,16,10".into(),
            seed: 0,
            steps_in_epoch: 2,
            span: 1,
            every: 1,
            data,
        };
        let test = Metrics { loss: 0.5, accuracy: Some(0.75), ..Metrics::default() };
        let mut record = Record::new(head);
        record.spans =
            (1..=4).map(|step| Span { step, steps: 1, loss: 1.0 / step as f64, learning_rate: 0.1 }).collect();
        record.epochs = (1..=2)
            .map(|epoch| EpochLine {
                epoch,
                step: 2 * u64::from(epoch),
                seconds: epoch.into(),
                test: test.clone(),
                validation: None,
            })
            .collect();
        record.saved = vec![Saved { step: 3, steps: 1, loss_sum: 0.1, learning_rate: 0.1, seconds: 1.5 }];
        record.end = Some(End { epochs: 2, steps: 4, seconds: 2.0, weights_sha256: "ab".repeat(32), test });
        record
    }

    pub(crate) fn bytes(record: &Record) -> Vec<u8> {
        let mut bytes = Vec::new();
        record.write(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn what_is_written_is_read() {
        let record = example();
        let bytes = bytes(&record);
        assert!(bytes.starts_with(BEGINNING), "{}", String::from_utf8_lossy(&bytes));
        assert_eq!(Record::parse(&bytes).unwrap(), record);
    }

    #[test]
    fn a_line_that_was_cut_off_is_left_out_and_any_other_is_an_error() {
        let record = example();
        let bytes = bytes(&record);
        let cut = Record::parse(&bytes[..bytes.len() - 5]).unwrap();
        assert_eq!(cut, Record { end: None, ..record.clone() });
        let text = String::from_utf8(bytes).unwrap();
        for (from, to, words) in [
            ("\"step\":2", "\"step\":9", "line 4: its steps do not follow"),
            ("\"loss\":1.0", "\"loss\":null", "line 2: "),
            ("\"loss\":1.0", "\"loss\":1e999", "line 2: "),
            ("\"format\":1", "\"format\":7", "the number 7"),
            ("\"span\":1", "\"span\":0", "line 1: a run's numbers"),
            ("\"line\":\"steps\"", "\"line\":\"run\"", "line 2: "),
            ("\"line\":\"run\"", "\"line\":\"ran\"", "no record of a run"),
        ] {
            let error = Record::parse(text.replacen(from, to, 1).as_bytes()).unwrap_err().to_string();
            assert!(error.contains(words), "{from}: {error}");
        }
    }

    #[test]
    fn a_run_that_goes_on_says_nothing_twice() {
        let mut record = example();
        record.truncate(&Progress { steps: 3, epochs: 1, ..Progress::default() });
        assert_eq!((record.spans.len(), record.epochs.len(), record.saved.len(), record.end), (3, 1, 1, None));
    }

    #[test]
    fn a_longer_run_has_longer_spans() {
        let mut record = example();
        record.thin(4 * SPANS);
        assert_eq!((record.head.span, record.head.every), (2, 1));
        let losses: Vec<_> = record.spans.iter().map(|span| (span.step, span.steps, span.loss)).collect();
        assert_eq!(losses, [(2, 2, 0.75), (4, 2, (1.0 / 3.0 + 0.25) / 2.0)]);
        record.thin(u64::MAX);
        assert_eq!((record.spans.len(), record.epochs.len()), (1, 1));
    }

    #[test]
    fn the_last_epoch_is_always_there() {
        let mut record = example();
        record.head.every = 4;
        let epochs = record.epochs.drain(..).next().unwrap();
        (1..=10).for_each(|epoch| record.push(EpochLine { epoch, ..epochs.clone() }));
        assert_eq!(record.epochs.iter().map(|epoch| epoch.epoch).collect::<Vec<_>>(), [1, 4, 8, 10]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_record_or_an_error(place in 0_usize..2000, byte: u8, cut in 0_usize..3000) {
            let mut bytes = bytes(&example());
            let len = bytes.len();
            bytes[place % len] = byte;
            bytes.truncate(cut);
            let _ = Record::parse(&bytes);
        }
    }
}
