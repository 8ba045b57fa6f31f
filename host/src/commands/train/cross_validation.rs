//! `train --folds`: a model for each fold, tested on the fold and trained on the others. Also the trials of `search`.

use std::{
    io::{self, Read, Write},
    path::PathBuf,
    process, thread,
    time::Instant,
};

use crate::{
    commands::{check_replaced, engine, note},
    data::Dataset,
    engine::Simd,
    evaluation::{self, Evaluation},
    files,
    score::{Score, key, mean_and_spread, shown},
    task::TaskBuf,
    training::{self, Epoch, Observer, Progress, State, Step},
};
use anyhow::{Context, Result, bail, ensure};
use indicatif::ProgressBar;
use options::{commands::Train, folds::Folds};
use selvedge::architecture::Architecture;
use serde_json::{Value, json};

use super::{
    RunPlan, Weights,
    files::WEIGHTS,
    initialized_by, interrupt,
    log::{epoch_line, progress_bar, step_line},
    metrics::Metrics,
    screen::Screen,
    train,
};

/// Trains and tests a model for each fold. A trial without folds trains one model, and tests it on the validation samples.
pub fn run(plan: RunPlan<'_>, data: Dataset) -> Result<()> {
    let options = plan.options;
    let layers = plan.layers()?;
    plan.with.check_augmentation(data.input)?;
    let validation = Validation { engine: engine(&options.threads)?, layers, plan };
    if options.trial {
        end_with_the_search();
    }
    match options.folds {
        Some(folds) => validation.folds(&data, folds),
        None => {
            let result = validation.result(data, None, Role::Validation, true)?;
            print_trial(&[result])
        }
    }
}

/// Ends this process when the search that started it has ended in any way. The search holds the other end of standard input, which the system
/// then closes.
fn end_with_the_search() {
    thread::spawn(|| {
        let _ = io::stdin().read_to_end(&mut Vec::new());
        process::exit(interrupt::EXIT_CODE.into());
    });
}

/// The samples that a model is tested on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// The fold's own.
    Fold,
    /// The validation samples, in the test samples' place.
    Validation,
}

/// A trained model and its test.
struct Tested {
    evaluation: Evaluation,
    /// The number of samples it was trained on.
    trained_on: usize,
    /// The file of its weights, where it is to be kept.
    file: Option<Vec<u8>>,
}

struct Validation<'a> {
    plan: RunPlan<'a>,
    layers: Architecture,
    engine: Simd,
}

impl Validation<'_> {
    fn folds(&self, data: &Dataset, folds: Folds) -> Result<()> {
        let options = self.plan.options;
        ensure!(
            data.gaps.filled == 0,
            "--folds: --missing mean fills gaps by means over all training samples, also those that a fold tests; take --missing drop"
        );
        let members = data.folds(folds).with_context(|| format!("--folds {folds}: {}", data.name))?;
        let files = Files::of(options, folds)?;
        let mut metrics =
            options.metrics.as_deref().map(|path| Metrics::open(path, &Progress::default())).transpose()?;
        let mut screen = Screen::new(options.quiet);
        if !options.trial {
            self.say_what(data, folds, &mut screen);
        }
        let mut results = Vec::with_capacity(members.len());
        for (number, tested) in (1..).zip(&members) {
            let started = Instant::now();
            let fold = data.fold(tested);
            let groups = fold.test.groups().map(|groups| {
                let mut groups = groups.to_vec();
                groups.sort_unstable();
                groups.dedup();
                groups.len()
            });
            let template = format!("fold {number} of {} {{bar:40}} step {{pos}}/{{len}}, {{eta}} left", folds.count);
            let log = (!options.trial).then(|| Log {
                fold: number,
                bar: if options.quiet { ProgressBar::hidden() } else { progress_bar(0, &template) },
                metrics: metrics.as_mut(),
            });
            let result = self.result(fold, log, Role::Fold, number == 1);
            let result = result.with_context(|| format!("fold {number} of {}", folds.count))?;
            if let (Some(path), Some(file)) = (files.kept.get(number as usize - 1), &result.file) {
                files::write_whole(path, file)?;
            }
            let (Score { name, value }, loss) = (Score::of(&result.evaluation), result.evaluation.loss);
            if let Some(metrics) = &mut metrics {
                metrics.write(&json!({
                    "fold": number, key(name): value, "loss": loss, "trained_on": result.trained_on, "tested": tested,
                }))?;
            }
            if !options.trial {
                let groups = groups.map_or_else(String::new, |groups| format!(" in {groups} groups"));
                screen.print(format_args!(
                    "Fold {number} of {}: trained on {} samples, tested on {}{groups}: {name} {}, loss {loss:.6}, {:.1} s",
                    folds.count,
                    result.trained_on,
                    tested.len(),
                    shown(name, value),
                    started.elapsed().as_secs_f64()
                ));
            }
            results.push(result);
        }
        if options.trial {
            return print_trial(&results);
        }
        if let Some(metrics) = &mut metrics {
            metrics.write(&Summary::of(&results).json(results.len()))?;
        }
        self.say_result(data, &results, &files)
    }

    /// Says what is about to be done, and what a reader of the figures has to know.
    fn say_what(&self, data: &Dataset, folds: Folds, screen: &mut Screen) {
        let options = self.plan.options;
        let has_classes = data.task == TaskBuf::Classification;
        if data.train.groups().is_none() && has_classes {
            let counts = data.class_counts(self.layers.outputs());
            for (class, count) in
                counts.into_iter().enumerate().filter(|&(_, count)| count > 0 && count < folds.count as usize)
            {
                note(format_args!(
                    "class {} has {count} samples, so {} of the {} folds have none of it",
                    data.classes.name(class),
                    folds.count as usize - count,
                    folds.count
                ));
            }
        }
        if let Some(path) = &options.init {
            note(format_args!("the figures are only true if {} was trained on none of these samples", path.display()));
        }
        screen.print(format_args!("Using {}, {}", self.plan.device.described(&self.engine), data.name));
        screen.print(format_args!("{:#}\n", self.layers));
    }

    fn say_result(&self, data: &Dataset, results: &[Tested], files: &Files) -> Result<()> {
        let Summary { name, score, loss } = Summary::of(results);
        let mut out = terminal::stdout();
        let (samples, folds) = (data.train.len(), results.len());
        writeln!(out, "\nMean of {folds} folds ± sample standard deviation:")?;
        let mut title = name.to_owned();
        title[..1].make_ascii_uppercase();
        writeln!(
            out,
            " {title}: {} ± {}, Avg loss: {:.6} ± {:.6}",
            shown(name, score.0),
            shown(name, score.1),
            loss.0,
            loss.1
        )?;
        write!(
            out,
            "Each of {samples} samples of {} was tested once, by a model that was not trained on it",
            data.name
        )?;
        match data.test.len() {
            0 => writeln!(out)?,
            test => writeln!(out, "; the {test} test samples were left alone")?,
        }
        match (&files.kept[..], files.kept.last()) {
            ([first, ..], Some(last)) => writeln!(out, "Saved {} to {}", first.display(), last.display())?,
            _ => writeln!(out, "No weights are written; --keep-folds DIR keeps each fold's")?,
        }
        Ok(())
    }

    /// Trains a model and tests it.
    fn result(&self, mut data: Dataset, log: Option<Log<'_>>, role: Role, says: bool) -> Result<Tested> {
        let options = self.plan.options;
        let (text, with) = self.plan.fit(&self.layers, &mut data, says && !options.trial)?;
        if role == Role::Validation {
            let Some(validation) = &data.validation else { bail!("--trial: there are no validation samples") };
            data.test = validation.clone();
            if with.early_stop.is_none() {
                // The test is on the same samples.
                data.validation = None;
            }
        }
        let device = &self.plan.device;
        let mut state = match &options.init {
            Some(path) => initialized_by(path, &self.layers, &data, &with)?,
            None => State::initialized(&self.layers, &with)?,
        };
        let last = match log {
            Some(mut log) => {
                log.bar.set_length(training::steps_in_run(data.train.len(), &with));
                let last = train(device, &self.engine, &mut state, &data, &with, &mut log);
                log.bar.finish_and_clear();
                last
            }
            None => train(device, &self.engine, &mut state, &data, &with, &mut Silent),
        }?;
        let evaluation = match with.early_stop {
            Some(_) => evaluation::run(&self.engine, state.result(), data.meaning(), &data.test)?,
            None => last.test,
        };
        let file = options.keep_folds.as_ref().map(|path| {
            Weights { data: &data, with: &with, recipe: &text, path }
                .encode(&state, evaluation.score().clamp(0.0, 1.0) as f32)
        });
        Ok(Tested { evaluation, trained_on: data.train.len(), file: file.transpose()? })
    }
}

/// The files of the folds' models.
struct Files {
    kept: Vec<PathBuf>,
}

impl Files {
    /// Returns the files that are asked for. Each of them can be written.
    fn of(options: &Train, folds: Folds) -> Result<Self> {
        let file = |folder: &PathBuf, number| folder.join(format!("fold-{number}")).with_extension(WEIGHTS);
        let kept: Vec<_> = match &options.keep_folds {
            Some(folder) => (1..=folds.count).map(|number| file(folder, number)).collect(),
            None => Vec::new(),
        };
        for path in &kept {
            files::check_writable(path)?;
            check_replaced(path, &[b"SELVEDGE"], "a weight file of Selvedge")?;
        }
        if let Some(metrics) = &options.metrics {
            check_replaced(metrics, &[b"{"], "a run's metrics")?;
            let read = [("--init", &options.init), ("--recipe", &options.recipe)];
            let read = read.into_iter().filter_map(|(name, path)| Some((name, path.as_deref()?)));
            for (name, path) in read.chain(kept.iter().map(|path| ("--keep-folds", &**path))) {
                files::check_distinct(&[(name, path), ("--metrics", metrics)])?;
            }
        }
        Ok(Self { kept })
    }
}

/// The figures of all folds.
struct Summary {
    name: &'static str,
    /// Mean and spread of the score.
    score: (f64, f64),
    /// Mean and spread of the loss.
    loss: (f64, f64),
}

impl Summary {
    fn of(results: &[Tested]) -> Self {
        let scores = results.iter().map(|result| Score::of(&result.evaluation));
        let name = scores.clone().next().map_or("", |score| score.name);
        let loss = mean_and_spread(results.iter().map(|result| result.evaluation.loss));
        Self { name, score: mean_and_spread(scores.map(|score| score.value)), loss }
    }

    fn json(&self, folds: usize) -> Value {
        let Self { name, score, loss } = self;
        let name = key(name);
        let deviation = format!("{name}_deviation");
        json!({ "folds": folds, name: score.0, deviation: score.1, "loss": loss.0, "loss_deviation": loss.1 })
    }
}

/// Prints what `search` reads of a trial.
fn print_trial(results: &[Tested]) -> Result<()> {
    let Summary { name, score, loss } = Summary::of(results);
    let spread = (results.len() > 1).then_some(score.1);
    let result = json!({ "name": name, "score": score.0, "deviation": spread, "loss": loss.0 });
    writeln!(terminal::stdout(), "{result}")?;
    Ok(())
}

/// Records a fold's run.
struct Log<'a> {
    fold: u32,
    bar: ProgressBar,
    metrics: Option<&'a mut Metrics>,
}

impl Log<'_> {
    fn write(&mut self, line: impl FnOnce() -> Value) -> Result<()> {
        let Some(metrics) = &mut self.metrics else { return Ok(()) };
        let mut line = line();
        line["fold"] = self.fold.into();
        metrics.write(&line)
    }
}

impl Observer for Log<'_> {
    type Error = anyhow::Error;

    fn step(&mut self, step: &Step) -> Result<()> {
        self.bar.inc(1);
        self.write(|| step_line(step))
    }

    fn epoch_ends(&mut self, epoch: &Epoch) -> Result<()> {
        self.write(|| epoch_line(epoch))
    }
}

/// Looks at nothing.
struct Silent;

impl Observer for Silent {
    type Error = anyhow::Error;
}
