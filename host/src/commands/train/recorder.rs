//! The record of a run as it goes. It is kept in memory, and its file is written whole: at the start, each time the run is saved, at the end, and
//! now and then after an epoch. After the first step, an error in writing it does not end the run.

use std::{
    env,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use crate::{
    commands::note,
    data::Dataset,
    evaluation::Evaluation,
    files,
    record::{self, Data, End, EpochLine, FORMAT, Head, MAX_STEPS, Metrics, Record, SPANS, Saved, Span},
    training::{self, Epoch, Length, Progress, Step, TrainingOptions},
    weights::hex,
};
use anyhow::Result;
use options::commands::Train;
use selvedge::shape::InputShape;

use super::{
    command::{NAME, quoted},
    summary::Best,
};

/// The least time between two writings after epochs.
const PAUSE: Duration = Duration::from_secs(10);
/// The number of save places that the record keeps. Two are needed: the older checkpoint stays on the disk until the newer one is complete.
const SAVED: usize = 2;
/// The bytes of a span's line, of an epoch's and of the others, about.
const SPAN_BYTES: u64 = 110;
const EPOCH_BYTES: u64 = 250;
const OTHER_BYTES: u64 = 4 << 10;

/// Records a run.
pub struct Recorder {
    path: PathBuf,
    record: Record,
    best: Option<Best>,
    /// The steps of the span that has begun, the sum of their losses, and the last step's number and learning rate.
    steps: u64,
    loss_sum: f64,
    last: u64,
    learning_rate: f64,
    /// Seconds of training to the end of the last epoch, and the start of this one.
    seconds: f64,
    epoch_began: Instant,
    written: Instant,
    /// True after a note has said that the file cannot be written.
    is_lost: bool,
}

/// The run that is recorded.
pub struct Run<'a> {
    pub options: &'a Train,
    pub with: &'a TrainingOptions,
    /// The recipe as a file, and the layers as `--layers` takes them.
    pub texts: [&'a str; 2],
    /// Training samples, with those that are held out.
    pub samples: u32,
    pub data: &'a Dataset,
    pub processor: String,
}

impl Run<'_> {
    /// Returns the approximate number of bytes of the run's record, to check the space on the disk.
    pub fn room(&self) -> u64 {
        let steps = training::steps_in_run(self.data.train.len(), self.with);
        let epochs = steps.div_ceil(training::steps_in_epoch(self.data.train.len(), self.with).max(1));
        SPAN_BYTES * steps.min(SPANS) + EPOCH_BYTES * epochs.min(SPANS) + OTHER_BYTES
    }

    /// Returns the run's head.
    pub fn head(&self) -> Head {
        let Self { options, with, texts: [recipe, layers], samples, data, ref processor } = *self;
        let steps_in_epoch = training::steps_in_epoch(data.train.len(), with).max(1);
        let steps = training::steps_in_run(data.train.len(), with).max(1);
        let epochs = match with.length {
            Length::Epochs(epochs) => epochs.into(),
            Length::Steps(steps) => steps.div_ceil(steps_in_epoch),
        };
        let given = options.data.given().into_iter();
        let image = match data.input {
            InputShape::Image { .. } => data.input.sizes().collect(),
            InputShape::Features(_) => Vec::new(),
        };
        Head {
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION").into(),
            commands: vec![typed()],
            processor: processor.clone(),
            recipe: recipe.into(),
            layers: layers.into(),
            seed: with.seed,
            steps_in_epoch: steps_in_epoch.min(MAX_STEPS),
            span: steps.min(MAX_STEPS).div_ceil(SPANS),
            every: epochs.div_ceil(SPANS).min(u32::MAX.into()).max(1) as u32,
            data: Data {
                name: data.name.clone(),
                options: given.map(|(name, value)| [name.into(), value.to_string_lossy().into_owned()]).collect(),
                sha256: hex(&data.checksum),
                test_sha256: hex(&data.test.checksum()),
                samples: samples.into(),
                validation: data.validation.as_ref().map_or(0, |part| part.len() as u64),
                test: data.test.len() as u64,
                features: data.input.features() as u64,
                image,
                classes: Data::first_names(data.classes.all()),
                task: data.task.get().kind().name().into(),
                units: Data::first_names(data.target_units.iter()),
            },
        }
    }
}

/// Returns the command as it was typed.
fn typed() -> String {
    let program = env::var(NAME).unwrap_or_else(|_| "selvedge".into());
    let arguments = env::args_os().skip(1).map(|argument| quoted(&argument));
    [program].into_iter().chain(arguments).collect::<Vec<_>>().join(" ")
}

impl Recorder {
    /// Begins the record of a run at this place, and writes it. A resumed run continues its earlier record, which is at `path` or beside the
    /// checkpoint.
    pub fn begin(path: &Path, checkpoint: &Path, run: &Run<'_>, progress: &Progress) -> Result<Self> {
        let head = run.head();
        let places = [path.to_owned(), checkpoint.with_extension(record::ENDING)];
        let before = (progress.steps > 0).then(|| places.iter().find_map(|place| earlier(place, &head))).flatten();
        let mut record = before.unwrap_or_else(|| Record::new(head.clone()));
        record.truncate(progress);
        if record.head.recipe != head.recipe {
            record.head.commands.extend(head.commands);
            record.head.recipe = head.recipe;
        }
        record.thin(training::steps_in_run(run.data.train.len(), run.with));
        let best = record.epochs.iter().map(Best::of).reduce(Best::or);
        let seconds = record.epochs.last().map_or(0.0, |epoch| epoch.seconds);
        let now = Instant::now();
        let mut recorder = Self {
            path: path.into(),
            record,
            best,
            steps: 0,
            loss_sum: 0.0,
            last: progress.steps,
            learning_rate: 0.0,
            seconds,
            epoch_began: now,
            written: now,
            is_lost: false,
        };
        recorder.reopen(progress.steps);
        recorder.write()?;
        Ok(recorder)
    }

    /// Goes on with the span in which the run was saved.
    fn reopen(&mut self, step: u64) {
        let span = self.record.head.span;
        let is_open = !step.is_multiple_of(span);
        let last = self.record.spans.pop_if(|last| is_open && last.step == step);
        let saved = self.record.saved.iter().find(|saved| saved.step == step);
        if let Some(saved) = saved {
            self.seconds = saved.seconds;
            self.learning_rate = saved.learning_rate;
        }
        match (saved, last) {
            // Spans that were joined have more steps than what was saved in one.
            (Some(saved), _) if is_open && saved.steps == step % span => {
                (self.steps, self.loss_sum) = (saved.steps, saved.loss_sum);
            }
            (_, Some(last)) => {
                (self.steps, self.loss_sum) = (last.steps, last.loss * last.steps as f64);
                self.learning_rate = last.learning_rate;
            }
            _ => {}
        }
    }

    /// An epoch begins.
    pub fn epoch_begins(&mut self) {
        self.epoch_began = Instant::now();
    }

    /// A step was taken.
    pub fn step(&mut self, step: &Step) {
        self.steps += 1;
        self.loss_sum += f64::from(step.loss);
        (self.last, self.learning_rate) = (step.number, step.learning_rate);
        if step.number.is_multiple_of(self.record.head.span) {
            self.end_span();
        }
    }

    fn end_span(&mut self) {
        if self.steps > 0 {
            let loss = self.loss_sum / self.steps as f64;
            let Self { last: step, steps, learning_rate, .. } = *self;
            self.record.spans.push(Span { step, steps, loss, learning_rate });
        }
        (self.steps, self.loss_sum) = (0, 0.0);
    }

    /// The run is about to be saved.
    pub fn save(&mut self) {
        self.mark(self.seconds + self.epoch_began.elapsed().as_secs_f64());
        self.try_to_write();
    }

    /// Notes that the run is saved here.
    fn mark(&mut self, seconds: f64) {
        let Self { last: step, steps, loss_sum, learning_rate, .. } = *self;
        let saved = &mut self.record.saved;
        saved.retain(|saved| saved.step != step);
        saved.push(Saved { step, steps, loss_sum, learning_rate, seconds });
        let extra = saved.len().saturating_sub(SAVED);
        saved.drain(..extra);
    }

    /// An epoch has ended.
    pub fn epoch_ends(&mut self, epoch: &Epoch) {
        self.seconds += epoch.training.as_secs_f64();
        let line = EpochLine::new(epoch, self.seconds);
        let this = Best::of(&line);
        self.best = Some(self.best.take().map_or(this.clone(), |best| best.or(this)));
        self.record.push(line);
        if self.written.elapsed() >= PAUSE {
            self.try_to_write();
        }
    }

    /// Notes that the run has ended, with these weights and their test.
    pub fn end(&mut self, progress: &Progress, weights_sha256: String, test: &Evaluation) -> Result<()> {
        self.mark(self.seconds);
        self.end_span();
        let Progress { epochs, steps, .. } = *progress;
        let end = End { epochs, steps, seconds: self.seconds, weights_sha256, test: Metrics::of(test) };
        self.record.end = Some(end);
        self.write()
    }

    /// Returns the run in two lines: its length, and its best epoch.
    pub fn summary(&self, progress: &Progress) -> Vec<String> {
        let Progress { epochs, steps, .. } = *progress;
        let counted = |count: u64, of: &str| format!("{count} {of}{}", if count == 1 { "" } else { "s" });
        let length = format!("{} in {:.1} s, without the tests", counted(steps, "step"), self.seconds);
        let best = self.best.as_ref().map(|best| best.line(epochs.max(best.epoch)));
        [format!("Trained {length}")].into_iter().chain(best).collect()
    }

    /// Writes the file. Where that fails, a note says so once: nobody loses a run for its record.
    fn try_to_write(&mut self) {
        if let Err(error) = self.write()
            && !std::mem::replace(&mut self.is_lost, true)
        {
            note(format_args!("{error:#}; training goes on without the run's record"));
        }
        self.written = Instant::now();
    }

    fn write(&mut self) -> Result<()> {
        files::write_with(&self.path, |file| self.record.write(file))?;
        Ok(())
    }
}

/// Returns the record of the same run in this place, if one is there.
fn earlier(place: &Path, head: &Head) -> Option<Record> {
    let record = Record::parse(&files::read(place, record::MAX_BYTES).ok()?).ok()?;
    record.head.is_of_run(head).then_some(record)
}
