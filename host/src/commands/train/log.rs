//! A run's log: it prints, records and saves as the run goes.

use std::io::{self, IsTerminal};

use crate::{
    data::Dataset,
    evaluation::{Answers, Evaluation},
    training::{self, Epoch, Length, Observer, Progress, State, Step, TrainingOptions},
};
use anyhow::Result;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};

use super::{checkpoints::Checkpoints, live::Live, metrics::Metrics, recorder::Recorder, screen::Screen};

/// Steps between two printed losses, as in the quickstart.
const PRINT_INTERVAL: usize = 100;

/// The epochs of a run that are printed: all if the run has at most 200 epochs or its length is in steps; else about 50, with the first and the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shown {
    every: u32,
    last: u32,
}

impl Shown {
    fn of(length: Length) -> Self {
        match length {
            Length::Epochs(epochs @ 201..) => Self { every: epochs.div_ceil(50), last: epochs - 1 },
            Length::Epochs(_) | Length::Steps(_) => Self { every: 1, last: 0 },
        }
    }

    /// Returns true if an epoch, from 0, is printed.
    fn has(self, epoch: u32) -> bool {
        (epoch + 1).is_multiple_of(self.every) || epoch == 0 || epoch == self.last
    }
}

/// Prints what the quickstart prints, with a progress bar on a terminal.
pub struct Log<'a> {
    /// The epochs that are printed: some of a long run.
    shown: Shown,
    /// True in an epoch that is printed.
    is_shown: bool,
    /// Samples in an epoch.
    size: usize,
    /// The units of a regression's targets.
    units: Vec<String>,
    /// Samples in a step.
    step_size: usize,
    bar: ProgressBar,
    screen: Screen,
    sinks: Sinks,
    checkpoints: Checkpoints<'a>,
}

/// The places, beside the screen, to which a run's steps and epochs go.
pub struct Sinks {
    pub metrics: Option<Metrics>,
    pub recorder: Recorder,
    pub live: Live,
}

/// Returns a progress bar of this number of parts, with this template. Where standard error is no terminal, it is hidden.
pub fn progress_bar(parts: u64, template: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::new(parts).with_style(style);
    if !io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    bar
}

/// Returns a step's line of metrics.
pub fn step_line(step: &Step) -> Value {
    let mut line = json!({ "step": step.number, "loss": step.loss, "learning_rate": step.learning_rate });
    if let Some(norm) = step.grad_norm {
        line["grad_norm"] = norm.into();
    }
    line
}

/// Returns an epoch's line of metrics.
pub fn epoch_line(epoch: &Epoch) -> Value {
    let seconds = epoch.training.as_secs_f64();
    let mut line = json!({
        "epoch": epoch.number + 1,
        "test_loss": epoch.test.loss,
        "seconds": seconds,
        "samples_per_second": epoch.samples as f64 / seconds,
    });
    write_metrics(&mut line, "", &epoch.test);
    if let Some(validation) = &epoch.validation {
        line["validation_loss"] = validation.loss.into();
        write_metrics(&mut line, "validation_", validation);
    }
    line
}

impl<'a> Log<'a> {
    pub fn new(
        data: &Dataset,
        options: &TrainingOptions,
        progress: Progress,
        screen: Screen,
        sinks: Sinks,
        checkpoints: Checkpoints<'a>,
    ) -> Self {
        let size = data.train.len();
        let bar =
            progress_bar(training::steps_in_run(size, options), "{bar:40} step {pos}/{len}, {per_sec}, {eta} left")
                .with_position(progress.steps);
        bar.reset_eta();
        if sinks.live.is_viewed() || screen.is_quiet() {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        let step_size = options.batch_size.saturating_mul(options.accumulate);
        let shown = Shown::of(options.length);
        Self {
            shown,
            is_shown: true,
            size,
            units: data.target_units.clone(),
            step_size,
            bar,
            screen,
            sinks,
            checkpoints,
        }
    }

    /// Removes the progress bar and the view, and returns the parts that the run still needs.
    pub fn finish(mut self) -> (Screen, Recorder, Checkpoints<'a>) {
        self.bar.finish_and_clear();
        if let Some(last) = self.sinks.live.end() {
            self.print_heading(last.number);
            self.print_tests(&last);
        }
        (self.screen, self.sinks.recorder, self.checkpoints)
    }

    /// Prints a line, unless the view has the terminal.
    fn print(&mut self, text: std::fmt::Arguments<'_>) {
        if self.sinks.live.is_viewed() {
            return;
        }
        self.bar.suspend(|| self.screen.print(text));
    }

    fn print_heading(&mut self, epoch: u32) {
        self.print(format_args!("Epoch {}\n-------------------------------", epoch + 1));
    }

    fn print_tests(&mut self, epoch: &Epoch) {
        let seconds = epoch.training.as_secs_f64();
        self.print(format_args!("{seconds:.2} s, {:.0} samples/s", epoch.samples as f64 / seconds));
        if let Some(validation) = &epoch.validation {
            self.print_evaluation("Validation", validation);
        }
        self.print_evaluation("Test", &epoch.test);
    }

    fn print_evaluation(&mut self, title: &str, evaluation: &Evaluation) {
        let (headline, loss) = (evaluation.headline(1, &self.units), evaluation.loss);
        self.print(format_args!("{title} Error: \n {headline}, Avg loss: {loss:>8.6} \n"));
    }
}

impl Observer for Log<'_> {
    type Error = anyhow::Error;

    fn epoch_begins(&mut self, epoch: u32) -> Result<()> {
        self.is_shown = self.shown.has(epoch);
        self.sinks.recorder.epoch_begins();
        self.sinks.live.epoch_begins(epoch);
        if self.is_shown {
            self.print_heading(epoch);
        }
        Ok(())
    }

    fn step(&mut self, step: &Step) -> Result<()> {
        self.bar.inc(1);
        self.sinks.recorder.step(step);
        if let Some(metrics) = &mut self.sinks.metrics {
            metrics.write(&step_line(step))?;
        }
        self.sinks.live.step(step)?;
        if self.is_shown && ((step.seen - step.samples) / self.step_size).is_multiple_of(PRINT_INTERVAL) {
            let size = self.size;
            self.print(format_args!("loss: {:>7.6}  [{:>5}/{size:>5}]", step.loss, step.seen));
        }
        Ok(())
    }

    fn wants_state(&self, step: u64) -> bool {
        self.checkpoints.is_due(step)
    }

    fn state(&mut self, state: &State) -> Result<()> {
        self.sinks.recorder.save();
        self.checkpoints.save_due(state)
    }

    fn epoch_ends(&mut self, epoch: &Epoch) -> Result<()> {
        self.sinks.recorder.epoch_ends(epoch);
        if let Some(metrics) = &mut self.sinks.metrics {
            metrics.write(&epoch_line(epoch))?;
        }
        self.sinks.live.epoch_ends(epoch)?;
        if self.is_shown {
            self.print_tests(epoch);
        }
        Ok(())
    }
}

/// Writes the metrics of a task: `accuracy`; or `accuracy` of labels and `f1`; or `r2` and each target's `mae`.
fn write_metrics(line: &mut Value, prefix: &str, evaluation: &Evaluation) {
    let mut put = |name: &str, value: Value| line[format!("{prefix}{name}")] = value;
    match &evaluation.answers {
        Answers::Classes(answers) => put("accuracy", answers.accuracy().into()),
        Answers::Labels(answers) => {
            put("accuracy", answers.accuracy().into());
            put("f1", answers.f1().into());
        }
        Answers::Values(answers) => {
            put("r2", answers.r2().into());
            put("mae", answers.targets().iter().map(|target| target.mae).collect::<Vec<_>>().into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_run_prints_some_of_its_epochs() {
        for (length, all, some) in [
            (Length::Epochs(200), 200, 200),
            (Length::Epochs(201), 201, 42),
            (Length::Epochs(7000), 7000, 51),
            (Length::Steps(9), 300, 300),
        ] {
            let shown = Shown::of(length);
            assert!(shown.has(0) && shown.has(all - 1));
            assert_eq!((0..all).filter(|&epoch| shown.has(epoch)).count(), some, "{length:?}");
        }
    }
}
