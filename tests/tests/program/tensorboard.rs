//! A run's events, read by TensorBoard's own reader.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test's helper functions are tests too")]

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::Command,
    time::{SystemTime, UNIX_EPOCH},
};

use serde_json::{Value, json};
use tests::{
    python::{has_python, python_answer},
    said, selvedge,
};

/// The options of a run without its number of epochs. An epoch has 20 steps: 320 of the 400 samples are trained on, in batches of 16.
const RUN: &str = "train --data builtin --model tiny --limit-train 400 --val-split 80 --batch-size 16 --recipe quickstart --out a.selvedge";

type Scalars = BTreeMap<String, Vec<(u64, f64, f64)>>;

/// Returns the scalars that TensorBoard reads in a folder.
fn read(folder: &Path) -> Option<Scalars> {
    has_python("TensorBoard's reader")
        .then(|| serde_json::from_value(python_answer(&json!(["scalars", folder]))).unwrap())
}

/// A run's own metrics by TensorBoard's tags: steps and values.
fn metrics(path: &Path) -> BTreeMap<&'static str, Vec<(u64, f64)>> {
    let mut found: BTreeMap<_, Vec<_>> = BTreeMap::new();
    let mut step = 0;
    for line in fs::read_to_string(path).unwrap().lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        step = line["step"].as_u64().unwrap_or(step);
        for (key, tag) in [
            ("loss", "loss/train"),
            ("learning_rate", "learning_rate"),
            ("test_loss", "loss/test"),
            ("accuracy", "accuracy/test"),
            ("validation_loss", "loss/validation"),
            ("validation_accuracy", "accuracy/validation"),
            ("samples_per_second", "samples_per_second"),
        ] {
            found.entry(tag).or_default().extend(line[key].as_f64().map(|value| (step, value)));
        }
    }
    found
}

/// Compares what TensorBoard reads with the metrics: the same steps, and values as binary32 has them.
fn assert_same(folder: &Path) {
    let Some(scalars) = read(&folder.join("events")) else { return };
    let expected = metrics(&folder.join("run.jsonl"));
    assert_eq!(scalars.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    for (tag, expected) in expected {
        let found = &scalars[tag];
        let steps = |pairs: &[(u64, f64)]| pairs.iter().map(|pair| (pair.0, pair.1 as f32)).collect::<Vec<_>>();
        let pairs: Vec<_> = found.iter().map(|&(step, value, _)| (step, value)).collect();
        assert_eq!(steps(&pairs), steps(&expected), "{tag}");
        assert!(found.iter().all(|&(.., wall)| (now - 600.0..=now).contains(&wall)), "{tag}");
    }
}

#[test]
fn tensorboard_reads_what_the_metrics_say() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    said(folder, &format!("{RUN} --epochs 3 --metrics run.jsonl --tensorboard events"));
    let expected = metrics(&folder.join("run.jsonl"));
    assert_eq!((expected["loss/train"].len(), expected["accuracy/validation"].len()), (60, 3));
    assert_same(folder);
    let error = tests::refusal(folder, &format!("{RUN} --epochs 3 --tensorboard events"));
    assert!(error.contains("--tensorboard events: the folder has events of another run"), "{error}");
}

/// The run is killed after it has written events that it writes again when it goes on: TensorBoard shows each once.
#[test]
fn a_resumed_run_goes_on_in_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    said(folder, &format!("{RUN} --epochs 2 --metrics run.jsonl --tensorboard events --checkpoint-every 25"));
    // As though the run had come to step 25 when it was saved, and was killed after step 40.
    let other = RUN.replace("a.selvedge", "b.selvedge");
    said(folder, &format!("{other} --steps 25 --checkpoint-every 25"));
    said(
        folder,
        "train --resume b.checkpoint --steps 70 --data builtin --metrics run.jsonl --tensorboard events --out b.selvedge",
    );
    assert_eq!(fs::read_dir(folder.join("events")).unwrap().count(), 2);
    assert_eq!(metrics(&folder.join("run.jsonl"))["loss/train"].len(), 70);
    assert_same(folder);
}

/// A limit on a file's size stands in for a full disk.
#[test]
fn a_run_whose_events_are_lost_is_saved() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let expected = said(folder, &format!("{RUN} --epochs 480"));
    let program = selvedge(folder);
    let mut shell = Command::new("bash");
    shell.args(["-c", &format!("ulimit -f 400; \"$0\" {RUN} --epochs 480 --tensorboard events")]);
    shell.arg(program.get_program()).current_dir(folder);
    shell.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = shell.output().unwrap();
    let text = tests::text(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("error: cannot write events/events.out.tfevents.") && text.contains("is saved"), "{text}");
    let resumed = said(folder, "train --resume a.checkpoint --data builtin --tensorboard events");
    let hash = |text: &str| text.split_once("SHA-256 ").unwrap().1.to_owned();
    assert_eq!(hash(&resumed), hash(&expected));
    let Some(scalars) = read(&folder.join("events")) else { return };
    let steps: Vec<u64> = scalars["loss/train"].iter().map(|scalar| scalar.0).collect();
    // The last events before the end were not yet on the disk. All others are there, each once.
    let saved = text.split_once("the run after step ").unwrap().1.split_once(' ').unwrap().0.parse().unwrap();
    let before = steps.iter().filter(|&&step| step <= saved).count() as u64;
    assert!(before <= saved && saved - before < 200, "{before} of {saved}");
    assert_eq!(steps, (1..=before).chain(saved + 1..=480 * 20).collect::<Vec<_>>());
}
