//! `cargo xtask verify bits` as a user runs it, and the engines that it goes through.

use serde_json::Value;
use tests::{has_emulator, selvedge, text, xtask};

/// With few steps, as `portable` takes long for each.
#[test]
fn every_engine_every_number_of_threads_and_the_boards_have_one_hash() {
    if !has_emulator("one weight hash on engines and boards") {
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("hashes/bits.json");
    let output = xtask(&["verify", "bits", "--data", "builtin", "--steps", "3", "--json"]).arg(&file).output();
    let output = output.expect("cargo starts");
    let text = text(&output);
    assert!(output.status.success(), "{text}");

    let json = std::fs::read_to_string(&file).expect("the hashes are written");
    let json: Value = serde_json::from_str(&json).expect("the hashes are JSON");
    assert_eq!(json["equal"], true, "{json}");
    let runs = json["runs"].as_array().expect("runs are a list");
    let engines = selvedge(folder.path()).arg("engines").output().expect("`selvedge` starts");
    let engines = String::from_utf8_lossy(&engines.stdout).into_owned();
    assert!(engines.lines().last() == Some("portable"), "{engines}");
    let mut boards = board::names();
    boards.retain(|name| board::Board::named(name).expect("a board").trains);
    assert!(boards.iter().any(|name| name == board::DEFAULT), "{boards:?}");
    for name in engines.lines().chain(boards.iter().map(String::as_str)) {
        assert!(runs.iter().any(|run| run["model"] == "tiny" && run["engine"] == name), "{name}: {json}");
    }
    let is_wasm = |run: &&Value| run["engine"] == "wasm";
    let left_out = text.contains("Left out: the library for a browser");
    assert_eq!(runs.iter().filter(is_wasm).count(), if left_out { 0 } else { 2 }, "{text}");
    for model in ["quickstart", "tiny"] {
        let count = runs.iter().filter(|run| run["model"] == model).count();
        assert!(count > 1 && text.contains(&format!("All {count} hashes of {model} are equal: ")), "{text}");
    }
}

#[test]
fn an_engine_that_is_not_there_is_one_clear_error() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let foreign = if cfg!(target_arch = "aarch64") { "avx2" } else { "neon" };
    for (name, words) in [("nonsense", "no such engine"), (foreign, "this processor does not have it")] {
        let output = selvedge(folder.path())
            .args(["train", "--data", "builtin", "--model", "tiny", "--steps", "1"])
            .env("SELVEDGE_ENGINE", name)
            .output()
            .expect("`selvedge` starts");
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{error}");
        assert!(
            error.starts_with(&format!("error: SELVEDGE_ENGINE={name}: ")) && error.lines().count() == 1,
            "{error}"
        );
        assert!(error.contains(words) && error.contains("portable"), "{error}");
        assert!(!folder.path().join("weights/tiny.selvedge").exists());
    }
}

#[test]
fn what_verify_cannot_do_is_said() {
    for (arguments, words) in [
        (&["--steps", "0"][..], "--steps"),
        (&["--data", "missing"], "missing"),
        (&["--json", "."], "cannot write .: this is the name of a folder"),
        (&["--json", "Cargo.toml/bits.json"], "cannot write Cargo.toml/bits.json"),
    ] {
        let output = xtask(&["verify", "bits"]).args(arguments).output().expect("cargo starts");
        let text = text(&output);
        assert!(!output.status.success() && text.contains(words), "{arguments:?}: {text}");
        assert!(!text.contains("panicked"), "{arguments:?}: {text}");
    }
}
