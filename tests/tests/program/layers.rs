//! A network with the layers beside Linear and ReLU, from the command line to the board: trained, measured, exchanged, folded, flashed.

#![allow(clippy::unwrap_used, reason = "a test's helper functions are tests too")]

use std::{
    fs,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use host::{interchange::StateDict, network::Network};
use selvedge::classification::argmax;
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::{
    has_emulator,
    interchange::{convert, json as printed, logits, test_images, write_archive},
    python::{has_python, python_answer},
    selvedge, text, xtask,
};

const LAYERS: &str = "784 => 32 BatchNorm1d Gelu Dropout => 16 BatchNorm1d LeakyRelu => 10";
const DEPLOYED: &str = "784 => 32 BatchNorm1d Gelu => 16 BatchNorm1d LeakyRelu => 10";
const FOLDED: &str = "784 => 32 Gelu => 16 LeakyRelu => 10";

/// Logits are sums in another order than other programs', and folding rounds each weight once more: relative to the largest.
const ROUNDING: f64 = 1e-5;

/// The files that `selvedge train` and `eval` leave, and the weights of the run resumed from step 40.
struct Trained {
    file: Vec<u8>,
    resumed: Vec<u8>,
    eval: String,
}

static TRAINED: LazyLock<Trained> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let [file, checkpoint, resumed] =
        ["network.selvedge", "network.checkpoint", "resumed.selvedge"].map(|name| folder.path().join(name));
    let [file, checkpoint, resumed] = [&file, &checkpoint, &resumed].map(|path| path.to_str().unwrap());
    let train = ["--layers", LAYERS, "--dropout", "0.1", "--steps", "60", "--checkpoint-every", "40", "--out", file];
    let run = |arguments: &[&str]| {
        let output = selvedge(folder.path()).args(arguments).args(["--data", "builtin"]).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", text(&output));
        text(&output)
    };
    run(&[&["train"], &train[..]].concat());
    let eval = run(&["eval", file]);
    run(&["train", "--resume", checkpoint, "--out", resumed]);
    Trained { file: fs::read(file).unwrap(), resumed: fs::read(resumed).unwrap(), eval }
});

/// A folder with `network.selvedge`.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("network.selvedge"), &TRAINED.file).unwrap();
    folder
}

fn network(file: PathBuf) -> Network {
    let weights = StateDict::read(&file).unwrap();
    weights.network(&weights.architecture().unwrap(), true).unwrap().0
}

fn inspect(folder: &Path, file: &str) -> Value {
    printed(selvedge(folder).args(["inspect", file, "--json"]))
}

#[test]
fn it_trains_evaluates_and_inspects() {
    let folder = folder();
    let found = inspect(folder.path(), "network.selvedge");
    assert_eq!(found["layers"], json!(DEPLOYED));
    let names: Vec<_> = found["parameters"].as_array().unwrap().iter().map(|parameter| &parameter["name"]).collect();
    assert!(names.contains(&&json!("linear_relu_stack.4.running_var")), "{names:?}");
    assert!(found["record"]["recipe"].as_str().unwrap().contains("dropout = 0.1"), "{found}");
    // Ten classes, so that a tenth is chance.
    let accuracy = found["record"]["accuracy"].as_f64().unwrap();
    assert!(accuracy > 0.5, "{accuracy}");
    assert!(TRAINED.eval.contains(&format!("Accuracy: {:.2}%", 100.0 * accuracy)), "{}", TRAINED.eval);
}

#[test]
fn a_resumed_run_reaches_the_same_weights() {
    assert_eq!(TRAINED.resumed, TRAINED.file);
}

#[test]
fn other_programs_compute_the_same() {
    if !has_python("batch normalisation, GELU and dropout in PyTorch and ONNX Runtime") {
        return;
    }
    let folder = folder();
    let folder = folder.path();
    let images = test_images();
    write_archive(&folder.join("test.npz"), &images, &logits(&network(folder.join("network.selvedge")), &images));
    for (file, layers, fold) in [
        ("with-dropout.safetensors", LAYERS, false),
        ("without.safetensors", DEPLOYED, false),
        ("with-dropout.npz", LAYERS, false),
        ("network.onnx", LAYERS, false),
        ("folded.safetensors", FOLDED, true),
        ("folded.onnx", LAYERS, true),
    ] {
        let asked = if fold { vec!["--fold"] } else { vec!["--layers", layers] };
        convert(folder, &[&["network.selvedge", file], &asked[..]].concat()).unwrap();
        let found = python_answer(&json!(["logits", folder.join(file), folder.join("test.npz"), layers]));
        // The line that docs/interchange.md quotes.
        println!("{file}: {found}");
        assert_eq!(found["images"], images.len(), "{file}");
        let (difference, largest) =
            (found["max_difference"].as_f64().unwrap(), found["largest_logit"].as_f64().unwrap());
        assert!(difference <= ROUNDING * largest, "{file}: {found}");
        assert_eq!(found["equal_argmax"], found["images"], "{file}: {found}");
    }
}

#[test]
fn what_pytorchs_sequential_saves_comes_back_bit_for_bit() {
    if !has_python("a state dict of PyTorch's nn.Sequential") {
        return;
    }
    let folder = folder();
    let folder = folder.path();
    convert(folder, &["network.selvedge", "a.safetensors", "--layers", LAYERS]).unwrap();
    let saved = python_answer(&json!(["save", folder.join("a.safetensors"), folder.join("a.pth"), LAYERS]));
    // Its own counters beside our tensors.
    assert_eq!(saved["tensors"], 3 * 2 + 2 * 5);
    convert(folder, &["a.pth", "back.selvedge", "--layers", LAYERS]).unwrap();
    let hash = |file| inspect(folder, file)["weights_sha256"].clone();
    assert_eq!(hash("back.selvedge"), hash("network.selvedge"));
}

#[test]
fn a_folded_file_predicts_the_same() {
    let folder = folder();
    let folder = folder.path();
    let said = convert(folder, &["network.selvedge", "folded.selvedge", "--fold"]).unwrap();
    assert!(said.starts_with("Saved folded.selvedge, 784-32-16-10 Linear Gelu Linear LeakyRelu Linear, "), "{said}");
    assert_eq!(inspect(folder, "folded.selvedge")["layers"], FOLDED);
    let record = |file| inspect(folder, file)["record"].clone();
    assert_eq!(record("folded.selvedge"), record("network.selvedge"));

    let (before, folded) = (network(folder.join("network.selvedge")), network(folder.join("folded.selvedge")));
    let images = test_images();
    let [expected, found] = [logits(&before, &images), logits(&folded, &images)];
    let pairs = expected.iter().zip(&found);
    let difference = pairs.map(|(a, b)| f64::from((a - b).abs())).fold(0.0, f64::max);
    let largest = expected.iter().map(|x| f64::from(x.abs())).fold(0.0, f64::max);
    let same = expected.chunks(10).zip(found.chunks(10)).filter(|(a, b)| argmax(*a) == argmax(*b)).count();
    // The line that docs/interchange.md quotes.
    println!("folded: {difference:.1e} of {largest:.2}, the same class for {same} of {}", images.len());
    assert!(difference <= ROUNDING * largest, "{difference} of {largest}");
    assert!(1000 * same >= 999 * images.len(), "{same}");

    let again = convert(folder, &["folded.selvedge", "again.selvedge", "--fold"]).unwrap();
    assert!(again.contains("nothing is folded"), "{again}");
    assert_eq!(
        inspect(folder, "again.selvedge")["weights_sha256"],
        inspect(folder, "folded.selvedge")["weights_sha256"]
    );
    assert_eq!(folded.parameters().len(), before.parameters().len() - 4 * (32 + 16));
}

#[test]
fn a_board_predicts_the_hosts_bits_with_the_folded_network() {
    if !has_emulator("a folded network on a board") {
        return;
    }
    let folder = folder();
    let file = folder.path().join("network.selvedge");
    let output = xtask(&[
        "flash",
        "--board",
        "netduinoplus2",
        "--weights",
        file.to_str().unwrap(),
        "--data",
        "builtin",
        "--count",
        "50",
    ]);
    let text = text(&{ output }.output().unwrap());
    assert!(
        text.contains(&format!("Folded batch normalisation into the layers before it: {DEPLOYED} is now {FOLDED}")),
        "{text}"
    );
    assert!(text.contains("50 of 50 samples: class and logits equal the host's bits"), "{text}");
}
