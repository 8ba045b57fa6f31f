//! `cargo xtask doctor`: lists the installed tools, the missing tools, and how to get them.

use std::{
    env,
    ffi::OsStr,
    io::{self, Write},
    path::PathBuf,
    process::{Command, ExitCode, Stdio},
};

use anyhow::Result;
use board::Processor;

use crate::{
    cuda, python, setup,
    toolchain::{self, Installed, PAGE_TARGET, Toolchain},
    typescript,
};

/// One line of the table.
struct Finding {
    name: &'static str,
    /// True if `train`, `eval`, `predict`, `inspect`, `convert` and `show` do not work without it.
    needed: bool,
    /// The version that is installed, or the way to get it.
    found: Result<String, &'static str>,
}

/// Prints the table. Fails only if a needed tool is missing.
pub fn run() -> Result<ExitCode> {
    let findings = findings();
    for Finding { name, found, .. } in &findings {
        match found {
            Ok(version) => say!("  ✓ {name:<20} {version}"),
            Err(remedy) => say!("  – {name:<20} missing: {remedy}"),
        }
    }
    let missing: Vec<_> = findings
        .iter()
        .filter(|finding| finding.needed && finding.found.is_err())
        .map(|finding| finding.name)
        .collect();
    if missing.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    // A closed standard error is no reason to panic.
    let _ = writeln!(io::stderr(), "error: training and prediction need {}", missing.join(" and "));
    Ok(ExitCode::FAILURE)
}

fn findings() -> Vec<Finding> {
    let needed = |name, found| Finding { name, needed: true, found };
    let optional = |name, found| Finding { name, needed: false, found };
    let by_setup = "`cargo xtask setup` gets it (for flash and test)";
    let (targets, linker) = firmware_tools();
    vec![
        needed("Rust compiler", version("rustc", &["--version"]).ok_or("https://rustup.rs")),
        needed("C compiler", version("cc", &["--version"]).ok_or("apt-get install gcc, or xcode-select --install")),
        optional("boards' targets", targets.ok_or(by_setup)),
        optional("boards' linker", linker.ok_or(by_setup)),
        optional("QEMU for ARM", version(Processor::CortexM.qemu(), &["--version"]).ok_or(by_setup)),
        optional("QEMU for RISC-V", version(Processor::RiscV.qemu(), &["--version"]).ok_or(by_setup)),
        optional(
            "ARM C compiler",
            version(setup::C_COMPILER, &["--version"])
                .ok_or("`cargo xtask setup --c` gets it (for exported C on the boards alone)"),
        ),
        optional(
            "page's target",
            page_target().ok_or("`cargo xtask setup --page` gets it (for the page in a browser alone)"),
        ),
        optional(
            "Chromium, driver",
            version("chromedriver", &["--version"])
                .filter(|_| setup::missing_browser().is_empty())
                .ok_or("`cargo xtask setup --page` gets both (for the tests of pages alone)"),
        ),
        optional(
            "TypeScript",
            typescript::found()
                .map(|script| script.display().to_string())
                .ok_or("`cargo xtask setup --page` gets it (for the types of the page's script alone)"),
        ),
        optional(
            "probe-rs",
            version("probe-rs", &["--version"])
                .ok_or("for real boards alone: https://probe.rs/docs/getting-started/installation"),
        ),
        optional(
            "Python for tests",
            python::found().map(|python| python.display().to_string()).ok_or(
                "`cargo xtask setup --python` gets PyTorch and ONNX Runtime (for the tests of interchange alone)",
            ),
        ),
        optional("CUDA compiler", cuda_compiler().ok_or("`cargo xtask setup --cuda` gets NVIDIA's (for --cuda alone)")),
        optional("GPU driver", gpu_driver().ok_or("for --cuda alone: NVIDIA's driver for your GPU")),
        optional(
            "Fashion-MNIST",
            data().ok_or(
                "downloaded on first use; offline, set FASHION_MNIST_DIR to its four files or use the built-in set",
            ),
        ),
    ]
}

/// Returns the compiler of the page's library.
fn page_target() -> Option<String> {
    Some(match Toolchain::for_page().ok()? {
        Toolchain::Rustup => PAGE_TARGET.to_owned(),
        Toolchain::Debian { .. } => format!("{PAGE_TARGET}, built by Debian's compiler from its library source"),
    })
}

fn firmware_tools() -> (Option<String>, Option<String>) {
    let (Ok(installed), Ok(targets)) = (Installed::look(), toolchain::targets()) else {
        return (None, None);
    };
    let compiler = if installed.missing_targets.is_empty() {
        Some(targets.join(", "))
    } else {
        installed.debian.then(|| "built by Debian's compiler from its library source".to_owned())
    };
    (compiler, installed.linker.map(|linker| linker.display().to_string()))
}

/// Returns the first line that a program prints.
fn version(program: &str, arguments: &[&str]) -> Option<String> {
    printed(program, arguments)?.lines().next().map(str::to_owned)
}

fn printed(program: impl AsRef<OsStr>, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Returns the CUDA compiler that a build uses: its release and its place.
fn cuda_compiler() -> Option<String> {
    let nvcc = cuda::compiler().ok()?;
    let words = printed(&nvcc, &["--version"])?;
    let release = words.lines().find_map(|line| Some(line.split_once(", release ")?.1.split(',').next()?.to_owned()));
    Some(format!("nvcc {}, {}", release.unwrap_or_default(), nvcc.display()))
}

/// Returns the GPU and its driver's version, or only the driver's library, as in a container without the tools.
fn gpu_driver() -> Option<String> {
    let query = ["--query-gpu=name,driver_version", "--format=csv,noheader"];
    version("nvidia-smi", &query).or_else(|| {
        let libraries = printed("ldconfig", &["-p"]).or_else(|| printed("/sbin/ldconfig", &["-p"]))?;
        let libcuda = libraries.lines().find(|line| line.contains("libcuda.so.1"))?;
        libcuda.split_whitespace().last().map(str::to_owned)
    })
}

/// Returns the first folder with the training images.
fn data() -> Option<String> {
    let has_images = |folder: &PathBuf| {
        ["train-images-idx3-ubyte.gz", "train-images-idx3-ubyte"].iter().any(|file| folder.join(file).exists())
    };
    data_folders().find(has_images).map(|folder| folder.display().to_string())
}

/// Returns the folders in which Fashion-MNIST may lie, in the order in which `selvedge` searches.
pub fn data_folders() -> impl Iterator<Item = PathBuf> {
    let variable = env::var_os("FASHION_MNIST_DIR").map(PathBuf::from);
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(env::home_dir()?.join(".cache")));
    let folders =
        [variable, Some("data/fashion-mnist".into()), cache.map(|folder| folder.join("selvedge/fashion-mnist"))];
    folders.into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compiler_is_found_and_a_missing_program_is_none() {
        assert!(version("rustc", &["--version"]).unwrap().starts_with("rustc "));
        assert_eq!(version("no-such-program", &[]), None);
    }

    #[test]
    fn only_what_every_command_needs_is_needed() {
        let needed: Vec<_> =
            findings().into_iter().filter(|finding| finding.needed).map(|finding| finding.name).collect();
        assert_eq!(needed, ["Rust compiler", "C compiler"]);
    }
}
