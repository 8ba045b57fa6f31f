//! The examples of `examples/`, as their pages say.

#![allow(clippy::unwrap_used, reason = "a test's helper functions are tests too")]

use std::{fs, process::Command};

use board::Board;
use serde_json::Value;
use tests::{
    projects::{can_build, cargo, printed, target_dir},
    selvedge, text, workspace,
};

/// A command of a page, and the lines that it prints there.
struct Shown<'a> {
    command: &'a str,
    lines: Vec<&'a str>,
}

/// The commands of a page's blocks ```` ```console ````.
fn shown(page: &str) -> Vec<Shown<'_>> {
    let mut all: Vec<Shown<'_>> = Vec::new();
    for block in page.split("```console\n").skip(1) {
        let (block, _) = block.split_once("\n```").expect("a block ends");
        for line in block.lines() {
            match (line.strip_prefix("$ "), all.last_mut()) {
                (Some(command), _) => all.push(Shown { command, lines: Vec::new() }),
                (None, Some(last)) => last.lines.push(line),
                (None, None) => panic!("the page's first line is no command: {line}"),
            }
        }
    }
    all
}

/// Returns true if lines are the shown ones, of which `…` is any number of lines.
fn are_shown(shown: &[&str], lines: &[&str]) -> bool {
    match shown {
        [] => lines.is_empty(),
        ["…", rest @ ..] => (0..=lines.len()).any(|skipped| are_shown(rest, &lines[skipped..])),
        [first, rest @ ..] => lines.first() == Some(first) && are_shown(rest, &lines[1..]),
    }
}

/// Each command of the example's page and of the README, and what it prints.
#[test]
fn motion_goes_from_a_table_to_a_microbit() {
    if !can_build("thumbv6m-none-eabi", "the example motion") {
        return;
    }
    let [page, readme] =
        ["examples/motion/README.md", "README.md"].map(|page| fs::read_to_string(workspace().join(page)).unwrap());
    // A folder of the repository, where `cargo xtask` is known.
    let folder = tempfile::tempdir_in(target_dir().parent().unwrap()).unwrap();
    let mut commands = shown(&page);
    commands.extend(shown(&readme));
    assert!(commands.len() > 12);
    for Shown { command, lines } in commands {
        if command.starts_with("cd gesture") {
            // The versions of this workspace, which may be offline.
            fs::copy(workspace().join("Cargo.lock"), folder.path().join("gesture/Cargo.lock")).unwrap();
        }
        let mut shell = Command::new("sh");
        shell.args(["-c", command]).current_dir(folder.path());
        if command.starts_with("cd gesture") {
            shell.env("CARGO_TARGET_DIR", target_dir());
        }
        let output = shell.output().unwrap();
        assert!(output.status.success(), "{command}: {}", text(&output));
        let printed = String::from_utf8(output.stdout).unwrap();
        assert!(are_shown(&lines, &printed.lines().collect::<Vec<_>>()), "{command}:\n{printed}");
    }
    // The other example has this network, and the new person's rows.
    let same = |name: &str, other: &str| {
        let other = workspace().join("examples/embassy").join(other);
        fs::read(folder.path().join(name)).unwrap() == fs::read(other).unwrap()
    };
    assert!(same("motion.int8", "model.int8") && same("new.csv", "stream.csv"));
}

/// Tasks on a board classify the rows of a stream as the host does those of a file.
#[test]
fn embassy_classifies_a_stream_as_the_host_does() {
    if !can_build("thumbv7em-none-eabihf", "the example embassy") {
        return;
    }
    let project = workspace().join("examples/embassy");
    let board = Board::named("mps2-an386").unwrap();
    assert!(fs::read_to_string(project.join("memory.x")).unwrap().ends_with(&board.memory().to_string()));
    let runner = board.emulation("none").unwrap().join("\", \"");
    let config = fs::read_to_string(project.join(".cargo/config.toml")).unwrap();
    assert!(config.contains(&format!("runner = [\"{runner}\", \"-icount\", \"shift=6\", \"-kernel\"]")), "{config}");
    for line in [&["fmt", "--check"][..], &["build", "--quiet", "--release", "--locked"]] {
        let output = cargo(&project, line).output().unwrap();
        assert!(output.status.success(), "{line:?}: {}", text(&output));
    }
    let folder = tempfile::tempdir().unwrap();
    let mut predict = selvedge(folder.path());
    let files = ["model.int8", "stream.csv"].map(|name| project.join(name));
    let output = predict.args(["predict", "--json"]).args(files).output().unwrap();
    let answers: Value = serde_json::from_slice(&output.stdout).unwrap();
    let answers = answers.as_array().unwrap();
    let expected: Vec<_> = answers.iter().map(|answer| answer["class"].as_str().unwrap()).collect();
    assert!(["rest", "walk", "climb", "run"].iter().all(|class| expected.contains(class)), "{expected:?}");
    let printed = printed(&project);
    let lines: Vec<(u64, &str)> = printed
        .lines()
        .map(|line| line.split_once(" ms: ").unwrap())
        .map(|(time, class)| (time.parse().unwrap(), class))
        .collect();
    assert_eq!(lines.iter().map(|(_, class)| *class).collect::<Vec<_>>(), expected);
    // 32 rows, 20 ms each; and an answer before the next row.
    for ((time, _), window) in lines.iter().zip(1..) {
        assert!((640 * window..640 * window + 20).contains(time), "{printed}");
    }
}
