//! The stand-in for NVIDIA's driver library, whose launches run the kernels on the CPU, where a test's program finds it.
//!
//! The system looks for libraries where `LD_LIBRARY_PATH` said when a program started, and the stand-in reads its settings once: a test in
//! whose own process it is to be runs itself again.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    process::{self, Command},
    sync::Once,
};

/// Builds the package `emulated_driver`, and puts it into `folder` under the name that programs look for, which is the folder to name in
/// their `LD_LIBRARY_PATH`. For tests that cargo built: they lie in the target folder. A folder that is missing is made.
///
/// # Errors
///
/// Cargo cannot build it, the caller does not lie in a target folder, or `folder` cannot be written.
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

/// Says which test a process is for.
const CHILD: &str = "SELVEDGE_DRIVER_TEST";

/// Runs `body` in its own process that finds its driver in `folder`. `test` is the caller's path in its program.
///
/// # Panics
///
/// Where the test fails there, with all that it says.
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

/// The same with the stand-in, which it builds.
///
/// # Panics
///
/// Where it cannot be built, and where the test fails.
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
