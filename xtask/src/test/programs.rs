//! The tests of every package. Those of the boards run beside the others.

use std::{
    fs::File,
    io::{BufRead, BufReader, IsTerminal, Read, Seek, Write},
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use launch::cargo;

use super::{CORE_FEATURES, TESTS, kernels, left_out, step};
use crate::{tied, workspace};

/// The line of a test that is skipped begins with it: `tests/skip`.
const SKIPPED: &str = "SKIPPED ";

/// The tests of every package, and once more those of core with its optional parts. The skipped ones are listed last.
pub fn tests() -> Result<()> {
    // With this, a test that is skipped fails. What this machine cannot have is known before.
    let require_all = left_out(&[TESTS]).is_empty().then_some(("SELVEDGE_REQUIRE_ALL", "1"));
    let all = || {
        let mut test = cargo("test");
        test.arg("--workspace").args(kernels::features()).envs(require_all);
        test
    };
    step(all().arg("--no-run"))?;
    // The boards' tests mostly wait for one build after the other: the others run meanwhile.
    let mut boards = all();
    boards.args(["--test", "boards"]);
    let boards = Aside::start(boards)?;
    let mut skipped = run(all().args(["--", "--skip", "boards::"]))?;
    skipped.extend(run(cargo("test").args(["--package", "core"]).args(CORE_FEATURES).envs(require_all))?);
    skipped.extend(boards.end()?);
    if !skipped.is_empty() {
        say!("{}", listed(&skipped));
    }
    Ok(())
}

/// Runs tests, shows what they show, and returns the lines of the skipped ones.
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

fn listed(skipped: &[String]) -> String {
    let lines: String = skipped.iter().map(|line| format!("\n  {line}")).collect();
    format!("\n{} tests were skipped. Cargo counts them among the passed:{lines}", skipped.len())
}

/// A command that runs beside others. Its output is shown at its end. If another command fails first, it and its programs are ended.
pub struct Aside {
    command: Command,
    output: File,
    process: Child,
}

impl Aside {
    /// Starts it.
    pub fn start(mut command: Command) -> Result<Self> {
        let shown = workspace::shown(&command);
        let open = || {
            let output = tempfile::tempfile_in(workspace::target_dir()?)?;
            Ok::<_, anyhow::Error>((output.try_clone()?, output.try_clone()?, output))
        };
        let (stdout, stderr, output) = open().with_context(|| format!("no place for what `{shown}` says"))?;
        say!("$ {shown} (beside the next ones)");
        let mut tied = tied::tied(tied::runner(&mut command));
        let process = tied.stdout(stdout).stderr(stderr).spawn().context("cannot start cargo")?;
        Ok(Self { command, output, process })
    }

    /// Waits for its end, and returns the lines of skipped tests.
    pub fn end(mut self) -> Result<Vec<String>> {
        let status = self.process.wait().context("cargo was lost")?;
        let mut text = Vec::new();
        self.output
            .rewind()
            .and_then(|()| self.output.read_to_end(&mut text))
            .context("cannot read what cargo said")?;
        let text = String::from_utf8_lossy(&text);
        say!("$ {}\n{text}", workspace::shown(&self.command));
        ensure!(status.success(), "`{}` failed ({status})", workspace::shown(&self.command));
        Ok(text.lines().filter(|line| line.starts_with(SKIPPED)).map(str::to_owned).collect())
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        // It fails only where it has ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
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
