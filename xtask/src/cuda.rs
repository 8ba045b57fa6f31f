//! NVIDIA's compiler for the CUDA kernels: unpacked from its packages on PyPI, or one that was there.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use nvcc::VARIABLE;

use crate::workspace;

/// The packages, pinned: the compiler, its parts, and the headers that it needs. The last two list machine code; their first release is later.
const PACKAGES: [&str; 7] = [
    "nvidia-cuda-nvcc==13.0.88",
    "nvidia-nvvm==13.0.88",
    "nvidia-cuda-crt==13.0.88",
    "nvidia-cuda-runtime==13.0.96",
    "nvidia-cuda-cccl==13.0.85",
    "nvidia-cuda-cuobjdump==13.2.51",
    "nvidia-cuda-nvdisasm==13.2.51",
];
/// The folder that all of them share.
const FOLDER: &str = "nvidia/cu13";
const SETUP: &str = "cargo xtask setup --cuda";

/// Returns the compiler that a build takes.
pub fn compiler() -> Result<PathBuf> {
    Ok(nvcc::find(&workspace::target_dir()?)?)
}

/// Returns the program that lists machine code: the compiler's toolkit's, the one that [`set_up`] unpacked, or that of `PATH`.
pub fn disassembler() -> Result<PathBuf> {
    let name = format!("cuobjdump{}", std::env::consts::EXE_SUFFIX);
    let beside = compiler()?.with_file_name(&name);
    let unpacked = nvcc::of_toolkit(&toolkit()?).with_file_name(&name);
    let found = [beside, unpacked].into_iter().find(|path| path.is_file());
    found
        .or_else(|| workspace::on_path("cuobjdump"))
        .with_context(|| format!("there is no cuobjdump here, which lists machine code; `{SETUP}` gets it"))
}

/// Unpacks the toolkit into the target folder, unless it is there.
pub fn set_up() -> Result<()> {
    let toolkit = toolkit()?;
    if !is_installed(&toolkit) {
        let partial = toolkit.with_added_extension(format!("{}.part", std::process::id()));
        let installed = install(&toolkit, &partial);
        // Whether or not all went well: what has a place of its own has left it.
        let _ = fs::remove_dir_all(&partial);
        installed?;
    }
    say!("Ready: the CUDA compiler is {}.", nvcc::of_toolkit(&toolkit).display());
    if let Some(named) = nvcc::named() {
        say!("A build takes another, as {VARIABLE} names {}; unset it to take this one.", named.display());
    }
    Ok(())
}

/// Says what is missing, or is there.
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
    say!("Getting NVIDIA's compiler from PyPI, 110 MB, under NVIDIA's licence (https://docs.nvidia.com/cuda/eula)");
    let mut pip = launch::command(python);
    pip.args(["-m", "pip", "install", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:"]);
    workspace::run(pip.arg("--target").arg(partial).args(PACKAGES))
        .context("pip gave no compiler (it needs pip, a network and Linux; Debian: python3-pip)")?;
    let unpacked = partial.join(FOLDER);
    workspace::output(launch::command(nvcc::of_toolkit(&unpacked)).arg("--version"))
        .context("NVIDIA's compiler does not run here")?;
    fs::write(stamp(&unpacked), PACKAGES.join("\n")).with_context(|| format!("cannot write {}", unpacked.display()))?;
    if toolkit.exists() {
        fs::remove_dir_all(toolkit).with_context(|| format!("cannot remove the old {}", toolkit.display()))?;
    }
    fs::rename(&unpacked, toolkit).with_context(|| format!("cannot write {}", toolkit.display()))
}

fn toolkit() -> Result<PathBuf> {
    Ok(workspace::target_dir()?.join(nvcc::FOLDER))
}

/// The list of the installed packages.
fn stamp(toolkit: &Path) -> PathBuf {
    toolkit.join("packages.txt")
}

fn is_installed(toolkit: &Path) -> bool {
    fs::read_to_string(stamp(toolkit)).is_ok_and(|installed| installed == PACKAGES.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_toolkit_of_other_packages_is_replaced() {
        let folder = std::env::temp_dir().join(format!("selvedge-cuda-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        assert!(!is_installed(&folder));
        fs::write(stamp(&folder), PACKAGES.join("\n")).unwrap();
        assert!(is_installed(&folder));
        fs::write(stamp(&folder), PACKAGES.join("\n").replace("13.0.88", "13.0.48")).unwrap();
        assert!(!is_installed(&folder));
        fs::remove_dir_all(folder).unwrap();
    }
}
