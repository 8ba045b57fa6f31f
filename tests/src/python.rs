//! Python programs: PyTorch and other packages on Selvedge's files, and a reader that needs no package.

use std::{
    env,
    ffi::OsStr,
    fs,
    io::{self, BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{Mutex, PoisonError},
};

use serde_json::Value;
use skip::skip;

use crate::workspace;

/// The environment variable that names a Python with the packages of `references/requirements.txt`.
pub const SELVEDGE_PYTHON: &str = "SELVEDGE_PYTHON";

/// Returns true if there is a Python with PyTorch: the one that [`SELVEDGE_PYTHON`] names, or else the one of
/// `cargo xtask setup --python`. If there is none, `what` is [skipped](skip()).
///
/// # Panics
///
/// If the test has to be skipped and `SELVEDGE_REQUIRE_ALL` is set: see [`skip()`].
pub fn has_python(what: &str) -> bool {
    python(what).is_some()
}

/// Runs a job of `references/jobs.py` and returns its answer. A job is an array: a command and its arguments. Its paths are absolute.
///
/// One Python answers the jobs of all tests of a test program, one after another, because it takes seconds to load PyTorch. It ends when the
/// test program does. If it ends earlier, the next job starts another.
///
/// # Panics
///
/// If the job fails: the message has Python's traceback. Also if Python ends during the job, or if there is [no Python](has_python).
pub fn python_answer(job: &Value) -> Value {
    static PYTHON: Mutex<Option<Jobs>> = Mutex::new(None);
    let mut python = PYTHON.lock().unwrap_or_else(PoisonError::into_inner);
    // Python is put back after a whole answer, so that no job gets the answer to another.
    let mut jobs = python.take().unwrap_or_else(Jobs::start);
    let mut answer = match jobs.answer(job) {
        Ok(answer) => answer,
        Err(error) => panic!("{job}: {error}; {}", jobs.end()),
    };
    *python = Some(jobs);
    drop(python);
    assert!(answer.get("error").is_none(), "{job}: {}", answer["error"].as_str().unwrap_or_default());
    answer["ok"].take()
}

/// A Python that runs `references/jobs.py`. Its standard error is the test program's.
struct Jobs {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Jobs {
    fn start() -> Self {
        let mut command = python_in("references", "jobs.py", "jobs of PyTorch").expect("a Python with PyTorch");
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("Python starts");
        let input = child.stdin.take().expect("its standard input is a pipe");
        let output = BufReader::new(child.stdout.take().expect("its standard output is a pipe"));
        Self { child, input, output }
    }

    fn answer(&mut self, job: &Value) -> io::Result<Value> {
        writeln!(self.input, "{job}")?;
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        Ok(serde_json::from_str(&line)?)
    }

    /// Says how Python ended.
    fn end(self) -> String {
        let Self { mut child, input, output } = self;
        drop((input, output));
        match child.wait() {
            Ok(status) => format!("Python ended ({status}), and standard error may say why"),
            Err(error) => format!("Python cannot be waited for: {error}"),
        }
    }
}

fn python(what: &str) -> Option<PathBuf> {
    let named = env::var_os(SELVEDGE_PYTHON).filter(|python| !python.is_empty()).map(PathBuf::from);
    // Test programs lie in target/<profile>/deps.
    let installed = || python_of(&env::current_exe().ok()?.ancestors().nth(3)?.join("python"));
    let python = named.or_else(installed);
    if python.is_none() {
        skip(
            what,
            "there is no Python with PyTorch here: `cargo xtask setup --python` gets it, or SELVEDGE_PYTHON names it",
        );
    }
    python
}

/// Returns the command for a program of a folder of `tests/`, to be run by the Python of [`has_python`].
pub(crate) fn python_in(folder: &str, program: &str, what: &str) -> Option<Command> {
    Some(command(python(what)?, folder, program))
}

fn command(python: impl AsRef<OsStr>, folder: &str, program: &str) -> Command {
    let mut command = Command::new(python);
    command.arg(workspace().join("tests").join(folder).join(program)).env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// Returns the command for a program of `references/` that needs no package. The Python is the one that [`SELVEDGE_PYTHON`] names, or else any
/// Python 3.
///
/// If there is no Python, `what` is [skipped](skip()).
///
/// # Panics
///
/// If the test has to be skipped and `SELVEDGE_REQUIRE_ALL` is set: see [`skip()`].
pub fn plain_python(program: &str, what: &str) -> Option<Command> {
    let named = env::var_os(SELVEDGE_PYTHON).filter(|python| !python.is_empty());
    let python = named.unwrap_or_else(|| if cfg!(windows) { "python" } else { "python3" }.into());
    if !Command::new(&python).arg("--version").output().is_ok_and(|output| output.status.success()) {
        skip(
            what,
            "there is no Python 3 here: install it (Debian: apt-get install python3), or name it by SELVEDGE_PYTHON",
        );
        return None;
    }
    Some(command(python, "references", program))
}

/// Returns the Python of a virtual environment, if all packages that are asked for now were installed.
fn python_of(environment: &Path) -> Option<PathBuf> {
    let asked = fs::read(workspace().join("tests/references/requirements.txt")).ok()?;
    let installed = fs::read(environment.join("requirements.txt")).ok()?;
    let python = environment.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    (installed == asked).then_some(python)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_python_with_other_packages_than_those_asked_for_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let installed = folder.path().join("requirements.txt");
        assert_eq!(python_of(folder.path()), None);
        fs::copy(workspace().join("tests/references/requirements.txt"), &installed).unwrap();
        assert!(python_of(folder.path()).is_some());
        fs::write(&installed, "torch==1.0").unwrap();
        assert_eq!(python_of(folder.path()), None);
    }
}
