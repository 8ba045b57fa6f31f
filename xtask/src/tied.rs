//! Programs that end when the program that started them ends, even if it is killed (SIGKILL): an emulator, and a test's `cargo xtask`.
//!
//! On Linux, the kernel does this. A program must ask for it itself, so xtask first starts itself: `xtask tied PID PROGRAM …` asks, and then
//! becomes the program. On other systems, the program is started directly.

use std::{
    env,
    ffi::{OsStr, OsString},
    io,
    path::Path,
    process::{self, Command, ExitCode},
};

use anyhow::Result;
use clap::Args;

use crate::workspace;

/// The environment variable with the number of a process. If that process ends, this one ends too. The tests set it for each `cargo xtask` that they
/// start.
pub const VARIABLE: &str = "SELVEDGE_ENDS_WITH";

/// This program's file, whatever its name is by now.
const THIS: &str = "/proc/self/exe";

/// The program to become.
#[derive(Args)]
pub struct TiedOptions {
    /// The parent process; 0 if unknown
    parent: u32,
    /// The program and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    program: Vec<OsString>,
}

/// Ties this process to its parent, and becomes the program.
pub fn run(options: &TiedOptions) -> Result<ExitCode> {
    tie_to(options.parent)?;
    let (program, arguments) = options.program.split_first().expect("clap requires one");
    Ok(launch::hand_over(Command::new(program).args(arguments))?)
}

/// Ties this process to its parent, if [`VARIABLE`] names the parent.
pub fn tie_as_asked() -> io::Result<()> {
    match env::var(VARIABLE).ok().and_then(|parent| parent.parse().ok()) {
        Some(parent) => tie_to(parent),
        None => Ok(()),
    }
}

/// Returns a command with the same program, arguments, variables and folder. Its process is ended when the thread that started it ends.
///
/// Set its input and output afterwards.
pub fn tied(command: &Command) -> Command {
    let mut tied = Command::new(if can_tie() { THIS.as_ref() } else { command.get_program() });
    if can_tie() {
        tied.args(["tied", &process::id().to_string()]).arg(command.get_program());
    }
    tied.args(command.get_args()).env_remove(VARIABLE);
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => tied.env(name, value),
            None => tied.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        tied.current_dir(folder);
    }
    tied
}

/// Sets an environment variable of `cargo test` by which cargo ties each program that it runs to itself.
pub fn runner(cargo: &mut Command) -> &mut Command {
    let xtask = env::current_exe().ok().filter(|file| can_tie() && file.exists());
    // Cargo splits the value at spaces.
    let xtask = xtask.and_then(|file| file.into_os_string().into_string().ok()).filter(|file| !file.contains(' '));
    if let (Some(xtask), Ok(host)) = (xtask, workspace::host()) {
        let host = host.replace(['-', '.'], "_").to_uppercase();
        cargo.env(format!("CARGO_TARGET_{host}_RUNNER"), format!("{xtask} tied 0"));
    }
    cargo
}

/// Returns true if this is xtask itself (not its test) on a system that can tie processes.
fn can_tie() -> bool {
    let file = env::current_exe().ok().filter(|_| cfg!(target_os = "linux"));
    let name = file.as_deref().and_then(Path::file_name).and_then(OsStr::to_str);
    // A build may have replaced the file meanwhile.
    name.is_some_and(|name| name.trim_end_matches(" (deleted)") == "xtask")
}

#[cfg(target_os = "linux")]
fn tie_to(parent: u32) -> io::Result<()> {
    use rustix::process::{Signal, getppid, set_parent_process_death_signal};

    set_parent_process_death_signal(Some(Signal::KILL))?;
    let found = getppid().map_or(0, |process| process.as_raw_nonzero().get().cast_unsigned());
    // The parent may have ended before.
    if parent != 0 && parent != found {
        return Err(io::Error::other("the program that started this one has ended"));
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn tie_to(_parent: u32) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tied_command_keeps_its_words() {
        let mut command = Command::new("qemu-system-arm");
        command.args(["-M", "x"]).env("A", "1").env_remove("B").current_dir("/");
        let tied = tied(&command);
        assert_eq!(tied.get_args().collect::<Vec<_>>(), ["-M", "x"]);
        let envs: Vec<_> = tied.get_envs().map(|(name, value)| (name.to_owned(), value.is_some())).collect();
        assert_eq!(envs, [("A".into(), true), ("B".into(), false), (VARIABLE.into(), false)]);
        assert_eq!(tied.get_current_dir(), command.get_current_dir());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_parent_that_has_ended_is_found_out() {
        assert!(tie_to(u32::MAX).unwrap_err().to_string().contains("has ended"));
        rustix::process::set_parent_process_death_signal(None).unwrap();
    }
}
