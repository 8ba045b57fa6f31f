//! The processes of trials: this program as `train --trial`.

use std::{
    collections::HashMap,
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::{ChildStdin, Command, Output, Stdio},
    sync::mpsc::{self, Receiver, Sender},
    thread,
    time::{Duration, Instant},
};

use crate::{commands::train::interrupt, files};
use anyhow::{Context, Result};
use options::{commands::Search, space::Trial};

use super::result::Outcome;

/// The time between two looks at whether the search is asked to end.
const LOOK: Duration = Duration::from_millis(100);

/// The end of a process.
pub enum Ended {
    /// The process reported the trial's outcome.
    ByItself(Outcome),
    /// The process ended before it reported an outcome. The text says how.
    Killed(String),
}

/// The processes that are at work. They end when this is dropped, and when this program ends.
pub struct Processes<'a> {
    options: &'a Search,
    program: PathBuf,
    /// The folder of the trials' recipes.
    recipes: PathBuf,
    threads: usize,
    running: HashMap<u32, Process<'a>>,
    sender: Sender<(u32, std::io::Result<Output>)>,
    receiver: Receiver<(u32, std::io::Result<Output>)>,
}

struct Process<'a> {
    trial: &'a Trial,
    started: Instant,
    /// The process's standard input. When it is closed, the process ends.
    tie: Option<ChildStdin>,
}

impl<'a> Processes<'a> {
    /// Returns an empty set of processes. Each process that is started later computes with this number of threads.
    pub fn new(options: &'a Search, folder: &Path, threads: usize) -> Result<Self> {
        let program = env::current_exe().context("the system does not say where this program is")?;
        let (sender, receiver) = mpsc::channel();
        let recipes = folder.join("recipes");
        Ok(Self { options, program, recipes, threads, running: HashMap::new(), sender, receiver })
    }

    /// Returns the number of processes at work.
    pub fn running(&self) -> usize {
        self.running.len()
    }

    /// Starts a trial.
    pub fn start(&mut self, trial: &'a Trial) -> Result<()> {
        let number = trial.number;
        let recipe = self.recipes.join(format!("{number}.toml"));
        files::write_whole(&recipe, trial.recipe.to_toml().as_bytes())?;
        let threads = ("threads", self.threads.to_string().into());
        let options =
            self.options.training(trial.layers.as_deref()).into_iter().chain([("recipe", recipe.into()), threads]);
        let mut command = Command::new(&self.program);
        command.args(["train", "--trial"]).args(options.map(|(name, value)| {
            // With the equals sign, a value may begin with a minus.
            let mut option = OsString::from(format!("--{name}="));
            option.push(value);
            option
        }));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("cannot start {}", self.program.display()))?;
        let tie = child.stdin.take();
        let sender = self.sender.clone();
        // If the search has ended, nobody waits for this.
        thread::spawn(move || drop(sender.send((number, child.wait_with_output()))));
        self.running.insert(number, Process { trial, started: Instant::now(), tie });
        Ok(())
    }

    /// Asks all processes to end.
    pub fn end(&mut self) {
        self.running.values_mut().for_each(|process| drop(process.tie.take()));
    }

    /// Waits a moment for a process to end; returns its trial, how it ended, and the seconds that it took.
    pub fn wait(&mut self) -> Option<(&'a Trial, Ended, f64)> {
        let (number, output) = self.receiver.recv_timeout(LOOK).ok()?;
        let Process { trial, started, .. } = self.running.remove(&number)?;
        let ended = match output {
            Ok(output) => ended(&output),
            Err(error) => Ended::Killed(error.to_string()),
        };
        Some((trial, ended, started.elapsed().as_secs_f64()))
    }
}

fn ended(output: &Output) -> Ended {
    if output.status.success() {
        return match serde_json::from_slice(&output.stdout) {
            Ok(outcome @ Outcome::Score { .. }) => Ended::ByItself(outcome),
            _ => Ended::Killed("it said nothing that a trial says".into()),
        };
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let error = text.lines().rev().find_map(|line| line.strip_prefix("error: "));
    match (output.status.code(), error) {
        (Some(code), Some(error)) if code != i32::from(interrupt::EXIT_CODE) => {
            Ended::ByItself(Outcome::Failed { error: error.into() })
        }
        _ => Ended::Killed(output.status.to_string()),
    }
}
