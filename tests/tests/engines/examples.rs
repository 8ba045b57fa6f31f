//! The library's examples, and its use from a project of one's own.

#![allow(clippy::unwrap_used, reason = "a test's helper functions are tests too")]

use std::{
    env, fs,
    path::Path,
    process::{Command, Output},
};

use selvedge::random::{Generator, Purpose};

/// Builds and runs an example of the workspace. The build uses the features of the whole workspace, as the build of all tests does, so that
/// cargo compiles nothing twice.
pub fn run(example: &str, arguments: &[&Path]) -> String {
    let mut cargo = launch::cargo("build");
    cargo.args(["--quiet", "--workspace", "--example", example]);
    if cfg!(feature = "cuda") {
        cargo.args(["--features", "tests/cuda"]);
    }
    succeeded(cargo.output().unwrap());
    // Tests lie in the folder beside.
    let test = env::current_exe().unwrap();
    let file = format!("{example}{}", env::consts::EXE_SUFFIX);
    let program = test.ancestors().nth(2).unwrap().join("examples").join(file);
    succeeded(Command::new(program).args(arguments).output().unwrap())
}

fn succeeded(output: Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The number behind `name` in the last line that has it.
fn last(output: &str, name: &str) -> f32 {
    let (_, rest) = output.rsplit_once(name).unwrap_or_else(|| panic!("no {name:?} in:\n{output}"));
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
    rest[..end].parse().unwrap()
}

#[test]
fn xor_learns_and_writes_the_file_that_predict_embeds() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("xor.selvedge");
    let output = run("xor", &[&path]);
    assert!(last(&output, "loss ") < 0.01, "{output}");
    assert!(output.ends_with("[0.0, 0.0] is 0\n[0.0, 1.0] is 1\n[1.0, 0.0] is 1\n[1.0, 1.0] is 0\n"), "{output}");
    let embedded = fs::read(tests::workspace().join("core/examples/xor.selvedge")).unwrap();
    assert_eq!(fs::read(path).unwrap(), embedded, "one arithmetic gives one file");
}

#[test]
fn predict_knows_exclusive_or_in_floats_and_in_integers() {
    let output = run("predict", &[]);
    let classes: Vec<&str> = output.lines().filter_map(|line| line.split(" is ").nth(1)?.get(..1)).collect();
    assert_eq!(classes, ["0", "1", "1", "0", "0", "1", "1", "0"], "{output}");
}

#[test]
fn a_training_loop_of_ones_own_learns_the_circle() {
    let output = run("train_loop", &[]);
    assert_eq!(output.lines().count(), 4, "{output}");
    assert!(last(&output, "accuracy ") > 97.0, "{output}");
}

#[test]
fn a_layer_of_ones_own_is_trained_written_and_read() {
    let output = run("own_layer", &[]);
    assert!(output.contains("(2): Scale(in_features=8, out_features=8, parameters=8)"), "{output}");
    assert!(last(&output, "loss ") < 0.01, "{output}");
    assert!(output.contains("loaded again: true"), "{output}");
    assert!(output.contains("elsewhere: layer 2 of the weight file is the custom layer Scale: "), "{output}");
}

/// The host's library trains what the command line trains of the same numbers in a table: one arithmetic gives one hash.
#[test]
fn a_network_of_ones_own_is_trained_by_the_hosts_library() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let output = run("own_network", &[&folder.join("circle.selvedge")]);
    assert!(last(&output, "read again ") > 95.0, "{output}");
    assert_eq!(last(&output, "\naccuracy "), last(&output, "read again "), "{output}");
    assert!(output.ends_with("[0.1, -0.2] is inside\n[0.9, 0.9] is outside\n"), "{output}");
    let draws = Generator::new(7, Purpose::Drawing, 0);
    for (name, indices) in [("train.csv", 0..1000), ("test.csv", 1000..1500)] {
        let row = |index: u64| {
            let [x, y] = [2 * index, 2 * index + 1].map(|draw| draws.symmetric(draw, 1.0));
            format!("{x},{y},{}\n", if x * x + y * y < 0.49 { "inside" } else { "outside" })
        };
        fs::write(folder.join(name), format!("x,y,label\n{}", indices.map(row).collect::<String>())).unwrap();
    }
    let train = "train --data train.csv --test test.csv --classes outside,inside --recipe quickstart --epochs 40 --batch-size 16 \
                 --optimizer adamw --lr 0.01 --schedule one-cycle --out table.selvedge --layers";
    let trained =
        tests::selvedge(folder).args(train.split_whitespace()).arg("2 => 16 Relu => 16 Tanh => 2").output().unwrap();
    let trained = succeeded(trained);
    let hash = |text: &str| text.rsplit_once("SHA-256 ").unwrap().1[..64].to_owned();
    assert_eq!(hash(&output), hash(&trained), "{trained}");
    let evaluated = tests::selvedge(folder)
        .args(["eval", "circle.selvedge", "--data", "train.csv", "--test", "test.csv"])
        .output()
        .unwrap();
    let evaluated = succeeded(evaluated);
    assert!((last(&evaluated, "Accuracy: ") - last(&output, "read again ")).abs() < 0.1, "{evaluated}");
}

/// A device's program in another folder, which forbids `unsafe`. It embeds two files and has its own layer.
const PROJECT: &str = r#"
#![no_std]
#![forbid(unsafe_code)]

use selvedge::{Embedded, Flat, Layer, embed, flat_struct, mlp, optimizer::Momentum, quantized::Int8, training::Trainer};

pub const HIDDEN: usize = 8;
pub type Model = mlp!(2 => HIDDEN Tanh => { 1 + 1 });

pub static MODEL: Embedded<Model> = embed!("xor.selvedge", as Model);
pub static NETWORK: Embedded<Int8> = embed!("xor.int8", as Int8);
pub static TRAINER: Trainer<Model, 4, { Momentum::STATE }> = Trainer::ZERO;

flat_struct! {
    pub struct Scale<const WIDTH: usize> { pub weight: [f32; WIDTH] }
}
pub static SCALE: Scale<4> = Scale::ZERO;

pub fn run(input: &[f32; 2]) -> Option<[f32; 2]> {
    Some(MODEL.load().ok()?.model.run(input))
}

pub fn run_quantised(sample: &[u8; NETWORK.inputs()]) -> Option<[i32; NETWORK.outputs()]> {
    NETWORK.load().ok()?.run(sample, &mut [0; NETWORK.required_words()]).ok()
}
"#;

#[test]
fn a_project_outside_this_repository_embeds_a_model_of_its_type_and_no_other() {
    let (folder, workspace) = (tempfile::tempdir().unwrap(), tests::workspace());
    let source = folder.path().join("src");
    fs::create_dir(&source).unwrap();
    for name in ["xor.selvedge", "xor.int8"] {
        fs::copy(workspace.join("core/examples").join(name), source.join(name)).unwrap();
    }
    fs::copy(workspace.join("Cargo.lock"), folder.path().join("Cargo.lock")).unwrap();
    let manifest = format!(
        "[package]\nname = \"user\"\nedition = \"2024\"\n[workspace]\n[dependencies]\nselvedge = {{ package = \"core\", path = {:?} }}\n",
        workspace.join("core")
    );
    fs::write(folder.path().join("Cargo.toml"), manifest).unwrap();
    let check = |text: &str| {
        fs::write(source.join("lib.rs"), text).unwrap();
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["check", "--quiet", "--offline"]).current_dir(folder.path());
        // Its own, not this test's.
        cargo.env("CARGO_TARGET_DIR", folder.path().join("target"));
        cargo.output().unwrap()
    };
    succeeded(check(PROJECT));
    for (changed, error) in [
        (PROJECT.replace("HIDDEN: usize = 8", "HIDDEN: usize = 9"), "layers are not those of the model's type"),
        (PROJECT.replace("xor.int8", "xor.selvedge"), "is not of this format"),
    ] {
        let output = check(&changed);
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && text.contains(error), "{text}");
    }
    // What is there of a file must be all of it.
    let whole = fs::read(source.join("xor.selvedge")).unwrap();
    fs::write(source.join("xor.selvedge"), &whole[..whole.len() - 1]).unwrap();
    let text = String::from_utf8(check(PROJECT).stderr).unwrap();
    assert!(text.contains("it is not whole"), "{text}");
}
