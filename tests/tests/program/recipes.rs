//! Recipes as a user names, writes and overrides them.

#![allow(clippy::unwrap_used, reason = "a test's helper functions are tests too")]

use std::{fs, path::Path, process::Output};

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

/// The hash of the weights after a short run with these options.
fn hash(folder: &Path, options: &str) -> String {
    let text = succeed(folder, &format!("train --data builtin --model tiny --limit-train 200 {options}"));
    text.trim_end().rsplit_once("SHA-256 ").unwrap().1.to_owned()
}

#[test]
fn a_recipe_printed_is_the_recipe() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let list = succeed(folder, "recipes");
    for name in ["quickstart", "fast (default)", "best", "fine-tune"] {
        assert!(list.contains(name), "{list}");
    }
    for name in ["quickstart", "fast", "best", "fine-tune"] {
        let text = succeed(folder, &format!("recipes {name}"));
        assert!(text.contains("description = ") && text.contains("optimizer = "), "{text}");
        fs::write(folder.join("mine.toml"), &text).unwrap();
        assert_eq!(succeed(folder, "recipes mine.toml"), text);
        let [printed, named] = ["mine.toml", name].map(|recipe| hash(folder, &format!("--recipe {recipe} --steps 4")));
        assert_eq!(printed, named, "{name}");
    }
}

#[test]
fn the_quickstart_is_plain_sgd_and_the_default_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::write(folder.join("nothing.toml"), "").unwrap();
    let quickstart = hash(folder, "--recipe quickstart");
    let written_out = "--epochs 5 --batch-size 64 --optimizer sgd --lr 1e-3 --schedule constant --no-shuffle=false --seed 42 \
        --weight-decay 0 --dropout 0 --label-smoothing 0 --augment none --accumulate 1 --clip 0 --ema 0 --val-split 0";
    assert_eq!(hash(folder, &format!("--recipe best {written_out}")), quickstart);
    assert_eq!(hash(folder, "--recipe nothing.toml"), quickstart);
    assert_eq!(hash(folder, "--steps 5"), hash(folder, "--recipe fast --steps 5"));
    assert_ne!(hash(folder, "--steps 5"), hash(folder, "--recipe quickstart --steps 5"));
}

#[test]
fn the_command_line_overrides_a_recipe() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let sgd = "optimizer = 'sgd'\nlr = 0.1\n";
    fs::write(folder.join("plain.toml"), format!("{sgd}epochs = 1\nbatch-size = 20")).unwrap();
    let recipe = format!("{sgd}momentum = 0.5\nnesterov = true\nsteps = 3\nbatch-size = 7\nshuffle = true");
    fs::write(folder.join("mine.toml"), recipe).unwrap();
    let overridden = "--recipe mine.toml --epochs 1 --batch-size 20 --nesterov=false --momentum 0";
    assert_eq!(hash(folder, overridden), hash(folder, "--recipe plain.toml"));
    assert_ne!(hash(folder, "--recipe mine.toml"), hash(folder, "--recipe mine.toml --nesterov=false"));
    assert_ne!(hash(folder, "--recipe mine.toml"), hash(folder, "--recipe mine.toml --no-shuffle"));
    // Another optimizer has no use for the recipe's momentum.
    hash(folder, "--recipe mine.toml --optimizer adam");
    assert!(fail(folder, "train --recipe mine.toml --momentum 0").contains("nesterov: "));
}

#[test]
fn what_is_wrong_with_a_recipe_is_said_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for (text, expected) in [
        (
            "epochs = 3\n\nmomentum = 'high'",
            "error: my.toml, line 3, momentum: must be a number from 0 to below 1, not the text \"high\"",
        ),
        (
            "# mine\nmomentun = 0.9",
            "error: my.toml, line 2, momentun: there is no key momentun; did you mean momentum?",
        ),
        ("lr = -1", "error: my.toml, line 1, lr: must be a number from 0"),
        ("epochs = 3\nlr 1", "error: my.toml, line 2"),
    ] {
        fs::write(folder.join("my.toml"), text).unwrap();
        for command in ["train --recipe", "recipes"] {
            let error = fail(folder, &format!("{command} my.toml"));
            assert!(error.starts_with(expected), "{error}");
        }
    }
    fs::write(folder.join("my.toml"), "warmup = 2").unwrap();
    assert!(fail(folder, "recipes my.toml").starts_with("error: my.toml: warmup: this schedule has none"));
    assert!(
        fail(folder, "train --recipe fast --betas 0.9,0.99 --optimizer sgd").starts_with("error: betas: sgd has none")
    );
    assert!(fail(folder, "train --early-stop 3").starts_with("error: early-stop: "));
    for command in ["train --recipe", "recipes"] {
        let error = fail(folder, &format!("{command} fastest"));
        assert_eq!(error, "error: fastest: neither a built-in recipe (quickstart, fast, best, fine-tune) nor a file\n");
    }
    assert!(!folder.join("weights").exists());
    let error = fail(folder, "train --data builtin --steps 1 --standardize yes --augment flip");
    assert!(error.starts_with("error: augment changes images of bytes that are divided by 255"), "{error}");
}
