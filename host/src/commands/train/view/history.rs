//! The history of a run, which the view draws.

use std::time::{Duration, Instant};

use options::{commands::Train, recipe::DEFAULT};
use selvedge::architecture::Architecture;

use super::curve::Curve;
use crate::{
    data::Dataset,
    evaluation::Evaluation,
    score::Score,
    training::{self, Epoch, Length, Step},
};

/// The time over which the speed is measured.
const WINDOW: Duration = Duration::from_secs(1);

/// The run's recipe, data, layers and processor in words.
#[derive(Clone, Debug)]
pub struct About {
    pub recipe: String,
    pub data: String,
    pub layers: String,
    pub device: String,
    /// The units of a regression's targets.
    pub units: Vec<String>,
    /// The samples in an epoch.
    pub samples: usize,
    pub steps_in_epoch: u64,
    pub steps: u64,
    /// The number of epochs. `None` if the recipe gives the length in steps.
    pub epochs: Option<u32>,
    /// True if the run may end before its last epoch.
    pub may_end_early: bool,
}

impl About {
    /// Describes the run that these options ask for.
    pub fn of(
        options: &Train,
        layers: &Architecture,
        data: &Dataset,
        with: &training::TrainingOptions,
        device: String,
    ) -> Self {
        let recipe = match (&options.resume, &options.recipe) {
            (Some(checkpoint), _) => format!("of {}", checkpoint.display()),
            (None, Some(recipe)) => recipe.display().to_string(),
            (None, None) => DEFAULT.into(),
        };
        Self {
            recipe,
            data: data.name.clone(),
            layers: format!("{:#}", layers.expression()),
            device,
            units: data.target_units.clone(),
            samples: data.train.len(),
            steps_in_epoch: training::steps_in_epoch(data.train.len(), with),
            steps: training::steps_in_run(data.train.len(), with),
            epochs: match with.length {
                Length::Epochs(epochs) => Some(epochs),
                Length::Steps(_) => None,
            },
            may_end_early: with.early_stop.is_some(),
        }
    }
}

/// An evaluation in numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Epochs so far, as a fraction.
    pub epochs: f64,
    pub loss: f64,
    pub score: f64,
}

/// The last test of a run in words.
#[derive(Clone, Debug)]
pub struct LastTest {
    /// The epoch, from 1.
    pub epoch: u32,
    pub test: String,
    pub validation: Option<String>,
}

/// A run so far.
#[derive(Clone, Debug)]
pub struct History {
    pub about: About,
    started: Instant,
    /// The steps that were taken before this process.
    pub first: u64,
    /// The last step that was taken.
    pub steps: u64,
    /// The epoch, from 0.
    pub epoch: u32,
    /// The samples seen in the epoch.
    pub seen: usize,
    pub loss: Option<f32>,
    pub learning_rate: Option<f64>,
    /// Samples in a second of training.
    pub speed: Option<f64>,
    window: (Instant, usize),
    pub losses: Curve,
    pub learning_rates: Curve,
    pub speeds: Curve,
    pub tests: Vec<Point>,
    pub validations: Vec<Point>,
    /// The name of the task's score.
    pub score: &'static str,
    pub last: Option<LastTest>,
    /// True after the run was asked to end.
    pub is_ending: bool,
}

impl History {
    /// Returns a run that has taken this number of steps before.
    pub fn new(about: About, steps: u64) -> Self {
        let now = Instant::now();
        let clean = |text: String| terminal::printable(&text).replace(['\n', '\t'], " ");
        let about = About {
            recipe: clean(about.recipe),
            data: clean(about.data),
            layers: clean(about.layers),
            device: clean(about.device),
            units: about.units.into_iter().map(clean).collect(),
            ..about
        };
        Self {
            about,
            started: now,
            first: steps,
            steps,
            epoch: 0,
            seen: 0,
            loss: None,
            learning_rate: None,
            speed: None,
            window: (now, 0),
            losses: Curve::default(),
            learning_rates: Curve::default(),
            speeds: Curve::default(),
            tests: Vec::new(),
            validations: Vec::new(),
            score: "accuracy",
            last: None,
            is_ending: false,
        }
    }

    pub fn epoch_begins(&mut self, epoch: u32) {
        self.epoch = epoch;
        // A test is no training.
        self.window = (Instant::now(), 0);
    }

    pub fn step(&mut self, step: &Step) {
        (self.steps, self.seen) = (step.number, step.seen);
        self.loss = Some(step.loss);
        self.learning_rate = Some(step.learning_rate);
        let epochs = self.epochs(step.number);
        self.losses.push(epochs, step.loss.into());
        self.learning_rates.push(epochs, step.learning_rate);
        let (since, samples) = &mut self.window;
        *samples += step.samples;
        let elapsed = since.elapsed();
        if elapsed >= WINDOW {
            self.speed = Some(*samples as f64 / elapsed.as_secs_f64());
            self.window = (Instant::now(), 0);
        }
    }

    pub fn epoch_ends(&mut self, epoch: &Epoch) {
        let seconds = epoch.training.as_secs_f64();
        let epochs = self.epochs(epoch.steps);
        if seconds > 0.0 {
            let speed = epoch.samples as f64 / seconds;
            self.speed = Some(speed);
            self.speeds.push(epochs, speed);
        }
        let point =
            |evaluation: &Evaluation| Point { epochs, loss: evaluation.loss, score: Score::of(evaluation).value };
        let words = |evaluation: &Evaluation| {
            format!("{}, Avg loss: {:.6}", evaluation.headline(2, &self.about.units), evaluation.loss)
        };
        self.score = Score::of(&epoch.test).name;
        self.last = Some(LastTest {
            epoch: epoch.number + 1,
            test: words(&epoch.test),
            validation: epoch.validation.as_ref().map(words),
        });
        self.tests.push(point(&epoch.test));
        self.validations.extend(epoch.validation.as_ref().map(point));
    }

    /// Returns this number of steps in epochs.
    pub fn epochs(&self, steps: u64) -> f64 {
        steps as f64 / self.about.steps_in_epoch.max(1) as f64
    }

    /// Returns the part of the run that is done.
    pub fn done(&self) -> f64 {
        (self.steps as f64 / self.about.steps.max(1) as f64).clamp(0.0, 1.0)
    }

    /// Returns the time since this process began to train.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Returns the time that the rest of the run takes, tests too, at the pace so far.
    pub fn left(&self) -> Option<Duration> {
        let taken = self.steps - self.first;
        let rest = self.about.steps.saturating_sub(self.steps) as f64;
        let seconds = self.elapsed().as_secs_f64() / taken as f64 * rest;
        Duration::try_from_secs_f64(seconds).ok()
    }
}
