//! Labels and numbers from the command line: a table or arrays, training, evaluation, prediction, quantisation.

#![allow(clippy::unwrap_used, reason = "a test's helper functions are tests too")]

use std::{fmt::Write as _, fs, path::Path};

use selvedge::random::{Generator, Purpose};
use serde_json::Value;
use tempfile::TempDir;
use tests::{refusal, run, said, text};

/// Measurements: three of a sensor, two numbers and two labels that follow from them.
fn room() -> TempDir {
    let generator = Generator::new(5, Purpose::Drawing, 0);
    let mut table = String::from("t (s),u [V],x,room (°C),load,hot,odd\n");
    for row in 0..400 {
        let [t, u, x] = [0, 1, 2].map(|column| f64::from(generator.symmetric(3 * row + column, 2.0)));
        let (room, load) = (20.0 + 4.0 * t, 300.0 + 50.0 * u - 20.0 * x);
        let (hot, odd) = (u8::from(t > 0.5), u8::from(u + x > 0.0));
        writeln!(table, "{t:.3},{u:.3},{x:.3},{room:.3},{load:.2},{hot},{odd}").unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("room.csv"), table).unwrap();
    folder
}

const REGRESSION: &str = "--data room.csv --task regression --label room,load --features t,u,x";
const LABELS: &str = "--data room.csv --task multi-label --label hot,odd --features t,u,x";
const LEARNS: &str = "--layers 3,16,2 --epochs 40 --batch-size 16 --lr 0.01 --optimizer adamw --recipe quickstart";

/// The number after a word.
fn number(text: &str, word: &str) -> f64 {
    let rest = text.rsplit_once(word).unwrap_or_else(|| panic!("no {word} in {text}")).1;
    let end = rest.find(|c: char| !(c.is_ascii_digit() || "-.".contains(c))).unwrap_or(rest.len());
    rest[..end].parse().unwrap_or_else(|_| panic!("{word} in {text}"))
}

#[test]
fn numbers_are_learned_and_given_back_in_their_units() {
    let folder = room();
    let folder = folder.path();
    let trained = said(folder, &format!("train {REGRESSION} {LEARNS} --out room.selvedge --metrics m.jsonl"));
    assert!(number(&trained, "R²: ") > 0.95, "{trained}");
    let last = fs::read_to_string(folder.join("m.jsonl")).unwrap();
    let last: Value = serde_json::from_str(last.lines().last().unwrap()).unwrap();
    assert!(last["r2"].as_f64().unwrap() > 0.95 && last["mae"].as_array().unwrap().len() == 2, "{last}");
    let shown = said(folder, "inspect room.selvedge");
    assert!(shown.contains("From 3 features to 2 targets: room (°C), load\n"), "{shown}");
    assert!(shown.contains("Features: t (s), u (V), x") && shown.contains("R² 0.9"), "{shown}");
    // The file knows its targets' columns.
    let evaluated = said(folder, "eval room.selvedge --data room.csv");
    assert!(number(&evaluated, "R²: ") > 0.95 && evaluated.contains(" °C"), "{evaluated}");
    assert_eq!(evaluated, said(folder, &format!("eval room.selvedge {REGRESSION}")));

    fs::write(folder.join("new.csv"), "x,u,t\n0,0,1\n0,1,0\n").unwrap();
    let predicted = said(folder, "predict room.selvedge new.csv");
    assert!((number(&predicted, "new.csv, line 2: room ") - 24.0).abs() < 1.5, "{predicted}");
    assert!((number(&predicted, "line 3: room ") - 20.0).abs() < 1.5, "{predicted}");
    assert!((number(&predicted, "load ") - 350.0).abs() < 20.0 && predicted.contains(" °C, load "), "{predicted}");
    let answers: Value = serde_json::from_str(&said(folder, "predict room.selvedge --values 1,0,0 --json")).unwrap();
    let target = &answers[0]["targets"][0];
    assert_eq!([&target["target"], &target["unit"]], ["room", "°C"]);
    assert!((target["value"].as_f64().unwrap() - 24.0).abs() < 1.5, "{answers}");

    for format in ["int8", "int4", "f16"] {
        let quantized =
            said(folder, &format!("quantize room.selvedge --data room.csv --format {format} --certificates c.csv"));
        let row = quantized.lines().find(|line| line.trim_start().starts_with("room ")).unwrap();
        let cells: Vec<f64> = row.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        let [after, before, mean, largest, bound] = cells[..] else { panic!("{row}") };
        assert!(mean <= largest && largest <= bound && after <= before + mean + 1e-3, "{row}");
        let evaluated = said(folder, &format!("eval room.{format} --data room.csv"));
        let headline = evaluated.lines().nth(1).unwrap().split_once(", Avg").unwrap().0;
        assert!(quantized.contains(&format!("{headline}, on the 80 test samples")), "{quantized}{evaluated}");
        let certificates = fs::read_to_string(folder.join("c.csv")).unwrap();
        assert_eq!(certificates.lines().count(), 1 + 80 * 2);
        for line in certificates.lines().skip(1) {
            let [error, bound] = [2, 3].map(|column| line.split(',').nth(column).unwrap().parse::<f64>().unwrap());
            assert!(error <= bound, "{line}");
        }
    }
    let tuned = said(folder, "quantize room.selvedge --data room.csv --format int4 --qat");
    assert!(tuned.contains("Fine-tuning, epoch 1, on the samples that are held out: R²: "), "{tuned}");
}

#[test]
fn labels_are_learned_each_by_itself() {
    let folder = room();
    let folder = folder.path();
    let trained = said(folder, &format!("train {LABELS} {LEARNS} --out labels.selvedge"));
    assert!(number(&trained, "Right labels: ") > 93.0, "{trained}");
    let shown = said(folder, "inspect labels.selvedge");
    assert!(
        shown.contains("From 3 features to 2 labels: hot, odd") && shown.contains("% of all labels right"),
        "{shown}"
    );
    let evaluated = said(folder, "eval labels.selvedge --data room.csv");
    assert!(number(&evaluated, "ROC AUC: ") > 0.97 && number(&evaluated, "F1: ") > 0.9, "{evaluated}");
    let predicted = said(folder, "predict labels.selvedge --values 2,2,2 --values 2,-2,-2 --values=-2,-2,-2");
    let answers: Vec<_> = predicted.lines().map(|line| line.split_once(": ").unwrap().1).collect();
    let firsts = answers.iter().map(|answer| answer.split(" (").next().unwrap()).collect::<Vec<_>>();
    assert_eq!(firsts, ["hot, odd", "hot", "no label"], "{predicted}");
    let answers: Value =
        serde_json::from_str(&said(folder, "predict labels.selvedge --values 2,-2,-2 --json")).unwrap();
    assert_eq!(answers[0]["labels"][0]["is_there"], true, "{answers}");
    assert!(answers[0]["labels"][1]["probability"].as_f64().unwrap() < 0.5, "{answers}");
    let quantized = said(folder, "quantize labels.selvedge --data room.csv --certificates c.csv");
    let certified = number(&quantized, "Certified: ");
    let certificates = fs::read_to_string(folder.join("c.csv")).unwrap();
    let samples = certificates.lines().count() as f64 - 1.0;
    assert!(certified + number(&quantized, "Changed:   ") <= samples && certified > 50.0, "{quantized}");
    assert_eq!(certificates.lines().filter(|line| line.ends_with("true")).count(), certified as usize);
}

#[test]
fn data_tells_what_it_understood_of_targets() {
    let folder = room();
    let folder = folder.path();
    let shown = said(folder, &format!("data {REGRESSION} --out a.png"));
    assert!(shown.contains("Target") && shown.contains("°C") && folder.join("a.png").exists(), "{shown}");
    let shown: Value = serde_json::from_str(&said(folder, &format!("data {REGRESSION} --json"))).unwrap();
    assert_eq!((&shown["task"], &shown["targets"][1]["name"]), (&"regression".into(), &"load".into()));
    assert_eq!(shown["rows"][0]["targets"].as_array().unwrap().len(), 2);
    let shown: Value = serde_json::from_str(&said(folder, &format!("data {LABELS} --json --out a.png"))).unwrap();
    let both = ["train", "test"].map(|part| shown["classes"][1][part].as_u64().unwrap());
    assert!(both[0] > 100 && both[1] > 20, "{shown}");
}

/// An array of two dimensions, as NumPy saves it.
fn npy(rows: usize, columns: usize, number: impl Fn(usize, usize) -> f32) -> Vec<u8> {
    let text = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {columns}), }}\n");
    let head = [b"\x93NUMPY\x01\x00", &(text.len() as u16).to_le_bytes()[..], text.as_bytes()].concat();
    let numbers = (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)));
    [head, numbers.flat_map(|(row, column)| number(row, column).to_le_bytes()).collect()].concat()
}

#[test]
fn arrays_have_labels_and_numbers_too() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let generator = Generator::new(6, Purpose::Drawing, 0);
    let sample = move |row: usize, column: usize| generator.symmetric((3 * row + column) as u64, 1.0);
    fs::write(folder.join("X.npy"), npy(300, 3, sample)).unwrap();
    let write = |name: &str, width, number: &dyn Fn(usize, usize) -> f32| {
        fs::write(folder.join(name), npy(300, width, number)).unwrap();
    };
    write("y.npy", 1, &|row, _| 5.0 + 2.0 * sample(row, 0) - sample(row, 1));
    let trained =
        said(folder, &format!("train --data . --task regression {} --out a.selvedge", LEARNS.replace("16,2", "16,1")));
    assert!(number(&trained, "R²: ") > 0.95 && trained.contains("mean absolute error: "), "{trained}");
    let predicted = said(folder, "predict a.selvedge --values 1,0,0");
    assert!((number(&predicted, "1,0,0: ") - 7.0).abs() < 0.5, "{predicted}");
    assert!(refusal(folder, "train --data . --layers 3,4,1 --steps 1").contains("--task regression takes numbers"));
    write("y.npy", 2, &|row, label| f32::from(u8::from(sample(row, label) > 0.0)));
    let trained =
        said(folder, &format!("train --data . --task multi-label {LEARNS} --out b.selvedge --classes left,right"));
    assert!(number(&trained, "Right labels: ") > 90.0, "{trained}");
    assert!(said(folder, "inspect b.selvedge").contains("2 labels: left, right"));
    write("y.npy", 2, &|row, label| if (row, label) == (7, 1) { 0.5 } else { 1.0 });
    let error = refusal(folder, "train --data . --task multi-label --layers 3,4,2 --steps 1");
    assert!(
        error.ends_with("feature 1 of sample 7 (from 0) is 0.5, which is no label: a label is there (1) or not (0)"),
        "{error}"
    );
    write("y.npy", 1, &|row, _| if row == 3 { f32::NAN } else { 1.0 });
    let error = refusal(folder, "train --data . --task regression --layers 3,4,1 --steps 1");
    assert!(error.contains("sample 3 (from 0) is NaN"), "{error}");
}

/// Options that only a classification has, and files of another task, are errors.
#[test]
fn what_does_not_fit_a_task_is_refused() {
    let folder = room();
    let folder = folder.path();
    said(folder, &format!("train {REGRESSION} --layers 3,4,2 --steps 5 --recipe quickstart --out room.selvedge"));
    said(folder, &format!("train {LABELS} --layers 3,4,2 --steps 5 --recipe quickstart --out labels.selvedge"));
    let train = |rest: &str| {
        refusal(folder, &format!("train {REGRESSION} --layers 3,4,2 --steps 1 --recipe quickstart {rest}"))
    };
    assert!(train("--class-weights balanced").starts_with("class-weights: only a classification has classes to weigh"));
    assert!(train("--label-smoothing 0.1").starts_with("label-smoothing: only a classification has it"));
    // That of a recipe is left out, with a note if the recipe was asked for.
    let with = |recipe: &str| {
        let output = run(folder, &format!("train {REGRESSION} --layers 3,4,2 --steps 5 --out w.selvedge {recipe}"));
        assert!(output.status.success(), "{}", text(&output));
        let hash = text(&output).lines().find(|line| line.starts_with("Saved")).unwrap().to_owned();
        (hash, text(&output).contains("note: only a classification has label smoothing"))
    };
    let hash = with("--label-smoothing 0").0;
    assert_eq!(with(""), (hash.clone(), false));
    assert_eq!(with("--recipe fast"), (hash, true));
    // A resumed run keeps the recipe of its checkpoint.
    let new = format!("train {REGRESSION} --layers 3,4,2 --recipe quickstart --label-smoothing 0 --checkpoint-every 1");
    said(folder, &format!("{new} --steps 3 --out part.selvedge"));
    said(folder, &format!("train {REGRESSION} --resume part.checkpoint --steps 6"));
    said(folder, &format!("{new} --steps 6 --out whole.selvedge"));
    let [part, whole] = ["part", "whole"].map(|name| fs::read(folder.join(name).with_extension("selvedge")).unwrap());
    assert_eq!(part, whole);
    let tuned = said(folder, &format!("quantize w.selvedge --qat --recipe fast --out w.int8 {REGRESSION}"));
    assert!(tuned.contains("note: only a classification has label smoothing"), "{tuned}");
    fs::write(folder.join("s.toml"), "label-smoothing = 0.1\n[search]\nlabel-smoothing = [0.1, 0.2]\n").unwrap();
    let error = refusal(folder, &format!("search s.toml --trials 2 {REGRESSION} --layers 3,4,2"));
    assert!(error.starts_with("search.label-smoothing: only a classification has it"), "{error}");
    for (line, words) in [
        ("eval room.selvedge --data room.csv --label load,room", "--label names their columns in the network's order"),
        (
            "eval room.selvedge --data room.csv --task multi-label --label hot,odd",
            "--task regression reads them as such",
        ),
        (
            "eval labels.selvedge --data room.csv --task regression --label hot,odd",
            "--task multi-label reads them as such",
        ),
        (
            "eval labels.selvedge --data builtin",
            "the network was trained for multi-label, and the targets of builtin are those of classification",
        ),
        (
            "train --data room.csv --task multi-label --label room --layers 5,2,1",
            "is neither 0 nor 1; a label is there (1) or not (0)",
        ),
        ("train --data room.csv --label hot,odd --layers 5,2", "and a class stands in one"),
        ("train --data room.csv --label room --layers 6,2", "--task regression learns the number"),
        ("train --data builtin --task regression --layers 784,1", "--task"),
        (
            "train --data room.csv --task regression --label room,load --features t --layers 1,4,3",
            "has 3 outputs for targets, but room has 2",
        ),
    ] {
        let error = refusal(folder, line);
        assert!(error.contains(words), "{line}: {error}");
    }
    let output = run(folder, "train --data room.csv --task guess");
    assert!(output.status.code() == Some(2) && text(&output).contains("classification, multi-label, regression"));
}

/// A run is of one task: a checkpoint of another is refused, also where both have the same numbers.
#[test]
fn a_checkpoint_belongs_to_its_task() {
    let folder = room();
    let folder: &Path = folder.path();
    let labels = LABELS.replace("multi-label", "TASK");
    let line = |task: &str| labels.replace("TASK", task);
    let rest = "--layers 3,4,2 --steps 8 --recipe quickstart --checkpoint-every 4 --out r.selvedge";
    said(folder, &format!("train {} {rest}", line("regression")));
    let checkpoint = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let checkpoint =
        checkpoint.into_iter().find(|path| path.extension().is_some_and(|end| end == "checkpoint")).unwrap();
    let resume = format!("--resume {} --out s.selvedge --steps 12", checkpoint.display());
    let error = refusal(folder, &format!("train {} {resume}", line("multi-label")));
    assert!(error.contains("320 samples of room, which are not those of room here"), "{error}");
    let went_on = said(folder, &format!("train {} {resume}", line("regression")));
    assert!(went_on.contains("R²: "), "{went_on}");
}
