//! Firmware projects outside this workspace, built and run as a user does it.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::Mutex,
};

use skip::skip;

use crate::{has_emulator, text, workspace};

/// Returns true if the compiler on the path builds for a target, and the boards' emulators are here. Where not, `what` is [skipped](skip()).
///
/// # Panics
///
/// If the test has to be skipped and `SELVEDGE_REQUIRE_ALL` is set: see [`skip()`].
pub fn can_build(target: &str, what: &str) -> bool {
    if !has_emulator(what) {
        return false;
    }
    let libraries = Command::new("rustc").args(["--print", "target-libdir", "--target", target]).output();
    let is_there = libraries.is_ok_and(|output| Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir());
    if !is_there {
        skip(what, &format!("rustup's compiler has no {target} here: `rustup target add {target}` gets it"));
    }
    is_there
}

/// Cargo in a project's folder. All projects share a target folder of this workspace's, and the versions of its lock file, unless they have their own.
///
/// # Panics
///
/// If the lock file cannot be copied.
pub fn cargo(project: &Path, arguments: &[&str]) -> Command {
    let lock = project.join("Cargo.lock");
    if !lock.exists() {
        fs::copy(workspace().join("Cargo.lock"), lock).expect("a project that can be written to");
    }
    let mut command = Command::new(env!("CARGO"));
    command.args(arguments).current_dir(project).env("CARGO_TARGET_DIR", target_dir());
    command
}

/// The folder that the projects are built in.
pub fn target_dir() -> PathBuf {
    // Test programs lie in target/<profile>/deps.
    let test = env::current_exe().expect("a test has a program");
    test.ancestors().nth(3).expect("the target folder").join("projects")
}

/// Runs a project by `cargo run --release` and returns the output. The program must end with status 0.
///
/// # Panics
///
/// If it is not built, or ends with another status.
pub fn printed(project: &Path) -> String {
    let output = run(project);
    assert!(output.status.success(), "{}: {}", project.display(), text(&output));
    String::from_utf8(output.stdout).expect("text")
}

/// Runs a project's program by `cargo run --release`.
///
/// # Panics
///
/// If cargo does not start.
pub fn run(project: &Path) -> Output {
    // They would wait for each other's builds.
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    cargo(project, &["run", "--quiet", "--release"]).output().expect("cargo starts")
}
