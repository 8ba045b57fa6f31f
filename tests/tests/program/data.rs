//! Data as it lies on people's disks: torchvision's folders, mirrors' and EMNIST's names, gzipped or not, damaged or something else.

#![allow(clippy::unwrap_used, reason = "a test's helper functions are tests too")]

use std::{
    fs,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use selvedge::{idx, shape::InputShape};
use tempfile::TempDir;
use tests::{refusal, said, text};

const NAMES: [&str; 4] =
    ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"];

/// A folder with weights for ten classes of small images, and the four files below `data`, with these names.
fn folder(rename: impl Fn(&str) -> String) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    tests::write_data(&folder.path().join("plain"), IMAGE, 10, [50, 20]);
    let line = "train --data plain --layers 36,10 --steps 5 --recipe quickstart --out weights.selvedge";
    said(folder.path(), line);
    for name in NAMES {
        let path = folder.path().join("data").join(rename(name));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::copy(folder.path().join("plain").join(name), path).unwrap();
    }
    folder
}

const IMAGE: InputShape = InputShape::Image { channels: 1, height: 6, width: 6 };
const EVAL: &str = "eval weights.selvedge --data data";

fn gzip(path: &Path) {
    assert!(Command::new("gzip").arg("-f").arg(path).status().unwrap().success());
}

#[test]
fn torchvisions_folders_and_other_names_are_found() {
    let expected = said(folder(str::to_owned).path(), EVAL);
    for rename in [
        |name: &str| format!("FashionMNIST/raw/{name}"),
        |name: &str| format!("EMNIST/raw/emnist-digits-{}", name.replace("t10k", "test")),
        |name: &str| format!("raw/{}", name.replace("-idx", ".idx")),
        |name: &str| name.replace("t10k", "test"),
    ] {
        let folder = folder(rename);
        let evaluated = said(folder.path(), EVAL);
        let accuracy = |text: &str| text.lines().find(|line| line.starts_with("Accuracy")).map(str::to_owned);
        assert_eq!(accuracy(&evaluated), accuracy(&expected));
        // The archives' own form.
        for name in NAMES {
            gzip(&folder.path().join("data").join(rename(name)));
        }
        assert_eq!(said(folder.path(), EVAL), evaluated);
    }
}

#[test]
fn several_sets_are_named_and_one_can_be_chosen() {
    let both = folder(|name| format!("FashionMNIST/raw/{name}"));
    let raw = both.path().join("data/MNIST/raw");
    fs::create_dir_all(&raw).unwrap();
    for name in NAMES {
        fs::copy(both.path().join("plain").join(name), raw.join(name)).unwrap();
    }
    let message = refusal(both.path(), EVAL);
    let choice = "--data: data holds several data sets; name one: data/FashionMNIST/raw, data/MNIST/raw";
    assert_eq!(message, choice);
    let chosen = said(both.path(), &format!("{EVAL}/MNIST/raw"));
    // It is no published set, so it has another's name.
    assert!(chosen.contains("on the 20 test samples of folder MNIST\n"), "{chosen}");
    fs::remove_file(raw.join(NAMES[3])).unwrap();
    assert!(said(both.path(), EVAL).contains("of folder FashionMNIST\n"));

    let splits = folder(|name| format!("emnist-digits-{}", name.replace("t10k", "test")));
    for name in NAMES {
        let other = format!("data/emnist-letters-{}", name.replace("t10k", "test"));
        fs::copy(splits.path().join("plain").join(name), splits.path().join(other)).unwrap();
    }
    let message = refusal(splits.path(), EVAL);
    assert!(message.ends_with("name one: data/emnist-digits, data/emnist-letters"), "{message}");
    assert!(said(splits.path(), &format!("{EVAL}/emnist-letters")).contains("of emnist-letters\n"));
}

#[test]
fn bytes_and_not_names_tell_what_is_gzipped() {
    let folder = folder(str::to_owned);
    let expected = said(folder.path(), EVAL);
    let path = |name: &str| folder.path().join("data").join(name);
    for name in NAMES {
        gzip(&path(name));
        fs::rename(path(&format!("{name}.gz")), path(name)).unwrap();
    }
    assert_eq!(said(folder.path(), EVAL), expected);
    let predicted = said(folder.path(), &format!("predict weights.selvedge data/{}", NAMES[2]));
    assert!(predicted.contains("sample 19"), "{predicted}");
    for name in NAMES {
        fs::remove_file(path(name)).unwrap();
        fs::copy(folder.path().join("plain").join(name), path(&format!("{name}.gz"))).unwrap();
    }
    assert_eq!(said(folder.path(), EVAL), expected);
}

#[test]
fn names_are_given_for_any_command_and_must_fit() {
    let folder = folder(str::to_owned);
    let folder = folder.path();
    fs::write(folder.join("data/classes.txt"), "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n").unwrap();
    fs::write(folder.join("names"), "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n").unwrap();
    for given in ["a,b,c,d,e,f,g,h,i,j", "names"] {
        let train = format!("train --data data --layers 36,10 --steps 1 --out named.selvedge --classes {given}");
        said(folder, &train);
        assert!(said(folder, "inspect named.selvedge").contains("a, b, c, d, e, f, g, h, i, j"));
        let evaluated = said(folder, &format!("{EVAL} --classes {given}"));
        assert!(evaluated.contains("\n a ") || evaluated.contains("\na "), "{evaluated}");
        said(folder, &format!("show --data data --count 1 --plain --out x.png --classes {given}"));
        said(folder, &format!("embed --data data --count 1 --out embedded --classes {given}"));
        said(folder, &format!("quantize named.selvedge --data data --out q.selvedge --classes {given}"));
    }
    let message = refusal(folder, &format!("{EVAL} --classes a,b,c"));
    assert!(message.contains("train-labels-idx1-ubyte: label 3 is 3, but --classes names 3 classes"), "{message}");
    let message = refusal(folder, &format!("{EVAL} --classes nowhere"));
    assert!(message.starts_with("cannot read nowhere: "), "{message}");
    let message = refusal(folder, "show --data builtin --classes a,b");
    assert!(message.contains("--classes names 2 classes, but the built-in set has 10"), "{message}");
}

#[test]
fn labels_from_one_and_missing_classes_are_said() {
    let folder = folder(str::to_owned);
    let path = folder.path().join("data").join(NAMES[1]);
    let mut labels = fs::read(&path).unwrap();
    labels[8..].iter_mut().for_each(|label| *label = *label % 9 + 1);
    fs::write(&path, labels).unwrap();
    let test = folder.path().join("data").join(NAMES[3]);
    let mut labels = fs::read(&test).unwrap();
    labels[8..].iter_mut().for_each(|label| *label = *label % 9 + 1);
    fs::write(test, labels).unwrap();
    let told = said(folder.path(), EVAL);
    assert!(told.contains("note: the training labels of data begin at 1: class 0 has no sample"), "{told}");
    fs::write(folder.path().join("data/classes.txt"), "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\nten\neleven\n").unwrap();
    let message = refusal(folder.path(), EVAL);
    assert!(message.contains("10 classes apart, but data has 12"), "{message}");
    let trained = said(folder.path(), "train --data data --layers 36,12 --steps 1 --out twelve.selvedge");
    assert!(trained.contains("3 of the 12 classes of data have no training sample"), "{trained}");
}

#[test]
fn a_copy_with_other_labels_is_not_the_published_set() {
    let Some(published) = tests::fashion_mnist("a changed copy of Fashion-MNIST") else { return };
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    fs::create_dir(&data).unwrap();
    for name in NAMES {
        let from = [published.join(format!("{name}.gz")), published.join(name)].into_iter().find(|path| path.exists());
        fs::copy(from.unwrap(), data.join(format!("{name}.gz"))).unwrap();
    }
    for name in NAMES {
        let path = data.join(format!("{name}.gz"));
        fs::set_permissions(&path, fs::metadata(&data).unwrap().permissions()).unwrap();
    }
    said(folder.path(), "train --data data --model tiny --steps 1 --recipe quickstart --out t.selvedge");
    let evaluated = said(folder.path(), "eval t.selvedge --data data");
    assert!(evaluated.contains("test samples of Fashion-MNIST\n") && !evaluated.contains("note: "), "{evaluated}");
    // The test labels alone, each one further.
    assert!(Command::new("gunzip").arg(data.join(format!("{}.gz", NAMES[3]))).status().unwrap().success());
    let path = data.join(NAMES[3]);
    let mut labels = fs::read(&path).unwrap();
    labels[8..].iter_mut().for_each(|label| *label = (*label + 1) % 10);
    fs::write(&path, labels).unwrap();
    let evaluated = said(folder.path(), "eval t.selvedge --data data");
    for words in [
        "note: this is not the published Fashion-MNIST, of which only some files are here: data/t10k-labels-idx1-ubyte differ",
        "test samples of data\n",
        "note: the weights were trained on Fashion-MNIST\n",
    ] {
        assert!(evaluated.contains(words), "{words}: {evaluated}");
    }
}

#[test]
fn a_folder_may_have_any_name() {
    let folder = folder(str::to_owned);
    for name in ["\u{1b}[2Jx", &"ä".repeat(120), "Fashion-MNIST"] {
        fs::rename(folder.path().join("data"), folder.path().join(name)).unwrap();
        let train = ["train", "--layers", "36,10", "--steps", "1", "--out", "named.selvedge", "--data", name];
        let output = tests::selvedge(folder.path()).args(train).output().unwrap();
        assert!(output.status.success(), "{}", text(&output));
        let inspected = said(folder.path(), "inspect named.selvedge");
        assert!(!inspected.contains('\u{1b}') && !inspected.contains(" Fashion-MNIST,"), "{inspected}");
        fs::rename(folder.path().join(name), folder.path().join("data")).unwrap();
    }
}

#[cfg(unix)]
#[test]
fn pipes_and_devices_in_a_files_place_end() {
    let folder = folder(str::to_owned);
    let path = folder.path().join("data").join(NAMES[1]);
    fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink("/dev/zero", &path).unwrap();
    assert!(refusal(folder.path(), EVAL).ends_with("it is a device, not a file"));
    fs::remove_file(&path).unwrap();
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    let start = Instant::now();
    let message = refusal(folder.path(), EVAL);
    assert!(message.contains("it is a pipe, and nothing came for"), "{message}");
    assert!(start.elapsed() < Duration::from_secs(60));
}

#[test]
fn a_header_that_promises_too_much_takes_no_memory() {
    let folder = folder(str::to_owned);
    let path = folder.path().join("data").join(NAMES[0]);
    let shape = InputShape::Image { channels: 1, height: 28, width: 28 };
    let mut header = [0; idx::MAX_HEADER];
    fs::write(&path, idx::samples_header(u32::MAX, shape, &mut header)).unwrap();
    assert!(refusal(folder.path(), EVAL).contains("the file is truncated: 16 of 3367254359296 bytes are there"));
    gzip(&path);
    assert!(refusal(folder.path(), EVAL).contains("unpacks to 3367254359296 bytes by its header"));
    fs::remove_file(folder.path().join("data").join(format!("{}.gz", NAMES[0]))).unwrap();
    assert!(refusal(folder.path(), EVAL).contains("lacks train-images-idx3-ubyte"));
}
