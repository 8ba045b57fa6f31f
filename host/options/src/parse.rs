use std::{
    env,
    io::{self, Write},
    process::ExitCode,
};

use crate::{Examples, program};
use clap::{Parser, error::Error};
use terminal::printable;

/// Parses a program's arguments. It prints the help, with `examples`, and the errors itself.
///
/// # Errors
///
/// The exit code, if the program has to end: after help, and after an error in the arguments. The code is also a failure if the help cannot be
/// written. It is no failure if the program that reads the output has ended (`… | head`).
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

/// Prints the help or an error, in colours. If an argument has control characters, the error is printed without colours: colours are control
/// characters too, and all of those are shown as text.
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
