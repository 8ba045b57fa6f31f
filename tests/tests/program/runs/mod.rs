//! Runs that something ends or disturbs: nothing of them is lost, and no other run's files are.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test's helper functions are tests too")]

mod checkpoints;
mod lost;

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::Path,
    process::{Child, Command, Output, Stdio},
    thread,
    time::Duration,
};

use host::training::{State, checkpoint};
use selvedge::architecture::Architecture;

/// The options of a run without its number of epochs. An epoch has 20 steps.
const RUN: &str =
    "train --data builtin --model tiny --limit-train 320 --batch-size 16 --recipe quickstart --out a.selvedge";
const LONG: &str = "--epochs 1000000 --metrics run.jsonl";

/// The words of a command, as a shell takes them.
fn words(arguments: &str) -> Vec<String> {
    shlex::split(arguments).unwrap()
}

fn run(folder: &Path, arguments: &str) -> Output {
    tests::selvedge(folder).args(words(arguments)).output().unwrap()
}

/// Returns both outputs of a command, which must succeed.
fn succeed(folder: &Path, arguments: &str) -> String {
    let output = run(folder, arguments);
    assert!(output.status.success(), "{arguments}: {}", tests::text(&output));
    tests::text(&output)
}

/// The error of a command that must fail.
fn fail(folder: &Path, arguments: &str) -> String {
    error_of(&run(folder, arguments), 1)
}

fn error_of(output: &Output, code: i32) -> String {
    assert_eq!(output.status.code(), Some(code), "{}", tests::text(output));
    let errors = String::from_utf8(output.stderr.clone()).unwrap();
    errors.lines().find(|line| line.starts_with("error: ")).unwrap_or_else(|| panic!("{errors}")).to_owned()
}

fn hash(text: &str) -> &str {
    text.split_once("SHA-256 ").unwrap().1.lines().next().unwrap()
}

/// A script of the shell that runs the program as `"$0"`.
fn shell(folder: &Path, script: &str) -> Command {
    let program = tests::selvedge(folder);
    let mut shell = Command::new("bash");
    shell.args(["-c", script]).arg(program.get_program()).current_dir(folder);
    shell.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell
}

/// Starts a command, and waits until its metrics have this number of lines.
fn start(mut command: Command, folder: &Path, lines: usize) -> Child {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while fs::read_to_string(folder.join("run.jsonl")).map_or(0, |text| text.lines().count()) < lines {
        assert!(
            child.try_wait().unwrap().is_none(),
            "the run ended: {}",
            tests::text(&child.wait_with_output().unwrap())
        );
        thread::sleep(Duration::from_millis(1));
    }
    child
}

fn long(folder: &Path, options: &str) -> Child {
    let _ = fs::remove_file(folder.join("run.jsonl"));
    let mut command = tests::selvedge(folder);
    command.args(words(&format!("{RUN} {LONG} {options}")));
    start(command, folder, 30)
}

fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args(["-s", name, &child.id().to_string()]).status().unwrap().success());
}

fn steps_of(checkpoint: &Path) -> u64 {
    checkpoint::load(checkpoint).unwrap().description.progress.steps
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn what_makes_no_sense_together_is_an_error_before_the_first_step() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let normalized = RUN.replace("--model tiny", "--layers '784 => 16 BatchNorm1d Relu => 10'");
    for (run, words) in [
        (
            format!("{normalized} --batch-size 1").replace("--batch-size 16", ""),
            "BatchNorm1d takes mean and variance over a batch",
        ),
        (format!("{normalized} --limit-train 1").replace("--limit-train 320", ""), "batches have one sample"),
        (format!("{RUN} --epochs 3 --schedule cosine --warmup 4"), "warmup: 4 epochs are more than the run's 3"),
        (format!("{RUN} --steps 3 --schedule cosine --warmup 1"), "warmup: 1 epochs are more than the run's 0.15"),
        (format!("{RUN} --val-split 320"), "val-split: 320 of 320 training samples leaves none"),
        (format!("{RUN} --val-split 0.999"), "val-split: 0.999 of 320 training samples leaves none"),
        (format!("{RUN} --metrics notes"), "notes is there, and is not a run's metrics"),
        (RUN.replace("a.selvedge", "notes"), "notes is there, and is not a weight file"),
        (format!("{RUN} --metrics ./a.selvedge"), "--metrics and --out are the same file"),
        (format!("{RUN} --checkpoint below/../a.selvedge"), "the checkpoint and --out are the same file"),
        (
            format!("{RUN} --metrics r.toml --recipe ./r.toml").replace("--recipe quickstart", ""),
            "r.toml is there, and is not a run's metrics",
        ),
    ] {
        fs::write(folder.join("r.toml"), "epochs = 1").unwrap();
        fs::write(folder.join("notes"), "mine").unwrap();
        let error = fail(folder, &run);
        assert!(error.contains(words), "{run}: {error}");
        assert_eq!(fs::read_to_string(folder.join("r.toml")).unwrap(), "epochs = 1");
        assert_eq!(fs::read_to_string(folder.join("notes")).unwrap(), "mine");
        assert!(!folder.join("a.selvedge").exists(), "{run}");
    }
    let noted = succeed(folder, &format!("{normalized} --limit-train 17 --epochs 1").replace("--limit-train 320", ""));
    assert!(noted.contains("note: each epoch's last batch has one sample"), "{noted}");
}
