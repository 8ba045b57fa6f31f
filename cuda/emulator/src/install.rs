//! The stand-in for NVIDIA's driver library, where a test's program finds it.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    process::{self, Command},
};

/// Builds the package `emulated_driver`, and puts it into `folder` under the name that programs look for, which is the folder to name in
/// their `LD_LIBRARY_PATH`. For tests that cargo built: they lie in the target folder. A folder that is missing is made.
///
/// # Errors
///
/// Cargo cannot build it, the caller does not lie in a target folder, or `folder` cannot be written.
pub fn install_driver(folder: &Path) -> io::Result<()> {
    let program = env::current_exe()?;
    // target/[triple/]debug/deps/test
    let target = program.ancestors().find(|folder| folder.join("CACHEDIR.TAG").is_file());
    let target = target.ok_or_else(|| io::Error::other(format!("{}: not in a target folder", program.display())))?;
    let cargo = env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from);
    let mut build = Command::new(cargo);
    build.args(["build", "--quiet", "--package", "emulated_driver", "--target-dir"]).arg(target);
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
