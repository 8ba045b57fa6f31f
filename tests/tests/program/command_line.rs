//! The program `selvedge` as a user types it, bad input included: one clear error, a non-zero exit, nothing lost.

#![allow(clippy::unwrap_used, reason = "a test's helper functions are tests too")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Output,
};

use host::weights;
use selvedge::{
    architecture::Architecture,
    idx,
    shape::{InputShape, Signature},
    weights::TrainingRecord,
};
use serde_json::Value;
use tempfile::TempDir;

fn run(folder: &Path, arguments: &str) -> Output {
    tests::selvedge(folder).env("RUST_BACKTRACE", "1").args(arguments.split_whitespace()).output().unwrap()
}

/// Returns the output of a command that must succeed.
fn succeed(folder: &Path, arguments: &str) -> String {
    let output = run(folder, arguments);
    assert!(output.status.success(), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The error of a command that must fail: clap's message, or one line of ours. Notes before it are left out.
fn fail(folder: &Path, arguments: &str) -> String {
    let output = run(folder, arguments);
    let error = String::from_utf8(output.stderr).unwrap();
    let error: String = error.split_inclusive('\n').filter(|line| !line.starts_with("note: ")).collect();
    assert!(matches!(output.status.code(), Some(1 | 2)), "{arguments}: {:?} {error}", output.status);
    assert!(!error.contains("panicked"), "{arguments}: {error}");
    if output.status.code() == Some(1) {
        assert!(error.starts_with("error: ") && error.lines().count() == 1, "{arguments}: {error}");
        assert!(error.matches("os error").count() <= 1, "said twice: {error}");
    }
    error
}

/// A folder with a small data set.
fn data_folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    tests::write_small_data(folder.path(), [50, 20]);
    folder
}

const TRAIN: &str = "train --recipe quickstart --data . --model tiny --epochs 2 --batch-size 16 --lr 0.01";

#[test]
fn trains_evaluates_inspects_and_embeds() {
    let folder = data_folder();
    let folder = folder.path();
    let text = succeed(folder, &format!("{TRAIN} --metrics run.jsonl"));
    assert!(text.contains("(0): Linear(in_features=784, out_features=16, bias=True)"), "{text}");
    assert!(text.contains("Epoch 2\n-------------------------------\nloss: "), "{text}");
    assert!(text.contains("[   16/   50]"), "{text}");
    assert_eq!(text.matches("Test Error: \n Accuracy: ").count(), 2);
    let (saved, hash) = text.trim_end().rsplit_once(", SHA-256 ").unwrap();
    assert!(saved.ends_with("Saved weights/tiny.selvedge"), "{text}");

    let metrics = fs::read_to_string(folder.join("run.jsonl")).unwrap();
    let metrics: Vec<Value> = metrics.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(metrics.len(), 2 * 4 + 2);
    assert!(metrics[0]["step"] == 1 && metrics[0]["loss"].as_f64().unwrap() > 0.0);
    let epoch = metrics.last().unwrap();
    assert!(epoch["epoch"] == 2 && epoch["samples_per_second"].as_f64().unwrap() > 0.0);

    let eval = succeed(folder, "eval weights/tiny.selvedge --data .");
    assert!(
        eval.contains("on the 20 test samples")
            && eval.contains("a row for each true class")
            && eval.contains("Recall"),
        "{eval}"
    );
    let accuracy = 100.0 * epoch["accuracy"].as_f64().unwrap();
    assert!(eval.contains(&format!("Accuracy: {accuracy:.2}%")), "{eval}");

    let inspected = succeed(folder, "inspect weights/tiny.selvedge");
    assert!(inspected.contains("linear_relu_stack.2.bias") && inspected.contains(hash), "{inspected}");
    let json: Value = serde_json::from_str(&succeed(folder, "inspect weights/tiny.selvedge --json")).unwrap();
    assert_eq!((&json["layers"], &json["model"]), (&"784,16,10".into(), &"tiny".into()));
    assert_eq!(json["weights_sha256"], hash);
    assert_eq!(json["record"]["steps"], 8);

    succeed(folder, "embed weights/tiny.selvedge --data . --count 7 --out flash");
    let samples = fs::read(folder.join("flash/samples.idx")).unwrap();
    assert_eq!(idx::samples(&samples).unwrap().len(), 7);
    let expected = fs::read_to_string(folder.join("flash/expected.jsonl")).unwrap();
    assert_eq!(expected.lines().count(), 7);
    assert_eq!(
        fs::read(folder.join("flash/weights.selvedge")).unwrap(),
        fs::read(folder.join("weights/tiny.selvedge")).unwrap()
    );
}

#[test]
fn threads_and_repetition_change_no_bit() {
    let folder = data_folder();
    let hashes = [1, 2, 3, 7].map(|threads| {
        let text = succeed(folder.path(), &format!("{TRAIN} --threads {threads}"));
        text.trim_end().rsplit_once("SHA-256 ").unwrap().1.to_owned()
    });
    assert!(hashes.iter().all(|hash| *hash == hashes[0]), "{hashes:?}");
}

#[test]
fn shows_and_predicts_pictures() {
    let folder = data_folder();
    let folder = folder.path();
    succeed(folder, TRAIN);
    let text = succeed(folder, "show --data . --count 10 --out grid.png");
    assert!(text.contains("Saved grid.png"), "{text}");
    let text = succeed(folder, "predict weights/tiny.selvedge grid.png");
    assert!(text.starts_with("grid.png: ") && text.matches('%').count() == 3, "{text}");
}

#[test]
fn the_built_in_set_is_named_at_both_ends_and_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), "train --data builtin --model tiny --steps 3 --limit-train 100");
    assert!(output.status.success());
    assert!(String::from_utf8_lossy(&output.stdout).contains("builtin"));
    assert!(succeed(folder.path(), "inspect weights/tiny.selvedge").contains("Trained on builtin (100 samples"));
}

#[test]
fn starts_from_given_weights() {
    let folder = data_folder();
    let init = tests::workspace().join("tests/data/init-784x512x512x10.safetensors");
    let init = init.display();
    let text = succeed(
        folder.path(),
        &format!("train --recipe quickstart --data . --init {init} --lr 0 --steps 1 --no-shuffle --seed 7"),
    );
    let again = succeed(
        folder.path(),
        &format!("train --recipe quickstart --data . --init {init} --lr 0 --steps 1 --no-shuffle --seed 8"),
    );
    assert_eq!(text.lines().last(), again.lines().last());
    let error = fail(folder.path(), &format!("train --data . --init {init} --model tiny"));
    assert!(error.contains("linear_relu_stack"), "{error}");
    let error = fail(folder.path(), "train --data . --init train-labels-idx1-ubyte");
    assert!(error.contains("train-labels-idx1-ubyte: this is a file of labels of a data set (IDX)"), "{error}");
    assert!(fail(folder.path(), "train --data . --init none.safetensors").contains("none.safetensors"));
}

#[test]
fn wrong_options_are_named() {
    let folder = data_folder();
    for (options, word) in [
        ("--batch-size 0", "--batch-size"),
        ("--lr NaN", "--lr"),
        ("--lr inf", "--lr"),
        ("--lr -1", "--lr"),
        ("--epochs 0", "--epochs"),
        ("--threads 0", "--threads"),
        ("--steps 0", "--steps"),
        ("--limit-train 0", "--limit-train"),
        ("--limit-train 51", "only 50 training samples"),
        ("--model large", "quickstart, small, tiny"),
        ("--layers 784,x,10", "`x` at character 5"),
        ("--layers 784=>9->10", "=>"),
        ("--layers 100,10", "the network takes 100 inputs, but a sample of"),
        ("--layers 784,9", "the network tells 9 classes apart, but"),
        ("--model tiny --layers 784,16,10", "--layers"),
        ("--cuda", "--device cuda: "),
        ("--no-such-option", "--no-such-option"),
    ] {
        let error = fail(folder.path(), &format!("train --data . {options}"));
        assert!(error.contains(word), "{options}: {error}");
        assert!(!folder.path().join("weights/quickstart.selvedge").exists());
    }
}

#[test]
fn too_much_dropout_is_blamed_on_the_option_or_on_the_recipe() {
    let folder = data_folder();
    // 51 layers, of which 25 are activations.
    let hidden = ["9"; 25].join(",");
    let train = format!("train --data . --layers 784,{hidden},10 --recipe");
    let error = fail(folder.path(), &format!("{train} best"));
    assert!(error.starts_with("error: the recipe's dropout: ") && error.contains("--dropout 0"), "{error}");
    let error = fail(folder.path(), &format!("{train} best --dropout 0.2"));
    assert!(error.starts_with("error: --dropout: ") && !error.contains("--dropout 0"), "{error}");
    // What is offered leads on.
    succeed(folder.path(), &format!("{train} best --dropout 0 --steps 1"));
}

#[test]
fn wrong_data_is_named() {
    let folder = data_folder();
    let folder = folder.path();
    assert!(fail(folder, "train --data missing").contains("missing"));
    let images = folder.join("train-images-idx3-ubyte");
    let labels = folder.join("train-labels-idx1-ubyte");
    let wrong = |file: &PathBuf, change: &dyn Fn(&mut Vec<u8>), words: &[&str]| {
        let kept = fs::read(file).unwrap();
        let mut bytes = kept.clone();
        change(&mut bytes);
        fs::write(file, bytes).unwrap();
        let error = fail(folder, "train --data . --model tiny");
        for word in words {
            assert!(error.contains(word), "{word}: {error}");
        }
        fs::write(file, kept).unwrap();
    };
    wrong(&images, &|b| b.truncate(1000), &["train-images", "truncated"]);
    wrong(&images, &Vec::clear, &["train-images", "is empty"]);
    wrong(&images, &|b| b[3] = 1, &["train-images", "it has 1 dimensions, but a file of its kind has 2 to 4"]);
    wrong(&images, &|b| b[11] = 32, &["train-images", "truncated"]);
    wrong(&labels, &|b| b[20] = 200, &["train-labels", "label 12 is 200", "no sample has the label 10", "classes.txt"]);
    wrong(&labels, &|b| b.push(0), &["train-labels", "too long"]);
    wrong(&labels, &|b| *b = [idx::labels_header(49).to_vec(), vec![0; 49]].concat(), &["50", "49", "train-labels"]);
    fs::remove_file(&labels).unwrap();
    assert!(fail(folder, "train --data .").contains("train-labels"));
}

#[test]
fn wrong_files_are_named_and_nothing_is_lost() {
    let folder = data_folder();
    let folder = folder.path();
    succeed(folder, TRAIN);
    let weights = folder.join("weights/tiny.selvedge");
    let good = fs::read(&weights).unwrap();

    // A run that diverges, or cannot write, leaves the weights of the last one.
    assert!(fail(folder, "train --recipe quickstart --data . --model tiny --lr 1e30").contains("diverged"));
    assert_eq!(fs::read(&weights).unwrap(), good);
    let error = fail(folder, &format!("{TRAIN} --out train-labels-idx1-ubyte/weights"));
    assert!(error.contains("cannot write"), "{error}");
    assert!(fail(folder, &format!("{TRAIN} --out weights")).contains("cannot write weights"));
    let error = fail(folder, &format!("{TRAIN} --metrics t10k-labels-idx1-ubyte/run.jsonl"));
    assert!(error.contains("cannot write t10k-labels-idx1-ubyte/run.jsonl"), "{error}");
    assert!(fail(folder, &format!("{TRAIN} --metrics a --out a")).contains("the same file"));
    assert!(fail(folder, "train --recipe quickstart --data . --model tiny --lr 3e38 --steps 1").contains("diverged"));

    for command in ["eval", "inspect", "predict"] {
        let rest = if command == "predict" { "x.png" } else { "" };
        let error = |name: &str| fail(folder, &format!("{command} {name} {rest}"));
        assert!(error("none.selvedge").contains("none.selvedge"));
        fs::write(folder.join("bad"), &good[..good.len() / 2]).unwrap();
        assert!(error("bad").contains("truncated"));
        let mut damaged = good.clone();
        damaged[1000] ^= 4;
        fs::write(folder.join("bad"), damaged).unwrap();
        assert!(error("bad").contains("damaged"));
        assert!(error("train-labels-idx1-ubyte").contains("this is a file of labels of a data set (IDX)"));
    }
    fs::write(folder.join("picture.png"), b"no picture").unwrap();
    assert!(fail(folder, "predict weights/tiny.selvedge picture.png").contains("picture.png"));
    assert!(fail(folder, "predict weights/tiny.selvedge none.png").contains("none.png"));
}

#[test]
fn what_does_not_fit_other_data_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    tests::write_data(folder, InputShape::Features(12), 3, [30, 6]);
    succeed(folder, "train --data . --model tiny --steps 1 --out a.selvedge");
    fs::create_dir(folder.join("images")).unwrap();
    tests::write_small_data(&folder.join("images"), [30, 10]);
    for (arguments, words) in [
        (
            "eval a.selvedge --data images",
            "a.selvedge: the network takes 12 inputs, but a sample of images is an image of 28×28",
        ),
        ("quantize a.selvedge --data images", "a.selvedge: the network takes 12 inputs"),
        ("embed a.selvedge --data images --count 1 --out b", "a.selvedge: the network takes 12 inputs"),
        ("train --data . --augment flip", "augment is for images, and a sample of this data is 12 features"),
        ("train --data images --augment shift=29", "shift=29 is more than the 28 pixels"),
        ("show --data .", "a sample is 12 features, and only images of 1 or 3 channels"),
        ("predict a.selvedge --values 1,2,3", "has 3 values, but the network takes 12 values"),
        ("predict a.selvedge --values 1,2,256,4", "\"256\", at place 3, is no whole number from 0 to 255"),
        (
            "predict a.selvedge images/t10k-images-idx3-ubyte",
            "a sample is an image of 28×28 pixels, but the network takes",
        ),
    ] {
        let error = fail(folder, arguments);
        assert!(error.contains(words), "{arguments}: {error}");
    }
    // Images of other sizes have as many features, but other pixels stand side by side.
    let flat = folder.join("flat");
    tests::write_data(&flat, InputShape::Image { channels: 1, height: 14, width: 56 }, 10, [30, 10]);
    succeed(folder, "train --data flat --model tiny --steps 1 --out flat.selvedge");
    for command in ["eval", "quantize", "embed --count 1 --out b"] {
        let error = fail(folder, &format!("{command} flat.selvedge --data images"));
        let words = "flat.selvedge: the network takes an image of 14×56 pixels, but a sample of images is an image of 28×28 pixels";
        assert!(error.contains(words), "{command}: {error}");
    }
    let error = fail(folder, "predict flat.selvedge images/t10k-images-idx3-ubyte");
    assert!(error.contains("but the network takes an image of 14×56"), "{error}");
    // Other programs' files, quantised ones, and dropout that has no place.
    succeed(folder, "convert a.selvedge a.safetensors");
    succeed(folder, "quantize a.selvedge --data .");
    for (arguments, words) in [
        (
            "eval a.safetensors --data .",
            "a.safetensors: this is a safetensors file; `selvedge convert FILE weights.selvedge` makes",
        ),
        ("convert a.int8 b.npz", "a.int8: this network is quantised, to int8"),
        ("train --data . --init a.int8 --model tiny", "a.int8: this network is quantised, to int8"),
        ("train --data . --model tiny --out b.safetensors", "--out b.safetensors: training writes .selvedge files"),
        (
            "train --data . --layers 12,3 --dropout 0.1",
            "--dropout: Dropout follows an activation, and this network has none",
        ),
        ("predict a.selvedge missing.idx", "cannot read missing.idx"),
    ] {
        let error = fail(folder, arguments);
        assert!(error.contains(words), "{arguments}: {error}");
    }
    // The names of another folder's classes are not this one's.
    fs::write(folder.join("classes.txt"), "left\nright\nstill\n").unwrap();
    succeed(folder, "train --data . --model tiny --steps 1 --out named.selvedge");
    fs::write(folder.join("classes.txt"), "right\nleft\nstill\n").unwrap();
    let output = run(folder, "eval named.selvedge --data .");
    let note = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && note.contains("class 0 is left in named.selvedge, but right in "), "{note}");
}

#[test]
fn logits_that_are_no_numbers_are_no_answer() {
    let folder = data_folder();
    let architecture: Architecture = "784,16,10".parse().unwrap();
    let flat = vec![1e37; architecture.parameter_count().unwrap()];
    let record = TrainingRecord {
        seed: 0,
        dataset: "none",
        dataset_checksum: [0; 32],
        samples: 0,
        shuffled: false,
        epochs: 0,
        steps: 0,
        batch_size: 0,
        learning_rate: 0.0,
        accuracy: 0.0,
        recipe: "",
    };
    let path = folder.path().join("large.selvedge");
    weights::save(&path, &architecture, &flat, &Signature::default(), &record).unwrap();
    for (arguments, expected) in [
        ("eval large.selvedge --data .", "large.selvedge: the logits of 20 of 20 samples are no finite numbers"),
        ("quantize large.selvedge --data .", "large.selvedge: the logits of 20 of 20 samples are no finite numbers"),
        ("predict large.selvedge t10k-images-idx3-ubyte", "20 of 20 could not be classified"),
        ("train --data . --layers 784,16,10 --init large.selvedge", "before the first update: the starting weights or"),
        ("embed large.selvedge --data . --out o", "the logits of 20 of 20 samples are no finite numbers"),
    ] {
        let output = run(folder.path(), arguments);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(1) && error.contains(expected), "{arguments}: {error}");
    }
    let values = vec!["9"; 784].join(",");
    let output = run(folder.path(), &format!("predict --json large.selvedge --values {values}"));
    let answers: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(answers[0]["error"].as_str().unwrap().contains("and no finite number"), "{answers}");
    assert_eq!(output.status.code(), Some(1));
}
