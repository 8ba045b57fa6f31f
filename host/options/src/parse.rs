use std::{
    env,
    io::{self, Write},
    process::ExitCode,
};

use crate::{Examples, program};
use clap::{Parser, error::Error};
use terminal::printable;

/// Reads a program's arguments, whose help has [these examples](program). It prints help and errors itself, and returns the exit code for them.
///
/// The code says failure too where help could not be written; where its reader has gone (`… | head`), that is no failure.
///
/// # Errors
///
/// The exit code, where the program has no more to do.
pub fn parse<P: Parser>(examples: &Examples) -> Result<P, ExitCode> {
    let mut command = program::<P>(examples);
    let parsed = command.try_get_matches_from_mut(env::args_os());
    let parsed = parsed.and_then(|matches| P::from_arg_matches(&matches).map_err(|error| error.format(&mut command)));
    parsed.map_err(|error| match print(&error) {
        Err(problem) if !error.use_stderr() && problem.kind() != io::ErrorKind::BrokenPipe => {
            // A closed standard error is no reason to fail in another way.
            let _ = writeln!(terminal::stderr(), "error: the help cannot be written: {problem}");
            ExitCode::FAILURE
        }
        _ => u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from),
    })
}

/// Prints in colours. An error that may repeat a hostile argument has none: they are written with control characters.
fn print(error: &Error) -> io::Result<()> {
    let is_harmless = |argument: std::ffi::OsString| {
        argument.to_str().is_some_and(|text| printable(text) == text && !text.contains(['\n', '\t']))
    };
    if env::args_os().all(is_harmless) || !error.use_stderr() {
        error.print()?;
        return io::stdout().flush();
    }
    write!(terminal::stderr(), "{}", error.render())
}
