//! Runs the tests of every package. The boards' tests run beside the others, and beside the stages that follow.

use std::{
    io::{BufRead, BufReader, IsTerminal, Write},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use launch::cargo;

use super::{
    BOARDS, CORE_FEATURES, Shared, TESTS,
    aside::{Aside, SKIPPED},
    kernels, left_out, step,
};
use crate::workspace;

/// Runs the tests of every package except the boards', and again those of core with its optional parts. The skipped ones are listed last.
///
/// If the boards' tests are wanted too, they start when all tests are built, because they are built together with the others.
pub fn tests(shared: &mut Shared<'_>) -> Result<()> {
    step(all(TESTS).arg("--no-run"))?;
    shared.end_set_ups();
    shared.end_beside()?;
    if shared.stages.contains(&BOARDS) {
        shared.boards = Some(Aside::start(of_boards())?);
    }
    let mut skipped = run(all(TESTS).args(["--", "--skip", "boards::"]))?;
    let mut core = test(TESTS);
    skipped.extend(run(core.args(["--package", "core"]).args(CORE_FEATURES))?);
    show(&skipped);
    Ok(())
}

/// Waits for the end of the boards' tests.
pub fn boards(shared: &mut Shared<'_>) -> Result<()> {
    let skipped = match shared.boards.take() {
        Some(boards) => boards.end()?,
        None => run(&mut of_boards())?,
    };
    show(&skipped);
    Ok(())
}

fn of_boards() -> Command {
    let mut boards = all(BOARDS);
    boards.args(["--test", "boards"]);
    boards
}

fn all(stage: &str) -> Command {
    let mut all = test(stage);
    all.arg("--workspace").args(kernels::features());
    all
}

/// Returns the command of cargo's tests. A skipped test is a failure, unless this machine is known to lack what the test needs.
fn test(stage: &str) -> Command {
    let mut test = cargo("test");
    test.envs(left_out(&[stage], false).is_empty().then_some(("SELVEDGE_REQUIRE_ALL", "1")));
    test
}

/// Runs tests, shows their output, and returns the lines of the skipped ones.
fn run(tests: &mut Command) -> Result<Vec<String>> {
    let shown = workspace::shown(tests);
    say!("$ {shown}");
    let mut stderr = terminal::stderr();
    if std::io::stderr().is_terminal() {
        tests.env("CARGO_TERM_COLOR", "always");
    }
    let mut process = tests.stderr(Stdio::piped()).spawn().with_context(|| format!("cannot start `{shown}`"))?;
    let mut skipped = Vec::new();
    for line in process.stderr.take().into_iter().flat_map(|stderr| BufReader::new(stderr).split(b'\n')) {
        let line = String::from_utf8_lossy(&line.context("cannot read what cargo says")?).into_owned();
        // A closed standard error is no reason to fail.
        let _ = writeln!(stderr, "{line}");
        skipped.extend(line.starts_with(SKIPPED).then_some(line));
    }
    let status = process.wait().context("cargo was lost")?;
    ensure!(status.success(), "`{shown}` failed ({status})");
    Ok(skipped)
}

fn show(skipped: &[String]) {
    if !skipped.is_empty() {
        say!("{}", listed(skipped));
    }
}

fn listed(skipped: &[String]) -> String {
    let lines: String = skipped.iter().map(|line| format!("\n  {line}")).collect();
    format!("\n{} tests were skipped. Cargo counts them among the passed:{lines}", skipped.len())
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    #[test]
    fn skipped_tests_are_collected_and_listed() {
        let script = |script: &str| {
            let mut shell = Command::new("sh");
            shell.args(["-c", script]);
            shell
        };
        let two = "echo 'test a ... ok'; echo 'SKIPPED a: no data' >&2; echo 'SKIPPED b: no board' >&2";
        let skipped = run(&mut script(two)).unwrap();
        assert_eq!(skipped, ["SKIPPED a: no data", "SKIPPED b: no board"]);
        assert_eq!(Aside::start(script(two)).unwrap().end().unwrap(), skipped);
        let list =
            "\n2 tests were skipped. Cargo counts them among the passed:\n  SKIPPED a: no data\n  SKIPPED b: no board";
        assert_eq!(listed(&skipped), list);
        assert!(run(&mut script("exit 3")).unwrap_err().to_string().ends_with("failed (exit status: 3)"));
    }
}
