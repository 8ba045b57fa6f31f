//! Starts the emulator so that it reports each instruction that a call executes.

use std::{
    ffi::OsStr,
    net::{Ipv4Addr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, bail, ensure};

use super::{debugger::Debugger, trace::Trace};

/// The time that the emulator may take to start.
const START: Duration = Duration::from_secs(60);

/// A child that does not outlive its handle.
struct Running(Child);

impl Running {
    fn end(&mut self) {
        // It fails only where it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

/// Traces the first calls of the function at `entry`, and ends the program. `command` runs it in `qemu-system-arm`. `prepare` makes the
/// command that is started.
pub fn trace<'p>(
    mut command: Command,
    prepare: impl FnOnce(&Command) -> Command,
    trace: Trace<'p>,
    entry: u32,
    calls: usize,
) -> Result<Trace<'p>> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("cannot listen for the emulator's debugger")?;
    // One instruction for each of the blocks that it says it executes.
    command.args(one_instruction_each(command.get_program())?);
    let port = listener.local_addr()?.port();
    let socket = format!("socket,id=debugger,host={},port={port},nodelay=on", Ipv4Addr::LOCALHOST);
    command.args(["-S", "-d", "nochain", "-chardev", &socket, "-gdb", "chardev:debugger"]);
    let mut command = prepare(&command);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut emulator = Running(command.spawn().context("cannot start the emulator")?);
    // Without `-D`, that is where the trace goes.
    let said = emulator.0.stderr.take().context("the emulator has no stderr")?;

    thread::scope(|scope| {
        let trace = scope.spawn(|| trace.read(said));
        let traced = connection(&listener, &mut emulator)
            .and_then(Debugger::connected)
            .and_then(|mut debugger| debugger.trace_calls(entry, calls));
        emulator.end();
        // The trace's error comes first: where its reader gives up, the emulator is lost too.
        let trace = trace.join().map_err(|_| anyhow!("the reader of the emulator's trace panicked"))??;
        match traced {
            Err(error) if !trace.words.is_empty() => Err(error.context(format!("the emulator said: {}", trace.words))),
            traced => traced.map(|()| trace),
        }
    })
}

/// Returns the option for one instruction at a time. Since QEMU 8.1, it has another name.
fn one_instruction_each(qemu: &OsStr) -> Result<&'static [&'static str]> {
    let output = Command::new(qemu).arg("--version").output().context("cannot start the emulator")?;
    let words = String::from_utf8_lossy(&output.stdout);
    let version = version(&words).with_context(|| format!("`qemu-system-arm --version` names no version: {words}"))?;
    Ok(if version < (8, 1) { &["-singlestep"] } else { &["-accel", "tcg,one-insn-per-tb=on"] })
}

/// Returns the version in a text such as `QEMU emulator version 7.2.22 (…)`.
fn version(words: &str) -> Option<(u32, u32)> {
    let mut numbers = words.split_once("version ")?.1.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// Waits for the emulator's connection. The emulator connects before it executes anything, unless it ends first.
fn connection(listener: &TcpListener, emulator: &mut Running) -> Result<TcpStream> {
    listener.set_nonblocking(true)?;
    let started = Instant::now();
    loop {
        match listener.accept() {
            Ok((stream, _)) => return Ok(stream),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => bail!("the emulator's debugger cannot connect: {error}"),
        }
        ensure!(matches!(emulator.0.try_wait(), Ok(None)), "the emulator ended before it began");
        ensure!(started.elapsed() < START, "the emulator's debugger did not connect in {} s", START.as_secs());
        thread::sleep(Duration::from_millis(10));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_emulators_version_is_read() {
        assert_eq!(version("QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg)\nCopyright"), Some((7, 2)));
        assert_eq!(version("QEMU emulator version 10.1.0"), Some((10, 1)));
        assert_eq!(version("none"), None);
    }
}
