//! A search for a recipe: ended at any moment and started again, it comes to the same table.

#![allow(clippy::unwrap_used, reason = "a test's helper functions are tests too")]

use std::{
    fs,
    path::Path,
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;
use tests::text;

use crate::folds::{rows, write};

/// A recipe whose trials take some time, so that a search can be ended in the middle.
const RECIPE: &str = "epochs = 600\nbatch-size = 8\noptimizer = 'adamw'\n[search]\nlr = { log = [1e-4, 0.1] }\ndropout = [0.0, 0.1]\n\
                      layers = ['…,4,…', '…,8,…']\n";
const SEARCH: &str = "search mine.toml --data rows.csv --group who --trials 8";
const TRIALS: &str = "searches/mine/trials.jsonl";

fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("rows.csv"), rows());
    fs::write(folder.path().join("mine.toml"), RECIPE).unwrap();
    folder
}

fn command(folder: &Path, arguments: &str) -> Command {
    let mut command = tests::selvedge(folder);
    command.args(arguments.split_whitespace()).env("SELVEDGE_COMMAND", "selvedge");
    command
}

fn run(folder: &Path, arguments: &str) -> Output {
    command(folder, arguments).output().unwrap()
}

fn said(folder: &Path, arguments: &str) -> String {
    let output = run(folder, arguments);
    assert!(output.status.success(), "{arguments}: {}", text(&output));
    String::from_utf8(output.stdout).unwrap()
}

/// The one line of a command that must fail.
fn error(folder: &Path, arguments: &str) -> String {
    let output = run(folder, arguments);
    let text = text(&output);
    assert!(output.status.code() == Some(1) && text.matches("error: ").count() == 1, "{arguments}: {text}");
    text.lines().last().unwrap().strip_prefix("error: ").unwrap().into()
}

/// From the table on.
fn end(told: &str) -> String {
    let (_, end) = told.split_once("\n\n trial ").unwrap_or_else(|| panic!("{told}"));
    end.into()
}

/// The finished trials by their numbers, without their times.
fn trials(folder: &Path) -> Vec<Value> {
    let text = fs::read_to_string(folder.join(TRIALS)).unwrap_or_default();
    let mut trials: Vec<Value> = text
        .split_inclusive('\n')
        .filter(|line| line.ends_with('\n'))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    trials.iter_mut().for_each(|trial| drop(trial.as_object_mut().unwrap().remove("seconds")));
    trials.sort_by_key(|trial| trial["trial"].as_u64());
    trials
}

/// Waits until this number of trials are finished.
fn wait_for(folder: &Path, search: &mut Child, count: usize) {
    let started = Instant::now();
    while trials(folder).len() < count {
        assert!(search.try_wait().unwrap().is_none(), "the search has ended");
        assert!(started.elapsed() < Duration::from_secs(300), "the search takes too long");
        thread::sleep(Duration::from_millis(20));
    }
}

fn start(folder: &Path, arguments: &str) -> Child {
    command(folder, arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

#[test]
fn a_search_that_was_ended_comes_to_the_same_table() {
    let (whole, folder) = (folder(), folder());
    let expected = end(&said(whole.path(), SEARCH));
    assert_eq!(trials(whole.path()).len(), 8);
    let folder = folder.path();
    // Killed, which no program sees.
    let mut search = start(folder, SEARCH);
    wait_for(folder, &mut search, 2);
    search.kill().unwrap();
    search.wait().unwrap();
    let kept = trials(folder);
    assert!((2..8).contains(&kept.len()), "{kept:?}");
    // Half a line is what was being written.
    let mut text = fs::read(folder.join(TRIALS)).unwrap();
    text.extend(b"{\"trial\":7,\"val");
    fs::write(folder.join(TRIALS), text).unwrap();
    // Interrupted.
    #[cfg(unix)]
    {
        let mut search = start(folder, SEARCH);
        wait_for(folder, &mut search, kept.len() + 1);
        let output = Command::new("kill").args(["-INT", &search.id().to_string()]).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let output = search.wait_with_output().unwrap();
        let told = tests::text(&output);
        assert_eq!(output.status.code(), Some(130), "{told}");
        let done = trials(folder).len();
        let last = format!(
            "error: interrupted after {done} of 8 trials, which are kept; this goes on with the others:\nselvedge {SEARCH}"
        );
        assert!(told.trim_end().ends_with(&last), "{told}");
        assert!(folder.join("searches/mine/best.toml").is_file());
    }
    let done = trials(folder).len();
    let told = said(folder, SEARCH);
    assert!(told.contains(&format!("{done} of them are finished in searches/mine; the search goes on")), "{told}");
    assert_eq!(end(&told), expected);
    assert_eq!(trials(folder), trials(whole.path()));
    let best = |folder: &Path| fs::read_to_string(folder.join("searches/mine/best.toml")).unwrap();
    assert_eq!(best(folder), best(whole.path()));
    // With nothing left to do it says the same again, and with more trials it begins with these.
    assert_eq!(end(&said(folder, SEARCH)), expected);
    said(folder, &SEARCH.replace("--trials 8", "--trials 9 --jobs 1 --threads 3"));
    assert_eq!(trials(folder)[..8], trials(whole.path()));
}

/// Four short trials.
fn short(folder: &Path) {
    fs::write(folder.join("mine.toml"), RECIPE.replace("epochs = 600", "epochs = 30")).unwrap();
}

#[test]
fn the_best_recipe_trains_to_its_score() {
    let folder = folder();
    let folder = folder.path();
    short(folder);
    for judged in ["--validation 0.3", "--folds 3"] {
        fs::remove_dir_all(folder.join("searches")).ok();
        let told = said(folder, &format!("search mine.toml --data rows.csv --group who --trials 4 {judged}"));
        let better = |best: Value, trial: Value| {
            let figures = |trial: &Value| [trial["score"].as_f64().unwrap(), -trial["loss"].as_f64().unwrap()];
            if figures(&trial) > figures(&best) { trial } else { best }
        };
        let best = trials(folder).into_iter().reduce(better).unwrap();
        assert!(told.contains(&format!("The best of 4 is trial {} on rows: accuracy ", best["trial"])), "{told}");
        // The command that it says.
        let command = told.lines().find_map(|line| line.strip_prefix("  selvedge ")).unwrap();
        let folds = if judged.contains("folds") { "--folds 3 --test-split 0.2" } else { "--out best.selvedge" };
        said(folder, &format!("{command} {folds} --metrics run.jsonl"));
        let metrics = fs::read_to_string(folder.join("run.jsonl")).unwrap();
        let last: Value = serde_json::from_str(metrics.lines().last().unwrap()).unwrap();
        let [accuracy, loss] =
            if judged.contains("folds") { ["accuracy", "loss"] } else { ["validation_accuracy", "validation_loss"] };
        assert_eq!([&last[accuracy], &last[loss]], [&best["score"], &best["loss"]], "{told}");
    }
}

#[test]
fn the_test_part_changes_nothing() {
    let folder = folder();
    let (folder, rows) = (folder.path(), rows());
    short(folder);
    write(&folder.join("train.csv"), rows[..60].to_vec());
    let search = "search mine.toml --data train.csv --test test.csv --group who --trials 4 --out";
    write(&folder.join("test.csv"), rows[60..].to_vec());
    let told = said(folder, &format!("{search} one"));
    assert!(
        told.starts_with("4 recipes on train, trained on ") && told.contains("; the 40 test samples are left alone"),
        "{told}"
    );
    write(&folder.join("test.csv"), rows[60..80].iter().map(|row| row.replace("left", "right")));
    assert_eq!(end(&said(folder, &format!("{search} other"))).replace("other", "one"), end(&told));
}

#[test]
fn a_trial_that_fails_is_a_row() {
    let folder = folder();
    let folder = folder.path();
    fs::write(
        folder.join("mine.toml"),
        "epochs = 5\n[search]\nlr = [0.01, 1e30]\noptimizer = ['sgd', 'adam']\nmomentum = [0.9]\n",
    )
    .unwrap();
    let told = said(folder, "search mine.toml --data rows.csv --features a,b --layers …,8,… --grid");
    let rows: Vec<_> = end(&told).lines().skip(1).take(4).map(str::to_owned).collect();
    assert!(rows[3].contains("failed") && rows[3].contains("training diverged"), "{told}");
    assert!(!rows[0].contains("failed") && told.contains("The best of 4 is trial "), "{told}");
    // Adam has no momentum.
    assert!(rows.iter().all(|row| row.contains("adam") == row.trim_end().ends_with('-')), "{told}");
    fs::write(folder.join("bad.toml"), "epochs = 5\n[search]\nlr = [1e30, 1e31]\n").unwrap();
    let message = error(folder, "search bad.toml --data rows.csv --features a,b --layers …,8,… --grid");
    assert_eq!(message, "no trial has a score; the table says why");
    assert!(!folder.join("searches/bad/best.toml").exists());
}

#[test]
fn another_searchs_folder_is_refused() {
    let folder = folder();
    let folder = folder.path();
    short(folder);
    let search = "search mine.toml --data rows.csv --group who --trials 3 --out there";
    said(folder, search);
    let before = fs::read(folder.join("there/trials.jsonl")).unwrap();
    for (arguments, words) in [
        ("--seed 1", "its order is `random, seed 0`, and this one's is `random, seed 1`; name another folder by --out"),
        ("--validation 0.3", "its judgement is `validation 0.2`, and this one's is `validation 0.3`"),
        ("--folds 3", "its judgement is `validation 0.2`, and this one's is `folds 3`"),
        ("--limit-train 70", "its data is `80 training samples, SHA-256 "),
    ] {
        let message = error(folder, &format!("{search} {arguments}"));
        assert!(message.starts_with("there is the folder of another search: ") && message.contains(words), "{message}");
    }
    fs::write(folder.join("mine.toml"), RECIPE).unwrap();
    let message = error(folder, search);
    assert!(
        message.contains("its recipe is `epochs = 30, ") && message.contains("this one's is `epochs = 600, "),
        "{message}"
    );
    assert_eq!(fs::read(folder.join("there/trials.jsonl")).unwrap(), before);
    let message = error(folder, "search mine.toml --data rows.csv --group who --out .");
    assert_eq!(message, ". has files and is the folder of no search; name another folder by --out");
    short(folder);
    let lines = String::from_utf8(before).unwrap().replace("\"lr\":", "\"lr\":1");
    fs::write(folder.join("there/trials.jsonl"), lines).unwrap();
    let message = error(folder, search);
    assert!(
        message.starts_with("there/trials.jsonl, line 1: trial ")
            && message.ends_with(" of this search has other values"),
        "{message}"
    );
}

#[test]
fn a_wrong_space_or_source_is_one_error() {
    let folder = folder();
    let folder = folder.path();
    for (name, space) in
        [("a", "momentun = [0.9]"), ("b", "lr = 0.1"), ("c", "layers = ['…,8,2']"), ("d", "lr = [1, 2]")]
    {
        fs::write(folder.join(name), format!("epochs = 5\n[search]\n{space}\n")).unwrap();
    }
    for (arguments, expected) in [
        ("a", "a, line 3, search.momentun: there is no key momentun; did you mean momentum?"),
        ("b", "b, line 3, search.lr: must be a list of values, or a range such as { log = [1e-4, 1e-1] }"),
        ("c", "search.layers: …,8,2: the network tells 2 classes apart, but rows has 3"),
        ("d --layers 5,3", "--layers: the network takes 5 inputs"),
        ("fast", "fast: there is no table [search]"),
        ("d --folds 200", "--folds 200: rows: there are 80 samples for 200 folds"),
        ("d --validation 90", "val-split: 90 of 80 training samples leaves none to train on"),
    ] {
        let message = error(folder, &format!("search --data rows.csv --features a,b {arguments}"));
        assert!(message.starts_with(expected), "{arguments}: {message}");
    }
    assert!(!folder.join("searches").exists());
}

/// The processes that a process has started.
#[cfg(target_os = "linux")]
fn children(process: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten();
    let of_task = |task: fs::DirEntry| fs::read_to_string(task.path().join("children")).unwrap_or_default();
    let text: Vec<String> = tasks.map(|task| of_task(task.unwrap())).collect();
    text.iter().flat_map(|text| text.split_whitespace()).map(|child| child.parse().unwrap()).collect()
}

#[cfg(target_os = "linux")]
#[test]
fn a_trial_that_is_killed_is_tried_again_and_none_outlives_the_search() {
    let folder = folder();
    let folder = folder.path();
    let kill = |process: u32| Command::new("kill").args(["-KILL", &process.to_string()]).status().unwrap();
    let wait_for_children = |search: &Child| {
        let started = Instant::now();
        loop {
            let children = children(search.id());
            if !children.is_empty() {
                return children;
            }
            assert!(started.elapsed() < Duration::from_secs(60), "the search starts no trial");
            thread::sleep(Duration::from_millis(5));
        }
    };
    let search = start(folder, SEARCH);
    kill(wait_for_children(&search)[0]);
    let output = search.wait_with_output().unwrap();
    let told = tests::text(&output);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("error: 1 of 8 trials did not end by themselves, the first is trial "), "{told}");
    assert!(told.contains(": signal: 9 (SIGKILL); the same command tries them again"), "{told}");
    assert_eq!(trials(folder).len(), 7);
    // A second search waits for no first one.
    fs::remove_dir_all(folder.join("searches")).unwrap();
    let mut search = start(folder, SEARCH);
    let processes = wait_for_children(&search);
    assert_eq!(error(folder, SEARCH), "searches/mine: another search is at work in this folder");
    search.kill().unwrap();
    search.wait().unwrap();
    let started = Instant::now();
    let is_there = |process: &u32| {
        let state = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        !state.is_empty() && !state.contains(") Z ")
    };
    while processes.iter().any(is_there) {
        assert!(started.elapsed() < Duration::from_secs(10), "a trial outlives its search");
        thread::sleep(Duration::from_millis(20));
    }
    said(folder, SEARCH);
    assert_eq!(trials(folder).len(), 8);
}
