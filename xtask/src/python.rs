//! The Python that tests of interchange compare with: SELVEDGE_PYTHON, or the virtual environment of `cargo xtask setup --python`.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

use crate::{tied, workspace};

/// The environment variable that names a Python that already has the packages.
pub const VARIABLE: &str = "SELVEDGE_PYTHON";
/// The file with the packages and their versions.
const REQUIREMENTS: &str = "tests/references/requirements.txt";
/// The file with the packages, those that they need, and the hashes of all files.
const LOCK: &str = "tests/references/requirements.lock";
/// The file with the program that installs them, and its hashes.
const INSTALLER: &str = "tests/references/uv.txt";
const SETUP: &str = "cargo xtask setup --python";
/// The licences of the packages that are asked for.
const LICENCES: [(&str, &str); 7] = [
    ("numpy", "BSD-3-Clause"),
    ("onnx", "Apache-2.0"),
    ("onnxruntime", "MIT"),
    ("safetensors", "Apache-2.0"),
    ("selenium", "Apache-2.0"),
    ("tensorboard", "Apache-2.0"),
    ("torch", "BSD-3-Clause"),
];

/// Returns the Python for the tests, if there is one.
pub fn found() -> Option<PathBuf> {
    match env::var_os(VARIABLE).filter(|python| !python.is_empty()) {
        Some(python) => Some(python.into()),
        None => environment().ok().filter(|folder| is_installed(folder)).map(|folder| program(&folder)),
    }
}

/// Returns the packages that [`set_up`] installs, from where and under which licences.
pub fn offer() -> Result<Vec<String>> {
    let packages = LICENCES.map(|(package, licence)| format!("{package} ({licence})")).join(", ");
    let from = "from PyPI, by uv (MIT OR Apache-2.0)";
    Ok(vec![format!("{packages}: {from}, into {}", environment()?.display())])
}

/// Makes the virtual environment, unless it is there.
pub fn set_up() -> Result<()> {
    if let Some(python) = found() {
        say!("Ready: Python for the interchange tests is {}.", python.display());
        return Ok(());
    }
    let folder = environment()?;
    let lock = folder.with_extension("lock");
    let _lock = workspace::lock(&lock).with_context(|| format!("cannot lock {}", lock.display()))?;
    // Another run may have been faster.
    if is_installed(&folder) {
        say!("Ready: Python for the interchange tests is {}.", program(&folder).display());
        return Ok(());
    }
    let Some(python) = ["python3", "python"].into_iter().find_map(workspace::on_path) else {
        bail!("there is no Python here: install Python 3 with venv, then run `{SETUP}`");
    };
    say!("Making {} with the packages of {LOCK}", folder.display());
    let install = |by: fn(&Path) -> Result<()>| {
        make(&python, &folder)?;
        by(&folder)
    };
    if let Err(error) = install(by_uv) {
        say!("uv did not install the packages ({error:#}); pip does it instead");
        install(|folder| by_pip(folder, &[LOCK]))?;
    }
    // Last: with it, all of them are there.
    fs::copy(launch::root().join(REQUIREMENTS), installed(&folder))
        .with_context(|| format!("cannot write {}", installed(&folder).display()))?;
    say!("Ready: Python for the interchange tests is {}.", program(&folder).display());
    Ok(())
}

/// Makes an empty virtual environment. What an earlier run has left is removed, because an installer takes a package as complete once its description
/// is there.
fn make(python: &Path, folder: &Path) -> Result<()> {
    let mut venv = launch::command(python);
    workspace::run(venv.args(["-m", "venv", "--clear"]).arg(folder))
        .context("Python has no venv (Debian: python3-venv)")
}

/// Installs the packages by uv, in a third of pip's processor time. uv does not read pip's settings, such as another index.
fn by_uv(folder: &Path) -> Result<()> {
    // Never from source, which would need a compiler of its own.
    by_pip(folder, &[INSTALLER, "--only-binary", ":all:"])?;
    // In the file system of the environment, so that uv links the unpacked files and copies none.
    let cache = folder.join("cache");
    let mut uv = launch::command(program(folder).with_file_name(format!("uv{}", env::consts::EXE_SUFFIX)));
    uv.args(["pip", "install", "--quiet", "--no-deps", "--require-hashes", "--requirement", LOCK]);
    uv.args(["--link-mode", "hardlink"]).arg("--python").arg(program(folder)).arg("--cache-dir").arg(&cache);
    let installed = workspace::run(&mut tied::tied(&uv));
    // This deletes no installed file: each has a link of its own.
    let _ = fs::remove_dir_all(&cache);
    installed
}

/// Installs the packages of a file by pip. The arguments are the file and further options.
fn by_pip(folder: &Path, packages: &[&str]) -> Result<()> {
    let mut pip = launch::command(program(folder));
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        // Python compiles a module when it is first used; most of them never are.
        "--no-compile",
        // The list has all of them that are needed.
        "--no-deps",
        "--disable-pip-version-check",
        "--require-hashes",
        "--requirement",
    ]);
    pip.args(packages);
    // It ends with this program, which may be ended while it runs beside others.
    workspace::run(&mut tied::tied(&pip))
}

/// Prints whether the Python is there.
pub fn check() -> Result<()> {
    match found() {
        Some(python) => say!("Ready: Python for the interchange tests is {}.", python.display()),
        None => bail!("Python for the interchange tests is not here; to get it, run:\n  {SETUP}"),
    }
    Ok(())
}

fn environment() -> Result<PathBuf> {
    Ok(workspace::target_dir()?.join("python"))
}

fn program(folder: &Path) -> PathBuf {
    folder.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" })
}

/// Returns the list of the installed packages.
fn installed(folder: &Path) -> PathBuf {
    folder.join("requirements.txt")
}

fn is_installed(folder: &Path) -> bool {
    let asked = fs::read(launch::root().join(REQUIREMENTS)).ok();
    asked.is_some() && asked == fs::read(installed(folder)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_is_there_when_all_of_it_was_installed() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        assert!(!is_installed(folder));
        fs::copy(launch::root().join(REQUIREMENTS), installed(folder)).unwrap();
        assert!(is_installed(folder));
        fs::write(installed(folder), "torch==1.0").unwrap();
        assert!(!is_installed(folder));
    }

    #[test]
    fn every_package_is_locked_with_hashes_and_has_a_licence() {
        let read = |file: &str| fs::read_to_string(launch::root().join(file)).unwrap();
        let (asked, locked) = (read(REQUIREMENTS), read(LOCK));
        for package in asked.lines().filter(|line| !line.starts_with('#')) {
            assert!(
                locked.lines().any(|line| line.split_whitespace().next() == Some(package)),
                "{package}: make {LOCK} anew"
            );
        }
        let names = asked.lines().filter_map(|line| Some(line.split_once("==")?.0));
        assert_eq!(names.collect::<Vec<_>>(), LICENCES.map(|(package, _)| package));
        let installer = read(INSTALLER);
        let lines: Vec<_> = locked.lines().chain(installer.lines()).filter(|line| !line.starts_with('#')).collect();
        for pair in lines.windows(2).filter(|pair| pair[0].contains("==")) {
            assert!(pair[1].contains("--hash=sha256:"), "{}", pair[0]);
        }
    }
}
