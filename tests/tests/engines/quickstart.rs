//! The README's table of the quickstart's steps: every command in it, as it stands there, one after the other.

#![allow(clippy::unwrap_used, reason = "a test's helper functions are tests too")]

use std::{fs, path::Path, process::Command};

/// The commands of the table's last column, in its order.
fn commands(readme: &str) -> Vec<&str> {
    let (_, section) = readme.split_once("## The quickstart, step by step").expect("the README has the section");
    let (section, _) = section.split_once("\n## ").expect("a section follows");
    let rows = section.lines().filter(|line| line.starts_with("| "));
    let selvedge = rows.filter_map(|row| row.trim_end_matches(" |").rsplit(" | ").next());
    let quoted = selvedge.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    quoted.filter(|text| text.starts_with("cargo ")).collect()
}

/// Runs a command in a folder, which lies in the workspace, and returns what it prints.
fn run(folder: &Path, command: &str) -> String {
    let arguments = command.split_whitespace().skip(1);
    let mut cargo = Command::new(env!("CARGO"));
    let output = cargo.args(arguments).current_dir(folder).env_remove(tests::FASHION_MNIST_DIR).output().unwrap();
    assert!(output.status.success(), "{command}: {}", tests::text(&output));
    tests::text(&output)
}

#[test]
fn each_of_the_quickstarts_steps_has_its_command() {
    let readme = fs::read_to_string(tests::workspace().join("README.md")).unwrap();
    let commands = commands(&readme);
    // Each does what its row promises, by a word of what it prints.
    let promised = [
        ("xtask show", "Saved"),
        ("xtask train --recipe quickstart", "Test Error"),
        ("xtask inspect", "linear_relu_stack.0.weight"),
        ("xtask convert weights", "model.safetensors"),
        ("xtask convert model", "again.selvedge"),
        ("xtask eval", "Accuracy"),
        ("xtask predict", "%"),
        ("--example autodiff", "w.grad"),
        ("xtask train --optimizer", "Test Error"),
        ("xtask flash", "logits equal the host's bits"),
    ];
    for (part, _) in promised {
        assert!(commands.iter().any(|command| command.contains(part)), "no command has {part}: {commands:?}");
    }

    // In the workspace, where cargo knows `xtask`.
    let target = tests::workspace().join("target");
    fs::create_dir_all(&target).unwrap();
    let folder = tempfile::tempdir_in(target).unwrap();
    tests::write_small_data(&folder.path().join("data/fashion-mnist"), [200, 100]);
    for command in commands {
        let (_, word) = promised.iter().find(|(part, _)| command.contains(part)).unwrap_or_else(|| {
            panic!("{command}: this test does not know what it promises");
        });
        if command.contains("flash") && !tests::has_emulator("the quickstart's model on an emulated board") {
            continue;
        }
        let text = run(folder.path(), command);
        assert!(text.contains(word), "{command}: {text}");
    }
}
