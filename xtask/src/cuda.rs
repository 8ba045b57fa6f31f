//! NVIDIA's compiler for the CUDA kernels: unpacked from its packages on PyPI, or already installed.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use nvcc::VARIABLE;

use crate::workspace;

/// The file with the packages, their versions and their files' hashes.
const REQUIREMENTS: &str = "cuda/nvcc/requirements.txt";
const PACKAGES: &str = include_str!("../../cuda/nvcc/requirements.txt");
/// The folder that all packages share.
const FOLDER: &str = "nvidia/cu13";
const SETUP: &str = "cargo xtask setup --cuda";
const LICENCE: &str = "NVIDIA's licence, https://docs.nvidia.com/cuda/eula";

/// Returns the compiler that a build takes.
pub fn compiler() -> Result<PathBuf> {
    Ok(nvcc::find(&workspace::target_dir()?)?)
}

/// Returns the program that lists machine code: the one of the compiler's toolkit, the one that [`set_up`] unpacked, or the one on `PATH`.
pub fn disassembler() -> Result<PathBuf> {
    let name = format!("cuobjdump{}", std::env::consts::EXE_SUFFIX);
    let beside = compiler()?.with_file_name(&name);
    let unpacked = nvcc::of_toolkit(&toolkit()?).with_file_name(&name);
    let found = [beside, unpacked].into_iter().find(|path| path.is_file());
    found
        .or_else(|| workspace::on_path("cuobjdump"))
        .with_context(|| format!("there is no cuobjdump here, which lists machine code; `{SETUP}` gets it"))
}

/// Returns the parts that [`set_up`] installs, with their sources and licences.
pub fn offer() -> Result<Vec<String>> {
    Ok(vec![format!("NVIDIA's compiler, 110 MB ({LICENCE}): from PyPI, by pip, into {}", toolkit()?.display())])
}

/// Unpacks the toolkit into the target folder, unless it is there.
pub fn set_up() -> Result<()> {
    let toolkit = toolkit()?;
    if !is_installed(&toolkit) {
        let lock = toolkit.with_added_extension("lock");
        let _lock = workspace::lock(&lock).with_context(|| format!("cannot lock {}", lock.display()))?;
        // Another run may have been faster.
        if !is_installed(&toolkit) {
            let partial = toolkit.with_added_extension("part");
            // Before: what a run that was killed has left. After, whether or not all went well: what has no place of its own.
            let _ = fs::remove_dir_all(&partial);
            let installed = install(&toolkit, &partial);
            let _ = fs::remove_dir_all(&partial);
            installed?;
        }
    }
    say!("Ready: the CUDA compiler is {}.", nvcc::of_toolkit(&toolkit).display());
    if let Some(named) = nvcc::named() {
        say!("A build takes another, as {VARIABLE} names {}; unset it to take this one.", named.display());
    }
    Ok(())
}

/// Prints whether the compiler is there.
pub fn check() -> Result<()> {
    say!("Ready: the CUDA compiler is {}.", compiler()?.display());
    Ok(())
}

fn install(toolkit: &Path, partial: &Path) -> Result<()> {
    let Some(python) = ["python3", "python"].into_iter().find_map(workspace::on_path) else {
        bail!(
            "there is no Python here: install Python 3 with pip, then run `{SETUP}`; or name a CUDA toolkit by {VARIABLE}"
        );
    };
    say!("Getting NVIDIA's compiler from PyPI, 110 MB, under {LICENCE}");
    let mut pip = launch::command(python);
    pip.args(["-m", "pip", "install", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:"]);
    pip.args(["--require-hashes", "--requirement", REQUIREMENTS]);
    workspace::run(pip.arg("--target").arg(partial))
        .context("pip gave no compiler (it needs pip, a network and Linux; Debian: python3-pip)")?;
    let unpacked = partial.join(FOLDER);
    workspace::output(launch::command(nvcc::of_toolkit(&unpacked)).arg("--version"))
        .context("NVIDIA's compiler does not run here")?;
    fs::write(stamp(&unpacked), packages()).with_context(|| format!("cannot write {}", unpacked.display()))?;
    if toolkit.exists() {
        fs::remove_dir_all(toolkit).with_context(|| format!("cannot remove the old {}", toolkit.display()))?;
    }
    fs::rename(&unpacked, toolkit).with_context(|| format!("cannot write {}", toolkit.display()))
}

fn toolkit() -> Result<PathBuf> {
    Ok(workspace::target_dir()?.join(nvcc::FOLDER))
}

/// Returns the packages with their versions, one in each line.
fn packages() -> String {
    let versions = PACKAGES.lines().filter(|line| !line.starts_with('#')).filter(|line| line.contains("=="));
    versions.map(|line| line.trim_end_matches([' ', '\\'])).collect::<Vec<_>>().join("\n")
}

/// Returns the list of the installed packages.
fn stamp(toolkit: &Path) -> PathBuf {
    toolkit.join("packages.txt")
}

fn is_installed(toolkit: &Path) -> bool {
    fs::read_to_string(stamp(toolkit)).is_ok_and(|installed| installed == packages())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_package_has_hashes() {
        assert_eq!(packages().lines().count(), 7, "{}", packages());
        assert!(packages().starts_with("nvidia-cuda-nvcc==13.0.88\nnvidia-nvvm=="));
        assert!(PACKAGES.matches("--hash=sha256:").count() >= 2 * 7);
    }

    #[test]
    fn a_toolkit_of_other_packages_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        assert!(!is_installed(folder));
        fs::write(stamp(folder), packages()).unwrap();
        assert!(is_installed(folder));
        fs::write(stamp(folder), packages().replace("13.0.88", "13.0.48")).unwrap();
        assert!(!is_installed(folder));
    }
}
