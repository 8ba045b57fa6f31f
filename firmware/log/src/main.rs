//! `board-log PROGRAM`: decodes what a program of the firmware logs, from standard input to lines on standard output.
//!
//! The program's ELF file holds the texts that defmt left out of the log. A program without defmt logs text, which passes as it is.

use std::{
    env, fs,
    io::{self, Read, Write},
    path::Path,
    process::ExitCode,
};

use anyhow::{Context, Result, bail, ensure};
use defmt_decoder::{DecodeError, Table};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let mut arguments = env::args_os().skip(1);
    let program = arguments.next().context("name the program's ELF file, and give its log to standard input")?;
    ensure!(arguments.next().is_none(), "board-log takes one file");
    show(program.as_ref(), &mut io::stdin().lock(), &mut io::stdout().lock())
}

/// Writes a program's log as lines.
fn show(program: &Path, log: &mut impl Read, lines: &mut impl Write) -> Result<()> {
    let bytes = fs::read(program).with_context(|| format!("cannot read {}", program.display()))?;
    let table = Table::parse(&bytes).with_context(|| format!("{}: its log table", program.display()))?;
    match table {
        Some(table) => decode(&table, log, lines),
        None => Ok(io::copy(log, lines).map(drop)?),
    }
}

/// Writes a line for each frame of the log.
fn decode(table: &Table, log: &mut impl Read, lines: &mut impl Write) -> Result<()> {
    let mut decoder = table.new_stream_decoder();
    let mut bytes = [0; 4096];
    loop {
        let count = log.read(&mut bytes)?;
        if count == 0 {
            return Ok(());
        }
        decoder.received(&bytes[..count]);
        loop {
            match decoder.decode() {
                Ok(frame) => {
                    let level = frame.level().map_or(String::new(), |level| format!("{}: ", level.as_str()));
                    writeln!(lines, "{level}{}", frame.display_message())?;
                }
                Err(DecodeError::UnexpectedEof) => break,
                Err(DecodeError::Malformed) => bail!("the program's log is no defmt: {:02x?}", &bytes[..count]),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_without_defmt_logs_text() {
        let mut lines = Vec::new();
        show(&env::current_exe().unwrap(), &mut &b"one\ntwo"[..], &mut lines).unwrap();
        assert_eq!(lines, b"one\ntwo");
    }

    #[test]
    fn a_file_that_is_no_program_is_named() {
        for (path, words) in [("none.elf", "cannot read none.elf"), ("Cargo.toml", "Cargo.toml: its log table")] {
            let error = show(path.as_ref(), &mut &b""[..], &mut Vec::new()).unwrap_err().to_string();
            assert_eq!(error, words);
        }
    }
}
