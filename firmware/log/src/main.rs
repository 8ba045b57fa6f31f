//! `board-log PROGRAM`: decodes what a program of the firmware logs, from standard input to lines on standard output.
//!
//! The program's ELF file holds the texts that defmt left out of the log. A program without defmt logs text, which passes as it is.

use std::{
    env, fs,
    io::{self, Read, Write},
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
    let bytes = fs::read(&program).with_context(|| format!("cannot read {}", program.display()))?;
    let table = Table::parse(&bytes).with_context(|| format!("{}: its log table", program.display()))?;
    let (mut log, mut lines) = (io::stdin().lock(), io::stdout().lock());
    match table {
        Some(table) => decode(&table, &mut log, &mut lines),
        None => Ok(io::copy(&mut log, &mut lines).map(drop)?),
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
