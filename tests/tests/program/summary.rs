//! The summary at the end of a run, and runs that print nothing else.

use std::fs;

use tests::{run, said};

const TRAIN: &str =
    "train --data builtin --model tiny --limit-train 320 --batch-size 16 --recipe quickstart --epochs 3";

#[test]
fn a_run_ends_with_its_summary() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let text = said(folder, &format!("{TRAIN} --lr 0.1 --metrics run.jsonl"));
    let last: Vec<&str> = text.lines().rev().take(3).collect();
    assert!(last[2].starts_with("Trained 60 steps in ") && last[2].ends_with(" s, without the tests"), "{text}");
    let metrics = fs::read_to_string(folder.join("run.jsonl")).unwrap();
    let metrics = metrics.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let accuracies: Vec<f64> = metrics.filter_map(|line| line["accuracy"].as_f64()).collect();
    let best = accuracies.iter().copied().fold(0.0, f64::max);
    let epoch = 1 + accuracies.iter().position(|accuracy| *accuracy == best).unwrap();
    assert_eq!(last[1], format!("Best epoch: {epoch} of 3, accuracy {:.2}% on the test samples", 100.0 * best));
    assert!(last[0].starts_with("Saved weights/tiny.selvedge, SHA-256 "), "{text}");
}

#[test]
fn a_quiet_run_prints_its_summary_alone() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let loud = said(folder, TRAIN);
    for quiet in ["--quiet", "-q"] {
        let output = run(folder, &format!("{TRAIN} {quiet}"));
        let [out, error] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
        assert!(output.status.success() && error.is_empty(), "{error}");
        assert_eq!(out.lines().count(), 3, "{out}");
        assert!(out.starts_with("Trained 60 steps in "), "{out}");
        // The same weights.
        assert_eq!(out.lines().last(), loud.lines().last());
    }
}

#[test]
fn quiet_folds_print_their_mean_alone() {
    let folder = tempfile::tempdir().unwrap();
    let text = said(folder.path(), &format!("{TRAIN} --folds 2 --quiet"));
    assert!(text.starts_with("\nMean of 2 folds") && !text.contains("Fold 1"), "{text}");
}

#[test]
fn a_resumed_run_knows_the_epochs_before() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let run = format!("{TRAIN} --lr 0.1");
    let whole = said(folder, &run);
    said(folder, &format!("{} --checkpoint-every 20 --out part.selvedge", run.replace("--epochs 3", "--epochs 2")));
    let resumed = said(folder, "train --resume part.checkpoint --data builtin --epochs 3");
    let best = |text: &str| text.lines().find(|line| line.starts_with("Best epoch: ")).map(str::to_owned).unwrap();
    assert_eq!(best(&resumed), best(&whole));
}

#[test]
fn an_early_stop_is_judged_by_the_validation_samples() {
    let folder = tempfile::tempdir().unwrap();
    let text = said(folder.path(), &format!("{TRAIN} --val-split 0.2 --early-stop 2 --quiet"));
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[1].starts_with("Best epoch: ") && lines[1].ends_with(" on the validation samples"), "{text}");
    assert!(lines[2].starts_with("The best epoch's weights, on the test samples: Accuracy: "), "{text}");
}
