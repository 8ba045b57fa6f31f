//! Tables and folders of pictures, from a user's files to a prediction.

#![allow(clippy::unwrap_used, reason = "a test's helper functions are tests too")]

use std::{fmt::Write as _, fs, path::Path, process::Command};

use selvedge::random::{Generator, Purpose};
use serde_json::Value;
use tempfile::TempDir;
use tests::{refusal, run, said, text};

fn accuracy(text: &str) -> f64 {
    let rest = text.rsplit_once("Accuracy: ").unwrap_or_else(|| panic!("{text}")).1;
    rest.split('%').next().unwrap().parse().unwrap()
}

/// An accelerometer's rows: each class swings at a frequency and its own strength.
fn accelerometer(people: u64) -> String {
    let mut text = String::from("\u{feff}time,ax (m/s²),ay (m/s²),az [g],who,Activity\r\n");
    let mut time = 0;
    for person in 0..people {
        for (label, frequency, strength) in [("walk", 0.25, 3.0), ("run", 0.9, 8.0), ("still", 0.0, 0.0)] {
            let noise = Generator::new(7, Purpose::Split, person * 3 + strength as u64);
            for row in 0..200_u64 {
                let value = |axis: u64| {
                    let noise = noise.bits(row * 3 + axis) as f64 / u64::MAX as f64 - 0.5;
                    strength * (row as f64 * frequency + axis as f64).sin() + noise
                };
                let (ax, ay, az) = (value(0), value(1), value(2));
                writeln!(text, "{time},{ax:.3},{ay:.3},{az:.3},person {person},{label}\r").unwrap();
                time += 1;
            }
        }
    }
    text
}

const SOURCE: &str = "--data waves.csv --label Activity --features ax,ay,az --window 10 --group who";

fn waves() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("waves.csv"), accelerometer(6)).unwrap();
    folder
}

#[test]
fn a_table_is_trained_on_and_predicted() {
    let folder = waves();
    let folder = folder.path();
    said(
        folder,
        &format!("train {SOURCE} --layers 30,24,3 --epochs 25 --batch-size 16 --out w.selvedge --recipe fast"),
    );
    let evaluated = said(folder, &format!("eval w.selvedge {SOURCE}"));
    assert!(evaluated.contains("test samples of waves\n") && accuracy(&evaluated) > 85.0, "{evaluated}");
    // The file knows its columns and its window.
    assert_eq!(said(folder, "eval w.selvedge --data waves.csv --label Activity --group who"), evaluated);
    let quantized = said(folder, &format!("quantize w.selvedge {SOURCE}"));
    assert!(accuracy(&said(folder, &format!("eval w.int8 {SOURCE}"))) > 80.0, "{quantized}");
    said(folder, &format!("embed w.int8 --out embedded --count 5 {SOURCE}"));

    // Rows to classify, with the columns in another order and without labels.
    let rows: Vec<Vec<String>> = accelerometer(1)
        .lines()
        .map(|line| line.split(',').map(|cell| cell.trim_start_matches('\u{feff}').to_owned()).collect())
        .collect();
    let turned = rows.iter().map(|cells: &Vec<String>| format!("{};{};{}\n", cells[3], cells[2], cells[1]));
    fs::write(folder.join("new.csv"), turned.collect::<String>()).unwrap();
    let predicted: Value = serde_json::from_str(&said(folder, "predict w.selvedge new.csv --json")).unwrap();
    let predicted = predicted.as_array().unwrap();
    assert_eq!((predicted.len(), predicted[0]["input"].as_str()), (60, Some("new.csv, line 2")));
    assert_eq!(predicted[1]["input"], "new.csv, line 12");
    let right = predicted.iter().zip(["walk", "run", "still"].iter().flat_map(|label| [label; 20]));
    assert!(right.filter(|(sample, label)| sample["class"] == **label).count() > 50);
    assert_eq!(predicted[0]["values"].as_array().unwrap()[1], rows[1][2].parse::<f32>().unwrap());

    // Classes go by their names, whichever are there.
    let run: String = rows
        .iter()
        .filter(|cells| ["run", "Activity"].contains(&&*cells[5]))
        .map(|cells| cells.join(",") + "\n")
        .collect();
    fs::write(folder.join("run.csv"), &run).unwrap();
    let evaluated = said(folder, "eval w.selvedge --data run.csv --label Activity");
    assert!(accuracy(&evaluated) > 80.0, "{evaluated}");
    fs::write(folder.join("swim.csv"), run.replace("run", "swim")).unwrap();
    assert_eq!(
        refusal(folder, "eval w.selvedge --data swim.csv --label Activity"),
        "w.selvedge: swim has the class swim, and the network tells only these apart: run, still, walk"
    );
    fs::write(folder.join("other.csv"), run.replace("az", "temperature")).unwrap();
    let message = refusal(folder, "predict w.selvedge other.csv");
    assert!(message.starts_with("other.csv: the network: there is no column \"az\"; did you mean ax?"), "{message}");
}

#[test]
fn a_gzipped_file_and_a_test_file_have_the_same_samples() {
    let folder = waves();
    let folder = folder.path();
    let train = |source: &str| {
        let told = said(folder, &format!("train {source} --layers 30,3 --steps 20 --recipe fast --out a.selvedge"));
        told.lines().last().unwrap().to_owned()
    };
    let plain = train(SOURCE);
    assert!(Command::new("gzip").args(["-k", "waves.csv"]).current_dir(folder).status().unwrap().success());
    assert_eq!(train(&SOURCE.replace("waves.csv", "waves.csv.gz")), plain);
    fs::write(folder.join("test.csv"), accelerometer(1).replace("person 0", "another")).unwrap();
    let with_test = format!("{SOURCE} --test test.csv");
    train(&with_test);
    let evaluated = said(folder, &format!("eval a.selvedge {with_test}"));
    assert!(evaluated.contains("on the 60 test samples of waves"), "{evaluated}");
    fs::write(folder.join("test.csv"), accelerometer(1)).unwrap();
    let message = refusal(folder, &format!("eval a.selvedge {with_test}"));
    assert!(message.starts_with("test.csv: the group \"person 0\" is in the training part, too; "), "{message}");
}

#[test]
fn a_table_in_a_temporary_file_has_the_same_weights() {
    let folder = waves();
    let folder = folder.path();
    let temporary = tempfile::tempdir().unwrap();
    let train = |map_from: &str, temporary: &Path| {
        let line = format!("train {SOURCE} --stride 3 --layers 30,3 --steps 20 --recipe quickstart --out a.selvedge");
        let mut command = tests::selvedge(folder);
        command.args(line.split_whitespace()).env("SELVEDGE_MAP_FROM", map_from).env("TMPDIR", temporary);
        let text = text(&command.output().unwrap());
        let last = text.lines().find(|line| line.starts_with("Saved ") || line.starts_with("error: "));
        last.unwrap_or_else(|| panic!("{text}")).to_owned()
    };
    let in_memory = train("1000000000", temporary.path());
    assert!(in_memory.contains("SHA-256 "), "{in_memory}");
    for map_from in ["0", "30000"] {
        assert_eq!(train(map_from, temporary.path()), in_memory);
        assert_eq!(fs::read_dir(temporary.path()).unwrap().count(), 0);
    }
    if cfg!(unix) {
        let refused = train("0", &temporary.path().join("nowhere"));
        assert!(refused.contains("the folder of temporary files: No such file"), "{refused}");
        assert!(refused.ends_with("; name a folder with more room by TMPDIR"), "{refused}");
    }
}

#[test]
fn a_run_goes_on_with_the_same_table() {
    let folder = waves();
    let folder = folder.path();
    let line =
        format!("train {SOURCE} --layers 30,3 --steps 20 --recipe quickstart --out a.selvedge --checkpoint-every 10");
    let whole = said(folder, &line);
    let checkpoint = "--resume a.checkpoint --steps 30";
    let resumed = said(folder, &format!("train {checkpoint} {SOURCE} --out b.selvedge"));
    assert_ne!(whole.lines().last(), resumed.lines().last());
    // Other samples are another run.
    let other = refusal(folder, &format!("train {checkpoint} {} --out b.selvedge", SOURCE.replace("--group who", "")));
    assert!(other.contains("a.checkpoint"), "{other}");
}

#[test]
fn data_says_what_was_understood() {
    let folder = waves();
    let folder = folder.path();
    let shown = said(folder, &format!("data {SOURCE} --out look.png"));
    for words in [
        "30 features of f32",
        " run ",
        "ax[0]",
        "m/s²",
        "Constant features: none",
        "The first training samples",
        "Saved look.png",
    ] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    let picture = fs::read(folder.join("look.png")).unwrap();
    let side = |at: usize| u32::from_be_bytes(picture[at..at + 4].try_into().unwrap());
    assert!(picture.starts_with(b"\x89PNG") && side(16) >= 600 && side(20) >= 200);
    fs::write(folder.join("gaps.csv"), "a,b,label\n1,5,x\n1,5,x\n2,,y\n4,5,y\n1,5,x\n4,5,y\n4,5,y\n").unwrap();
    let object = |line: &str| -> Value {
        let output = run(folder, line);
        assert!(output.status.success(), "{}", text(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let found = object("data --data gaps.csv --missing drop --json --test-split 0.5");
    assert_eq!(
        (&found["dropped"], &found["element"], &found["features"][1]["constant"]),
        (&1.into(), &"i16".into(), &true.into())
    );
    assert_eq!(found["repeated"], found["test"]);
    assert_eq!(found["classes"][0], serde_json::json!({ "name": "x", "train": 1, "test": 2 }));
    assert_eq!(object("data --data gaps.csv --missing mean --json")["filled"], 1);
    assert_eq!(object("data --data builtin --json --rows 1")["shape"], serde_json::json!([1, 28, 28]));
}

#[test]
fn a_bad_table_is_one_clear_error() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for (content, options, expected) in [
        (
            "a,label\n1,x\n2,\n",
            "",
            "bad.csv: line 3, column label: a value is missing; --missing drop leaves such rows out",
        ),
        (
            "a,label\n1,x\nten,y\n",
            "",
            "bad.csv: line 3, column a: \"ten\" is no number; if this column is no feature, --features names those that are, and --group a person's or a recording's",
        ),
        ("a,a,label\n", "", "bad.csv: line 1: columns 1 and 2 have the same name \"a\"; rename one"),
        ("a,label\n1,x\n1,2,y\n", "", "bad.csv: line 3 has 3 values, but line 1 names 2 columns"),
        ("a,label\n", "", "bad.csv: it has column names, but no rows"),
        ("", "", "bad.csv: it is empty; it needs a line of column names, and a line for each sample"),
        (
            "a,label\n1,x\n2,x\n",
            "",
            "bad.csv: all rows have the label \"x\", and a network tells at least two classes apart",
        ),
        ("a,label\n1,x\n1e39,y\n", "", "bad.csv: line 3, column a: \"1e39\" is no finite number of 32 bits"),
        ("ax,label\n1,x\n", "--features az", "bad.csv: --features: there is no column \"az\"; did you mean ax?"),
        (
            "ax,label\n1,x\n2,y\n",
            "--window 2",
            "bad.csv: no 2 rows one after the other have the same label, so there is no window; the longest such run has 1",
        ),
        ("ax,label\n1,x\n2,y\n", "--size 2x2", "--size is not for tables, and bad.csv is read as such"),
        ("ax,label\n1,x\n2,y\n", "--classes x,z", "bad.csv: line 3, column label: --classes names no class \"y\""),
        (
            "ax,label\n1,x\n2,y\n",
            "",
            "bad.csv: 2 samples with one sample of each class cannot be parted into training and test samples; name test samples by --test, or add more",
        ),
        ("<html>", "", "bad.csv: this is a web page and not the file itself; fetch it by the link to the raw file"),
    ] {
        fs::write(folder.join("bad.csv"), content).unwrap();
        assert_eq!(refusal(folder, &format!("train --data bad.csv {options}")), expected, "{content:?}");
    }
}

/// A bitmap of one colour: 24 bits a pixel, rows of whole words.
fn bitmap(width: u32, height: u32, [red, green, blue]: [u8; 3]) -> Vec<u8> {
    let mut row = [blue, green, red].repeat(width as usize);
    row.resize(row.len().next_multiple_of(4), 0);
    let pixels = row.repeat(height as usize);
    let mut file = b"BM".to_vec();
    let words =
        [54 + pixels.len() as u32, 0, 54, 40, width, height, 1 | 24 << 16, 0, pixels.len() as u32, 2835, 2835, 0, 0];
    file.extend(words.iter().flat_map(|word| word.to_le_bytes()));
    file.extend(pixels);
    file
}

#[test]
fn folders_of_pictures_are_classes() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for (class, colour) in [("red", [200, 30, 30]), ("green", [30, 200, 30])] {
        let below = folder.join("colours").join(class);
        fs::create_dir_all(&below).unwrap();
        for number in 0..20_u8 {
            let shade = colour.map(|shade: u8| shade.saturating_add(number));
            fs::write(below.join(format!("{number}.bmp")), bitmap(8 + u32::from(number), 8, shade)).unwrap();
        }
    }
    let source = "--data colours --size 4x4";
    let message = refusal(folder, "train --data colours");
    assert!(message.starts_with("colours: its pictures have several sizes (8x8, "), "{message}");
    said(
        folder,
        &format!(
            "train {source} --layers 48,8,2 --epochs 40 --batch-size 8 --recipe fast --augment none --out c.selvedge"
        ),
    );
    let evaluated = said(folder, &format!("eval c.selvedge {source}"));
    assert!(accuracy(&evaluated) > 90.0 && evaluated.contains("on the 8 test samples of colours"), "{evaluated}");
    said(folder, &format!("quantize c.selvedge {source}"));
    // The file knows its pictures' size and channels, and that they were only resized.
    assert_eq!(said(folder, "eval c.selvedge --data colours"), evaluated);
    let predicted = said(folder, "predict c.selvedge colours/red/0.bmp colours/green/1.bmp");
    assert_eq!(said(folder, "predict c.selvedge colours/red/0.bmp colours/green/1.bmp --resize"), predicted);
    let classes: Vec<_> = predicted.lines().filter_map(|line| line.split_once(": ")).map(|(_, class)| class).collect();
    assert!(classes[0].starts_with("red") && predicted.contains("1.bmp: green"), "{predicted}");
    said(folder, &format!("data {source} --out look.png"));
    assert_eq!(
        refusal(folder, "train --data colours/red --size 4x4"),
        "colours/red: its pictures are in no sub-folder, and each class needs one: DIR/CLASS/picture.png"
    );
    assert_eq!(refusal(folder, "train --data none --size 4x4"), "--data: there is no folder or file none");
    fs::write(folder.join("colours/red/broken.png"), "none").unwrap();
    let message = refusal(folder, &format!("eval c.selvedge {source}"));
    assert!(
        message.starts_with("colours/red/broken.png ") && message.ends_with("--missing drop leaves such pictures out"),
        "{message}"
    );
    let told = said(folder, &format!("eval c.selvedge {source} --missing drop"));
    assert!(told.contains("note: 1 picture that cannot be read is left out"), "{told}");
    assert_eq!(
        refusal(folder, "eval c.selvedge --data colours --window 3"),
        "--window is not for folders of pictures, and colours is read as such"
    );
}

/// Weights keep the scales that they were trained with, and a new run has its data's: that is said.
#[test]
fn a_run_from_weights_says_that_its_values_are_scaled_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let table = |name: &str, factor: usize| {
        let rows: String =
            (0..40).map(|row| format!("{}.5,{},{}\n", factor * row, row * row, ["a", "b"][row % 2])).collect();
        fs::write(folder.path().join(name), format!("x,y,label\n{rows}")).unwrap();
    };
    table("first.csv", 1);
    table("second.csv", 3);
    let train = "train --layers 2,4,2 --recipe quickstart --steps 5";
    assert!(run(folder.path(), &format!("{train} --data first.csv --out first.selvedge")).status.success());
    for (data, is_said) in [("first.csv", false), ("second.csv", true)] {
        let output = run(folder.path(), &format!("{train} --data {data} --init first.selvedge --out next.selvedge"));
        let notes = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{notes}");
        assert_eq!(
            notes.contains("note: first.selvedge was trained on values that were scaled otherwise"),
            is_said,
            "{notes}"
        );
    }
}

/// A network's file knows how its samples were parted, so no other command tests on those that it was trained on.
#[test]
fn a_file_knows_label_group_and_test_part() {
    let folder = waves();
    let folder = folder.path();
    let train = format!(
        "train {SOURCE} --test-split 0.4,seed=3 --layers 30,8,3 --epochs 3 --recipe quickstart --out w.selvedge"
    );
    said(folder, &train);
    let whole = said(folder, &format!("eval w.selvedge {SOURCE} --test-split 0.4,seed=3"));
    assert_eq!(said(folder, "eval w.selvedge --data waves.csv"), whole);
    assert!(!whole.contains("note: the weights"), "{whole}");
    said(folder, "quantize w.selvedge --data waves.csv");
    let samples = whole.lines().next().unwrap().split_once(" on the ").unwrap().1.to_owned();
    assert!(said(folder, "eval w.int8 --data waves.csv").contains(&samples));
    let other = said(folder, "eval w.selvedge --data waves.csv --test-split 0.1");
    assert!(other.contains("here; test samples may be among them"), "{other}");
    // Another table need not have the columns of classes and groups.
    let table = fs::read_to_string(folder.join("waves.csv")).unwrap().replace("who,Activity", "person,label");
    fs::write(folder.join("other.csv"), table).unwrap();
    said(folder, "eval w.selvedge --data other.csv");
    fs::write(folder.join("empty.csv"), "").unwrap();
    assert_eq!(refusal(folder, "predict w.selvedge empty.csv"), "empty.csv: the file is empty");
    fs::write(folder.join("gap.csv"), "ax,ay,az\n1,,3\n").unwrap();
    let error = refusal(folder, "predict w.selvedge gap.csv");
    assert!(error.ends_with("line 2, column ay: a value is missing; put one there, or leave out the row"), "{error}");
    assert!(refusal(folder, "quantize w.int8").contains("w.int8: this is a quantised network already"));
    assert!(refusal(folder, "eval w.selvedge").ends_with("not Fashion-MNIST's images: name its data by --data"));
}
