//! Runs that are killed, interrupted and resumed end with the bits of a run that never stopped.

#![allow(clippy::unwrap_used, reason = "a test's helper functions are tests too")]

mod refused;

use std::{
    error::Error,
    fs,
    path::Path,
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant, SystemTime},
};

use host::{
    recipe::RecipeOptions,
    training::{
        self, Observer, Progress, State, TrainingOptions,
        checkpoint::{self, Description},
    },
};
use selvedge::{
    architecture::Architecture,
    fashion_mnist::Tiny,
    random::{Generator, Purpose},
};
use serde_json::Value;

/// A run with every option that adds something to its checkpoint. It has 12 epochs of 15 steps.
const RUN: &str = "train --data builtin --model tiny --limit-train 600 --epochs 12 --batch-size 16 --accumulate 2 \
    --optimizer adamw --lr 0.005 --weight-decay 0.01 --clip 1 --schedule one-cycle --dropout 0.1 --label-smoothing 0.1 \
    --augment flip,shift=2,erase=6 --ema 0.9 --val-split 0.2 --early-stop 100 --metrics run.jsonl";
const RESUME: &str = "train --resume weights/tiny.checkpoint --data builtin --metrics run.jsonl";
/// A step in the middle of the seventh epoch, used for --checkpoint-every. Step 200 would be after the end of the run.
const MIDDLE: u64 = 100;
const CHECKPOINT: &str = "weights/tiny.checkpoint";
const WEIGHTS: &str = "weights/tiny.selvedge";
const RECORD: &str = "weights/tiny.run.jsonl";
/// Random moments at which a run is killed.
const KILLS: u32 = 10;

fn command(folder: &Path, arguments: &str) -> Command {
    let mut command = tests::selvedge(folder);
    command.args(arguments.split_whitespace());
    command
}

fn start(mut command: Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn succeed(folder: &Path, arguments: &str) -> String {
    stdout(&command(folder, arguments).output().unwrap())
}

fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{}", tests::text(output));
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// The one line of a command that must fail.
fn fail(folder: &Path, arguments: &str) -> String {
    error_line(&command(folder, arguments).output().unwrap(), 1)
}

fn error_line(output: &Output, code: i32) -> String {
    let error = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(code), "{}", tests::text(output));
    assert!(error.starts_with("error: ") && error.lines().count() == 1, "{error}");
    error
}

/// The error of a run that was interrupted, and the command that goes on with it: its own line.
#[cfg(unix)]
fn interrupted(output: &Output) -> (String, String) {
    let error = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", tests::text(output));
    let (said, command) = error.trim_end().split_once('\n').unwrap();
    assert!(said.starts_with("error: ") && !command.contains('\n'), "{error}");
    (said.to_owned(), command.to_owned())
}

/// The results of a run.
#[derive(Debug, PartialEq)]
struct Left {
    hash: String,
    weights: Vec<u8>,
    /// Without the times.
    metrics: Vec<Value>,
    /// The record, without the times, the commands, and where the run was saved.
    record: Vec<Value>,
}

impl Left {
    fn by(folder: &Path, stdout: &str) -> Self {
        let metrics = fs::read_to_string(folder.join("run.jsonl")).unwrap();
        let without_times = |line: &str| {
            let mut line: Value = serde_json::from_str(line).unwrap();
            for key in ["seconds", "samples_per_second"] {
                line.as_object_mut().unwrap().remove(key);
            }
            line
        };
        Self {
            hash: stdout.trim_end().rsplit_once("SHA-256 ").unwrap().1.to_owned(),
            weights: fs::read(folder.join(WEIGHTS)).unwrap(),
            metrics: metrics.lines().map(without_times).collect(),
            record: record(folder),
        }
    }

    fn assert_is(&self, expected: &Self) {
        assert_eq!(self.hash, expected.hash);
        assert!(self.weights == expected.weights, "the weight files differ");
        assert_eq!(self.metrics, expected.metrics);
        assert_eq!(self.record, expected.record);
    }
}

fn record(folder: &Path) -> Vec<Value> {
    let text = fs::read_to_string(folder.join(RECORD)).unwrap();
    let mut lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    lines.retain(|line| line["line"] != "saved");
    for line in &mut lines {
        let line = line.as_object_mut().unwrap();
        ["seconds", "commands", "processor"].into_iter().for_each(|key| drop(line.remove(key)));
    }
    lines
}

/// A whole run that leaves a checkpoint of its middle.
fn uninterrupted(folder: &Path) -> Left {
    let text = succeed(folder, &format!("{RUN} --checkpoint-every {MIDDLE}"));
    let left = Left::by(folder, &text);
    assert_eq!(left.metrics.len(), 180 + 12);
    assert_eq!(steps_of(&folder.join(CHECKPOINT)), 180);
    save_middle(&folder.join(CHECKPOINT));
    left
}

/// Takes a run's last checkpoint back to that of its middle.
fn save_middle(checkpoint: &Path) {
    struct Middle<'a>(&'a Path, Description);
    impl Observer for Middle<'_> {
        type Error = Box<dyn Error>;

        fn wants_state(&self, step: u64) -> bool {
            step == MIDDLE
        }

        fn state(&mut self, state: &State) -> Result<(), Self::Error> {
            checkpoint::save(self.0, state, &self.1)?;
            Err("that was all".into())
        }
    }
    let description = checkpoint::load(checkpoint).unwrap().description;
    let recipe = RecipeOptions::parse(&description.recipe, checkpoint).unwrap();
    let options = recipe.resolve().unwrap();
    let mut data = host::data::load(Some("builtin".as_ref())).unwrap();
    data.truncate(600);
    data.hold_out(recipe.val_split.unwrap().count(600).unwrap(), options.seed);
    let layers: Architecture = description.layers.parse().unwrap();
    let mut state = State::initialized(&layers.with_dropout().unwrap(), &options).unwrap();
    let ended =
        training::train(&tests::plain_engine(), &mut state, &data, &options, &mut Middle(checkpoint, description));
    assert_eq!(ended.unwrap_err().to_string(), "that was all");
}

fn steps_of(checkpoint: &Path) -> u64 {
    checkpoint::load(checkpoint).unwrap().description.progress.steps
}

/// Waits until a run has written this many lines of its metrics.
#[cfg(unix)]
fn wait_for_metrics(folder: &Path, child: &mut Child, lines: usize) {
    let count = || fs::read_to_string(folder.join("run.jsonl")).map_or(0, |text| text.lines().count());
    while count() < lines {
        assert!(child.try_wait().unwrap().is_none(), "the run ended");
        thread::sleep(Duration::from_millis(1));
    }
}

/// Returns true if these tests were started so that programs ignore a signal, by nohup say.
#[cfg(unix)]
fn is_ignored(name: &str) -> bool {
    let script = format!("kill -{name} $$");
    Command::new("sh").args(["-c", &script]).status().unwrap().success()
}

#[cfg(unix)]
fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args(["-s", name, &child.id().to_string()]).status().unwrap().success());
}

#[test]
fn a_run_that_is_killed_at_any_moment_goes_on_to_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let expected = uninterrupted(folder.path());
    let seed = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64;
    println!("seed {seed}");
    let moments = Generator::new(seed, Purpose::Shuffle, 0);
    let run = format!("{RUN} --checkpoint-every 3");
    let resume = format!("{RESUME} --checkpoint-every 3");
    let started = Instant::now();
    succeed(tempfile::tempdir().unwrap().path(), &run);
    let milliseconds = started.elapsed().as_millis() as u32;

    let (mut draw, mut kills) = (0, 0);
    while kills < KILLS {
        let folder = tempfile::tempdir().unwrap();
        let checkpoint = folder.path().join(CHECKPOINT);
        let mut steps = 0;
        let output = loop {
            let mut child = start(command(folder.path(), if checkpoint.exists() { &resume } else { &run }));
            thread::sleep(Duration::from_millis(moments.below(draw, milliseconds).into()));
            draw += 1;
            let is_running = child.try_wait().unwrap().is_none();
            child.kill().unwrap();
            let output = child.wait_with_output().unwrap();
            if !is_running || output.status.success() {
                break output;
            }
            kills += 1;
            if checkpoint.exists() {
                let before = steps;
                steps = steps_of(&checkpoint);
                assert!(steps >= before, "the checkpoint went back from step {before} to {steps}");
            } else {
                let metrics = fs::read_to_string(folder.path().join("run.jsonl")).unwrap_or_default();
                assert_eq!(metrics, "", "steps without a checkpoint");
            }
        };
        Left::by(folder.path(), &stdout(&output)).assert_is(&expected);
    }
}

#[test]
fn other_threads_and_another_engine_go_on_to_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let expected = uninterrupted(folder);
    let checkpoint = fs::read(folder.join(CHECKPOINT)).unwrap();
    for (threads, engine) in [(1, None), (3, None), (5, Some("portable"))] {
        let mut command = command(folder, &format!("{RESUME} --threads {threads}"));
        command.envs(engine.map(|engine| ("SELVEDGE_ENGINE", engine)));
        let text = stdout(&command.output().unwrap());
        assert!(text.contains(&format!("Going on after step {MIDDLE}, in epoch 7")), "{text}");
        Left::by(folder, &text).assert_is(&expected);
        assert_eq!(fs::read(folder.join(CHECKPOINT)).unwrap(), checkpoint);
    }
}

/// A run of this number of steps ends in the middle of an epoch, or with it; its last checkpoint is of its last step.
#[test]
fn a_run_that_took_its_last_step_ends_as_before() {
    for steps in [10, 30] {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let run = format!("{RUN} --checkpoint-every 10").replace("--epochs 12", &format!("--steps {steps}"));
        let expected = Left::by(folder, &succeed(folder, &run));
        assert_eq!(steps_of(&folder.join(CHECKPOINT)), steps);
        let text = succeed(folder, RESUME);
        Left::by(folder, &text).assert_is(&expected);
    }
}

#[cfg(unix)]
#[test]
fn a_run_that_is_asked_to_end_says_how_to_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let expected = uninterrupted(folder.path());
    for name in ["INT", "TERM", "HUP"] {
        if is_ignored(name) {
            continue;
        }
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let mut child = start(command(folder, RUN));
        wait_for_metrics(folder, &mut child, 40);
        signal(&child, name);
        let (error, command) = interrupted(&child.wait_with_output().unwrap());
        let steps = steps_of(&folder.join(CHECKPOINT));
        assert!(error.contains(&format!("interrupted after step {steps};")), "{error}");
        assert!(
            command.ends_with(&format!(" train --resume {CHECKPOINT} --data builtin --metrics run.jsonl")),
            "{command}"
        );
        assert!(!folder.join(WEIGHTS).exists());
        Left::by(folder, &succeed(folder, RESUME)).assert_is(&expected);
    }
}

/// A network without a name, and files in two places. The checkpoint states the layers.
#[cfg(unix)]
#[test]
fn what_an_interrupted_run_says_goes_on_with_it() {
    const LAYERS: &str = "784 => 16 Relu Dropout => 10";
    let folder = tempfile::tempdir().unwrap();
    let expected = uninterrupted(folder.path());
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut run = command(folder, &RUN.replace("--model tiny", "--out mine.selvedge --checkpoint-every 7"));
    run.args(["--layers", LAYERS, "--checkpoint", "saved here/it.checkpoint"]);
    let mut child = start(run);
    wait_for_metrics(folder, &mut child, 40);
    signal(&child, "INT");
    let (_, line) = interrupted(&child.wait_with_output().unwrap());
    let said = "train --resume 'saved here/it.checkpoint' --out mine.selvedge --data builtin --metrics run.jsonl --checkpoint-every 7";
    assert!(line.ends_with(&format!(" {said}")), "{line}");
    // As it is, for a shell.
    let mut shell = Command::new("bash");
    for (name, value) in command(folder, "").get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    stdout(&shell.args(["-c", &line]).current_dir(folder).output().unwrap());
    assert!(fs::read(folder.join("mine.selvedge")).unwrap() == expected.weights, "the weight files differ");
}

#[test]
fn a_resumed_run_writes_where_it_was_to_write() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let run = RUN.replace("--epochs 12", "--steps 20");
    succeed(folder, &format!("{run} --checkpoint-every 10 --out mine/first.selvedge"));
    let weights = folder.join("mine/first.selvedge");
    let expected = fs::read(&weights).unwrap();
    fs::remove_file(&weights).unwrap();
    succeed(folder, &RESUME.replace(CHECKPOINT, "mine/first.checkpoint"));
    assert!(fs::read(&weights).unwrap() == expected, "the weight files differ");
    assert!(!folder.join("weights").exists());
}
