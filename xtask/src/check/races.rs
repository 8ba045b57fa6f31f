//! Tests under ThreadSanitizer, which sees races between real threads.

use anyhow::Result;

use super::{
    compiler::{self, NIGHTLY},
    step,
};
use crate::workspace;

/// The tests of the team of threads, and of the engine that shares out its products among them.
///
/// The standard library is built with the sanitizer too: it would not see a lock of another.
pub fn run() -> Result<()> {
    compiler::install(NIGHTLY, &["rust-src"])?;
    let host = workspace::host()?;
    for tests in [&["team", "--lib"][..], &["host", "--lib", "--no-default-features", "engine::"]] {
        let arguments = [&["test", "-Zbuild-std", "--target", &host, "--package"], tests].concat();
        let mut test = compiler::cargo(NIGHTLY, "tsan", &arguments)?;
        test.env("RUSTFLAGS", "-Zsanitizer=thread");
        step(test)?;
    }
    Ok(())
}
