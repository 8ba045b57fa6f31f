//! The program `selvedge` with a test's checks of integers and of assertions: what `cargo xtask` builds has none of them.

use std::process::ExitCode;

fn main() -> ExitCode {
    host::main()
}
