//! The CUDA kernels: compiled for every GPU, and on the CPU under sanitizers.

use std::{fs, path::PathBuf, process::Command};

use anyhow::{Context, Result, bail, ensure};
use launch::cargo;
use serde::Deserialize;

use super::{CORE_FEATURES, DENY_WARNINGS, step};
use crate::{cuda, workspace};

/// With it, the emulator's kernels are built with AddressSanitizer and UndefinedBehaviorSanitizer.
const SANITIZE: &str = "SELVEDGE_SANITIZE";

/// The options by which a build contains the GPU's part; none where there is no compiler for it.
pub fn features() -> &'static [&'static str] {
    if cfg!(target_os = "linux") && cuda::compiler().is_ok() { &["--features", "tests/cuda"] } else { &[] }
}

/// The lints of the workspace: as it is built without options, with the GPU's part, and core with its optional parts.
pub fn clippy() -> Result<()> {
    step(lints().args(["--workspace"]).args(DENY_WARNINGS))?;
    if !features().is_empty() {
        step(gpu_lints().args(DENY_WARNINGS))?;
    }
    step(lints().args(["--package", "core"]).args(CORE_FEATURES).args(DENY_WARNINGS))
}

/// In the tests' profile, so that they do not run a build script again.
fn lints() -> Command {
    let mut clippy = cargo("clippy");
    clippy.args(["--all-targets", "--profile", "test"]);
    clippy
}

fn gpu_lints() -> Command {
    let mut clippy = lints();
    clippy.arg("--workspace").args(features());
    clippy
}

/// Reads the compiler's report of every kernel for every GPU: no register may be spilled to memory.
pub fn check_report() -> Result<()> {
    if features().is_empty() {
        say!("LEFT OUT: there is no CUDA compiler here; `cargo xtask setup --cuda` gets it");
        return Ok(());
    }
    let report = report()?;
    let text = fs::read_to_string(&report).with_context(|| format!("cannot read {}", report.display()))?;
    let Report { functions, spills } = Report::read(&text);
    ensure!(functions > 0, "{} tells of no function", report.display());
    spills.iter().for_each(|spill| say!("SPILL: {spill}"));
    ensure!(spills.is_empty(), "{} of {functions} compiled functions spill registers to memory", spills.len());
    say!("No register of {functions} compiled functions is spilled to memory");
    Ok(())
}

/// Runs the kernels' tests on the CPU with every access to memory and every conversion checked.
pub fn sanitized() -> Result<()> {
    let name = "libasan.so";
    let library = workspace::output(Command::new("cc").arg(format!("-print-file-name={name}"))).unwrap_or_default();
    // A compiler that has no such file repeats the name.
    let library = library.trim();
    if library.is_empty() || library == name {
        say!("LEFT OUT: the C compiler here has no AddressSanitizer (Debian: apt-get install g++)");
        return Ok(());
    }
    let version = workspace::output(launch::command("rustc").arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc does not name its host")?;
    let runner = format!("CARGO_TARGET_{}_RUNNER", host.replace(['-', '.'], "_").to_uppercase());
    // A Rust program does not bring the library, which must be there before all others. What the process keeps to its end is no leak.
    let preloaded = format!("env LD_PRELOAD={library} ASAN_OPTIONS=detect_leaks=0");
    // Of the workspace, as then only what the variable changes is built anew.
    let mut test = cargo("test");
    test.args(["--workspace", "--test", "launches", "--test", "kernels"]).args(features());
    step(test.env(SANITIZE, "1").env(runner, preloaded))
}

/// Where the build script of the package `cuda` left what the compiler said.
fn report() -> Result<PathBuf> {
    #[derive(Deserialize)]
    struct Message {
        package_id: String,
        out_dir: PathBuf,
    }
    // With the lints of the stage before, so that nothing is built anew.
    let format = ["--message-format", "json-render-diagnostics"];
    let messages = workspace::output(gpu_lints().args(format).args(DENY_WARNINGS))?;
    let mut scripts = messages.lines().filter_map(|line| serde_json::from_str::<Message>(line).ok());
    match scripts.find(|script| script.package_id.contains("/cuda#")) {
        Some(script) => Ok(script.out_dir.join("selvedge.report")),
        None => bail!("cargo does not say where it built the package cuda"),
    }
}

/// The compiler's report of its functions' registers.
#[derive(Debug, PartialEq, Eq)]
struct Report {
    /// The number of functions, counted for each architecture.
    functions: usize,
    /// Those whose registers do not suffice: architecture, kernel, function, and the bytes.
    spills: Vec<String>,
}

impl Report {
    fn read(text: &str) -> Self {
        let (mut kernel, mut function) = ("", "");
        let mut report = Self { functions: 0, spills: Vec::new() };
        for line in text.lines() {
            if let Some((_, name)) = line.split_once("Compiling entry function ") {
                kernel = name;
            } else if let Some((_, name)) = line.split_once("Function properties for ") {
                function = name;
            } else if let Some((_, spill)) = line.split_once("stack frame, ") {
                report.functions += 1;
                if spill != "0 bytes spill stores, 0 bytes spill loads" {
                    report.spills.push(format!("{kernel}, {function}: {spill}"));
                }
            }
        }
        report
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str = "\
ptxas info    : 0 bytes gmem
ptxas info    : Compiling entry function 'run_batches' for 'sm_120'
ptxas info    : Function properties for run_batches
    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 117 registers, used 1 barriers, 45072 bytes smem
ptxas info    : Function properties for batch_loss
    16 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Compiling entry function 'run_phase' for 'sm_75'
ptxas info    : Function properties for run_phase
    8 bytes stack frame, 8 bytes spill stores, 12 bytes spill loads
";

    #[test]
    fn a_spill_is_named_by_kernel_and_architecture() {
        let Report { functions, spills } = Report::read(REPORT);
        assert_eq!(functions, 3);
        assert_eq!(spills, ["'run_phase' for 'sm_75', run_phase: 8 bytes spill stores, 12 bytes spill loads"]);
    }

    #[test]
    fn another_text_tells_of_no_function() {
        assert_eq!(Report::read("nvcc warning: nothing"), Report { functions: 0, spills: Vec::new() });
    }
}
