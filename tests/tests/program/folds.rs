//! Cross-validation: each sample is tested once, by a model that knows nothing of it.

#![allow(clippy::unwrap_used, reason = "a test's helper functions are tests too")]

use std::{collections::BTreeSet, fs, path::Path};

use host::model_file::ModelFile;
use selvedge::random::{Generator, Purpose};
use serde_json::Value;
use tempfile::TempDir;
use tests::{said, text};

/// The rows of a table: three classes whose means differ, and ten people, each with three rows of each class and one more of their own.
pub fn rows() -> Vec<String> {
    let noise = Generator::new(3, Purpose::Drawing, 0);
    let row = |index: u64| {
        let (person, class) = (index / 10, index % 10 % 3);
        let value = |feature: u64| {
            let noise = noise.bits(2 * index + feature) as f64 / u64::MAX as f64 - 0.5;
            // Each person is off by as much, so a fold's scale is its own.
            10.0 * (feature + 1) as f64 + 2.0 * class as f64 + 0.7 * person as f64 + 2.5 * noise
        };
        format!("{:.3},{:.3},person {person},{}", value(0), value(1), ["left", "right", "still"][class as usize])
    };
    (0..100).map(row).collect()
}

pub fn write(path: &Path, rows: impl IntoIterator<Item = String>) {
    let rows: Vec<String> = ["a,b,who,label".to_owned()].into_iter().chain(rows).collect();
    fs::write(path, rows.join("\n") + "\n").unwrap();
}

fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("rows.csv"), rows());
    folder
}

const RUN: &str = "train --recipe fast --epochs 40 --batch-size 8 --lr 0.02 --layers …,8,… --data rows.csv";
const BY_CLASS: &str = "--features a,b";
const BY_PERSON: &str = "--group who";

/// The lines of a run's metrics without its times.
fn metrics(path: &Path) -> Vec<Value> {
    let without_times = |line: &str| {
        let mut line: Value = serde_json::from_str(line).unwrap();
        ["seconds", "samples_per_second"].iter().for_each(|key| drop(line.as_object_mut().unwrap().remove(*key)));
        line
    };
    fs::read_to_string(path).unwrap().lines().map(without_times).collect()
}

/// Each fold's samples.
fn tested(metrics: &[Value]) -> Vec<Vec<usize>> {
    let folds = metrics.iter().filter_map(|line| line["tested"].as_array());
    folds.map(|samples| samples.iter().map(|sample| sample.as_u64().unwrap() as usize).collect()).collect()
}

#[test]
fn folds_are_a_partition_by_class_or_by_group() {
    let folder = folder();
    let (folder, rows) = (folder.path(), rows());
    let column = |place: usize, index: &usize| rows[*index].split(',').nth(place).unwrap().to_owned();
    for source in [BY_CLASS, BY_PERSON] {
        let told = said(folder, &format!("{RUN} {source} --folds 4 --metrics run.jsonl"));
        let metrics = metrics(&folder.join("run.jsonl"));
        let folds = tested(&metrics);
        assert_eq!(folds.len(), 4, "{told}");
        let mut all = folds.concat();
        all.sort_unstable();
        assert!(all.into_iter().eq(0..100), "{told}");
        for (fold, number) in folds.iter().zip(1..) {
            let labels = |name: &str| fold.iter().filter(|index| column(3, index) == name).count();
            let people: BTreeSet<_> = fold.iter().map(|index| column(2, index)).collect();
            let others: BTreeSet<_> =
                (0..100).filter(|index| !fold.contains(index)).map(|index| column(2, &index)).collect();
            if source == BY_CLASS {
                assert_eq!(fold.len(), 25);
                assert_eq!((labels("left"), labels("right") + labels("still")), (10, 15));
            } else {
                assert!(people.is_disjoint(&others) && [2, 3].contains(&people.len()), "{people:?}");
            }
            let groups = if source == BY_CLASS { String::new() } else { format!(" in {} groups", people.len()) };
            let line = format!(
                "Fold {number} of 4: trained on {} samples, tested on {}{groups}: accuracy ",
                100 - fold.len(),
                fold.len()
            );
            assert!(told.contains(&line), "{line}: {told}");
        }
        // Mean and spread are those of the folds' figures.
        let of = |key: &str| {
            metrics
                .iter()
                .filter(|line| line["tested"].is_array())
                .map(|line| line[key].as_f64().unwrap())
                .collect::<Vec<_>>()
        };
        let last = metrics.last().unwrap();
        for key in ["accuracy", "loss"] {
            let values = of(key);
            let mean = values.iter().sum::<f64>() / 4.0;
            let spread = (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / 3.0).sqrt();
            assert!((last[key].as_f64().unwrap() - mean).abs() < 1e-12 && mean > 0.0);
            assert!((last[format!("{key}_deviation")].as_f64().unwrap() - spread).abs() < 1e-12 && spread > 0.0);
        }
        let mean = format!(
            " Accuracy: {:.2}% ± {:.2}%, Avg loss: ",
            100.0 * last["accuracy"].as_f64().unwrap(),
            100.0 * last["accuracy_deviation"].as_f64().unwrap()
        );
        assert!(told.contains(&mean) && told.contains("Each of 100 samples of rows was tested once"), "{told}");
        assert!(told.ends_with("No weights are written; --keep-folds DIR keeps each fold's\n"), "{told}");
    }
    let left: BTreeSet<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(left, BTreeSet::from(["rows.csv".into(), "run.jsonl".into()]));
}

#[test]
fn each_model_is_its_folds_own() {
    let folder = folder();
    let (folder, rows) = (folder.path(), rows());
    said(folder, &format!("{RUN} {BY_PERSON} --folds 3 --metrics run.jsonl --keep-folds kept --threads 1"));
    let metrics_there = metrics(&folder.join("run.jsonl"));
    let read = |kept: &str, number: usize| fs::read(folder.join(format!("{kept}/fold-{number}.selvedge"))).unwrap();
    for (fold, number) in tested(&metrics_there).iter().zip(1..) {
        let bytes = read("kept", number);
        let file = ModelFile::parse(&bytes).unwrap();
        let preparation = file.signature().preparation;
        // Over the samples that it was trained on, each of its inputs has mean 0 and deviation 1; over all, it has not.
        let moments = |indices: Vec<usize>| {
            let values = indices.into_iter().map(|index| {
                let sample: Vec<u8> = rows[index]
                    .split(',')
                    .take(2)
                    .flat_map(|cell| cell.parse::<f32>().unwrap().to_le_bytes())
                    .collect();
                let mut input = [0.0; 2];
                preparation.write(&sample, &mut input);
                f64::from(input[1])
            });
            let values: Vec<f64> = values.collect();
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            (mean, (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64).sqrt())
        };
        let (own, all) =
            (moments((0..100).filter(|index| !fold.contains(index)).collect()), moments((0..100).collect()));
        assert!(own.0.abs() < 1e-4 && (own.1 - 1.0).abs() < 1e-4, "{own:?}");
        assert!(all.0.abs() > 1e-3, "{all:?}");
        // A second evaluation, of the fold as a test file, says the same.
        write(
            &folder.join("others.csv"),
            (0..100).filter(|index| !fold.contains(index)).map(|index| rows[index].clone()),
        );
        write(&folder.join("tested.csv"), fold.iter().map(|&index| rows[index].clone()));
        let told =
            said(folder, &format!("eval kept/fold-{number}.selvedge --data others.csv --test tested.csv --group who"));
        let line = metrics_there.iter().find(|line| line["fold"] == number && line["tested"].is_array()).unwrap();
        let (accuracy, loss) = (100.0 * line["accuracy"].as_f64().unwrap(), line["loss"].as_f64().unwrap());
        assert!(told.contains(&format!("Accuracy: {accuracy:.2}%, Avg loss: {loss:.6}")), "{told}");
    }
    // Any number of threads makes the same bits.
    said(folder, &format!("{RUN} {BY_PERSON} --folds 3 --metrics again.jsonl --keep-folds again --threads 3"));
    assert_eq!(metrics(&folder.join("again.jsonl")), metrics_there);
    assert!((1..=3).all(|number| read("kept", number) == read("again", number)));
}

#[test]
fn a_test_part_is_left_alone() {
    let folder = folder();
    let (folder, rows) = (folder.path(), rows());
    write(&folder.join("train.csv"), rows[..60].to_vec());
    let run = format!("{} {BY_PERSON} --folds 3 --test test.csv --metrics", RUN.replace("rows.csv", "train.csv"));
    write(&folder.join("test.csv"), rows[60..].to_vec());
    let told = said(folder, &format!("{run} one.jsonl"));
    assert!(
        told.contains("Each of 60 samples of train was tested once")
            && told.contains("; the 40 test samples were left alone"),
        "{told}"
    );
    // Other test samples, of the same kind.
    write(&folder.join("test.csv"), rows[60..80].iter().map(|row| row.replace("left", "right")));
    said(folder, &format!("{run} other.jsonl"));
    assert_eq!(metrics(&folder.join("one.jsonl")), metrics(&folder.join("other.jsonl")));
    // A part that is asked for is held out, and the folds are of the rest.
    let told = said(folder, &format!("{RUN} {BY_CLASS} --folds 3 --test-split 0.3"));
    assert!(told.contains("Each of 70 samples") && told.contains("; the 30 test samples were left alone"), "{told}");
}

#[test]
fn what_cannot_be_cross_validated_is_refused() {
    let folder = folder();
    let folder = folder.path();
    fs::write(folder.join("foreign.selvedge"), "mine").unwrap();
    fs::create_dir(folder.join("kept")).unwrap();
    fs::write(folder.join("kept/fold-2.selvedge"), "mine").unwrap();
    write(&folder.join("gaps.csv"), rows().into_iter().chain([",1,person 1,left".into()]));
    write(&folder.join("few.csv"), rows()[..12].iter().cloned());
    for (arguments, code, expected) in [
        ("--folds 1", 2, "must be a whole number from 2, such as 5 or 5,seed=7"),
        ("--folds 3 --resume x", 2, "cannot be used with '--resume <FILE>'"),
        ("--folds 3 --checkpoint-every 5", 2, "cannot be used with '--checkpoint-every <STEPS>'"),
        ("--folds 3 --out x", 2, "cannot be used with '--out <FILE>'"),
        ("--keep-folds x", 2, "--folds <K[,seed=N]>"),
        ("--folds 101", 1, "--folds 101: rows: there are 100 samples for 101 folds; take 100 folds at most"),
        (
            "--folds 50",
            1,
            "--folds 50: rows: each class has fewer samples than the 50 folds, the largest has 40; take 40 folds at most",
        ),
        (
            "--folds 11 --group who",
            1,
            "--folds 11: rows: the samples are in 10 groups, and a group is in one of the 11 folds; take 10",
        ),
        ("--folds 3 --keep-folds kept", 1, "kept/fold-2.selvedge is there, and is not a weight file of Selvedge"),
        (
            "--folds 3 --data gaps.csv --missing mean",
            1,
            "--folds: --missing mean fills gaps by means over all training samples",
        ),
        ("--folds 3 --lr 1e30", 1, "fold 1 of 3: the loss is "),
        ("--folds 3 --metrics foreign.selvedge", 1, "foreign.selvedge is there, and is not a run's metrics"),
    ] {
        let source = if arguments.contains("--group") { "" } else { BY_CLASS };
        let data = if arguments.contains("--data") { "" } else { "--data rows.csv" };
        let line = format!("train --layers …,8,… {source} {data} {arguments}");
        let output = tests::selvedge(folder).args(line.split_whitespace()).output().unwrap();
        let text = text(&output);
        let errors = text.lines().filter(|line| line.starts_with("error: ")).count();
        assert!(output.status.code() == Some(code) && text.contains(expected) && errors == 1, "{arguments}: {text}");
    }
    assert_eq!(fs::read_dir(folder.join("kept")).unwrap().count(), 1);
    // A class with fewer samples than folds is said.
    let told = said(folder, &format!("{} {BY_CLASS} --folds 5", RUN.replace("rows.csv", "few.csv")));
    assert!(told.contains("note: class right has 4 samples, so 1 of the 5 folds have none of it"), "{told}");
}
