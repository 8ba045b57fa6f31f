//! A command that runs beside the stages.

use std::{
    fs::File,
    io::{Read, Seek},
    process::{Child, Command},
};

use anyhow::{Context, Result, ensure};

use crate::{tied, workspace};

/// The beginning of the line of a skipped test: see `tests/skip`.
pub const SKIPPED: &str = "SKIPPED ";

/// Sets the niceness of this program and of all that it starts from now on: 0 is usual, and with 19 a program gets a processor only if all others leave
/// one free. On other systems than Linux, nothing changes.
pub fn set_own_niceness(niceness: i32) {
    set_niceness(None, niceness);
}

fn set_niceness(process: Option<&Child>, niceness: i32) {
    // If the system refuses, the programs only run at another time.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::setpriority_process(process.map(rustix::process::Pid::from_child), niceness);
    #[cfg(not(target_os = "linux"))]
    let _ = (process, niceness);
}

/// A command that runs beside others. Its output is shown at its end. If another command fails first, it and its programs are ended.
pub struct Aside {
    command: Command,
    output: File,
    process: Child,
}

impl Aside {
    /// Starts the command.
    pub fn start(mut command: Command) -> Result<Self> {
        let shown = workspace::shown(&command);
        let open = || {
            let output = tempfile::tempfile_in(workspace::target_dir()?)?;
            Ok::<_, anyhow::Error>((output.try_clone()?, output.try_clone()?, output))
        };
        let (stdout, stderr, output) = open().with_context(|| format!("no place for what `{shown}` says"))?;
        say!("$ {shown} (beside the next ones)");
        let mut tied = tied::tied(tied::runner(&mut command));
        let process = tied.stdout(stdout).stderr(stderr).spawn().with_context(|| format!("cannot start `{shown}`"))?;
        Ok(Self { command, output, process })
    }

    /// Sets the niceness of the command and of all that it starts: see [`set_own_niceness`].
    pub fn set_niceness(&self, niceness: i32) {
        set_niceness(Some(&self.process), niceness);
    }

    /// Returns true if the command has ended with an error.
    pub fn has_failed(&mut self) -> bool {
        self.process.try_wait().is_ok_and(|status| status.is_some_and(|status| !status.success()))
    }

    /// Waits for the command's end, and returns the lines of skipped tests.
    pub fn end(mut self) -> Result<Vec<String>> {
        let status = self.process.wait().context("a program was lost")?;
        let mut text = Vec::new();
        self.output
            .rewind()
            .and_then(|()| self.output.read_to_end(&mut text))
            .context("cannot read what a program said")?;
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
