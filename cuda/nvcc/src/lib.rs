//! Finds NVIDIA's compiler. The kernels' build takes the one that `cargo xtask doctor` shows.

use std::{
    env,
    path::{Path, PathBuf},
};

/// The environment variable that names a toolkit to take before all others.
pub const VARIABLE: &str = "CUDA_PATH";

/// The folder in cargo's target folder that `cargo xtask setup --cuda` unpacks a toolkit to.
pub const FOLDER: &str = "cuda-toolkit";

/// There is no compiler.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotFound {
    /// [`VARIABLE`] names a folder without one.
    #[error("{VARIABLE} names {}, which has no compiler: unset it, or name a CUDA toolkit", .0.display())]
    Named(PathBuf),
    /// No place has one.
    #[error("there is no CUDA compiler (nvcc) here; `cargo xtask setup --cuda` gets one")]
    Anywhere,
}

/// Returns the toolkit that the user names by [`VARIABLE`].
pub fn named() -> Option<PathBuf> {
    env::var_os(VARIABLE).filter(|toolkit| !toolkit.is_empty()).map(PathBuf::from)
}

/// Returns a toolkit's compiler, which may not be there.
pub fn of_toolkit(toolkit: &Path) -> PathBuf {
    toolkit.join("bin").join(program())
}

fn program() -> String {
    format!("nvcc{}", env::consts::EXE_SUFFIX)
}

/// Returns the compiler. If [`VARIABLE`] names a toolkit, only that toolkit's compiler is taken. Otherwise it is that of [`FOLDER`] in `inside` or a
/// folder above it, of /usr/local/cuda, or of `PATH`.
///
/// `inside` is the target folder, or for a build script its `OUT_DIR`, which lies in it.
///
/// # Errors
///
/// [`NotFound`].
pub fn find(inside: &Path) -> Result<PathBuf, NotFound> {
    if let Some(toolkit) = named() {
        let nvcc = of_toolkit(&toolkit);
        return if nvcc.is_file() { Ok(nvcc) } else { Err(NotFound::Named(toolkit)) };
    }
    let of_setup = inside.ancestors().map(|folder| of_toolkit(&folder.join(FOLDER)));
    let path = env::var_os("PATH").unwrap_or_default();
    let of_path = env::split_paths(&path).map(|folder| folder.join(program()));
    let mut places = of_setup.chain([of_toolkit(Path::new("/usr/local/cuda"))]).chain(of_path);
    places.find(|nvcc| nvcc.is_file()).ok_or(NotFound::Anywhere)
}
