//! Weights to and from PyTorch, NumPy and ONNX Runtime: the programs themselves read what `selvedge convert` writes, and the
//! other way round.

#![allow(clippy::unwrap_used, reason = "a test's helper functions are tests too")]

mod regression;

use std::{
    fs,
    path::{Path, PathBuf},
};

use host::{
    data::Split,
    interchange::StateDict,
    network::{Network, Workspace},
};
use selvedge::{Portable, flat::as_bytes};
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::{
    interchange::{convert, logits, test_images, write_archive},
    python::{has_python, python_answer},
    selvedge, text, trained, workspace,
};

/// Logits are sums of some hundred terms, in another order than ours: relative to the largest.
const ROUNDING: f64 = 1e-5;

fn initial() -> PathBuf {
    workspace().join("tests/data/init-784x512x512x10.safetensors")
}

/// The network of a weight file.
fn read(path: &Path) -> Network {
    let weights = StateDict::read(path).unwrap();
    weights.network(&weights.architecture().unwrap(), true).unwrap().0
}

/// The quickstart's network, trained for a moment so that its classes differ, as a weight file; and the test images, with
/// Selvedge's logits for them, as NumPy's archive.
fn quickstart(folder: &Path) -> Split {
    trained(folder, "quickstart");
    let network = read(&folder.join("quickstart.selvedge"));
    let images = test_images();
    write_archive(&folder.join("test.npz"), &images, &logits(&network, &images));
    images
}

#[test]
fn pytorch_and_onnx_runtime_compute_the_same_from_our_files() {
    if !has_python("our files in PyTorch and ONNX Runtime") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let test = quickstart(folder);
    for file in ["a.safetensors", "a.npz", "a.onnx"] {
        convert(folder, &["quickstart.selvedge", file]).unwrap();
        let found = python_answer(&json!(["logits", folder.join(file), folder.join("test.npz")]));
        // The line that docs/interchange.md quotes.
        println!("{file}: {found}");
        assert_eq!(found["images"], test.len(), "{file}");
        let (difference, largest) =
            (found["max_difference"].as_f64().unwrap(), found["largest_logit"].as_f64().unwrap());
        assert!(difference <= ROUNDING * largest, "{file}: {found}");
        assert_eq!(found["equal_argmax"], found["images"], "{file}: {found}");
    }
}

#[test]
fn what_pytorch_saves_comes_back_bit_for_bit() {
    if !has_python("PyTorch's own files") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let saved = folder.path().join("a.pth");
    python_answer(&json!(["save", initial(), saved]));
    convert(folder.path(), &["a.pth", "a.safetensors"]).unwrap();
    assert_same(&StateDict::read(&folder.path().join("a.safetensors")).unwrap(), &StateDict::read(&initial()).unwrap());
}

#[test]
fn numpys_copy_comes_back_bit_for_bit() {
    if !has_python("NumPy's own archives") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let initial = initial();
    convert(folder.path(), &[initial.to_str().unwrap(), "a.npz"]).unwrap();
    let arrays = python_answer(&json!(["resave", folder.path().join("a.npz"), folder.path().join("b.npz")]));
    assert_eq!(arrays["linear_relu_stack.0.weight"], json!(["float32", [512, 784]]));
    assert_same(&StateDict::read(&folder.path().join("b.npz")).unwrap(), &StateDict::read(&initial).unwrap());
}

#[test]
fn a_job_that_fails_says_why_and_the_next_one_works() {
    if !has_python("a job that fails") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let job = json!(["save", folder.path().join("none.safetensors"), folder.path().join("a.pth")]);
    let error = std::panic::catch_unwind(|| python_answer(&job)).unwrap_err();
    let error = error.downcast_ref::<String>().unwrap();
    assert!(error.contains("Traceback") && error.contains("FileNotFoundError"), "{error}");
    let saved = python_answer(&json!(["save", initial(), folder.path().join("a.pth")]));
    assert_eq!(saved["tensors"], 6);
}

fn assert_same(found: &StateDict, expected: &StateDict) {
    assert_eq!(found.tensors().len(), expected.tensors().len());
    for tensor in expected.tensors() {
        let same = found.tensors().iter().find(|other| other.name() == tensor.name()).unwrap();
        assert_eq!(same.shape(), tensor.shape());
        assert!(as_bytes(same.values()) == as_bytes(tensor.values()), "{}", tensor.name());
    }
}

fn with_initial_weights() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(initial(), folder.path().join("a.safetensors")).unwrap();
    folder
}

#[test]
fn any_format_round_trips_and_starts_a_training() {
    let folder = with_initial_weights();
    let folder = folder.path();
    let mut before = "a.safetensors".to_owned();
    let mut hashes = Vec::new();
    for file in ["b.selvedge", "c.npz", "d.selvedge", "e.safetensors"] {
        let text = convert(folder, &[&before, file]).unwrap();
        assert!(text.starts_with(&format!("Saved {file}, 784-512-512-10, SHA-256 ")), "{text}");
        hashes.push(text.trim().rsplit_once(' ').unwrap().1.to_owned());
        before = file.into();
    }
    assert!(hashes.iter().all(|hash| *hash == hashes[0]), "{hashes:?}");
    assert!(before == "e.safetensors" && hashes[0].len() == 64);

    let inspected = text(&selvedge(folder).args(["inspect", "b.selvedge"]).output().unwrap());
    assert!(inspected.contains("Not trained by Selvedge") && inspected.contains(&hashes[0]), "{inspected}");
    let start = |init: &str| {
        let arguments =
            ["train", "--data", "builtin", "--limit-train", "64", "--steps", "1", "--lr", "0", "--init", init];
        let output = selvedge(folder).args(arguments).output().unwrap();
        let text = text(&output);
        assert!(output.status.success() && text.contains(&hashes[0]), "{init}: {text}");
    };
    ["b.selvedge", "c.npz", "e.safetensors"].into_iter().for_each(start);
}

#[test]
fn a_weight_file_keeps_its_record() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    trained(folder, "tiny");
    convert(folder, &["tiny.selvedge", "copy.selvedge"]).unwrap();
    assert_eq!(fs::read(folder.join("copy.selvedge")).unwrap(), fs::read(folder.join("tiny.selvedge")).unwrap());
    assert!(read(&folder.join("copy.selvedge")).parameters().iter().any(|&x| x != 0.0));
}

#[test]
fn what_cannot_be_converted_is_one_clear_error() {
    let folder = with_initial_weights();
    let folder = folder.path();
    fs::copy(workspace().join("tests/data/state-dict.pth"), folder.join("other.pth")).unwrap();
    fs::write(folder.join("garbage.npz"), b"PK garbage").unwrap();
    fs::write(folder.join("old.pth"), b"\x80\x02.").unwrap();
    fs::write(folder.join("page.pth"), b"<!DOCTYPE html>").unwrap();
    for (arguments, words) in [
        (&["a.safetensors", "b.pth"][..], "only read"),
        (&["a.safetensors", "b"], "the extension names no format"),
        (&["a.safetensors", "a.safetensors/b.npz"], "cannot write"),
        (&["none.npz", "b.selvedge"], "cannot read none.npz"),
        (&[".", "b.selvedge"], "cannot read .:"),
        (&["garbage.npz", "b.selvedge"], "is cut short"),
        (&["old.pth", "b.selvedge"], "a bare Python pickle"),
        (&["page.pth", "b.selvedge"], "a web page"),
        (&["a.safetensors", "b.selvedge", "--key", "none"], "--key none; there are linear_relu_stack"),
        (&["a.safetensors", "b.selvedge", "--map", "fc1=0"], "no tensor or layer fc1"),
        (&["a.safetensors", "b.selvedge", "--opset", "13"], "is no .onnx file"),
        (&["a.safetensors", "b.onnx", "--opset", "12"], "from 13 to 23"),
        (&["other.pth", "b.selvedge"], "--layers '4 => 3 BatchNorm1d Relu => 2'"),
        (&["other.pth", "b.selvedge", "--model", "tiny"], "the model has no 0.weight, 0.bias"),
        (&["a.safetensors", "b.selvedge", "--model", "small"], "name the layers that it has by --layers"),
        (
            &["a.safetensors", "b.selvedge", "--no-strict", "--layers", "784,65536,65536,10"],
            "and a weight file holds at most",
        ),
        (&["a.safetensors", "b.selvedge", "--layers", "784,77,10"], "name the layers that it has by --layers"),
    ] {
        let error = convert(folder, arguments).unwrap_err();
        assert!(error.contains(words), "{arguments:?}: {error}");
        assert!(!folder.join("b.selvedge").exists());
    }
}

/// Other programs' names and containers, each with the weights of `forms` in interchange.py.
#[test]
fn other_programs_forms_have_the_right_weights() {
    if !has_python("other programs' names and checkpoints") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let forms = python_answer(&json!(["forms", folder]));
    let expected = StateDict::read(&folder.join("reference.safetensors")).unwrap();
    for form in forms["files"].as_array().unwrap() {
        let (file, options) = (form[0].as_str().unwrap(), form[1].as_array().unwrap());
        let options = options.iter().map(|option| option.as_str().unwrap());
        let arguments: Vec<_> = [file, "out.safetensors"].into_iter().chain(options).collect();
        let text = convert(folder, &arguments).unwrap_or_else(|error| panic!("{error}"));
        println!("{file}: {text}");
        assert_same(&StateDict::read(&folder.join("out.safetensors")).unwrap(), &expected);
        fs::remove_file(folder.join("out.safetensors")).unwrap();
    }
    for (file, words) in [
        ("two.pth", "--key: model, ema"),
        ("square.npz", "--transpose=no or --transpose"),
        ("extra.pth", "no temperature, mask, note; --no-strict"),
        ("nan.pth", "2.weight[9, 15] is NaN"),
        ("normed.pth", "is a part of a weight"),
        ("whole.pth", "torch.nn.modules.container.Sequential"),
    ] {
        let error = convert(folder, &[file, "out.safetensors"]).unwrap_err();
        assert!(error.contains(words), "{file}: {error}");
    }
}

fn numbers(value: &Value) -> Vec<f32> {
    value
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|row| row.as_array().unwrap())
        .map(|x| x.as_f64().unwrap() as f32)
        .collect()
}

/// Graphs as exporters write them, and graphs that are no chain of layers.
#[test]
fn graphs_of_other_exporters_compute_the_same() {
    if !has_python("ONNX graphs of other exporters") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let graphs = python_answer(&json!(["graphs", folder]));
    let inputs = numbers(&graphs["inputs"]);
    for graph in graphs["files"].as_array().unwrap() {
        let (file, note) = (graph[0].as_str().unwrap(), graph[1].as_str().unwrap());
        let said = convert(folder, &[file, "out.selvedge"]).unwrap_or_else(|error| panic!("{error}"));
        assert!(said.contains(note) && said.contains("note: ") != note.is_empty(), "{file}: {said}");
        let network = read(&folder.join("out.selvedge"));
        let mut workspace = Workspace::for_prediction(network.view(), 8).unwrap();
        let mut found = workspace.predict(&Portable, network.view(), &inputs).to_vec();
        if note == "softmax" {
            for row in found.chunks_mut(3) {
                let sum: f32 = row.iter().map(|x| x.exp()).sum();
                row.iter_mut().for_each(|x| *x = x.exp() / sum);
            }
        }
        let rounding = if note == "error function" { 5e-4 } else { 1e-5 };
        let expected = numbers(&graphs["outputs"][file]);
        assert_eq!(found.len(), expected.len(), "{file}");
        for (found, expected) in found.iter().zip(&expected) {
            assert!((found - expected).abs() <= rounding * expected.abs().max(1.0), "{file}: {found} {expected}");
        }
    }
    for graph in graphs["refused"].as_array().unwrap() {
        let (file, words) = (graph[0].as_str().unwrap(), graph[1].as_str().unwrap());
        let error = convert(folder, &[file, "none.selvedge"]).unwrap_err();
        assert!(error.contains(words) && error.lines().count() == 1, "{file}: {error}");
    }
}

#[test]
fn our_graphs_come_back_bit_for_bit_and_start_a_training() {
    let folder = with_initial_weights();
    let folder = folder.path();
    let hash = |text: &str| text.trim().rsplit_once(' ').unwrap().1.to_owned();
    let written = convert(folder, &["a.safetensors", "b.onnx"]).unwrap();
    let read = convert(folder, &["b.onnx", "c.selvedge"]).unwrap();
    assert_eq!(hash(&written), hash(&read));
    let arguments =
        ["train", "--data", "builtin", "--limit-train", "64", "--steps", "1", "--lr", "0", "--init", "b.onnx"];
    let trained = text(&selvedge(folder).args(arguments).output().unwrap());
    assert!(trained.contains(&hash(&written)), "{trained}");
}

/// The weights of a network that was trained after torchvision's Normalize, and its accuracy there.
#[test]
fn a_mean_and_a_deviation_go_into_the_first_layer() {
    if !has_python("a network trained after Normalize") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let images = test_images();
    write_archive(&folder.join("test.npz"), &images, &vec![0.0; 10 * images.len()]);
    let made = python_answer(&json!(["normalized", folder.join("test.npz"), folder.join("normalized.pth")]));
    let labels = images.labels();
    for (mean, std, key) in [("0.286", "0.353", "one"), ("mean.npy", "std.npy", "each")] {
        let said = convert(folder, &["normalized.pth", "out.selvedge", "--mean", mean, "--std", std]).unwrap();
        assert!(said.starts_with("Saved out.selvedge"), "{said}");
        let found = logits(&read(&folder.join("out.selvedge")), &images);
        let expected = numbers(&made[key]);
        for (found, expected) in found.iter().zip(&expected) {
            assert!((found - expected).abs() <= 2e-5 * expected.abs().max(1.0), "{key}: {found} {expected}");
        }
        assert_eq!(labels.len() * 10, found.len());
    }
    for (mean, std, words) in [
        ("0.5", "0", "--std: its number 1 is 0"),
        ("0.5", "-1", "more than 0"),
        ("0.5", "nan", "more than 0"),
        ("inf", "1", "a mean is finite"),
        ("0.1,0.2", "0.5", "--mean has 2 numbers"),
        ("none.npy", "1", "cannot read none.npy"),
    ] {
        let error = convert(folder, &["normalized.pth", "none.selvedge", "--mean", mean, "--std", std]).unwrap_err();
        assert!(error.contains(words), "{mean} {std}: {error}");
    }
}

#[test]
fn weights_that_are_no_numbers_are_refused_at_every_door() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    trained(folder, "tiny");
    let mut file = fs::read(folder.join("tiny.selvedge")).unwrap();
    // The last weight stands before the checksum.
    let end = file.len() - 4;
    file[end - 4..end].copy_from_slice(&f32::NAN.to_le_bytes());
    let checksum = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC).checksum(&file[..end]);
    file[end..].copy_from_slice(&checksum.to_le_bytes());
    fs::write(folder.join("nan.selvedge"), file).unwrap();
    fs::write(folder.join("a.png"), b"").unwrap();
    for arguments in [
        &["convert", "nan.selvedge", "out.npz"][..],
        &["eval", "nan.selvedge", "--data", "builtin"],
        &["predict", "nan.selvedge", "a.png"],
        &["quantize", "nan.selvedge", "--data", "builtin"],
        &["embed", "nan.selvedge", "--data", "builtin", "--out", "embedded"],
        &["train", "--model", "tiny", "--data", "builtin", "--init", "nan.selvedge", "--out", "t.selvedge"],
    ] {
        let output = selvedge(folder).args(arguments).output().unwrap();
        let said = text(&output);
        assert!(!output.status.success() && said.contains("2.bias[9] is NaN as a float32"), "{arguments:?}: {said}");
    }
    let output = selvedge(folder).args(["inspect", "nan.selvedge"]).output().unwrap();
    assert!(output.status.success() && text(&output).contains("note: linear_relu_stack.2.bias[9] is NaN"));
}

#[test]
fn an_ending_of_another_format_names_the_command_that_writes_it() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    trained(folder, "tiny");
    for (arguments, words) in [
        (
            &["train", "--data", "builtin", "--steps", "1", "--out", "m.pth"][..],
            "`selvedge convert m.selvedge m.safetensors`",
        ),
        (&["train", "--data", "builtin", "--steps", "1", "--out", "m.npz"], "`selvedge convert m.selvedge m.npz`"),
        (
            &["quantize", "tiny.selvedge", "--data", "builtin", "--out", "q.onnx"],
            "`selvedge convert tiny.selvedge q.onnx`",
        ),
    ] {
        let output = selvedge(folder).args(arguments).output().unwrap();
        assert!(!output.status.success() && text(&output).contains(words), "{}", text(&output));
    }
}

#[cfg(unix)]
#[test]
fn a_pipe_is_read_and_a_device_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    trained(folder, "tiny");
    let pipe = folder.join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let bytes = fs::read(folder.join("tiny.selvedge")).unwrap();
    let writer = std::thread::spawn(move || fs::write(pipe, bytes));
    assert!(convert(folder, &["pipe", "a.npz"]).unwrap().contains("Saved a.npz"));
    writer.join().unwrap().unwrap();
    for arguments in
        [&["convert", "/dev/zero", "a.npz"][..], &["inspect", "/dev/zero"], &["train", "--resume", "/dev/zero"]]
    {
        let output = selvedge(folder).args(arguments).output().unwrap();
        assert!(!output.status.success() && text(&output).contains("it is a device, not a file"), "{}", text(&output));
    }
}
