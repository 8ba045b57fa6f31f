//! Builds the programs for a GPU machine, in the profile `pack`, with kernels for one GPU. For a rehearsal, it uses the profile of the tests.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::{cuda, workspace};

/// The environment variable with the GPUs for which cuda/build.rs compiles the kernels.
const ARCHITECTURES: &str = "SELVEDGE_CUDA_ARCHITECTURES";
/// The GPU for which the tests compile the kernels: the oldest one whose launches may overlap. `cargo xtask check kernels` compiles them for every GPU.
pub const TESTED: &str = "90";
/// The integration test of the package `cuda` that needs nothing but a driver. With SELVEDGE_GPU=1, which check.sh sets, that driver is the
/// machine's own.
const TEST: &str = "gpu";

/// The programs of a pack.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Programs {
    /// The program `selvedge-cuda`, without the parts that need a network or a board. The pack calls it `selvedge`.
    pub selvedge: PathBuf,
    /// The benchmark `cuda`.
    pub bench: PathBuf,
    /// The integration test [`TEST`].
    pub test: PathBuf,
}

/// Adds the GPU's part to a build of the workspace for tests, if this machine has a compiler for it. If the user has chosen no GPU, the kernels are
/// compiled for [`TESTED`].
pub fn add_gpu(cargo: &mut Command) -> &mut Command {
    if !has_compiler() {
        return cargo;
    }
    if env::var_os(ARCHITECTURES).is_none() {
        cargo.env(ARCHITECTURES, TESTED);
    }
    cargo.args(["--features", "tests/cuda"])
}

/// Returns true if this machine can compile the kernels.
pub fn has_compiler() -> bool {
    cfg!(target_os = "linux") && cuda::compiler().is_ok()
}

/// Returns a cargo command in the profile of the pack.
fn cargo(architecture: &str) -> Command {
    let mut cargo = launch::cargo("build");
    cargo.args(["--profile", "pack", "--message-format", "json-render-diagnostics"]).env(ARCHITECTURES, architecture);
    cargo
}

/// Runs cargo and returns its messages.
fn messages(cargo: &mut Command) -> Result<Vec<Message>> {
    say!("$ {}", workspace::shown(cargo));
    let output = cargo.stderr(std::process::Stdio::inherit()).output().context("cannot start cargo")?;
    ensure!(output.status.success(), "cargo could not build it, see above");
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
}

impl Programs {
    /// Builds all three programs for a GPU machine.
    pub fn build(architecture: &str) -> Result<Self> {
        let mut cargo = cargo(architecture);
        // The packages' default features need a network, a serial port or pictures.
        cargo.args(["--package", "gpu", "--package", "cuda", "--no-default-features"]);
        Self::found(cargo.args(["--features", "gpu/driver,cuda/driver"]), "selvedge-cuda")
    }

    /// Builds all three programs for this machine. `cargo xtask test` has built most of them.
    ///
    /// The program `selvedge` is that of the tests, `tested-selvedge`.
    pub fn for_rehearsal() -> Result<Self> {
        let mut cargo = launch::cargo("build");
        cargo.args(["--message-format", "json-render-diagnostics"]);
        Self::found(add_gpu(&mut cargo).arg("--workspace"), "tested-selvedge")
    }

    fn found(cargo: &mut Command, program: &str) -> Result<Self> {
        let messages = messages(cargo.args(["--bin", program, "--bench", "cuda", "--test", TEST]))?;
        let find = |kind: &str, name: &str| {
            let found = messages.iter().find_map(|message| message.executable(kind, name));
            found.with_context(|| format!("cargo does not say where it built the {kind} {name}"))
        };
        Ok(Self { selvedge: find("bin", program)?, bench: find("bench", "cuda")?, test: find("test", TEST)? })
    }
}

/// Builds the stand-in for NVIDIA's driver and returns its file.
pub fn stand_in() -> Result<PathBuf> {
    let mut cargo = launch::cargo("build");
    cargo.args(["--package", "emulated_driver", "--message-format", "json-render-diagnostics"]);
    let messages = messages(&mut cargo)?;
    let library = messages.iter().find_map(|message| message.library("emulated_driver"));
    library.context("cargo does not say where it built the stand-in for the driver")
}

/// Compiles the kernels for a GPU, or for every GPU. Returns the folder with `selvedge.fatbin` and `selvedge.report`.
pub fn kernels(architecture: Option<&str>) -> Result<PathBuf> {
    let compiler = cuda::compiler()?;
    // An empty list stands for every GPU.
    let mut cargo = cargo(architecture.unwrap_or_default());
    cargo.args(["--package", "cuda", "--no-default-features", "--features", "cuda/driver"]);
    let messages = messages(&mut cargo)?;
    let folder = messages.iter().find_map(|message| message.out_dir("/cuda#"));
    folder.with_context(|| format!("cargo does not say what {} compiled", compiler.display()))
}

/// The part of a message of cargo that is used here.
#[derive(Debug, Deserialize)]
struct Message {
    package_id: String,
    target: Option<Target>,
    executable: Option<PathBuf>,
    #[serde(default)]
    filenames: Vec<PathBuf>,
    out_dir: Option<PathBuf>,
}

#[derive(Debug, Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

impl Message {
    /// Returns the program that the message names, if it has this kind and name.
    fn executable(&self, kind: &str, name: &str) -> Option<PathBuf> {
        let target = self.target.as_ref().filter(|target| target.name == name)?;
        target.kind.iter().any(|found| found == kind).then(|| self.executable.clone())?
    }

    /// Returns the shared library of this name.
    fn library(&self, name: &str) -> Option<PathBuf> {
        self.target.as_ref().filter(|target| target.name == name)?;
        let is_library = |file: &&PathBuf| file.extension().is_some_and(|extension| extension == "so");
        self.filenames.iter().find(is_library).cloned()
    }

    /// Returns the folder to which a package's build script has written.
    fn out_dir(&self, package: &str) -> Option<PathBuf> {
        self.out_dir.clone().filter(|_| self.package_id.contains(package))
    }
}

/// Compiles the probe, so that the GPU machine needs no compiler.
pub fn probe(architecture: &str, program: &Path) -> Result<()> {
    let compiler = cuda::compiler()?;
    let mut nvcc = launch::command(&compiler);
    nvcc.args(["-O3", "-std=c++17", "-cudart", "static", "-Xlinker", "-s", "-arch", &format!("sm_{architecture}")]);
    // NVIDIA's packages for Python have their libraries in another folder than nvcc expects.
    if let Some(toolkit) = compiler.ancestors().nth(2) {
        nvcc.arg("-L").arg(toolkit.join("lib"));
    }
    nvcc.arg("cuda/probe/probe.cu").arg("-o").arg(program);
    workspace::output(&mut nvcc).context("the probe cuda/probe/probe.cu does not compile")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_say_where_programs_are() {
        let bench = r#"{"reason":"compiler-artifact","package_id":"path+file:///s/cuda/gpu#0.1.0","target":{"kind":["bench"],"name":"cuda"},
            "filenames":["/t/cuda-1"],"executable":"/t/cuda-1"}"#;
        let library = r#"{"package_id":"path+file:///s/cuda#0.1.0","target":{"kind":["lib"],"name":"cuda"},
            "filenames":["/t/libcuda.rlib","/t/libcuda.so"],"executable":null}"#;
        let script = r#"{"package_id":"path+file:///s/cuda#0.1.0","out_dir":"/t/out"}"#;
        let [bench, library, script] =
            [bench, library, script].map(|line| serde_json::from_str::<Message>(line).unwrap());
        assert_eq!(bench.executable("bench", "cuda"), Some("/t/cuda-1".into()));
        assert_eq!((bench.executable("bin", "cuda"), library.executable("lib", "cuda")), (None, None));
        assert_eq!((library.library("cuda"), bench.library("cuda")), (Some("/t/libcuda.so".into()), None));
        assert_eq!((script.out_dir("/cuda#"), script.out_dir("/host#")), (Some("/t/out".into()), None));
    }
}
