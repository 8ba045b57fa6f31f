//! Host against the emulated boards: the same classes, the same logits, the same trained weights, bit for bit.
//!
//! `cargo xtask flash` compares what the board prints with what the host computes, and fails on any difference; these tests run it
//! as a user does, and read its verdict.

#![allow(clippy::unwrap_used, reason = "a test's helper functions are tests too")]

use std::{path::Path, process::Command};

use tests::{left_out, selvedge, workspace};

/// The images that each board classifies.
const IMAGES: u32 = 100;

/// Whether `cargo xtask setup --check` finds the ARM target and the emulator.
fn has_emulator() -> bool {
    let found = xtask(&["setup", "--check"]).output().is_ok_and(|output| output.status.success());
    if !found {
        left_out("the boards: no ARM target or no emulator here; `cargo xtask setup` gets them");
    }
    found
}

fn xtask(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.arg("xtask").args(arguments).current_dir(workspace());
    command
}

/// Runs `cargo xtask flash` and returns what it prints.
fn flash(arguments: &[&str]) -> String {
    let output = xtask(&["flash"]).args(arguments).output().unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "flash {arguments:?}:\n{text}");
    text
}

/// Trains a model for a few steps, so that its logits are not those of its initialisation.
fn train(folder: &Path, model: &str) -> String {
    let file = folder.join("model.selvedge").to_string_lossy().into_owned();
    let trained = selvedge(folder)
        .args(["train", "--data", "builtin", "--model", model, "--steps", "60", "--lr", "0.1", "--out", &file])
        .output()
        .unwrap();
    assert!(trained.status.success(), "{}", String::from_utf8_lossy(&trained.stderr));
    file
}

fn predicts_the_hosts_bits(board: &str, model: &str) {
    if !has_emulator() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let weights = train(folder.path(), model);
    let count = IMAGES.to_string();
    let text = flash(&["--board", board, "--weights", &weights, "--data", "builtin", "--count", &count]);
    assert!(text.contains(&format!("{IMAGES} of {IMAGES} images: class and logits equal the host's bits")), "{text}");
}

#[test]
fn mps2_an386_predicts_the_hosts_bits_with_the_quickstarts_model() {
    predicts_the_hosts_bits("mps2-an386", "quickstart");
}

#[test]
fn netduinoplus2_predicts_the_hosts_bits_with_the_small_model() {
    predicts_the_hosts_bits("netduinoplus2", "small");
}

#[test]
fn microbit_predicts_the_hosts_bits_with_the_tiny_model() {
    predicts_the_hosts_bits("microbit", "tiny");
}
