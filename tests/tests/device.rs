//! Host against the emulated boards: the same classes, the same logits, the same trained weights, bit for bit.
//!
//! `cargo xtask flash` compares what the board prints with what the host computes, and fails on any difference; these tests run it
//! as a user does, and read its verdict.

use selvedge::arithmetic::fingerprint;
use tests::{has_emulator, text, trained, xtask};

/// The images that each board classifies.
const IMAGES: u32 = 100;

/// Runs `cargo xtask flash`, which must succeed, and returns what it prints.
fn flash(arguments: &[&str]) -> String {
    let output = xtask(&["flash"]).args(arguments).output().expect("cargo starts");
    let text = text(&output);
    assert!(output.status.success(), "flash {arguments:?}:\n{text}");
    text
}

/// Runs `cargo xtask flash`, which must fail, and returns what it prints.
fn refused(arguments: &[&str]) -> String {
    let output = xtask(&["flash"]).args(arguments).output().expect("cargo starts");
    assert!(!output.status.success(), "flash {arguments:?}:\n{}", text(&output));
    text(&output)
}

fn predicts_the_hosts_bits(board: &str, model: &str) {
    if !has_emulator(&format!("{board}'s logits")) {
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let weights = trained(folder.path(), model);
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

#[test]
fn netduinoplus2_trains_the_hosts_weights() {
    if has_emulator("training on the board") {
        let text = flash(&["--board", "netduinoplus2", "--program", "train", "--data", "builtin"]);
        assert!(text.contains("The board's trained weights equal the host's bits"), "{text}");
    }
}

/// Chains of every length, fused multiply-adds among subnormals, `exp` and `ln`: more than a network's widths reach.
#[test]
fn every_boards_arithmetic_has_the_hosts_fingerprint() {
    if has_emulator("the boards' arithmetic") {
        for board in ["mps2-an386", "netduinoplus2", "microbit"] {
            let text = flash(&["--board", board, "--program", "fingerprint"]);
            for (name, hash) in fingerprint() {
                assert!(text.contains(&format!("{name} {hash:016x}")), "{board}, {name} {hash:016x}:\n{text}");
            }
        }
    }
}

#[test]
fn every_boards_loader_refuses_broken_weight_files() {
    if has_emulator("the weight loader on the boards") {
        for board in ["mps2-an386", "netduinoplus2", "microbit"] {
            let text = flash(&["--board", board, "--program", "loader"]);
            assert!(text.contains("bit flips refused"), "{text}");
        }
    }
}

#[test]
fn what_does_not_fit_a_board_does_not_build() {
    if !has_emulator("models that do not fit") {
        return;
    }
    let text = refused(&["--board", "microbit", "--program", "train", "--data", "builtin"]);
    assert!(text.contains("does not fit") && text.contains("16384 bytes of RAM"), "{text}");
    let folder = tempfile::tempdir().unwrap();
    let weights = trained(folder.path(), "quickstart");
    let text = refused(&["--board", "netduinoplus2", "--weights", &weights, "--data", "builtin"]);
    assert!(text.contains("does not fit") && text.contains("1048576 bytes of flash"), "{text}");
}

#[test]
fn what_flash_cannot_do_is_said() {
    assert!(refused(&["--board", "none"]).contains("microbit, mps2-an386, netduinoplus2"));
    if has_emulator("flash's errors") {
        let folder = tempfile::tempdir().unwrap();
        let weights = trained(folder.path(), "tiny");
        let text = refused(&["--model", "small", "--weights", &weights, "--data", "builtin"]);
        assert!(text.contains("784-16-10") && text.contains("small"), "{text}");
        assert!(refused(&["--weights", "none.selvedge", "--data", "builtin"]).contains("none.selvedge"));
        assert!(refused(&["--program", "train", "--weights", &weights]).contains("leave out --weights"));
    }
}
