//! Builds the workspace's programs by cargo, as a user would, and says first how long that takes.
//!
//! It has no dependencies. Cargo builds it within a second, so a fresh clone is not silent while everything else is built.

use std::{
    env,
    io::{self, BufRead, BufReader, IsTerminal, Write},
    path::{Path, PathBuf},
    process::{Command, ExitCode, ExitStatus, Stdio},
    thread,
};

/// Returns the folder of the workspace's Cargo.toml.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap_or(Path::new("."))
}

/// Returns a command in the workspace's root. It does not get the variables that `cargo run` or `cargo test` set for this program.
///
/// With those variables, cargo would build again the crates whose build scripts read them, and a second time when the user calls cargo without them.
pub fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root());
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(is_of_package) {
            command.env_remove(name);
        }
    }
    // A relative path means the user's folder.
    if let Some(Ok(folder)) = env::var_os("CARGO_TARGET_DIR").map(std::path::absolute) {
        command.env("CARGO_TARGET_DIR", folder);
    }
    command
}

/// Returns [`command`] for the cargo that runs this program.
pub fn cargo(subcommand: &str) -> Command {
    let mut cargo = command(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.arg(subcommand);
    cargo
}

/// Returns true if cargo sets a variable for the programs of one package.
fn is_of_package(name: &str) -> bool {
    let names = ["CARGO_CRATE_NAME", "CARGO_BIN_NAME", "CARGO_PRIMARY_PACKAGE", "OUT_DIR"];
    names.contains(&name)
        || ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_EXE_"].iter().any(|start| name.starts_with(start))
}

/// The environment variable with the names of programs that are up to date, separated by commas. `cargo xtask test` sets it for its tests, which
/// start these programs hundreds of times.
pub const BUILT: &str = "SELVEDGE_BUILT";

/// A program of the workspace, for this machine.
#[derive(Clone, Copy, Debug)]
pub struct Program<'a> {
    /// The name of the program's binary in cargo.
    pub name: &'a str,
    /// The program's task, in a few words.
    pub task: &'a str,
    /// The processor time of the first build, in seconds.
    pub seconds: usize,
    /// The features of the workspace's packages with which the program is built, separated by commas.
    pub features: &'a str,
}

/// The program of `cargo xtask`.
pub const XTASK: Program<'_> = Program { name: "xtask", task: "which runs the commands", seconds: 50, features: "" };

impl Program<'_> {
    /// Builds the program and returns its path. If it was not built before, the first line says how long the build takes. A program that [`BUILT`]
    /// names is not built again.
    ///
    /// The build takes the features of the whole workspace, as `cargo build` does, so neither builds anew for the other.
    ///
    /// # Errors
    ///
    /// If cargo cannot be started or fails. Cargo has then printed the reason.
    pub fn build(self) -> io::Result<PathBuf> {
        let folder = profile_folder()?;
        let path = folder.join(format!("{}{}", self.name, env::consts::EXE_SUFFIX));
        let built = env::var(BUILT).unwrap_or_default();
        if path.exists() && built.split(',').any(|name| name == self.name) {
            return Ok(path);
        }
        if !path.exists() {
            let processors = thread::available_parallelism().map_or(1, usize::from);
            let seconds = (self.seconds / processors).next_multiple_of(5);
            // A closed standard error is no reason to fail.
            let _ = writeln!(io::stderr(), "Building {}, {}: about {seconds} s, this once", self.name, self.task);
        }
        let status = run_shown(&mut self.command())?;
        if status.success() {
            Ok(path)
        } else {
            Err(io::Error::other(format!("{} was not built, see above", self.name)))
        }
    }

    /// Returns the build as a command.
    pub fn command(self) -> Command {
        let mut cargo = cargo("build");
        cargo.args(["--workspace", "--bin", self.name]);
        if !self.features.is_empty() {
            cargo.args(["--features", self.features]);
        }
        cargo
    }
}

/// Returns the folder of the programs that the profile `dev` builds: the folder of this program, or in a test the folder above it.
///
/// # Errors
///
/// If the system does not know where this program is.
pub fn profile_folder() -> io::Result<PathBuf> {
    let mut folder = env::current_exe()?;
    folder.pop();
    if folder.ends_with("deps") {
        folder.pop();
    }
    Ok(folder)
}

/// Replaces this process by a program, so that signals and the exit code are the program's own.
///
/// # Errors
///
/// If the program cannot be started.
#[cfg(unix)]
pub fn hand_over(program: &mut Command) -> io::Result<ExitCode> {
    use std::os::unix::process::CommandExt;
    Err(program.exec())
}

/// Runs a program to its end and returns its exit code.
///
/// # Errors
///
/// If the program cannot be started.
#[cfg(not(unix))]
pub fn hand_over(program: &mut Command) -> io::Result<ExitCode> {
    let code = program.status()?.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

/// Runs cargo and shows its messages, except the last one, that it has finished.
///
/// # Errors
///
/// If cargo cannot be started.
pub fn run_shown(cargo: &mut Command) -> io::Result<ExitStatus> {
    if io::stderr().is_terminal() {
        cargo.env("CARGO_TERM_COLOR", "always");
    }
    let mut child = cargo.stderr(Stdio::piped()).spawn()?;
    for line in child.stderr.take().into_iter().flat_map(|stderr| BufReader::new(stderr).split(b'\n')) {
        let line = line?;
        let text = String::from_utf8_lossy(&line);
        if !(text.contains("Finished") && text.contains(" target(s) in ")) {
            // A closed standard error is no reason to fail.
            let _ = io::stderr().write_all(&[&line[..], b"\n"].concat());
        }
    }
    child.wait()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_is_the_workspace() {
        let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
        assert!(manifest.contains("[workspace]"));
    }

    #[test]
    fn the_variables_of_this_test_stay_here() {
        assert!(env::var_os("CARGO_MANIFEST_DIR").is_some() && env::var_os("CARGO_PKG_NAME").is_some());
        let command = cargo("build");
        let removed = command.get_envs().filter(|(_, value)| value.is_none()).map(|(name, _)| name.to_owned());
        let removed: Vec<_> = removed.collect();
        assert!(removed.iter().any(|name| name == "CARGO_MANIFEST_DIR"));
        assert!(removed.iter().any(|name| name == "CARGO_PKG_NAME"));
        assert!(!removed.iter().any(|name| name == "CARGO" || name == "PATH"));
    }
}
