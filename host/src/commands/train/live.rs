//! TensorBoard's events, and the view of `--tui`: a run is shown by them beside its lines and metrics.

use std::env;

use anyhow::Result;

use super::{
    interrupt,
    view::{History, View},
};
use crate::{
    commands::note,
    tensorboard::TensorBoard,
    training::{Epoch, Step},
};

/// The events that are written, and the view while it is open.
pub struct Live {
    tensorboard: Option<TensorBoard>,
    view: Option<View>,
    /// The last test, for the lines that stay when the view is closed.
    last: Option<Epoch>,
}

impl Live {
    /// Opens the view, if one is asked for and standard output is a terminal that can show it. From here on, signals ask the run to end.
    pub fn begin(tensorboard: Option<TensorBoard>, history: Option<History>) -> Self {
        let view = history.and_then(|history| match can_be_viewed() {
            Ok(()) => {
                View::open(history).inspect_err(|error| note(format_args!("--tui: {error}; the run prints lines"))).ok()
            }
            Err(reason) => {
                note(format_args!("--tui: {reason}, so the run prints lines"));
                None
            }
        });
        if view.is_none() {
            interrupt::watch();
        }
        Self { tensorboard, view, last: None }
    }

    /// Returns true if the view uses the terminal, so that no line can be printed.
    pub fn is_viewed(&self) -> bool {
        self.view.as_ref().is_some_and(View::is_open)
    }

    pub fn epoch_begins(&mut self, epoch: u32) {
        if let Some(view) = &self.view {
            view.update(|history| history.epoch_begins(epoch));
        }
    }

    pub fn step(&mut self, step: &Step) -> Result<()> {
        if let Some(view) = &self.view {
            view.update(|history| history.step(step));
        }
        self.tensorboard.as_mut().map_or(Ok(()), |events| events.step(step))
    }

    pub fn epoch_ends(&mut self, epoch: &Epoch) -> Result<()> {
        if let Some(view) = &self.view {
            view.update(|history| history.epoch_ends(epoch));
            self.last = Some(epoch.clone());
        }
        self.tensorboard.as_mut().map_or(Ok(()), |events| events.epoch(epoch))
    }

    /// Closes the view. Returns the last test that it showed.
    pub fn end(&mut self) -> Option<Epoch> {
        let view = self.view.take()?;
        if let Err(error) = view.close() {
            note(format_args!("--tui: the view ended early: {error}"));
        }
        interrupt::watch();
        self.last.take()
    }
}

/// Returns the reason why the run cannot be viewed here, as an error.
fn can_be_viewed() -> Result<(), &'static str> {
    if !terminal::stdout().is_terminal() {
        return Err("standard output is no terminal");
    }
    if env::var_os("TERM").is_some_and(|term| term == "dumb") {
        return Err("TERM says that this terminal cannot be drawn on");
    }
    Ok(())
}
