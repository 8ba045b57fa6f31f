//! Runs the tests of every package. The boards' tests run beside the others, and beside the stages that follow.

use std::{
    io::{BufRead, BufReader, IsTerminal, Write},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use launch::cargo;

use super::{
    BOARDS, CORE_FEATURES, REHEARSAL, Shared, TESTS,
    aside::{Aside, SKIPPED, set_own_niceness},
    left_out, step,
};
use crate::{
    gpu::{add_gpu, has_compiler},
    workspace,
};

/// The packages whose unit tests share the build of the programs, because they use much of it.
const ABOVE: [&str; 7] = ["cases", "cuda", "emulated_driver", "emulator", "gpu", "host", "tests"];
/// The other packages with unit tests in a library. These have a build of their own, with overflow checks and debug assertions.
const BELOW: [&str; 12] =
    ["board", "core", "files", "launch", "nvcc", "options", "skip", "team", "terminal", "thumb", "trainer", "web"];

/// The programs that the tests start by `cargo xtask`.
const STARTED: [&str; 3] = ["board-log", "selvedge", "site"];

/// Runs the tests of every package except the boards'. The skipped ones are listed last.
///
/// The unit tests of `host` and of the packages [`BELOW`] have overflow checks and debug assertions. The tests of programs use the build of `cargo
/// xtask`, which users run.
///
/// If the boards' tests are wanted too, they start when all tests are built, because they are built together with the others.
pub fn tests(shared: &mut Shared<'_>) -> Result<()> {
    let is_rehearsed = shared.stages.contains(&REHEARSAL) && has_compiler();
    let programs = || {
        let mut programs = programs(TESTS);
        // Its test program runs in the rehearsal, with the same cases.
        programs.args(if is_rehearsed { &["--exclude", "cuda"][..] } else { &[] });
        programs
    };
    step(programs().arg("--no-run"))?;
    build_started()?;
    step(units(TESTS).arg("--no-run"))?;
    shared.end_set_ups();
    shared.end_beside()?;
    if shared.stages.contains(&BOARDS) {
        shared.boards = Some(Aside::start(of_boards())?);
        // They take longest, and the end waits for them. The others still get a third of the processors.
        set_own_niceness(3);
    }
    let mut skipped = run(&mut units(TESTS))?;
    skipped.extend(run(programs().args(["--", "--skip", "boards::"]))?);
    skipped.extend(run(&mut above(TESTS))?);
    skipped.extend(run(add_gpu(dev(TESTS).args(["--workspace", "--doc"])))?);
    show(&skipped);
    Ok(())
}

/// Waits for the end of the boards' tests.
pub fn boards(shared: &mut Shared<'_>) -> Result<()> {
    let skipped = match shared.boards.take() {
        Some(boards) => boards.end()?,
        None => {
            build_started()?;
            run(&mut of_boards())?
        }
    };
    show(&skipped);
    Ok(())
}

fn build_started() -> Result<()> {
    let mut build = cargo("build");
    step(build.arg("--workspace").args(STARTED.iter().flat_map(|name| ["--bin", name])))
}

fn of_boards() -> Command {
    let mut boards = dev(BOARDS);
    add_gpu(boards.args(["--workspace", "--test", "boards"]));
    boards
}

/// Returns the command for the tests of programs and examples, and for the test programs.
fn programs(stage: &str) -> Command {
    let mut programs = dev(stage);
    add_gpu(programs.args(["--workspace", "--bins", "--examples", "--test", "*"]));
    programs
}

/// Returns the command for the unit tests of the libraries [`ABOVE`] the others.
fn above(stage: &str) -> Command {
    let mut above = dev(stage);
    add_gpu(above.args(libraries_without(&BELOW)));
    above
}

/// Returns the command of cargo's tests in the profile of the programs.
fn dev(stage: &str) -> Command {
    let mut dev = test(stage);
    dev.args(["--profile", "dev"]);
    dev
}

/// Returns the command for the unit tests of the libraries [`BELOW`]. Core has its optional parts.
fn units(stage: &str) -> Command {
    let mut units = test(stage);
    units.args(libraries_without(&ABOVE)).args(CORE_FEATURES);
    units
}

/// Returns the options for the unit tests of all libraries except these packages'. With `--package` in its place, cargo would choose other features
/// of the libraries that both builds use, and build them anew.
fn libraries_without<'a>(packages: &'a [&'a str]) -> impl Iterator<Item = &'a str> {
    ["--workspace", "--lib"].into_iter().chain(packages.iter().flat_map(|package| ["--exclude", package]))
}

/// Returns the command of cargo's tests. The programs that they start are built before. A skipped test is a failure, unless this machine is known to
/// lack what the test needs.
fn test(stage: &str) -> Command {
    let mut test = cargo("test");
    test.env(launch::BUILT, STARTED.join(","));
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
