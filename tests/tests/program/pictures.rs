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

#[test]
fn a_saved_picture_is_named_as_png() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for (name, right) in [("s.jpg", "s.png"), ("s.webp", "s.png"), ("model.pth", "model.png")] {
        for plain in [&[][..], &["--plain"]] {
            let show = ["show", "--data", "builtin", "--count", "1", "--out", name];
            let output = tests::selvedge(folder).args(show).args(plain).output().unwrap();
            let error = String::from_utf8(output.stderr).unwrap();
            assert_eq!(error, format!("error: --out {name}: a picture is saved as PNG; name it {right}\n"));
            assert_eq!((output.status.code(), folder.join(name).exists()), (Some(1), false));
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_name_is_no_command_to_the_terminal() {
    use std::os::unix::ffi::OsStrExt;

    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let weights = tests::workspace().join("models/small.selvedge");
    for (name, shown) in [
        (&b"a\x1b]0;title\x07.bmp"[..], r"a\u001b]0;title\u0007.bmp"),
        (b"\x1b[2J\r.bmp", r"\u001b[2J\u000d.bmp"),
        ("pmb.\u{202e}\u{9b}31m".as_bytes(), r"pmb.\u202e\u009b31m"),
        (b"\xff\x9b31m", "\u{fffd}\u{fffd}31m"),
    ] {
        let path = folder.join(std::ffi::OsStr::from_bytes(name));
        let run = |more: &[&str]| {
            let name = path.file_name().unwrap();
            let output = tests::selvedge(folder).arg("predict").arg(&weights).args(more).arg(name).output().unwrap();
            (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
        };
        assert!(run(&[]).1.starts_with(&format!("error: cannot read {shown}: ")), "{}", run(&[]).1);
        write_bmp(&path, 40, |_, _| 90);
        let (answer, note) = run(&[]);
        assert!(answer.starts_with(&format!("{shown}: ")) && note.starts_with(&format!("note: {shown}: ")), "{note}");
        // JSON has its own way to say the same, and its reader gets the name.
        let json: Value = serde_json::from_str(&run(&["--json"]).0).unwrap();
        assert_eq!(json[0]["input"], String::from_utf8_lossy(name).as_ref());
        // An argument that is none.
        let error = run(&["--count"]).1;
        assert!(!error.contains(|letter: char| letter.is_control() && letter != '\n'), "{error:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn what_cannot_be_written_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let weights = tests::workspace().join("models/small.selvedge").display().to_string();
    write_bmp(&folder.join("a.bmp"), 40, |x, _| if (10..30).contains(&x) { 200 } else { 20 });
    let full = || fs::File::options().write(true).open("/dev/full").unwrap();
    let lists = [&["--help"][..], &["predict", "--help"], &["recipes"], &["recipes", "fast"], &["inspect", &weights]];
    for arguments in
        lists.into_iter().chain([&["predict", &weights, "a.bmp"][..], &["predict", "--json", &weights, "a.bmp"]])
    {
        let output = tests::selvedge(folder).args(arguments).stdout(full()).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(error.starts_with("error: ") && error.contains("No space left"), "{error}");
        // Without standard error a result is a result.
        let output = tests::selvedge(folder).args(arguments).stderr(full()).output().unwrap();
        assert!(output.status.success() && !output.stdout.is_empty(), "{arguments:?}");
        let status = tests::selvedge(folder).args(arguments).stdout(full()).stderr(full()).status().unwrap();
        assert_eq!(status.code(), Some(1), "{arguments:?}");
    }
}

#[test]
fn of_several_pictures_in_a_file_the_first_is_taken() {
    let corpus = tests::workspace().join("fuzz/corpus/pictures");
    for (name, is_series) in [("animation", true), ("gif", false), ("tiff", false), ("webp", false), ("png", false)] {
        let (_, answers) = predict(&corpus, &[name.into()]);
        let notes = answers[0]["notes"].to_string();
        assert_eq!(notes.contains("more than one picture; the answer is for the first"), is_series, "{name}: {notes}");
    }
}

#[test]
fn light_from_one_side_noise_and_specks_change_no_answer() {
    let Some(folder) = tests::fashion_mnist("pictures on uneven grounds") else { return };
    let test = data::load(Some(&folder)).unwrap().test;
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let noise = |x: usize, y: usize| (((x * 7919 + y * 104_729) as u32).wrapping_mul(2_654_435_761) >> 20) % 41;
    let slope = |x: usize, y: usize| (x + y) as f32 / 5.0;
    let grounds: [&dyn Fn(usize, usize) -> f32; 4] =
        [&|_, _| 200.0, &|x, y| 160.0 + slope(x, y), &|x, y| 180.0 + noise(x, y) as f32, &|x, y| {
            if x % 50 == 3 && y % 60 == 4 { 90.0 } else { 200.0 }
        }];
    let mut right = [0; 4];
    for (index, (image, &label)) in test.samples().zip(test.labels()).take(30).enumerate() {
        let paths: Vec<PathBuf> =
            (0..grounds.len()).map(|ground| folder.join(format!("{index}-{ground}.bmp"))).collect();
        for (path, ground) in paths.iter().zip(grounds) {
            write_bmp(path, 200, |x, y| {
                let inside = (30..170).contains(&x) && (30..170).contains(&y);
                let shade = if inside { f32::from(image[(y - 30) / 5 * SIDE + (x - 30) / 5]) } else { 0.0 };
                let alpha = (shade / 40.0).min(1.0);
                (alpha * (255.0 - shade) + (1.0 - alpha) * ground(x, y)).round() as u8
            });
        }
        let (_, answers) = predict(folder, &paths);
        for (right, answer) in right.iter_mut().zip(&answers) {
            *right += u32::from(answer["index"] == label);
        }
    }
    assert!(right.iter().all(|&right| right >= 26), "{right:?} of 30");
}
