//! `selvedge`: trains, evaluates and shows the networks that a microcontroller runs.

use std::process::ExitCode;

fn main() -> ExitCode {
    host::main(None)
}
