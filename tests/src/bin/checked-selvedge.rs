//! The program `selvedge`, built with overflow checks and debug assertions. The program that `cargo xtask` builds has neither.

use std::process::ExitCode;

fn main() -> ExitCode {
    host::main()
}
