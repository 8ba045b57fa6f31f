//! The book's chapter of the quickstart's steps: every command in it, as it stands there, one after the other.

#![allow(clippy::unwrap_used, reason = "a test's helper functions are tests too")]

use std::{fs, path::Path, process::Command};

/// The commands of a page's blocks `sh`, in their order.
fn commands(page: &str) -> Vec<&str> {
    let blocks = page.split("```sh\n").skip(1).filter_map(|rest| rest.split_once("\n```"));
    blocks.flat_map(|(block, _)| block.lines()).collect()
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
    let page = fs::read_to_string(tests::workspace().join("docs/quickstart.md")).unwrap();
    let commands = commands(&page);
    // Each does what its section promises, by a word of what it prints.
    let promised = [
        ("xtask show", "Saved"),
        ("xtask train --recipe quickstart", "Test Error"),
        ("xtask inspect", "linear_relu_stack.0.weight"),
        ("xtask convert weights", "model.safetensors"),
        ("xtask convert model", "again.selvedge"),
        ("xtask eval", "Accuracy"),
        ("xtask predict", "%"),
        ("--example autodiff", "w.grad"),
        ("--optimizer adamw", "Test Error"),
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
