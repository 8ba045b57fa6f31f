//! `selvedge search`: recipes around a recipe, each trained by a process of this program, compared on validation samples.

mod folder;
mod processes;
mod result;
mod summary;

use std::{fmt, num::NonZero, thread};

use crate::{data::Dataset, files, quote::one_line, score::shown};
use anyhow::{Context, Result, bail, ensure};
use options::{
    commands::{Search, search::SearchPlan},
    space::{LAYERS, Order},
};

use super::{
    NO_SMOOTHING, architecture, is_classification, load, note,
    train::{command, interrupt, log::progress_bar, screen::Screen},
};
use folder::{Folder, Identity};
use processes::{Ended, Processes};
use result::{Finished, Outcome};

pub fn run(options: &Search) -> Result<()> {
    let mut plan = options.plan()?;
    let mut data = load(&options.data)?;
    leave_out_smoothing(&mut plan, &data)?;
    if let Some(limit) = options.limit_train {
        let there = data.train.len();
        ensure!(limit as usize <= there, "--limit-train {limit}: {} has only {there} training samples", data.name);
        data.truncate(limit as usize);
    }
    check_layers(options, &plan, &data)?;
    let identity = Identity::of(options, &plan, &data);
    let judged = judged(options, &plan, &mut data)?;
    let (name, tested) = (data.name.clone(), data.test.len());
    // The trials have the samples in memory of their own.
    drop(data);
    let folder = Folder::open(&options.folder(), &identity, &plan.trials)?;
    let mut screen = Screen::default();
    screen.print(format_args!(
        "{} recipes on {name}, {judged}; the {tested} test samples are left alone",
        plan.trials.len()
    ));
    if !folder.finished.is_empty() {
        let there = folder.finished.len();
        let goes_on = if there < plan.trials.len() { "; the search goes on" } else { "" };
        screen.print(format_args!("{there} of them are finished in {}{goes_on}", folder.path.display()));
    }
    let mut search = Running { options, plan: &plan, folder, screen, lost: Vec::new() };
    let ended = search.go_on();
    let Running { folder, lost, .. } = search;
    let best = summary::best(&folder.finished);
    if let Some(best) = best {
        let text = summary::best_recipe(best, &plan, &name, &judged);
        files::write_whole(&folder.path.join(folder::BEST), text.as_bytes())?;
    }
    ended?;
    let (done, all) = (folder.finished.len(), plan.trials.len());
    if interrupt::is_asked() && done < all {
        return Err(Stopped { done, all, to_go_on: command_line() }.into());
    }
    summary::print(&folder, &plan, options, &name, best)?;
    match &lost[..] {
        [] if best.is_none() => bail!("no trial has a score; the table says why"),
        [] => Ok(()),
        [(number, how), ..] => bail!(
            "{} of {all} trials did not end by themselves, the first is trial {number}: {how}; the same command tries them again",
            lost.len()
        ),
    }
}

/// Leaves out the recipe's label smoothing if the data's task has none. A search that varies it is an error then.
fn leave_out_smoothing(plan: &mut SearchPlan, data: &Dataset) -> Result<()> {
    if is_classification(data) {
        return Ok(());
    }
    let is_varied = plan.space.keys().any(|key| key == "label-smoothing");
    ensure!(!is_varied, "search.label-smoothing: only a classification has it, and this is {}", data.task.get().kind());
    if plan.recipe.label_smoothing.take().is_some_and(|smoothing| smoothing.get() > 0.0) {
        note(NO_SMOOTHING);
    }
    plan.trials.iter_mut().for_each(|trial| trial.recipe.label_smoothing = None);
    Ok(())
}

/// Checks that the data fits each network.
fn check_layers(options: &Search, plan: &SearchPlan, data: &Dataset) -> Result<()> {
    for layers in plan.space.layers() {
        let resolved = layers.resolve(data.input.features(), data.classes.count()).map_err(anyhow::Error::from);
        let checked = resolved.and_then(|resolved| Ok(data.check(&resolved)?));
        checked.with_context(|| format!("search.{LAYERS}: {layers}"))?;
    }
    if plan.space.layers().is_empty() {
        architecture(&options.model, data)?;
    }
    Ok(())
}

/// Says by which samples recipes are judged, after it has held them out as the trials do.
fn judged(options: &Search, plan: &SearchPlan, data: &mut Dataset) -> Result<String> {
    let samples = data.train.len();
    if let Some(folds) = options.folds {
        ensure!(
            data.gaps.filled == 0,
            "--folds: --missing mean fills gaps by means over all training samples, also those that a fold tests; take --missing drop"
        );
        data.folds(folds).with_context(|| format!("--folds {folds}: {}", data.name))?;
        return Ok(format!("judged by {} folds of {samples} training samples", folds.count));
    }
    let count = plan.recipe.val_split.map_or(Ok(0), |split| split.count(samples))?;
    let count = data.hold_out_for_validation(count, plan.recipe.resolve()?.seed)?;
    Ok(format!("trained on {} samples and judged by {count} that are held out of them", samples - count))
}

/// A search at work.
struct Running<'a> {
    options: &'a Search,
    plan: &'a SearchPlan,
    folder: Folder,
    screen: Screen,
    /// The trials whose processes were killed: their numbers, and how.
    lost: Vec<(u32, String)>,
}

impl Running<'_> {
    /// Runs the trials that are not finished, several at a time (`--jobs`). It returns when all are finished, or when the user interrupts the
    /// search.
    fn go_on(&mut self) -> Result<()> {
        let trials = &self.plan.trials;
        let is_finished = |number| self.folder.finished.iter().any(|finished| finished.number == number);
        let mut left = trials.iter().filter(|trial| !is_finished(trial.number)).collect::<Vec<_>>().into_iter();
        let total = self
            .options
            .threads
            .threads
            .map_or_else(|| thread::available_parallelism().map_or(1, NonZero::get), usize::from);
        let jobs = self.options.jobs.map_or(total, usize::from).min(left.len()).max(1);
        interrupt::watch();
        let bar = progress_bar(trials.len() as u64, "{bar:40} trial {pos}/{len}, {eta} left");
        bar.set_position(self.folder.finished.len() as u64);
        let mut processes = Processes::new(self.options, &self.folder.path, (total / jobs).max(1))?;
        loop {
            if interrupt::is_asked() {
                processes.end();
            }
            while !interrupt::is_asked() && processes.running() < jobs {
                let Some(trial) = left.next() else { break };
                match &trial.problem {
                    None => processes.start(trial)?,
                    Some(problem) => {
                        let finished = Finished::of(trial, Outcome::Failed { error: problem.clone() }, 0.0);
                        self.finish(finished, &bar)?;
                    }
                }
            }
            if processes.running() == 0 {
                break;
            }
            let Some((trial, ended, seconds)) = processes.wait() else { continue };
            match ended {
                Ended::ByItself(outcome) => self.finish(Finished::of(trial, outcome, seconds), &bar)?,
                Ended::Killed(_) if interrupt::is_asked() => {}
                Ended::Killed(how) => self.lost.push((trial.number, how)),
            }
        }
        bar.finish_and_clear();
        Ok(())
    }

    fn finish(&mut self, finished: Finished, bar: &indicatif::ProgressBar) -> Result<()> {
        self.folder.add(&finished)?;
        let (number, all) = (finished.number, self.plan.trials.len());
        let result = match &finished.outcome {
            Outcome::Score { name, score, loss, .. } => format!("{name} {}, loss {loss:.6}", shown(name, *score)),
            Outcome::Failed { error } => one_line(error),
        };
        let values = self.plan.trials.iter().find(|trial| trial.number == number).map(|trial| trial.shown());
        let line =
            format!("Trial {number} of {all}: {result}, {:.1} s; {}", finished.seconds, values.unwrap_or_default());
        bar.suspend(|| self.screen.print(format_args!("{line}")));
        bar.inc(1);
        self.folder.finished.push(finished);
        Ok(())
    }
}

/// Returns the command that was given.
fn command_line() -> String {
    let arguments = std::env::args_os().skip(1).map(|argument| command::quoted(&argument));
    std::iter::once(command::program()).chain(arguments).collect::<Vec<_>>().join(" ")
}

/// Returns a search's order, as its folder has it.
fn order(order: Order) -> String {
    match order {
        Order::Random { seed, .. } => format!("random, seed {seed}"),
        Order::Grid => "grid".into(),
    }
}

/// The search was interrupted, and can go on.
#[derive(Debug)]
pub struct Stopped {
    done: usize,
    all: usize,
    to_go_on: String,
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { done, all, to_go_on } = self;
        write!(f, "interrupted after {done} of {all} trials, which are kept; this goes on with the others:\n{to_go_on}")
    }
}

impl std::error::Error for Stopped {}
