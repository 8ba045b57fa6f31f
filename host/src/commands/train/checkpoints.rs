//! The checkpoints of a run: their times, their names, and the rule that another run's checkpoint stays.

use std::{
    env, fmt,
    path::{Path, PathBuf},
    time::SystemTime,
};

use crate::{
    files,
    training::{
        Progress, State, TrainingError,
        checkpoint::{self, Description},
    },
};
use anyhow::{Error, Result, bail};
use options::{commands::Train, recipe::RecipeOptions};
use os_display::Quotable;

use super::{
    command::to_go_on,
    files::{Files, WEIGHTS},
    interrupt::{self, Interrupted},
};

/// The checkpoints of one run.
pub struct Checkpoints<'a> {
    options: &'a Train,
    files: &'a Files<'a>,
    description: Description,
    path: PathBuf,
    /// The file that may be replaced: this run's own, or one that `is_replaceable`. Any other file stays, and the checkpoint gets a free name.
    own: Option<Identity>,
    /// True after an error moved the checkpoint to another folder.
    is_elsewhere: bool,
    /// Steps of the run when it was started or resumed.
    first: u64,
    /// The place in the run that was saved last.
    saved: Option<Progress>,
}

impl<'a> Checkpoints<'a> {
    /// Checks, before the first step, that no checkpoint of another run is lost.
    pub fn new(options: &'a Train, files: &'a Files<'a>, description: Description, state: &State) -> Result<Self> {
        let path = files.checkpoint.clone();
        let (steps, resumed) = (state.progress.steps, options.resume.as_deref());
        let is_resumed = resumed.is_some_and(|resumed| files::is_same(resumed, &path));
        let is_own =
            options.overwrite || is_resumed || (path.exists() && is_replaceable(options, &path, &description)?);
        let own = if is_own { Identity::of(&path) } else { None };
        let saved = is_resumed.then_some(state.progress);
        Ok(Self { options, files, description, path, own, is_elsewhere: false, first: steps, saved })
    }

    /// Returns the largest number of bytes that a checkpoint may have.
    pub fn max_len(&self, state: &State) -> u64 {
        checkpoint::max_len(state, &self.description)
    }

    /// With --checkpoint-every, saves the state before the first step, so that a checkpoint exists from then on. Otherwise it does nothing.
    pub fn save_first(&mut self, state: &State) -> Result<()> {
        if self.options.checkpoint_every.is_some() {
            self.save(state)?;
        }
        Ok(())
    }

    /// With --checkpoint-every, saves the state after the last step, unless it is saved. The checkpoint then shows that its run is done.
    pub fn save_last(&mut self, state: &State) -> Result<()> {
        if self.saved == Some(state.progress) { Ok(()) } else { self.save_first(state) }
    }

    fn save(&mut self, state: &State) -> Result<()> {
        if self.own.is_some() && self.own == Identity::of(&self.path) {
            checkpoint::save(&self.path, state, &self.description)?;
        } else {
            self.path = save_beside(&self.path, state, &self.description)?;
        }
        self.own = Identity::of(&self.path);
        self.saved = Some(state.progress);
        Ok(())
    }

    /// Returns whether the state after this step is to be saved.
    pub fn is_due(&self, step: u64) -> bool {
        interrupt::is_asked() || self.options.checkpoint_every.is_some_and(|every| step.is_multiple_of(every))
    }

    /// Saves a due state, and ends the run if that was asked for. Weights that are not finite replace no checkpoint: they end the run.
    pub fn save_due(&mut self, state: &State) -> Result<()> {
        if !state.is_finite() {
            return Err(TrainingError::Diverged { step: state.progress.steps, loss: f32::NAN }.into());
        }
        self.save(state)?;
        if interrupt::is_asked() {
            return Err(Interrupted { step: state.progress.steps, to_go_on: self.to_go_on() }.into());
        }
        Ok(())
    }

    fn to_go_on(&self) -> String {
        // Beside a checkpoint in another folder there is room for the weights too.
        let out = if self.is_elsewhere { self.path.with_extension(WEIGHTS) } else { self.files.out.clone() };
        to_go_on(self.options, &out, &self.path)
    }

    /// Saves the last good state of a run that an error ended, if need be in another place. The error then says where.
    pub fn rescue(mut self, state: &State, error: Error) -> Error {
        let step = state.progress.steps;
        if error.is::<Interrupted>() || step == self.first {
            return error;
        }
        let diverged = matches!(error.downcast_ref(), Some(TrainingError::Diverged { .. }));
        let is_good = state.is_finite();
        // Weights that diverge next do not replace the checkpoint before.
        let keeps_saved = diverged || !is_good || self.saved == Some(state.progress);
        let saved = match self.saved {
            Some(saved) if keeps_saved => Some(saved.steps),
            _ if !is_good => None,
            _ => self.save(state).or_else(|_| self.save_elsewhere(state)).ok().map(|()| step),
        };
        let rest = match saved {
            None if !is_good => "its weights are no numbers any more, so nothing of the run is saved".to_owned(),
            None => "and no checkpoint can be saved, here, in the home folder or in that of temporary files".to_owned(),
            Some(step) if diverged => {
                let path = self.path.display();
                format!(
                    "the run after step {step}, with weights that are finite, is saved in {path}, which `--init` of a new run takes"
                )
            }
            Some(step) => format!("the run after step {step} is saved: `{}` goes on with it", self.to_go_on()),
        };
        Rescued { error, rest }.into()
    }

    fn save_elsewhere(&mut self, state: &State) -> Result<()> {
        let Some(name) = self.path.file_name() else { bail!("no name") };
        let folders = [env::current_dir().ok(), env::home_dir(), Some(env::temp_dir())];
        for folder in folders.into_iter().flatten() {
            if let Ok(path) = save_beside(&folder.join(name), state, &self.description) {
                self.own = Identity::of(&path);
                (self.path, self.is_elsewhere, self.saved) = (path, true, Some(state.progress));
                return Ok(());
            }
        }
        bail!("no place")
    }
}

/// The identity of a file. It differs when another process has replaced the file.
#[derive(PartialEq)]
struct Identity {
    len: u64,
    modified: Option<SystemTime>,
    inode: u64,
}

impl Identity {
    fn of(path: &Path) -> Option<Self> {
        let metadata = path.metadata().ok()?;
        #[cfg(unix)]
        let inode = std::os::unix::fs::MetadataExt::ino(&metadata);
        #[cfg(not(unix))]
        let inode = 0;
        Some(Self { len: metadata.len(), modified: metadata.modified().ok(), inode })
    }
}

/// Saves a state under the first free name: `run.checkpoint`, `run-2.checkpoint`, …
fn save_beside(path: &Path, state: &State, description: &Description) -> Result<PathBuf, files::WriteError> {
    let mut free = path.to_owned();
    for number in 2_u32.. {
        if checkpoint::save_new(&free, state, description)? {
            break;
        }
        let mut name = path.file_stem().unwrap_or_default().to_owned();
        name.push(format!("-{number}"));
        if let Some(ending) = path.extension() {
            name.push(".");
            name.push(ending);
        }
        free = path.with_file_name(name);
    }
    Ok(free)
}

/// Returns true if a new run may replace the file in the checkpoint's place. It may replace the checkpoint of the same run, if that is done. A run
/// without --checkpoint-every saves under another name. Any other case is an error.
fn is_replaceable(options: &Train, path: &Path, description: &Description) -> Result<bool> {
    if options.checkpoint_every.is_none() {
        return Ok(false);
    }
    let there = path.maybe_quote();
    let choice = "--overwrite replaces it, and --checkpoint names another file";
    let Ok(found) = checkpoint::load(path) else {
        bail!("{there}: something that is no checkpoint of Selvedge is in the checkpoint's place; {choice}");
    };
    let found = &found.description;
    let steps = found.progress.steps;
    if !found.is_of_run(description) {
        let (of, layers) = (&found.dataset, &found.layers);
        bail!("{there}: this is the checkpoint of another run ({layers}, on {of}), after step {steps}; {choice}");
    }
    let recipe = RecipeOptions::parse(&found.recipe, path)?.resolve()?;
    // From other weights, the same recipe is another run.
    if found.progress.is_end(&recipe) && options.init.is_none() {
        return Ok(true);
    }
    bail!(
        "{there}: this run was begun before, and is saved after step {steps}; --resume {there} goes on with it, {choice}"
    )
}

/// An error that ended a run, and the place where the run is saved.
#[derive(Debug)]
struct Rescued {
    error: Error,
    rest: String,
}

impl fmt::Display for Rescued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}; {}", self.error, self.rest)
    }
}

impl std::error::Error for Rescued {}
