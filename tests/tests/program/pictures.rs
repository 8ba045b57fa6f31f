//! Pictures that a user gives to `predict`: the network's own answers, or a reason.

#![allow(clippy::unwrap_used, reason = "a test's helper functions are tests too")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Output, Stdio},
};

use host::data;
use serde_json::Value;
use tempfile::TempDir;

const SIDE: usize = 28;

/// Predicts with the project's weights, as JSON.
fn predict(folder: &Path, inputs: &[PathBuf]) -> (Output, Vec<Value>) {
    let weights = tests::workspace().join("models/quickstart.selvedge");
    let output = tests::selvedge(folder).args(["predict", "--json"]).arg(weights).args(inputs).output().unwrap();
    let answers = serde_json::from_slice::<Vec<Value>>(&output.stdout).unwrap_or_default();
    (output, answers)
}

/// The built-in set's first images, and a folder whose four IDX files hold them.
fn samples(count: usize) -> (TempDir, Vec<Vec<u8>>) {
    let folder = tempfile::tempdir().unwrap();
    let data = data::load(Some("builtin".as_ref())).unwrap();
    let images: Vec<_> = data.train.samples().take(count).map(<[u8]>::to_vec).collect();
    let words = |words: &[usize]| words.iter().flat_map(|&word| (word as u32).to_be_bytes()).collect::<Vec<_>>();
    for part in ["train", "t10k"] {
        let samples = [vec![0, 0, 8, 3], words(&[count, SIDE, SIDE]), images.concat()].concat();
        fs::write(folder.path().join(format!("{part}-images-idx3-ubyte")), samples).unwrap();
        let labels = data.train.labels().iter().take(count).map(|&label| label as u8).collect();
        let labels = [vec![0, 0, 8, 1], words(&[count]), labels].concat();
        fs::write(folder.path().join(format!("{part}-labels-idx1-ubyte")), labels).unwrap();
    }
    (folder, images)
}

/// A BMP of grey pixels.
fn write_bmp(path: &Path, side: usize, shade: impl Fn(usize, usize) -> u8) {
    assert_eq!(side % 4, 0, "no row is padded");
    let size = 54 + 3 * side * side;
    let mut bytes =
        [b"BM", &(size as u32).to_le_bytes()[..], &[0; 4], &54_u32.to_le_bytes(), &40_u32.to_le_bytes()].concat();
    bytes.extend([side as u32, side as u32].iter().flat_map(|side| side.to_le_bytes()));
    bytes.extend([1, 0, 24, 0]);
    bytes.extend([0; 24]);
    // The last row is the first.
    bytes.extend((0..side).rev().flat_map(|y| (0..side).map(move |x| (x, y))).flat_map(|(x, y)| [shade(x, y); 3]));
    fs::write(path, bytes).unwrap();
}

#[test]
fn shown_samples_get_the_networks_own_answers() {
    let (folder, images) = samples(30);
    let folder = folder.path();
    let show = "show --data . --plain --count 30 --out pictures";
    assert!(tests::selvedge(folder).args(show.split(' ')).status().unwrap().success());
    let mut pictures: Vec<_> =
        fs::read_dir(folder.join("pictures")).unwrap().map(|entry| entry.unwrap().path()).collect();
    pictures.sort();
    let (_, own) = predict(folder, &["train-images-idx3-ubyte".into()]);
    let (_, found) = predict(folder, &pictures);
    assert_eq!((own.len(), found.len()), (30, 30));
    for ((own, found), image) in own.iter().zip(&found).zip(images) {
        assert_eq!(found["values"], Value::from(image), "{}", found["input"]);
        assert_eq!(["index", "probabilities"].map(|key| &own[key]), ["index", "probabilities"].map(|key| &found[key]));
        assert_eq!(found["notes"], Value::Array(vec![]));
    }
}

#[test]
fn one_shown_sample_is_one_picture_whatever_its_ground() {
    // A set whose ground is light: as a photograph it would be inverted.
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    tests::write_small_data(folder, [50, 20]);
    let path = folder.join("train-images-idx3-ubyte");
    let mut bytes = fs::read(&path).unwrap();
    bytes[16..16 + SIDE * SIDE].fill(240);
    bytes[16 + 14 * SIDE..][..200].fill(20);
    fs::write(&path, &bytes).unwrap();
    let show = "show --data . --plain --count 1 --out picture.png";
    assert!(tests::selvedge(folder).args(show.split(' ')).status().unwrap().success());
    let (_, found) = predict(folder, &["picture.png".into()]);
    assert_eq!(found[0]["values"], Value::from(&bytes[16..16 + SIDE * SIDE]));
}

#[test]
fn any_plain_ground_gives_the_upright_answer() {
    let Some(folder) = tests::fashion_mnist("pictures on any plain ground") else { return };
    let test = data::load(Some(&folder)).unwrap().test;
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    // Five times as large, on a ground that shines through where the thing is nearly black.
    let on_ground = |image: &[u8], ground: u8, path: &Path| {
        write_bmp(path, 200, |x, y| {
            let inside = (30..170).contains(&x) && (30..170).contains(&y);
            let shade = if inside { f32::from(image[(y - 30) / 5 * SIDE + (x - 30) / 5]) } else { 0.0 };
            let alpha = (shade / 40.0).min(1.0);
            let shade = if ground > 127 { 255.0 - shade } else { shade };
            (alpha * shade + (1.0 - alpha) * f32::from(ground)).round() as u8
        });
    };
    let grounds: Vec<u8> = (0..=255).step_by(16).chain([255]).collect();
    for (index, (image, &label)) in test.samples().zip(test.labels()).take(10).enumerate() {
        let paths: Vec<_> = grounds.iter().map(|ground| folder.join(format!("{index}-{ground}.bmp"))).collect();
        for (path, &ground) in paths.iter().zip(&grounds) {
            on_ground(image, ground, path);
        }
        let (_, answers) = predict(folder, &paths);
        assert_eq!(answers.len(), grounds.len());
        for (answer, &ground) in answers.iter().zip(&grounds) {
            assert_eq!(answer["picture"]["ground"], ground);
            assert_eq!(answer["index"], label, "image {index}, ground {ground}");
        }
    }
}

#[test]
fn each_picture_has_its_answer_or_its_error() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let weights = tests::workspace().join("models/small.selvedge");
    write_bmp(&folder.join("a.bmp"), 40, |x, _| if (10..30).contains(&x) { 200 } else { 20 });
    fs::write(folder.join("b.png"), []).unwrap();
    write_bmp(&folder.join("c.bmp"), 40, |_, _| 90);
    let run = |arguments: &str| {
        let arguments = arguments.split_whitespace();
        tests::selvedge(folder).arg("predict").arg(&weights).args(arguments).stdin(Stdio::null()).output().unwrap()
    };
    let output = run("a.bmp b.png c.bmp");
    let (answers, errors) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!(output.status.code(), Some(1));
    assert!(answers.starts_with("a.bmp: ") && answers.contains("\nc.bmp: "), "{answers}");
    let expected = "error: b.png ends early: it has no bytes; copy or download it again\n\
        note: c.bmp: the picture is blank: every pixel has the shade 90; the answer says nothing\n\
        error: 1 of 3 could not be classified\n";
    assert_eq!(errors, expected);
    assert!(run("a.bmp c.bmp").status.success());
    let output = run("--json a.bmp b.png c.bmp");
    assert_eq!(output.status.code(), Some(1));
    let answers: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answers[0]["picture"]["ground"], 20);
    assert!(answers[1]["error"].as_str().unwrap().contains("ends early"));
    assert!(answers[2]["notes"][0].as_str().unwrap().contains("blank"));
    // What the network sees stands to the left of the answer.
    let drawn = String::from_utf8(run("--show a.bmp").stdout).unwrap();
    let lines: Vec<_> = drawn.lines().collect();
    assert!(lines.len() == 15 && lines[1].contains("#") && lines[1].ends_with('%'), "{drawn}");
    let error = String::from_utf8(run("/dev/zero").stderr).unwrap();
    assert!(!cfg!(unix) || error.starts_with("error: /dev/zero is a pipe or a device and no file; save"), "{error}");
}
