//! `selvedge quantize`, and what takes its files.

#![allow(clippy::unwrap_used, reason = "a test's helper functions are tests too")]

use std::{fs, path::Path, process::Output};

use host::weights;
use selvedge::{architecture::Architecture, fashion_mnist::SHAPE, shape::Signature, weights::TrainingRecord};
use serde_json::Value;

fn run(folder: &Path, arguments: &str) -> Output {
    tests::selvedge(folder).args(arguments.split_whitespace()).output().unwrap()
}

fn succeed(folder: &Path, arguments: &str) -> String {
    let output = run(folder, arguments);
    assert!(output.status.success(), "{arguments}: {}", tests::text(&output));
    String::from_utf8(output.stdout).unwrap()
}

/// The one line of a command that must fail.
fn fail(folder: &Path, arguments: &str) -> String {
    let output = run(folder, arguments);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{arguments}: {error}");
    assert!(error.starts_with("error: ") && error.lines().count() == 1, "{arguments}: {error}");
    error
}

/// The number before a word.
fn number(text: &str, word: &str) -> f64 {
    let (before, _) = text.split_once(word).unwrap_or_else(|| panic!("no {word:?} in {text}"));
    before.rsplit([' ', '\n']).next().unwrap().parse().unwrap()
}

/// Writes a weight file of these layers.
fn write(path: &Path, layers: &str) {
    let architecture: Architecture = layers.parse().unwrap();
    let mut flat: Vec<f32> = (0..architecture.parameter_count().unwrap()).map(|i| 0.1 * (i as f32).sin()).collect();
    for parameter in architecture.parameters().filter(|parameter| parameter.name.ends_with("running_var")) {
        flat[parameter.offset..][..parameter.len].fill(0.5);
    }
    let record = TrainingRecord {
        seed: 1,
        dataset: "none",
        dataset_checksum: [0; 32],
        samples: 1,
        shuffled: false,
        epochs: 1,
        steps: 1,
        batch_size: 1,
        learning_rate: 0.1,
        accuracy: 0.5,
        recipe: "",
    };
    weights::save(path, &architecture, &flat, &Signature::default(), &record).unwrap();
}

#[test]
fn a_quantized_model_is_nearly_as_good_and_every_command_takes_it() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    tests::trained(folder, "small");
    let text = succeed(folder, "quantize small.selvedge --data builtin --certificates small.csv");
    assert!(text.contains("Saved small.int8") && text.contains("Flash: 103"), "{text}");
    let [int8, float] = accuracies(&text);
    assert!(int8 > float - 0.2, "{text}");
    assert!(succeed(folder, "eval small.selvedge --data builtin").contains(&format!("Accuracy: {float:.2}%")));
    assert!(succeed(folder, "eval small.int8 --data builtin").contains(&format!("Accuracy: {int8:.2}%")));

    let certificates = fs::read_to_string(folder.join("small.csv")).unwrap();
    let mut lines = certificates.lines();
    assert_eq!(lines.next(), Some("index,label,class,margin,bound,certified"));
    let lines: Vec<Vec<&str>> = lines.map(|line| line.split(',').collect()).collect();
    let certified = lines.iter().filter(|line| line[5] == "true").count();
    assert_eq!((lines.len(), lines[1_999][0]), (2_000, "1999"));
    assert_eq!(lines.iter().filter(|line| line[1] == line[2]).count() as f64, (20.0 * int8).round());
    assert!(text.contains(&format!("Certified: {certified} of 2000")) && certified > 1_600, "{text}");
    for line in &lines {
        let [margin, bound] = [line[3], line[4]].map(|number| number.parse::<f64>().unwrap());
        assert!(margin >= 0.0 && bound > 0.0 && (bound < margin) == (line[5] == "true"), "{line:?}");
    }

    let inspected = succeed(folder, "inspect small.int8");
    assert!(inspected.starts_with("small.int8: 784-128-10, int8, 101770 parameters"), "{inspected}");
    let json: Value = serde_json::from_str(&succeed(folder, "inspect small.int8 --json")).unwrap();
    let model: Value = serde_json::from_str(&succeed(folder, "inspect small.selvedge --json")).unwrap();
    assert_eq!((&json["format"], &json["model"]), (&"int8".into(), &"small".into()));
    assert_eq!(json["record"]["source_sha256"], model["weights_sha256"]);
    assert_eq!(json["flash_bytes"], fs::metadata(folder.join("small.int8")).unwrap().len());
    assert_eq!(json["predict_ram_bytes"], 8 * (784 / 2 + 1) + 128);
    assert!((json["record"]["accuracy"].as_f64().unwrap() - int8 / 100.0).abs() < 1e-6);

    succeed(folder, "show --data builtin --count 1 --out one.png");
    let [int8, float] = ["int8", "selvedge"].map(|kind| succeed(folder, &format!("predict small.{kind} one.png")));
    assert_eq!(int8.lines().next(), float.lines().next());
    assert_eq!(int8.matches('%').count(), 3);
}

/// The accuracy after quantisation, and before.
fn accuracies(text: &str) -> [f64; 2] {
    let (_, accuracies) = text.split_once("Accuracy: ").unwrap_or_else(|| panic!("no accuracy in {text}"));
    [number(accuracies, "%, of the model"), number(accuracies, "%, on the")]
}

#[test]
fn every_format_keeps_what_its_bits_allow_and_every_command_takes_it() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    tests::trained(folder, "tiny");
    succeed(folder, "show --data builtin --count 1 --out one.png");
    let before = succeed(folder, "predict tiny.selvedge one.png");
    let mut sizes = Vec::new();
    for (format, loss, ending) in
        [("f32", 0.0, "f32"), ("f16", 0.1, "f16"), ("int8", 1.0, "int8"), ("int4", 5.0, "int4")]
    {
        let text = succeed(folder, &format!("quantize tiny.selvedge --data builtin --format {format}"));
        let [quantised, float] = accuracies(&text);
        assert!(quantised >= float - loss, "{format}: {text}");
        let file = format!("tiny.{ending}");
        assert!(text.contains(&format!("Saved {file}")), "{text}");
        let evaluated = succeed(folder, &format!("eval {file} --data builtin"));
        assert!(evaluated.contains(&format!("Accuracy: {quantised:.2}%")), "{format}: {evaluated}");
        assert_eq!(succeed(folder, &format!("predict {file} one.png")).lines().next(), before.lines().next());
        let json: Value = serde_json::from_str(&succeed(folder, &format!("inspect {file} --json"))).unwrap();
        assert_eq!((&json["format"], &json["layers"]), (&format.into(), &"784,16,10".into()));
        sizes.push(json["flash_bytes"].as_u64().unwrap());
    }
    // Half of the weights' bytes each time, beside names, biases and scales.
    for pair in sizes.windows(2) {
        assert!(pair[1] < pair[0] * 6 / 10, "{sizes:?}");
    }
}

#[test]
fn fine_tuning_gets_used_to_4_bits() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    tests::trained(folder, "tiny");
    let [rounded, _] = accuracies(&succeed(folder, "quantize tiny.selvedge --data builtin --format int4"));
    let text = succeed(folder, "quantize tiny.selvedge --data builtin --format int4 --qat --out tuned.int4");
    let [tuned, _] = accuracies(&text);
    assert!(text.matches("Fine-tuning, epoch ").count() == 10 && text.contains("fine-tuned for 1250 steps"), "{text}");
    assert!(tuned > rounded, "{tuned}, {rounded}");
    assert!(succeed(folder, "eval tuned.int4 --data builtin").contains(&format!("Accuracy: {tuned:.2}%")));
    let again =
        succeed(folder, "quantize tiny.selvedge --data builtin --format int4 --qat --out again.int4 --threads 1");
    assert_eq!(again.replace("again", "tuned"), text);
    assert_eq!(fs::read(folder.join("again.int4")).unwrap(), fs::read(folder.join("tuned.int4")).unwrap());

    let refused = |arguments: &str| fail(folder, &format!("quantize tiny.selvedge --data builtin {arguments}"));
    assert!(refused("--qat --format f16").contains("--qat is for --format int4 and int8"));
    assert!(refused("--qat --recipe none.toml").contains("none.toml: neither a built-in recipe"));
    assert!(refused("--qat --recipe best").contains("best: fine-tuning has no dropout"));
}

#[test]
fn neither_threads_nor_instructions_change_a_byte() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    tests::write_small_data(folder, [90, 30]);
    succeed(
        folder,
        "train --recipe quickstart --data . --model tiny --epochs 4 --batch-size 8 --lr 0.05 --out tiny.selvedge",
    );
    let outputs = [("1", None), ("2", None), ("5", None), ("2", Some("portable"))].map(|(threads, engine)| {
        let mut command = tests::selvedge(folder);
        command.envs(engine.map(|engine| ("SELVEDGE_ENGINE", engine)));
        command.args(["quantize", "tiny.selvedge", "--data", ".", "--certificates", "a/b.csv", "--threads", threads]);
        let output = command.args(["--out", "a/tiny"]).output().unwrap();
        assert!(output.status.success(), "{}", tests::text(&output));
        let files = ["a/tiny", "a/b.csv"].map(|name| fs::read(folder.join(name)).unwrap());
        (output.stdout, files)
    });
    assert!(outputs.iter().all(|output| *output == outputs[0]));
}

#[test]
fn batch_normalisation_is_folded_and_other_layers_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    tests::write_small_data(folder, [50, 20]);
    for layers in ["784 => 8 Tanh => 10", "784 => 8 Relu => 10 LogSoftmax", "784 => 8 Relu BatchNorm1d => 10"] {
        write(&folder.join("other.selvedge"), layers);
        let error = fail(folder, "quantize other.selvedge --data .");
        assert!(error.contains("other.selvedge: a quantised network is") && error.contains(layers), "{error}");
        assert!(!folder.join("other.int8").exists());
    }
    write(&folder.join("narrow.selvedge"), "784 => 9 Relu => 4 Relu => 9");
    let error = fail(folder, "quantize narrow.selvedge --data .");
    assert!(error.contains("narrow.selvedge: the network tells 9 classes apart"), "{error}");
    write(&folder.join("short.selvedge"), "700 => 9 Relu => 10");
    assert!(fail(folder, "quantize short.selvedge --data .").contains("short.selvedge: the network takes 700 inputs"));
    write(&folder.join("deep.selvedge"), "784 => 9 BatchNorm1d Relu => 5 Relu => 10 BatchNorm1d");
    succeed(folder, "quantize deep.selvedge --data .");
    succeed(folder, "eval deep.int8 --data .");
    assert!(succeed(folder, "inspect deep.int8").contains("784-9-5-10, int8"));
}

#[test]
fn what_is_wrong_with_the_files_is_said_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    tests::write_small_data(folder, [50, 20]);
    write(&folder.join("tiny.selvedge"), "784,16,10");
    assert!(fail(folder, "quantize none.selvedge --data .").contains("cannot read none.selvedge"));
    assert!(
        fail(folder, "quantize tiny.selvedge --data . --out tiny.selvedge").contains("--out and FILE are the same")
    );
    let error = fail(folder, "quantize tiny.selvedge --data . --out a --certificates a");
    assert!(error.contains("--certificates and --out are the same file"), "{error}");
    assert!(fail(folder, "quantize tiny.selvedge --data . --out tiny.selvedge/a").contains("cannot write"));
    succeed(folder, "quantize tiny.selvedge --data . --out int8");
    assert!(fail(folder, "quantize int8 --data . --out again").contains("int8: this is a quantised network already"));
    for (name, commands) in [("int8", &["eval", "inspect"][..]), ("tiny.selvedge", &["quantize"])] {
        let mut bytes = fs::read(folder.join(name)).unwrap();
        bytes[2_000] ^= 1;
        fs::write(folder.join("damaged"), &bytes).unwrap();
        fs::write(folder.join("short"), &bytes[..3_000]).unwrap();
        for command in commands {
            assert!(fail(folder, &format!("{command} damaged")).contains("damaged: the weight file is damaged"));
            assert!(fail(folder, &format!("{command} short")).contains("short: the weight file is truncated"));
        }
    }
    tests::write_data(folder, SHAPE, 4, [4, 20]);
    let output = run(folder, "quantize tiny.selvedge --data .");
    let error = String::from_utf8(output.stderr).unwrap();
    // The data is not that of the file.
    let lines: Vec<_> = error.lines().collect();
    assert!(!output.status.success() && lines.len() == 2, "{error}");
    assert!(lines[0].starts_with("note: ") && lines[1].starts_with("error: "), "{error}");
    assert!(lines[1].contains("has 4 training samples, too few to choose the scales by"), "{error}");
}

/// The project's own models lose at most a tenth of a percent in 8 bits, half a percent in 4, and next to nothing in 16.
#[test]
fn the_projects_models_lose_little() {
    let Some(data) = tests::fashion_mnist("the accuracy of models/, quantised") else { return };
    let folder = tempfile::tempdir().unwrap();
    // One epoch of the ten.
    let recipe = succeed(folder.path(), "recipes fine-tune");
    assert!(recipe.contains("\nepochs = 10\n"), "{recipe}");
    fs::write(folder.path().join("short.toml"), recipe.replace("\nepochs = 10\n", "\nepochs = 1\n")).unwrap();
    let cases = [
        ("small", "int8", 0.1),
        ("quickstart", "int8", 0.1),
        ("small", "int4 --qat --recipe short.toml", 0.5),
        ("small", "f16", 0.02),
    ];
    for (model, format, loss) in cases {
        let file = tests::workspace().join("models").join(model).with_extension("selvedge");
        let (file, data) = (file.display(), data.display());
        let text = succeed(folder.path(), &format!("quantize {file} --data {data} --out quantised --format {format}"));
        let [quantised, float] = accuracies(&text);
        assert!(quantised >= float - loss, "{text}");
    }
}
