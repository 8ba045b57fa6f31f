//! A clone in which the README was followed: git has nothing to say about what the commands left.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use skip::skip;
use tests::{said, text, workspace};

fn git(folder: &Path, arguments: &[&str]) -> Option<Output> {
    Command::new("git").args(arguments).current_dir(folder).output().ok()
}

#[test]
fn git_ignores_what_the_commands_leave() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let Some(made) = git(folder, &["init", "--quiet"]) else {
        skip("what the commands leave in a clone", "there is no git here: install it (Debian: apt-get install git)");
        return;
    };
    assert!(made.status.success(), "{}", text(&made));
    fs::copy(workspace().join(".gitignore"), folder.join(".gitignore")).unwrap();
    // The names that the README uses, and those that a command takes by itself.
    for line in [
        "train --data builtin --model tiny --steps 2 --checkpoint-every 1 --metrics run.jsonl",
        "show --data builtin --count 9",
        "show --data builtin --plain --count 1 --out picture.png",
        "show --data builtin --plain --count 2",
        "convert weights/tiny.selvedge model.safetensors",
        "convert model.safetensors again.selvedge",
        "convert weights/tiny.selvedge model.onnx",
        "quantize again.selvedge --data builtin --certificates proofs.csv",
        "quantize again.selvedge --data builtin --format int4",
        "quantize again.selvedge --data builtin --format f16",
        "data --data builtin --out look.png",
        "report weights/tiny.selvedge --data builtin",
        "export-c weights/tiny.selvedge --out out/c",
        "man --out out/man",
    ] {
        said(folder, line);
    }
    let left = git(folder, &["status", "--porcelain", "--untracked-files=all"]).unwrap();
    assert_eq!(text(&left), "?? .gitignore\n");
}
