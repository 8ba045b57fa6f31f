//! Runs a program in QEMU or through a probe, and passes on each line of its output as it comes.

use std::{
    io::Read,
    path::Path,
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, anyhow, bail, ensure};
use board::Board;

use crate::{tied, workspace};

/// The program that turns the log of a program in the emulator into lines.
const DECODER: launch::Program<'_> =
    launch::Program { name: "board-log", task: "which reads a board's log", seconds: 50, features: "" };

/// The UART is not connected.
pub const NO_SERIAL: &str = "none";

/// The place where a program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Device {
    /// In QEMU, which exits with the program's code.
    Emulator,
    /// On the chip, through `probe-rs`.
    Probe,
}

impl Device {
    /// Returns the firmware's feature for its log and exit.
    pub const fn feature(self) -> &'static str {
        match self {
            Self::Emulator => "semihosting",
            Self::Probe => "rtt",
        }
    }

    /// Checks that the board can be reached in this way. It comes before the long work.
    pub fn check(self, board: &Board) -> Result<()> {
        self.command(board, Path::new(""), NO_SERIAL)?;
        if self == Self::Probe {
            let probes = workspace::output(Command::new("probe-rs").arg("list"))?;
            if probes.contains("No debug probes") {
                bail!("no debug probe is connected: connect the board's, or leave out --probe to use the emulator");
            }
        }
        Ok(())
    }

    /// Returns the command that runs the program.
    pub fn command(self, board: &Board, elf: &Path, serial: &str) -> Result<Command> {
        match self {
            Self::Emulator => {
                let emulation = board.emulation(serial);
                let emulation = emulation.ok_or_else(|| anyhow!("{} has no emulator: use --probe", board.name))?;
                let name = board.processor().qemu();
                let qemu = workspace::on_path(name);
                let qemu = qemu.with_context(|| format!("{name} is not installed: `cargo xtask setup` gets it"))?;
                let mut command = Command::new(qemu);
                // One instruction is one nanosecond of the board's time, so its timer counts instructions.
                command.args(&emulation[1..]).args(["-icount", "shift=0", "-kernel"]).arg(elf);
                Ok(command)
            }
            Self::Probe => {
                let probe = board.probe.as_ref();
                let chip = &probe.ok_or_else(|| anyhow!("{} has no real chip: leave out --probe", board.name))?.chip;
                let probe_rs = workspace::on_path("probe-rs");
                let probe_rs = probe_rs
                    .context("probe-rs is not installed: https://probe.rs/docs/getting-started/installation")?;
                let mut command = Command::new(probe_rs);
                // Its own decoder prints the message alone, as the emulator's output is shown here.
                command.args(["run", "--chip", chip, "--log-format", "{s}"]).arg(elf);
                Ok(command)
            }
        }
    }

    /// Runs the program to its end. `silence` is the longest time without output.
    pub fn run(self, board: &Board, elf: &Path, silence: Duration, each_line: impl FnMut(&str)) -> Result<ExitStatus> {
        let Started { mut process, log } = self.start(board, elf, NO_SERIAL)?;
        log.follow(silence, each_line)?;
        process.wait()
    }

    /// Runs a program that prints plain text, in the emulator, to its end.
    pub fn run_plain(
        self,
        board: &Board,
        elf: &Path,
        silence: Duration,
        each_line: impl FnMut(&str),
    ) -> Result<ExitStatus> {
        let mut process = Running::start(&self.command(board, elf, NO_SERIAL)?)?;
        let output = process.child.stdout.take().context("the program has no output")?;
        ProgramLog { lines: chunks(output), decoder: None }.follow(silence, each_line)?;
        process.wait()
    }

    /// Starts the program. `serial` is what the emulator connects to the board's UART.
    pub fn start(self, board: &Board, elf: &Path, serial: &str) -> Result<Started> {
        let command = self.command(board, elf, serial)?;
        let decoder = match self {
            Self::Emulator => Some(DECODER.build()?),
            Self::Probe => None,
        };
        let mut process = Running::start(&command)?;
        let output = process.child.stdout.take().context("the program has no output")?;
        let log = match decoder {
            Some(decoder) => ProgramLog::decoded(Command::new(decoder).arg(elf), output)?,
            None => ProgramLog { lines: chunks(output), decoder: None },
        };
        Ok(Started { process, log })
    }
}

/// A running program and its log.
pub struct Started {
    /// The emulator's process, or the probe's.
    pub process: Running,
    /// The program's log.
    pub log: ProgramLog,
}

/// A child process. It is ended when this value is dropped, and when this program ends.
pub struct Running {
    child: Child,
    shown: String,
}

impl Running {
    /// Prints the command, and starts the process. It gets no input, and its output is a pipe.
    pub fn start(command: &Command) -> Result<Self> {
        let shown = workspace::shown(command);
        say!("Running {shown}");
        let mut tied = tied::tied(command);
        let child = tied
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start `{shown}`"))?;
        Ok(Self { child, shown })
    }

    /// Waits until the process has ended.
    pub fn wait(&mut self) -> Result<ExitStatus> {
        self.child.wait().with_context(|| format!("`{}` was lost", self.shown))
    }

    /// Stops the process.
    pub fn kill(&mut self) {
        // It fails only where it has ended already.
        let _ = self.child.kill();
    }

    /// Stops the process, and waits until it has ended.
    pub fn end(&mut self) {
        self.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

/// The lines of a program's log, as they come.
pub struct ProgramLog {
    lines: Receiver<Vec<u8>>,
    /// The decoder of the log, if probe-rs does not decode it.
    decoder: Option<Child>,
}

impl ProgramLog {
    fn decoded(decoder: &mut Command, log: ChildStdout) -> Result<Self> {
        // Ctrl-C ends the emulator, and with it the log. The decoder reads that to its end.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(decoder, 0);
        let mut decoder =
            decoder.stdin(log).stdout(Stdio::piped()).spawn().context("cannot start the decoder of the log")?;
        let lines = chunks(decoder.stdout.take().context("the decoder of the log has no output")?);
        Ok(Self { lines, decoder: Some(decoder) })
    }

    /// Passes on every line until the program ends. `silence` is the longest time without output.
    pub fn follow(self, silence: Duration, mut each_line: impl FnMut(&str)) -> Result<()> {
        let mut begun = Vec::new();
        loop {
            match self.lines.recv_timeout(silence) {
                Ok(chunk) => begun.extend_from_slice(&chunk),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => bail!(
                    "the program has said nothing for {} s and was stopped; --timeout allows more",
                    silence.as_secs()
                ),
            }
            while let Some(end) = begun.iter().position(|&byte| byte == b'\n') {
                let line: Vec<u8> = begun.drain(..=end).collect();
                each_line(String::from_utf8_lossy(&line).trim_end());
            }
        }
        if !begun.is_empty() {
            each_line(&String::from_utf8_lossy(&begun));
        }
        if let Some(mut decoder) = self.decoder {
            let status = decoder.wait().context("the decoder of the log was lost")?;
            ensure!(status.success(), "the log could not be decoded, see above");
        }
        Ok(())
    }
}

fn chunks(mut source: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(read @ 1..) = source.read(&mut buffer) {
            if sender.send(buffer[..read].to_vec()).is_err() {
                break;
            }
        }
    });
    receiver
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_board_without_the_way_says_the_other() {
        let whole = Board::named("netduinoplus2").unwrap();
        let error = Device::Emulator.check(&Board { emulator: None, ..whole.clone() }).unwrap_err().to_string();
        assert!(error.contains("use --probe"), "{error}");
        let error = Device::Probe.check(&Board { probe: None, ..whole }).unwrap_err().to_string();
        assert!(error.contains("leave out --probe"), "{error}");
    }

    #[test]
    fn text_arrives_in_lines_however_it_is_cut() {
        let (sender, lines) = channel();
        for chunk in ["sam", "ple 0\r\nsample 1\nsamp", "le 2"] {
            sender.send(chunk.as_bytes().to_vec()).unwrap();
        }
        drop(sender);
        let mut shown = Vec::new();
        let log = ProgramLog { lines, decoder: None };
        log.follow(Duration::MAX, |line| shown.push(line.to_owned())).unwrap();
        assert_eq!(shown, ["sample 0", "sample 1", "sample 2"]);
    }

    #[test]
    fn output_is_read_to_its_end() {
        let chunks: Vec<u8> = chunks(&[7; 10_000][..]).iter().flatten().collect();
        assert_eq!(chunks, [7; 10_000]);
    }
}
