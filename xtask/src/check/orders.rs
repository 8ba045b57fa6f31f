//! The models of the engine's threads, which loom runs in all orders of the threads with a limited number of interruptions.

use anyhow::Result;
use launch::cargo;

use super::step;
use crate::workspace;

/// Builds `host/team` with loom's threads, locks and atomic numbers, and runs its models.
pub fn run() -> Result<()> {
    let mut test = cargo("test");
    test.args(["--package", "team", "--lib"]).env("RUSTFLAGS", "--cfg loom");
    test.env("CARGO_TARGET_DIR", workspace::target_dir()?.join("loom"));
    // A model that fails may end the program before the test's output is shown.
    test.args(["--", "--nocapture"]);
    step(test)
}
