//! Talks to the emulator's debugger in GDB's remote protocol, to trace calls of one function and nothing before or between them.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    time::Duration,
};

use anyhow::{Context, Result, ensure};

/// The time that the emulator may take from one stop to the next.
const SILENCE: Duration = Duration::from_secs(600);

/// A connection to an emulator that has stopped.
pub struct Debugger<S> {
    stream: BufReader<S>,
}

impl Debugger<TcpStream> {
    /// Returns a debugger for an emulator's connection.
    pub fn connected(stream: TcpStream) -> Result<Self> {
        stream.set_nonblocking(false)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(SILENCE))?;
        Ok(Self { stream: BufReader::new(stream) })
    }
}

impl<S: Read + Write> Debugger<S> {
    /// Traces this number of calls of the function at `entry`, each from its first instruction to its return.
    pub fn trace_calls(&mut self, entry: u32, calls: usize) -> Result<()> {
        for _ in 0..calls {
            self.run_to(entry)?;
            let back = self.return_address()?;
            self.log("exec,nochain")?;
            self.run_to(back)?;
            self.log("nochain")?;
        }
        Ok(())
    }

    /// Runs to an address. The breakpoint is removed at the stop, because the emulator would not continue from it.
    fn run_to(&mut self, address: u32) -> Result<()> {
        self.must_succeed(&format!("Z0,{address:x},2"))?;
        let answer = self.ask("c")?;
        ensure!(answer.starts_with('T'), "the program ended ({answer}) before it came to {address:#010x}");
        self.must_succeed(&format!("z0,{address:x},2"))
    }

    /// Returns the link register without the bit for Thumb.
    fn return_address(&mut self) -> Result<u32> {
        let registers = self.ask("g")?;
        let link = registers.get(14 * 8..15 * 8).and_then(|digits| u32::from_str_radix(digits, 16).ok());
        Ok(link.with_context(|| format!("the emulator's registers are not ARM's: {registers}"))?.swap_bytes() & !1)
    }

    /// Sends a command to the emulator's monitor: it sets what is logged from now on.
    fn log(&mut self, items: &str) -> Result<()> {
        let command: String = format!("log {items}").bytes().map(|byte| format!("{byte:02x}")).collect();
        self.must_succeed(&format!("qRcmd,{command}"))
    }

    fn must_succeed(&mut self, command: &str) -> Result<()> {
        let answer = self.ask(command)?;
        ensure!(answer == "OK", "the emulator's debugger answered {answer:?} to {command}");
        Ok(())
    }

    /// Sends `$command#sum`, and returns the answer, which has the same form.
    fn ask(&mut self, command: &str) -> Result<String> {
        let sum = command.bytes().fold(0_u8, u8::wrapping_add);
        let lost = || format!("the emulator's debugger was lost after {command}");
        write!(self.stream.get_mut(), "${command}#{sum:02x}").with_context(lost)?;
        let mut answer = Vec::new();
        self.stream.read_until(b'$', &mut answer).with_context(lost)?;
        answer.clear();
        self.stream.read_until(b'#', &mut answer).with_context(lost)?;
        ensure!(answer.pop() == Some(b'#'), lost());
        self.stream.read_exact(&mut [0; 2]).with_context(lost)?;
        self.stream.get_mut().write_all(b"+").with_context(lost)?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers that were written in advance, and the commands that came.
    struct Script {
        answers: std::io::Cursor<Vec<u8>>,
        asked: String,
    }

    impl Read for Script {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            self.answers.read(buffer)
        }
    }

    impl Write for Script {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.asked.push_str(&String::from_utf8_lossy(bytes));
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn traced(answers: &[&str]) -> (Result<()>, String) {
        let answers: String = answers.iter().map(|answer| format!("+${answer}#00")).collect();
        let script = Script { answers: std::io::Cursor::new(answers.into_bytes()), asked: String::new() };
        let mut debugger = Debugger { stream: BufReader::new(script) };
        let result = debugger.trace_calls(0x400, 1);
        (result, debugger.stream.into_inner().asked)
    }

    #[test]
    fn a_call_is_traced_from_its_entry_to_its_return() {
        let registers = format!("{}{}{}", "00000000".repeat(14), "e5040000", "00040000");
        let (result, asked) = traced(&["OK", "T05thread:01;", "OK", &registers, "OK", "OK", "T05", "OK", "OK"]);
        result.unwrap();
        let asked: Vec<_> = asked.split('+').filter_map(|packet| packet.get(1..)?.split('#').next()).collect();
        let [on, off] =
            ["6c6f6720657865632c6e6f636861696e", "6c6f67206e6f636861696e"].map(|hex| format!("qRcmd,{hex}"));
        assert_eq!(asked, ["Z0,400,2", "c", "z0,400,2", "g", &on, "Z0,4e4,2", "c", "z0,4e4,2", &off]);
    }

    #[test]
    fn what_goes_wrong_is_said() {
        let error = |answers: &[&str]| traced(answers).0.unwrap_err().to_string();
        assert!(error(&["OK", "W00"]).contains("the program ended (W00) before it came to 0x00000400"));
        assert!(error(&["E22"]).contains("answered \"E22\" to Z0,400,2"));
        assert!(error(&["OK"]).contains("lost after c"));
        assert!(error(&["OK", "T05", "OK", "1234"]).contains("not ARM's: 1234"));
    }
}
