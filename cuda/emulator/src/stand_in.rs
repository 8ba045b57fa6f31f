//! The stand-in for NVIDIA's driver library. Its launches run the kernels on the CPU. A test's program finds it instead of the real library.
//!
//! The system searches for libraries in the `LD_LIBRARY_PATH` of the program's start, and the stand-in reads its settings once. So a test that
//! uses the stand-in in its own process starts itself again.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    process::{self, Command},
    sync::Once,
};

/// Builds the package `emulated_driver`, and puts it into `folder` under the name that programs search for. Name `folder` in their
/// `LD_LIBRARY_PATH`. It is for tests that cargo built, which lie in the target folder. The folder is made if it is missing.
///
/// # Errors
///
/// If cargo cannot build it, if the caller does not lie in a target folder, or if `folder` cannot be written.
pub fn install_driver(folder: &Path) -> io::Result<()> {
    let target = target()?;
    let cargo = env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from);
    let mut build = Command::new(cargo);
    build.args(["build", "--quiet", "--package", "emulated_driver", "--target-dir"]).arg(&target);
    let output = build.current_dir(env!("CARGO_MANIFEST_DIR")).output()?;
    if !output.status.success() {
        return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    fs::create_dir_all(folder)?;
    // Whole or not at all: another test may be loading the one that is there.
    let part = folder.join(format!("libcuda.so.1.{}", process::id()));
    fs::copy(target.join("debug/libemulated_driver.so"), &part)?;
    fs::rename(part, folder.join("libcuda.so.1"))
}

/// Returns the target folder: the program is target/[triple/]debug/deps/test.
fn target() -> io::Result<PathBuf> {
    let program = env::current_exe()?;
    let target = program.ancestors().find(|folder| folder.join("CACHEDIR.TAG").is_file());
    let target = target.ok_or_else(|| io::Error::other(format!("{}: not in a target folder", program.display())))?;
    Ok(target.to_owned())
}

/// The environment variable that names the test for which a process was started.
const CHILD: &str = "SELVEDGE_DRIVER_TEST";

/// Runs `body` in a process of its own that finds its driver in `folder`. The function starts the test program again with only this test, which
/// runs `body` there. `test` is the test's whole name, as `cargo test` prints it, such as `driver::tests::says_what_it_is`.
///
/// # Panics
///
/// If the test fails there. The message has all its output.
#[track_caller]
pub fn in_process(test: &str, folder: &Path, variables: &[(&str, &str)], body: impl FnOnce()) {
    if env::var_os(CHILD).is_some() {
        return body();
    }
    let mut child = Command::new(env::current_exe().expect("a test is a program"));
    child.args(["--exact", test, "--nocapture"]).env(CHILD, test).env("LD_LIBRARY_PATH", folder);
    let output = child.envs(variables.iter().copied()).output().expect("the test starts again");
    let [stdout, stderr] = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert!(output.status.success() && stdout.contains("1 passed"), "{stdout}\n{stderr}");
}

/// Does the same as [`in_process`] with the stand-in, which it builds.
///
/// # Panics
///
/// If it cannot be built, or if the test fails.
#[track_caller]
pub fn with_stand_in(test: &str, variables: &[(&str, &str)], body: impl FnOnce()) {
    static INSTALL: Once = Once::new();
    if env::var_os(CHILD).is_some() {
        return body();
    }
    let folder = target().expect("cargo built the test").join("tmp/emulated_driver");
    INSTALL.call_once(|| install_driver(&folder).expect("the stand-in is built"));
    in_process(test, &folder, variables, body);
}
