//! Tests under ThreadSanitizer, which finds races between real threads.

use anyhow::Result;

use super::{
    compiler::{self, NIGHTLY},
    step,
};
use crate::workspace;

/// Runs the tests of the team of threads, and of the engine that shares out its products among them.
///
/// The standard library is built with the sanitizer too. Otherwise the sanitizer would not see the library's locks.
pub fn run() -> Result<()> {
    compiler::install(NIGHTLY, &["rust-src"])?;
    let host = workspace::host()?;
    for tests in [&["team", "--lib"][..], &["trainer", "--no-default-features", "--lib", "engine::"]] {
        let arguments = [&["test", "-Zbuild-std", "--target", &host, "--package"], tests].concat();
        let mut test = compiler::cargo(NIGHTLY, "tsan", &arguments)?;
        test.env("RUSTFLAGS", "-Zsanitizer=thread");
        step(test)?;
    }
    Ok(())
}
