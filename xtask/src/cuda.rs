//! NVIDIA's compiler for the CUDA kernels: unpacked from its packages on PyPI, or one that was there.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail, ensure};

use crate::workspace;

/// Names a toolkit to take before all others.
pub const VARIABLE: &str = "CUDA_PATH";
/// The packages, pinned: the compiler, its parts, and the headers that it needs.
const PACKAGES: [&str; 5] = [
    "nvidia-cuda-nvcc==13.0.88",
    "nvidia-nvvm==13.0.88",
    "nvidia-cuda-crt==13.0.88",
    "nvidia-cuda-runtime==13.0.96",
    "nvidia-cuda-cccl==13.0.85",
];
/// The folder that all of them share.
const FOLDER: &str = "nvidia/cu13";
const SETUP: &str = "cargo xtask setup --cuda";

/// The compiler that a build takes (cuda/build.rs): CUDA_PATH's alone where that is set; else that of `cargo xtask setup --cuda`, of
/// /usr/local/cuda, or of PATH.
pub fn compiler() -> Result<PathBuf> {
    if let Some(toolkit) = named() {
        let nvcc = nvcc(&toolkit);
        let names = toolkit.display();
        ensure!(nvcc.is_file(), "{VARIABLE} names {names}, which has no compiler: unset it, or name a CUDA toolkit");
        return Ok(nvcc);
    }
    let toolkits = [toolkit()?, PathBuf::from("/usr/local/cuda")];
    let found = toolkits.iter().map(|toolkit| nvcc(toolkit)).find(|nvcc| nvcc.is_file());
    found
        .or_else(|| workspace::on_path("nvcc"))
        .context(format!("there is no CUDA compiler (nvcc) here; to get one, run `{SETUP}`"))
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
    say!("Ready: the CUDA compiler is {}.", nvcc(&toolkit).display());
    if let Some(named) = named() {
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
    say!("Getting NVIDIA's compiler from PyPI, 100 MB, under NVIDIA's licence (https://docs.nvidia.com/cuda/eula)");
    let mut pip = workspace::command(python);
    pip.args(["-m", "pip", "install", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:"]);
    workspace::run(pip.arg("--target").arg(partial).args(PACKAGES))
        .context("pip gave no compiler (it needs pip, a network and Linux; Debian: python3-pip)")?;
    let unpacked = partial.join(FOLDER);
    workspace::output(workspace::command(nvcc(&unpacked)).arg("--version"))
        .context("NVIDIA's compiler does not run here")?;
    fs::write(stamp(&unpacked), PACKAGES.join("\n")).with_context(|| format!("cannot write {}", unpacked.display()))?;
    if toolkit.exists() {
        fs::remove_dir_all(toolkit).with_context(|| format!("cannot remove the old {}", toolkit.display()))?;
    }
    fs::rename(&unpacked, toolkit).with_context(|| format!("cannot write {}", toolkit.display()))
}

/// The toolkit that the user names.
fn named() -> Option<PathBuf> {
    env::var_os(VARIABLE).filter(|toolkit| !toolkit.is_empty()).map(PathBuf::from)
}

fn toolkit() -> Result<PathBuf> {
    Ok(workspace::target_dir()?.join("cuda-toolkit"))
}

fn nvcc(toolkit: &Path) -> PathBuf {
    toolkit.join("bin").join(format!("nvcc{}", env::consts::EXE_SUFFIX))
}

/// What was installed, as it was asked for.
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
        let folder = env::temp_dir().join(format!("selvedge-cuda-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        assert!(!is_installed(&folder));
        fs::write(stamp(&folder), PACKAGES.join("\n")).unwrap();
        assert!(is_installed(&folder));
        fs::write(stamp(&folder), PACKAGES.join("\n").replace("13.0.88", "13.0.48")).unwrap();
        assert!(!is_installed(&folder));
        fs::remove_dir_all(folder).unwrap();
    }
}
