//! Runs that something ends or disturbs: nothing of them is lost, and no other run's files are.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test's helper functions are tests too")]

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

/// 20 steps in each of so many epochs.
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

/// What a successful command says, on both outputs.
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

/// Starts a command, and waits until its metrics have so many lines.
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
fn whoever_reads_no_further_loses_no_run() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let whole = succeed(folder, &format!("{RUN} --epochs 30"));
    fs::remove_file(folder.join("a.selvedge")).unwrap();
    let script = format!("set -o pipefail; \"$0\" {RUN} --epochs 30 | head -3");
    let output = shell(folder, &script).output().unwrap();
    assert!(output.status.success(), "{}", tests::text(&output));
    assert!(String::from_utf8_lossy(&output.stderr).contains("training goes on"), "{}", tests::text(&output));
    let inspected = succeed(folder, "inspect a.selvedge");
    assert!(inspected.contains(hash(&whole)), "{inspected}");
}

#[test]
fn lost_lines_are_an_error_beside_the_weights() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let output = shell(folder, &format!("\"$0\" {RUN} --epochs 1 > /dev/full")).output().unwrap();
    assert!(error_of(&output, 1).contains("the weights are saved"), "{}", tests::text(&output));
    assert!(folder.join("a.selvedge").exists());
    for closed in [">&-", "2>&-", ">&- 2>&-"] {
        fs::remove_file(folder.join("a.selvedge")).unwrap();
        let output = shell(folder, &format!("\"$0\" {RUN} --epochs 1 {closed}")).output().unwrap();
        assert!(output.status.success() && folder.join("a.selvedge").exists(), "{closed}: {}", tests::text(&output));
    }
}

#[test]
fn a_run_whose_metrics_are_lost_is_saved() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let expected = succeed(folder, &format!("{RUN} --epochs 30"));
    assert!(Command::new("mkfifo").arg(folder.join("pipe")).status().unwrap().success());
    let (reader, writer) = (folder.join("pipe"), folder.to_owned());
    let reading = thread::spawn(move || File::open(reader).unwrap().read_exact(&mut [0; 1000]).unwrap());
    let error = fail(&writer, &format!("{RUN} --epochs 30 --metrics pipe"));
    reading.join().unwrap();
    assert!(error.starts_with("error: cannot write pipe: ") && error.contains("a.checkpoint"), "{error}");
    let step = steps_of(&folder.join("a.checkpoint"));
    assert!(step > 0 && error.contains(&format!("the run after step {step} is saved")), "{error}");
    let resumed = succeed(folder, "train --resume a.checkpoint --data builtin");
    assert_eq!(hash(&resumed), hash(&expected));
}

/// The folder of the weights is gone when they are to be written.
#[test]
fn weights_that_cannot_be_written_are_saved_in_another_place() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let expected = succeed(folder, &format!("{RUN} --epochs 300"));
    let mut command = tests::selvedge(folder);
    command.args(words(&RUN.replace("a.selvedge", "below/a.selvedge --epochs 300 --metrics run.jsonl")));
    let child = start(command, folder, 30);
    fs::remove_dir_all(folder.join("below")).unwrap();
    fs::write(folder.join("below"), "no folder").unwrap();
    let error = error_of(&child.wait_with_output().unwrap(), 1);
    assert!(error.starts_with("error: cannot write below/a.selvedge: "), "{error}");
    let (_, command) = error.split_once('`').unwrap();
    let (command, _) = command.split_once('`').unwrap();
    let words = &words(command)[1..];
    let found = words.iter().position(|word| word == "--resume").unwrap();
    assert_eq!(Path::new(&words[found + 1]).parent(), Some(folder), "{error}");
    fs::remove_file(folder.join("below")).unwrap();
    let output = tests::selvedge(folder).args(words).output().unwrap();
    assert_eq!(hash(&tests::text(&output)), hash(&expected));
    assert!(folder.join("a.selvedge").exists(), "the weights are beside the checkpoint that was saved elsewhere");
}

#[test]
fn a_run_that_diverges_keeps_what_was_good() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let error = fail(folder, &format!("{RUN} --lr 1e30"));
    assert!(error.contains("training diverged; try a smaller --lr") && error.contains("a.checkpoint"), "{error}");
    let step = steps_of(&folder.join("a.checkpoint"));
    assert!(
        error.contains(&format!("the run after step {step}, with weights that are finite, is saved in")),
        "{error}"
    );
    fs::remove_file(folder.join("a.checkpoint")).unwrap();
    let error = fail(folder, &format!("{RUN} --lr 1e30 --checkpoint-every 1000"));
    assert!(error.contains("the run after step 0, with weights that are finite, is saved in a.checkpoint"), "{error}");
    assert_eq!(steps_of(&folder.join("a.checkpoint")), 0);
    // A new run starts from it.
    let from = succeed(folder, &format!("{RUN} --epochs 1 --init a.checkpoint"));
    assert_eq!(hash(&from), hash(&succeed(folder, &format!("{RUN} --epochs 1"))));
    let error = fail(folder, "train --data builtin --model small --init a.checkpoint");
    assert!(
        error.contains("a.checkpoint: the checkpoint is of the network 784-16-10, and not of 784-128-10"),
        "{error}"
    );
}

#[test]
fn another_runs_checkpoint_is_never_replaced_unasked() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut child = long(folder, "");
    signal(&child, "INT");
    child.wait().unwrap();
    let before = fs::read(folder.join("a.checkpoint")).unwrap();
    let steps = steps_of(&folder.join("a.checkpoint"));

    let every = "--checkpoint-every 1000000";
    let error = fail(folder, &format!("{RUN} {LONG} {every}"));
    let again = format!(
        "error: a.checkpoint: this run was begun before, and is saved after step {steps}; --resume a.checkpoint"
    );
    assert!(error.starts_with(&again) && error.contains("--overwrite"), "{error}");
    let error = fail(folder, &format!("{RUN} --epochs 2 --seed 7 {every}"));
    assert!(error.contains("the checkpoint of another run (784,16,10, on builtin), after step"), "{error}");
    let error = fail(folder, &format!("{RUN} --epochs 2 {every} --checkpoint ./link/../a.checkpoint"));
    assert!(error.contains("another run"), "{error}");
    fs::write(folder.join("notes"), "mine").unwrap();
    let error = fail(folder, &format!("{RUN} --epochs 2 {every} --checkpoint notes"));
    assert!(error.contains("notes: something that is no checkpoint"), "{error}");
    assert_eq!(fs::read_to_string(folder.join("notes")).unwrap(), "mine");

    let child = long(folder, "--seed 7");
    signal(&child, "INT");
    let error = error_of(&child.wait_with_output().unwrap(), 130);
    assert!(error.contains("--resume a-2.checkpoint"), "{error}");
    assert!(fs::read(folder.join("a.checkpoint")).unwrap() == before, "another run's checkpoint was replaced");

    succeed(folder, &format!("{RUN} --epochs 2 {every} --overwrite"));
    assert_eq!(steps_of(&folder.join("a.checkpoint")), 40);
    // A run that is done may be done again, also where its last step was one to be saved.
    succeed(folder, &format!("{RUN} --epochs 2 {every}"));
    for _ in 0..2 {
        succeed(folder, &format!("{RUN} --epochs 2 --checkpoint-every 10 --checkpoint ten.checkpoint"));
    }
    assert_eq!(
        names(folder),
        ["a-2.checkpoint", "a.checkpoint", "a.selvedge", "link", "notes", "run.jsonl", "ten.checkpoint"]
    );
}

/// Two runs from one checkpoint: the one that is second to save finds another file than it knows.
#[test]
fn a_checkpoint_that_another_run_has_replaced_stays() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    succeed(folder, &format!("{RUN} --epochs 2 --checkpoint-every 7"));
    let resume = "train --resume a.checkpoint --data builtin --epochs 1000000 --metrics run.jsonl";
    let mut command = tests::selvedge(folder);
    command.args(words(resume));
    let child = start(command, folder, 30);
    succeed(folder, "train --resume a.checkpoint --data builtin --epochs 3 --checkpoint-every 1000");
    let others = fs::read(folder.join("a.checkpoint")).unwrap();
    signal(&child, "INT");
    let error = error_of(&child.wait_with_output().unwrap(), 130);
    assert!(error.contains("--resume a-2.checkpoint"), "{error}");
    assert!(fs::read(folder.join("a.checkpoint")).unwrap() == others, "another run's checkpoint was replaced");
}

#[test]
fn weights_that_are_no_numbers_replace_no_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let error = fail(folder, &format!("{RUN} --optimizer adam --lr 3e38 --checkpoint-every 1 --steps 5"));
    assert!(error.contains("training diverged") && error.contains("the run after step 0, with weights"), "{error}");
    succeed(folder, &format!("{RUN} --steps 1 --init a.checkpoint"));
    assert_eq!(steps_of(&folder.join("a.checkpoint")), 0);
}

#[test]
fn a_new_run_starts_from_a_pipe() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    succeed(folder, &format!("{RUN} --epochs 1 --checkpoint-every 1000"));
    let run = RUN.replace("a.selvedge", "b.selvedge");
    let expected = hash(&succeed(folder, &format!("{run} --epochs 1 --init a.selvedge"))).to_owned();
    for name in ["a.selvedge", "a.checkpoint"] {
        let output = shell(folder, &format!("\"$0\" {run} --epochs 1 --init <(cat {name})")).output().unwrap();
        assert!(output.status.success(), "{}", tests::text(&output));
        assert_eq!(hash(&tests::text(&output)), expected, "{name}");
    }
}

#[test]
fn a_resumed_run_gets_another_length() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let every = "--checkpoint-every 7 --metrics run.jsonl";
    let resume = "train --resume a.checkpoint --data builtin --metrics run.jsonl";
    for (first, then) in [
        ("--epochs 2", "--epochs 4"),
        ("--steps 27", "--steps 55"),
        ("--epochs 2", "--steps 55"),
        ("--steps 27", "--epochs 4"),
    ] {
        let expected = hash(&succeed(folder, &format!("{RUN} {then}"))).to_owned();
        let whole = fs::read(folder.join("a.selvedge")).unwrap();
        succeed(folder, &format!("{RUN} {first} {every} --overwrite"));
        let resumed = succeed(folder, &format!("{resume} {then}"));
        assert_eq!(hash(&resumed), expected, "{first}, {then}");
        assert!(fs::read(folder.join("a.selvedge")).unwrap() == whole, "{first}, {then}: the weight files differ");
        for shorter in ["--steps 3", "--epochs 1"] {
            let error = fail(folder, &format!("{resume} {shorter}"));
            assert!(error.contains("a.checkpoint: the run is longer already: it has taken "), "{error}");
        }
    }
    for (schedule, name) in [("cosine", "cosine"), ("one-cycle", "one-cycle"), ("cosine,final=0.1", "cosine")] {
        succeed(folder, &format!("{RUN} --epochs 2 --schedule {schedule} {every} --overwrite"));
        let error = fail(folder, &format!("{resume} --epochs 4"));
        let words = format!("a.checkpoint: epochs: the run keeps its length, because its schedule {name} is laid out");
        assert!(
            error.contains(&words) && error.contains("`train --init a.checkpoint --layers 784,16,10` starts"),
            "{error}"
        );
    }
    let error = fail(folder, &format!("{resume} --lr 1 --clip 2"));
    assert!(error.contains("--resume: the run keeps its recipe, so --lr, --clip cannot be given"), "{error}");
}

#[test]
fn an_ignored_signal_stays_ignored() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let expected = succeed(folder, &format!("{RUN} --epochs 300"));
    fs::remove_file(folder.join("a.selvedge")).unwrap();
    let child =
        start(shell(folder, &format!("trap '' HUP; exec \"$0\" {RUN} --epochs 300 --metrics run.jsonl")), folder, 30);
    signal(&child, "HUP");
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", tests::text(&output));
    assert_eq!(hash(&tests::text(&output)), hash(&expected));
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

#[test]
fn the_next_run_removes_what_a_killed_one_left() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::write(folder.join(".selvedge-0123456789ab.tmp"), "half a file").unwrap();
    succeed(folder, &format!("{RUN} --epochs 1"));
    assert_eq!(names(folder), ["a.selvedge"]);
}

/// A checkpoint by hand whose best weights are not those of its run.
#[test]
fn weights_that_no_run_has_found_are_not_given() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let path = folder.join("a.checkpoint");
    succeed(folder, &format!("{RUN} --epochs 2 --val-split 0.1 --early-stop 5 --checkpoint-every 1000"));
    let checkpoint = checkpoint::load(&path).unwrap();
    let description = checkpoint.description.clone();
    let layers: Architecture = description.layers.parse().unwrap();
    let options = host::recipe::RecipeOptions::parse(&description.recipe, &path).unwrap().resolve().unwrap();
    let state = checkpoint.into_state(&layers, &options).unwrap();
    let forged = |change: fn(&mut State)| {
        let mut state = checkpoint::load(&path).unwrap().into_state(&layers, &options).unwrap();
        change(&mut state);
        checkpoint::save(&folder.join("forged.checkpoint"), &state, &description).unwrap();
        fail(folder, "train --resume forged.checkpoint --data builtin")
    };
    for (error, words) in [
        (forged(|state| state.parts_mut().last().unwrap().fill(0.0)), "all numbers of the best epoch's weights are 0"),
        (
            forged(|state| *state.parts_mut().last().unwrap().last_mut().unwrap() = 0.75),
            "the best epoch's weights have a loss of ",
        ),
        (forged(|state| state.parts_mut().last().unwrap()[3] = f32::NAN), "linear_relu_stack.0.weight[0, 3] is NaN"),
        (
            forged(|state| state.network.parameters_mut()[3] = f32::INFINITY),
            "the weights: linear_relu_stack.0.weight[0, 3] is inf",
        ),
        (forged(|state| state.progress.best_loss = Some(f64::NAN)), "none of a run by its recipe"),
        (forged(|state| state.progress.best_loss = None), "none of a run by its recipe"),
    ] {
        assert!(error.starts_with("error: forged.checkpoint: ") && error.contains(words), "{error}");
    }
    assert_eq!(state.progress.epochs, 2);
    assert!(!folder.join("forged.selvedge").exists());
}

/// A small file system of its own, which is full from some moment on.
#[test]
fn a_disk_that_is_full_costs_no_run() {
    const SCRIPT: &str = r#"
        mount -t tmpfs -o size=$1k tmpfs disk || exit 77
        ( cd disk; "$0" train --data builtin --model tiny --limit-train 320 --batch-size 16 --recipe quickstart --epochs 100 \
            --out a.selvedge --metrics run.jsonl --checkpoint-every 10 > ../output 2> ../errors )
        echo $? > status
        ls -A disk > names
        cp disk/* kept 2> /dev/null
        exit 0"#;
    let folder = tempfile::tempdir().unwrap();
    let expected = succeed(folder.path(), &format!("{RUN} --epochs 100"));
    let mut outcomes = [0; 2];
    for kilobytes in (60..480).step_by(28) {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        fs::create_dir(folder.join("disk")).unwrap();
        fs::create_dir(folder.join("kept")).unwrap();
        let program = tests::selvedge(folder);
        let mut unshared = Command::new("unshare");
        unshared.args(["-rm", "bash", "-c", SCRIPT]).arg(program.get_program()).arg(kilobytes.to_string());
        unshared.current_dir(folder).env("HOME", folder.join("home"));
        let output = unshared.output();
        if !output.as_ref().is_ok_and(|output| output.status.success()) {
            // No set-up gives a container the right to mount, so even a run of all tests goes on without.
            let left_out = "SKIPPED a_disk_that_is_full_costs_no_run: no file system can be mounted here";
            drop(writeln!(io::stderr(), "\n{left_out}"));
            return;
        }
        let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
        let (status, errors) = (read("status"), read("errors"));
        let temporary = read("names").lines().any(|name| name.starts_with(".selvedge-"));
        assert!(!temporary, "{kilobytes} KB: {}", read("names"));
        if status.trim() == "0" {
            outcomes[0] += 1;
            assert_eq!(hash(&read("output")), hash(&expected), "{kilobytes} KB");
            continue;
        }
        assert_eq!(
            errors.lines().filter(|line| line.starts_with("error: cannot write ")).count(),
            1,
            "{kilobytes} KB: {errors}"
        );
        let Some((_, command)) = errors.split_once('`') else {
            assert!(errors.contains("there is no room for its"), "{kilobytes} KB: {errors}");
            assert_eq!(read("output"), "", "steps were taken");
            continue;
        };
        outcomes[1] += 1;
        let words = words(command.split_once('`').unwrap().0);
        let checkpoint = &words[words.iter().position(|word| word == "--resume").unwrap() + 1];
        let kept = folder.join("kept").join(Path::new(checkpoint).file_name().unwrap());
        let checkpoint = if kept.exists() { kept } else { checkpoint.into() };
        let resume = format!("train --data builtin --resume {} --out b.selvedge", checkpoint.display());
        assert_eq!(hash(&succeed(folder, &resume)), hash(&expected), "{kilobytes} KB");
        if !checkpoint.starts_with(folder) {
            fs::remove_file(checkpoint).unwrap();
        }
    }
    println!("{outcomes:?} runs were whole, and were saved before the end");
    assert!(outcomes.iter().all(|&count| count > 0), "{outcomes:?}");
}
