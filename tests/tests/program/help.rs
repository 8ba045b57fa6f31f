//! Help, completions and the manual.

use std::fs;

use tests::{run, said, text};

const SHELLS: [&str; 5] = ["bash", "elvish", "fish", "powershell", "zsh"];

#[test]
fn each_shell_gets_its_completions() {
    let folder = tempfile::tempdir().unwrap();
    for shell in SHELLS {
        let script = said(folder.path(), &format!("completions {shell}"));
        for part in ["selvedge", "export-c", "checkpoint-every", "label-smoothing"] {
            assert!(script.contains(part), "{shell} has no {part}");
        }
    }
}

/// The functions of the script, called as bash does at the tab key.
#[cfg(unix)]
#[test]
fn bash_completes_a_command_and_an_option() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("script"), said(folder.path(), "completions bash")).unwrap();
    let complete = |words: &str| {
        let last = words.split(' ').count() - 1;
        let line = format!(
            "source ./script; COMP_WORDS=({words}); COMP_CWORD={last}; _selvedge selvedge \"${{COMP_WORDS[{last}]}}\" \
             \"${{COMP_WORDS[{last}-1]}}\"; echo \"${{COMPREPLY[@]}}\""
        );
        let mut bash = std::process::Command::new("bash");
        text(&bash.args(["-c", &line]).current_dir(folder.path()).output().unwrap())
    };
    assert_eq!(complete("selvedge exp").trim(), "export-c");
    assert_eq!(complete("selvedge train --early").trim(), "--early-stop");
    assert_eq!(complete("selvedge quantize --format i").trim(), "int8 int4");
}

#[test]
fn the_manual_has_a_page_for_each_command() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let wrote = said(folder, "man --out man1");
    let pages = fs::read_dir(folder.join("man1")).unwrap().count();
    assert_eq!(wrote, format!("Wrote {pages} pages to man1\n"));
    let help = said(folder, "--help");
    let commands = help.lines().filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    for command in commands.filter(|name| name.starts_with(char::is_alphabetic) && *name != "help") {
        let page = fs::read_to_string(folder.join(format!("man1/selvedge-{command}.1"))).unwrap();
        assert!(page.starts_with(".ie") && page.contains(".SH SYNOPSIS"), "{page}");
    }
    let train = fs::read_to_string(folder.join("man1/selvedge-train.1")).unwrap();
    assert!(train.contains("checkpoint\\-every") && train.contains("selvedge train \\-\\-recipe best"), "{train}");
    assert!(folder.join("man1/selvedge-device-eval.1").is_file());

    fs::write(folder.join("file"), "").unwrap();
    let output = run(folder, "man --out file");
    let error = text(&output);
    assert!(output.status.code() == Some(1) && error.starts_with("error: ") && error.contains("file"), "{error}");
}

#[test]
fn a_misspelt_word_gets_a_suggestion() {
    let folder = tempfile::tempdir().unwrap();
    for (line, suggestion) in [
        ("trian", "'train'"),
        ("train --epoch 3", "'--epochs'"),
        ("train --model smal", "'small'"),
        ("train --optimizer adamm", "'adam'"),
        ("train --recipe quikstart", "quickstart"),
    ] {
        let output = run(folder.path(), line);
        let error = text(&output);
        assert!(!output.status.success() && error.contains(suggestion), "{line}: {error}");
    }
}

#[cfg(unix)]
#[test]
fn help_has_colours_on_a_terminal_alone() {
    use std::io::Read;

    use portable_pty::{CommandBuilder, PtySize, native_pty_system};

    let folder = tempfile::tempdir().unwrap();
    assert!(!said(folder.path(), "train --help").contains('\x1b'));
    let pair = native_pty_system().openpty(PtySize::default()).unwrap();
    let mut command = CommandBuilder::new(tests::selvedge(folder.path()).get_program());
    command.args(["train", "--help"]);
    command.env("TERM", "xterm-256color");
    command.env_remove("NO_COLOR");
    let mut child = pair.slave.spawn_command(command).unwrap();
    drop(pair.slave);
    let mut shown = Vec::new();
    // On Linux, the end of a terminal is an error.
    let _ = pair.master.try_clone_reader().unwrap().read_to_end(&mut shown);
    assert!(child.wait().unwrap().success());
    let shown = String::from_utf8(shown).unwrap();
    assert!(shown.contains("\x1b[") && shown.contains("Examples:"), "{shown}");
}
