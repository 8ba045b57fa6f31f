//! A regression in other programs: raw values go in, and values in the targets' units come out.

use std::{fmt::Write as _, fs, path::Path};

use serde_json::json;
use tests::{
    interchange::{convert, json as printed, write_arrays},
    python::{has_python, python_answer},
    said, selvedge, text,
};

use super::ROUNDING;

const ROOM_LAYERS: &str = "4 => 12 BatchNorm1d Tanh => 6 Relu => 2";
const ROOM_FOLDED: &str = "4 => 12 Tanh => 6 Relu => 2";

/// A regression on values of different sizes, one of which never changes: `room.selvedge`, and its samples' values in `new.csv`, which are
/// returned too.
fn room(folder: &Path) -> Vec<f32> {
    let rows = |count: u16, with_targets: bool| {
        let mut values = Vec::new();
        let mut text = String::from("temp (°C),pressure (hPa),always,humidity");
        text += if with_targets { ",room (°C),load\n" } else { "\n" };
        for row in 0..count {
            let x = |step: f32| (f32::from(row) * step).sin();
            let row = [20.0 + 12.0 * x(0.7), 1005.0 + 20.0 * x(1.3), 7.0, 0.4 + 0.25 * x(2.1)];
            write!(text, "{},{},{},{}", row[0], row[1], row[2], row[3]).unwrap();
            if with_targets {
                write!(text, ",{},{}", 18.0 + 0.2 * row[0], 300.0 * row[3] - row[1]).unwrap();
            }
            text.push('\n');
            values.extend(row);
        }
        (text, values)
    };
    fs::write(folder.join("room.csv"), rows(300, true).0).unwrap();
    let arguments =
        ["train", "--data", "room.csv", "--task", "regression", "--label", "room,load", "--layers", ROOM_LAYERS];
    let more = ["--epochs", "30", "--recipe", "fast", "--out", "room.selvedge"];
    let output = selvedge(folder).args(arguments).args(more).output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    let (text, values) = rows(60, false);
    fs::write(folder.join("new.csv"), text).unwrap();
    values
}

/// The values that `predict` gives, in their units.
fn predicted(folder: &Path, file: &str) -> Vec<f32> {
    let answers = printed(selvedge(folder).args(["predict", file, "new.csv", "--json"]));
    let targets = answers.as_array().unwrap().iter().flat_map(|answer| answer["targets"].as_array().unwrap());
    targets.map(|target| target["value"].as_f64().unwrap() as f32).collect()
}

/// A network of standardised inputs and targets goes out with its scales in it, or with a note that it has none.
#[test]
fn other_programs_give_a_regressions_values_of_raw_values() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let values = room(folder);
    let expected = predicted(folder, "room.selvedge");
    assert_eq!(expected.len(), 2 * values.len() / 4);

    let plain = convert(folder, &["room.selvedge", "plain.onnx"]).unwrap();
    assert!(plain.contains("note: plain.onnx has the network alone") && plain.contains("--fold puts both"), "{plain}");
    for file in ["folded.selvedge", "folded.onnx", "folded.npz", "folded.safetensors"] {
        let said = convert(folder, &["room.selvedge", file, "--fold"]).unwrap();
        assert!(!said.contains("note: "), "{said}");
    }
    let rounding = |largest: f64| ROUNDING * largest;
    let largest = expected.iter().fold(0.0_f64, |largest, &value| largest.max(value.abs().into()));
    for (found, expected) in predicted(folder, "folded.selvedge").iter().zip(&expected) {
        assert!(f64::from((found - expected).abs()) <= rounding(largest), "{found} {expected}");
    }
    let inspected = said(folder, "inspect folded.selvedge");
    assert!(inspected.contains("room (°C), load") && inspected.contains("temp (°C), pressure (hPa)"), "{inspected}");
    // A file without scales needs no note, and no folding.
    assert!(!convert(folder, &["folded.selvedge", "again.npz"]).unwrap().contains("note: "));
    let again = convert(folder, &["folded.selvedge", "again.selvedge", "--fold"]).unwrap();
    assert!(again.contains("nothing is folded"), "{again}");
    let hash = |text: &str| text.trim().rsplit_once(' ').unwrap().1.to_owned();
    let back = convert(folder, &["folded.onnx", "back.selvedge"]).unwrap();
    assert_eq!(hash(&back), hash(&convert(folder, &["folded.selvedge", "again.onnx"]).unwrap()));

    if !has_python("a regression in PyTorch and ONNX Runtime") {
        return;
    }
    write_arrays(&folder.join("test.npz"), values.len() / 4, &[("input", &values), ("logits", &expected)]);
    for file in ["folded.onnx", "folded.npz", "folded.safetensors"] {
        let found = python_answer(&json!(["logits", folder.join(file), folder.join("test.npz"), ROOM_FOLDED]));
        // The line that docs/interchange.md quotes.
        println!("{file}: {found}");
        let [difference, largest] = ["max_difference", "largest_logit"].map(|key| found[key].as_f64().unwrap());
        assert!(difference <= rounding(largest), "{file}: {found}");
        if file == "folded.onnx" {
            assert_eq!(found["output"], "values");
            let description = found["description"].as_str().unwrap();
            assert!(description.contains("its values as they are: temp in °C, pressure in hPa, always"), "{found}");
            assert!(description.ends_with("values: the targets in their units: room in °C, load"), "{found}");
        }
    }
}

#[test]
fn a_regression_that_ends_otherwise_is_not_folded() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::write(folder.join("a.csv"), (0..40).fold("x,y\n".to_owned(), |text, n| text + &format!("{n},{}\n", n * n)))
        .unwrap();
    let words =
        ["train", "--data", "a.csv", "--task", "regression", "--label", "y", "--layers", "1 => 4 Relu => 1 Relu"];
    let output = selvedge(folder).args(words).args(["--epochs", "1", "--out", "a.selvedge"]).output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    let error = convert(folder, &["a.selvedge", "b.onnx", "--fold"]).unwrap_err();
    assert!(error.contains("a.selvedge: --fold: ") && error.contains("the last layer is Relu"), "{error}");
    assert!(!folder.join("b.onnx").exists());
}
