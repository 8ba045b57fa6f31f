//! Firmware projects that `selvedge new` makes: built and run outside this workspace, with the host's answers.

#![allow(clippy::unwrap_used, reason = "a test's helper functions are tests too")]

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use selvedge::random::{Generator, Purpose};
use serde_json::Value;
use tests::{
    projects::{can_build, cargo, printed, run, target_dir},
    said, selvedge, text, workspace,
};

/// An accelerometer's rows in thousandths of g: each class swings at a frequency and its own strength.
fn accelerometer(windows: u64, seed: u64) -> String {
    let mut text = String::from("ax,ay,az,label\n");
    for window in 0..windows {
        let (label, frequency, strength) =
            [("walk", 0.25, 300.0), ("run", 0.9, 800.0), ("still", 0.0, 0.0)][window as usize % 3];
        let noise = Generator::new(seed, Purpose::Drawing, window);
        for row in 0..10 {
            let value = |axis: u64| {
                let noise = noise.bits(row * 3 + axis) as f64 / u64::MAX as f64 - 0.5;
                (strength * (row as f64 * frequency + axis as f64).sin() + 200.0 * noise) as i32
            };
            writeln!(text, "{},{},{},{label}", value(0), value(1), value(2)).unwrap();
        }
    }
    text
}

const DATA: &str = "--data train.csv --test test.csv --window 10 --element";

/// A folder with samples of this element, and a network that knows them: `m.selvedge`.
fn trained(element: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("train.csv"), accelerometer(60, 1)).unwrap();
    fs::write(folder.path().join("test.csv"), accelerometer(9, 2)).unwrap();
    let recipe = "--recipe fast --epochs 20 --batch-size 8 --device cpu";
    said(folder.path(), &format!("train {DATA} {element} --layers 30,16,3 {recipe} --out m.selvedge"));
    folder
}

/// Makes a project of this name with a file.
fn made(folder: &Path, name: &str, arguments: &str) -> PathBuf {
    let text = said(folder, &format!("new {name} {arguments}"));
    assert!(text.contains(&format!("Next: cd {name} && cargo run --release\n")), "{text}");
    let project = folder.join(name);
    let main = fs::read_to_string(project.join("src/main.rs")).unwrap();
    assert!(main.lines().count() < 60, "{main}");
    project
}

/// The classes of the first test samples, as a project prints what the host says of them.
fn expected(folder: &Path, file: &str, count: usize) -> String {
    let answers: Value = serde_json::from_str(&said(folder, &format!("predict {file} test.csv --json"))).unwrap();
    let answers = answers.as_array().unwrap();
    let line = |(index, answer): (usize, &Value)| {
        let name = answer["class"].as_str().unwrap();
        let class = ["run", "still", "walk"].iter().position(|class| *class == name).unwrap();
        format!("sample {index}: class {class} {name}\n")
    };
    let lines: String = answers.iter().take(count).enumerate().map(line).collect();
    assert!(["run", "still", "walk"].iter().all(|class| lines.contains(class)), "{lines}");
    lines
}

#[test]
fn a_microbit_classifies_raw_integers_by_a_network_of_integers() {
    if !can_build("thumbv6m-none-eabi", "a project for microbit") {
        return;
    }
    let folder = trained("i16");
    let folder = folder.path();
    said(folder, &format!("quantize m.selvedge {DATA} i16"));
    let project = made(folder, "gesture", &format!("--weights m.int8 --board microbit --count 9 {DATA} i16"));
    assert!(fs::read_to_string(project.join("src/samples.rs")).unwrap().contains("[[i16; 30]; 9]"));
    assert_eq!(printed(&project), expected(folder, "m.int8", 9));
    // In another format, by the command itself.
    let project =
        made(folder, "gesture-4", &format!("--weights m.selvedge --format int4 --board microbit --count 9 {DATA} i16"));
    said(folder, &format!("quantize m.selvedge --format int4 {DATA} i16"));
    assert_eq!(fs::read(project.join("model.int4")).unwrap(), fs::read(folder.join("m.int4")).unwrap());
    assert_eq!(printed(&project), expected(folder, "m.int4", 9));
    // Values of another type are an error that is said.
    fs::write(project.join("src/samples.rs"), "pub static SAMPLES: [[f32; 30]; 1] = [[0.5; 30]];\n").unwrap();
    let output = run(&project);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(
        text(&output).contains("error: the network's file takes samples of i16, and these values are f32\n"),
        "{}",
        text(&output)
    );
}

#[test]
fn boards_classify_raw_floats() {
    for target in ["thumbv7em-none-eabihf", "thumbv8m.main-none-eabihf", "riscv32imac-unknown-none-elf"] {
        if !can_build(target, "projects for other boards") {
            return;
        }
    }
    let folder = trained("f32");
    let folder = folder.path();
    let project = made(folder, "floats", &format!("--weights m.selvedge --board mps2-an386 --count 9 {DATA} f32"));
    assert!(fs::read_to_string(project.join("src/samples.rs")).unwrap().contains("[[f32; 30]; 9]"));
    assert_eq!(printed(&project), expected(folder, "m.selvedge", 9));
    let project = made(folder, "risc-v", &format!("--weights m.selvedge --board riscv32-virt --count 9 {DATA} f32"));
    assert_eq!(printed(&project), expected(folder, "m.selvedge", 9));
    said(folder, &format!("quantize m.selvedge --format f16 {DATA} f32"));
    let project = made(folder, "halves", &format!("--weights m.f16 --board mps2-an505 --count 9 {DATA} f32"));
    assert_eq!(printed(&project), expected(folder, "m.f16", 9));
}

/// Values in their units, and labels.
#[test]
fn boards_answer_with_values_and_labels() {
    if !can_build("thumbv7em-none-eabihf", "projects for values and labels") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut table = String::from("a,b,room (°C),hot,wet\n");
    let mut asked = String::from("a,b\n");
    for (index, a) in (0..200).map(|index| (index, f64::from(index % 20) / 10.0 - 1.0)) {
        let b = f64::from(index / 20) / 5.0 - 1.0;
        writeln!(table, "{a},{b},{},{},{}", 20.0 + 5.0 * a + b, u8::from(a > 0.0), u8::from(b > 0.1)).unwrap();
    }
    writeln!(asked, "0.5,-0.25\n-0.5,0.75").unwrap();
    fs::write(folder.join("room.csv"), table).unwrap();
    fs::write(folder.join("asked.csv"), asked).unwrap();
    let recipe = "--layers 2,16,NUMBER --recipe quickstart --epochs 30 --batch-size 8 --lr 0.01 --optimizer adamw";
    for (task, label, outputs) in [("regression", "room", 1), ("multi-label", "hot,wet", 2)] {
        let data = format!("--data room.csv --task {task} --label {label} --features a,b");
        said(folder, &format!("train {data} {} --out m.selvedge", recipe.replace("NUMBER", &outputs.to_string())));
        said(folder, "quantize m.selvedge --data room.csv");
        for (number, file) in ["m.selvedge", "m.int8"].into_iter().enumerate() {
            let name = format!("{task}-{number}");
            let project = made(folder, &name, &format!("--weights {file} --board mps2-an386"));
            let samples = "pub static SAMPLES: [[f32; 2]; 2] = [[0.5, -0.25], [-0.5, 0.75]];\n";
            fs::write(project.join("src/samples.rs"), samples).unwrap();
            let answers: Value =
                serde_json::from_str(&said(folder, &format!("predict {file} asked.csv --json"))).unwrap();
            let mut expected = String::new();
            for (index, answer) in answers.as_array().unwrap().iter().enumerate() {
                let all = answer["targets"].as_array().or(answer["labels"].as_array()).unwrap();
                for (place, one) in all.iter().enumerate() {
                    if task == "regression" {
                        let value = one["value"].as_f64().unwrap() as f32;
                        writeln!(expected, "sample {index}: target {place} room: {value} °C").unwrap();
                    } else {
                        let (name, is_there) = (one["label"].as_str().unwrap(), one["is_there"].as_bool().unwrap());
                        writeln!(expected, "sample {index}: label {place} {name}: {is_there}").unwrap();
                    }
                }
            }
            assert_eq!(printed(&project), expected, "{task}, {file}");
        }
        let output = selvedge(folder)
            .args(["new", "trains", "--weights", "m.selvedge", "--board", "mps2-an386", "--program", "train"])
            .output()
            .unwrap();
        assert!(text(&output).contains("and the project trains a classification"), "{}", text(&output));
    }
}

/// A file that names no classes, and a sample of zeros: the project that is made with nothing but a file.
#[test]
fn a_project_needs_no_data() {
    if !can_build("thumbv7em-none-eabihf", "a project without data") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = workspace().join("core/examples/xor.selvedge").display().to_string();
    let project = made(folder.path(), "xor", &format!("--weights {file} --board netduinoplus2"));
    let samples = project.join("src/samples.rs");
    let text = fs::read_to_string(&samples).unwrap();
    assert!(text.contains("[[u8; 2]; 1]"), "{text}");
    assert_eq!(printed(&project), "sample 0: class 0 \n");
    // A user's values in their place.
    fs::write(&samples, "pub static SAMPLES: [[u8; 2]; 3] = [[0, 255], [255, 255], [255, 0]];\n").unwrap();
    assert_eq!(printed(&project), "sample 0: class 1 \nsample 1: class 0 \nsample 2: class 1 \n");
}

#[test]
fn a_board_trains_the_hosts_weights() {
    if !can_build("thumbv7em-none-eabihf", "a project that trains") {
        return;
    }
    let folder = trained("f32");
    let folder = folder.path();
    let arguments = format!("--weights m.selvedge --board mps2-an386 --program train --count 60 {DATA} f32");
    let on_board = printed(&made(folder, "learn", &arguments));
    let recipe = "--recipe quickstart --seed 42 --epochs 4 --batch-size 4 --lr 0.05 --device cpu";
    let line = format!("train --init m.selvedge --layers 30,16,3 {DATA} f32 {recipe} --out t.selvedge");
    let on_host = said(folder, &line);
    let hash = on_host.trim_end().rsplit_once("SHA-256 ").unwrap().1.to_owned();
    assert!(on_board.ends_with(&format!("\nweights {hash}\n")), "{on_board}\n{on_host}");
    assert!(
        on_board.starts_with("sample 0: class 2 walk\nsample 1: class 0 run\nsample 2: class 1 still\n"),
        "{on_board}"
    );
}

/// A chip that is no board is loaded by probe-rs. Here the emulator of another board stands in its place.
#[test]
fn a_project_for_a_chip_is_built() {
    if !can_build("thumbv6m-none-eabi", "a project for a chip") {
        return;
    }
    let folder = trained("i16");
    let folder = folder.path();
    let chip = "--chip nRF51822_xxAA --target thumbv6m-none-eabi --flash 256K --ram 16K";
    let mut printed = Vec::new();
    for (name, arguments) in [("chip", "--count 9"), ("chip-learns", "--program train --count 6")] {
        let project = made(folder, name, &format!("--weights m.selvedge {chip} {DATA} i16 {arguments}"));
        let config = fs::read_to_string(project.join(".cargo/config.toml")).unwrap();
        assert!(config.contains("runner = [\"probe-rs\", \"run\", \"--chip\", \"nRF51822_xxAA\"]\n"), "{config}");
        let output = cargo(&project, &["build", "--quiet", "--release"]).output().unwrap();
        assert!(output.status.success(), "{}", text(&output));
        let board = board::Board::named("microbit").unwrap();
        let emulation = board.emulation("none").unwrap();
        let program = target_dir().join("thumbv6m-none-eabi/release").join(name);
        let output = Command::new(&emulation[0]).args(&emulation[1..]).arg("-kernel").arg(program).output().unwrap();
        assert!(output.status.success(), "{}", text(&output));
        printed.push(String::from_utf8(output.stdout).unwrap());
    }
    assert_eq!(printed[0], expected(folder, "m.selvedge", 9));
    assert!(printed[1].contains("sample 5: class 0 run\nweights "), "{}", printed[1]);
}

/// Rust's formatter and linter accept a new project.
#[test]
fn a_project_is_formatted_and_has_no_warnings() {
    if !can_build("thumbv7em-none-eabihf", "the lints of projects") {
        return;
    }
    let folder = trained("f32");
    let folder = folder.path();
    said(folder, &format!("quantize m.selvedge {DATA} f32"));
    for (name, arguments) in [
        ("lint-float", "--weights m.selvedge"),
        ("lint-integer", "--weights m.int8"),
        ("lint-train", "--weights m.selvedge --program train"),
    ] {
        let project = made(folder, name, &format!("{arguments} --board mps2-an386 {DATA} f32"));
        for line in [&["fmt", "--check"][..], &["clippy", "--quiet", "--release", "--", "--deny", "warnings"]] {
            let output = cargo(&project, line).output().unwrap();
            assert!(output.status.success(), "{name} {line:?}: {}", text(&output));
        }
    }
}
