//! `selvedge new`: what it refuses, and what it leaves behind then.

#![allow(clippy::unwrap_used, reason = "a test's helper functions are tests too")]

use std::{fs, path::Path};

use tests::{text, trained_on_waves, workspace};

/// Everything in a folder, by name.
fn listed(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn what_makes_no_project_is_refused_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    trained_on_waves(folder);
    let run = |line: &str| tests::selvedge(folder).arg("new").args(line.split_whitespace()).output().unwrap();
    let examples = workspace().join("core/examples").display().to_string();
    let large = workspace().join("models/quickstart.selvedge").display().to_string();
    fs::copy(format!("{examples}/xor.int8"), folder.join("x.int8")).unwrap();
    let own = fs::read(format!("{examples}/own_layer.rs")).unwrap();
    fs::write(folder.join("text"), own).unwrap();
    fs::write(folder.join("file"), "mine").unwrap();
    fs::create_dir_all(folder.join("full/below")).unwrap();
    let waves = "--weights waves.selvedge --data .";
    let chip = "--chip c --target thumbv7em-none-eabihf --flash 512K --ram 64K";
    let before = listed(folder);
    for (line, words) in [
        (format!("full {waves} --board microbit"), "full is there already: name another folder, or remove this one"),
        (format!("file {waves} --board microbit"), "file is there already"),
        (format!("none/p {waves} --board microbit"), "none/p: the folder none is not there"),
        (format!("9x {waves} --board microbit"), "NAME 9x: a package's name begins with"),
        (format!("std {waves} --board microbit"), "take std-firmware or another"),
        ("p --weights none.selvedge --board microbit".into(), "none.selvedge"),
        ("p --weights text --board microbit".into(), "text: "),
        ("p --weights t10k-labels-idx1-ubyte --board microbit".into(), "this is a file of labels"),
        (format!("p --weights {large} --board microbit"), "this network does not fit microbit: flash at least 2"),
        (format!("p {waves} --board microbit --program train"), "microbit has not the memory to train"),
        (
            format!("p {waves} {chip} --ram-origin 0x20000000 --stack 63K --program train"),
            "this network does not fit c: static RAM at least",
        ),
        (format!("p {waves} {chip} --stack 64"), "this network does not fit c: stack at least"),
        (format!("p {waves} {chip} --flash-origin 0x1fff0000"), "overlap"),
        ("p --weights x.int8 --board microbit --format int4".into(), "--format int4: x.int8 is int8 already"),
        ("p --weights x.int8 --board mps2-an386 --program train".into(), "--program train: x.int8 is int8"),
        (format!("p {waves} --board mps2-an386 --program train --format int8"), "a network in int8 cannot be trained"),
        (format!("p {waves} --board microbit --library ."), "--library .: neither this folder nor its folder core"),
        (format!("p {waves} --board microbit --count 61"), "--count 61: this part of "),
        ("p --weights waves.selvedge --board microbit --count 2".into(), "--count 2: name the samples by --data"),
        (format!("p --weights {examples}/xor.selvedge --data . --board microbit"), "2 inputs"),
    ] {
        let output = run(&line);
        let error = String::from_utf8_lossy(&output.stderr);
        let error = error.lines().last().unwrap_or_default();
        assert_eq!(output.status.code(), Some(1), "{line}: {}", text(&output));
        assert!(error.starts_with("error: ") && error.contains(words), "{line}: {error}");
        assert_eq!(listed(folder), before, "{line}");
    }
    // An empty folder is taken, and a name with a path.
    fs::create_dir(folder.join("empty")).unwrap();
    for line in [format!("empty {waves} --board microbit"), format!("./full/p {waves} --board microbit --format f16")] {
        let output = run(&line);
        assert!(output.status.success(), "{line}: {}", text(&output));
    }
    let names =
        [".cargo", ".gitignore", "Cargo.toml", "build.rs", "memory.x", "model.selvedge", "rust-toolchain.toml", "src"];
    assert_eq!(listed(&folder.join("empty")), names);
    assert_eq!(listed(&folder.join("full")), ["below", "p"]);
    let manifest = fs::read_to_string(folder.join("full/p/Cargo.toml")).unwrap();
    assert!(manifest.contains("[package]\nname = \"p\"\n"), "{manifest}");
    let library = format!("selvedge = {{ package = \"core\", path = \"{}\" }}\n", workspace().join("core").display());
    assert!(manifest.contains(&library), "{manifest}");
}

/// A library of a Git repository, and a folder with letters that need quotes.
#[test]
fn a_library_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let core = folder.path().join("a \"copy\"/core");
    fs::create_dir_all(&core).unwrap();
    fs::copy(workspace().join("core/Cargo.toml"), core.join("Cargo.toml")).unwrap();
    let file = workspace().join("core/examples/xor.selvedge");
    for (name, library, line) in [
        ("git", "https://example.com/selvedge.git", "git = \"https://example.com/selvedge.git\" }".to_owned()),
        ("folder", "a \"copy\"", format!("path = '{}' }}", core.display())),
    ] {
        let mut command = tests::selvedge(folder.path());
        command.args(["new", name, "--board", "microbit", "--library", library, "--weights"]).arg(&file);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", text(&output));
        let manifest = fs::read_to_string(folder.path().join(name).join("Cargo.toml")).unwrap();
        assert!(manifest.contains(&line), "{manifest}");
    }
}
