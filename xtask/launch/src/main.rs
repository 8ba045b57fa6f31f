//! `cargo xtask`: builds xtask and becomes it.

use std::{
    env,
    io::{self, Write},
    process::ExitCode,
};

use launch::XTASK;

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(error) => {
            // A closed standard error is no reason to panic.
            let _ = writeln!(io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> io::Result<ExitCode> {
    let mut xtask = launch::command(XTASK.build()?);
    xtask.args(env::args_os().skip(1)).current_dir(env::current_dir()?);
    launch::hand_over(&mut xtask)
}
