//! With the feature `driver`: compiles the kernels for every GPU that the toolkit knows, to the fat binary that the library embeds.
//!
//! `$OUT_DIR/selvedge.fatbin` has machine code for each of [`ARCHITECTURES`]. For all other GPUs it has PTX of three architectures: of the oldest, of
//! the first one whose launches may overlap, and of the newest. `$OUT_DIR/selvedge.report` has the compiler's report of each kernel's registers and
//! spills.
//!
//! The environment variable `SELVEDGE_CUDA_ARCHITECTURES`, such as `90` or `80,90`, names the compute capabilities instead. Then there is
//! machine code for these, and nothing for other GPUs: a build takes seconds, not minutes.
//!
//! Clippy links no program with the kernels, so for Clippy nothing is compiled: both files are empty.

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

/// The compute capabilities to have machine code for, oldest first, as far as the toolkit knows them.
const ARCHITECTURES: [u32; 7] = [75, 80, 86, 89, 90, 100, 120];
/// The first one whose launches may overlap, as `wait_for_launch_before` of `kernels/platform.cuh` has it.
const OVERLAPS: &str = "90";
/// A toolkit that does not know this one is older than CUDA 12.
const REQUIRED: u32 = 90;

/// Names the compute capabilities, between commas, that alone get code.
const CHOSEN: &str = "SELVEDGE_CUDA_ARCHITECTURES";

/// Names the program that cargo calls in the place of the compiler.
const WRAPPER: &str = "RUSTC_WORKSPACE_WRAPPER";

/// The contract's arithmetic: no contraction, no flush to zero, division and square root rounded to nearest.
const ARITHMETIC: [&str; 4] = ["-fmad=false", "-ftz=false", "-prec-div=true", "-prec-sqrt=true"];

const REMEDY: &str = "`cargo xtask setup --cuda` gets one";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if env::var_os("CARGO_FEATURE_DRIVER").is_none() {
        return;
    }
    println!("cargo::rerun-if-changed=kernels");
    for variable in [nvcc::VARIABLE, "NVCC_CCBIN", CHOSEN, WRAPPER] {
        println!("cargo::rerun-if-env-changed={variable}");
    }
    let Some(out) = env::var_os("OUT_DIR").map(PathBuf::from) else {
        return println!("cargo::error=OUT_DIR is not set: build with cargo");
    };
    match compile(&out) {
        Ok(report) => {
            if let Err(error) = fs::write(out.join("selvedge.report"), report) {
                println!("cargo::error=cannot write {}: {error}", out.join("selvedge.report").display());
            }
        }
        Err(errors) => errors.lines().for_each(|error| println!("cargo::error={error}")),
    }
}

/// Compiles the kernels and returns the compiler's report. An error has a line for each thing that is wrong.
fn compile(out: &Path) -> Result<String, String> {
    let nvcc = nvcc::find(out).map_err(|error| error.to_string())?;
    println!("cargo::rerun-if-changed={}", nvcc.display());
    let known = known(&nvcc)?;
    let chosen = env::var(CHOSEN).ok().filter(|chosen| !chosen.trim().is_empty());
    let architectures = chosen.as_deref().map_or_else(|| Ok(all(&known)), |chosen| choose(chosen, &known))?;
    // A driver of the toolkit's first release runs what it builds.
    println!("cargo::rustc-env=SELVEDGE_CUDA_MAJOR={}", major(&nvcc)?);
    if is_for_clippy() {
        let fatbin = out.join("selvedge.fatbin");
        return fs::write(&fatbin, "")
            .map(|()| String::new())
            .map_err(|error| format!("cannot write {}: {error}", fatbin.display()));
    }
    let mut command = Command::new(&nvcc);
    command.args(["--fatbin", "--threads", "0", "-O3", "-std=c++17", "-Xptxas", "-v"]).args(ARITHMETIC);
    for architecture in &architectures {
        command.args(["-gencode", &format!("arch=compute_{architecture},code=sm_{architecture}")]);
    }
    // For GPUs that have no code of their own: the newest serves what came later, the oldest what came between. From compute capability 9.0 on the
    // driver lets launches overlap, so these GPUs must never get the oldest's kernels, which do not wait for the launch before.
    let forward = [architectures.first(), architectures.iter().find(|name| **name == OVERLAPS), architectures.last()];
    let forward: BTreeSet<_> = forward.into_iter().flatten().filter(|_| chosen.is_none()).collect();
    for forward in forward {
        command.args(["-gencode", &format!("arch=compute_{forward},code=compute_{forward}")]);
    }
    let report = run(command.arg("-o").arg(out.join("selvedge.fatbin")).arg("kernels/selvedge.cu"));
    report.map_err(|report| explained(&nvcc, &report))
}

/// Returns true if cargo calls Clippy in the place of the compiler.
fn is_for_clippy() -> bool {
    env::var_os(WRAPPER)
        .is_some_and(|wrapper| Path::new(&wrapper).file_stem().is_some_and(|name| name == "clippy-driver"))
}

/// The compute capabilities that the compiler knows, such as `90`.
fn known(nvcc: &Path) -> Result<Vec<String>, String> {
    let list = run(Command::new(nvcc).arg("--list-gpu-code")).unwrap_or_default();
    let known: Vec<_> = list.lines().filter_map(|line| line.trim().strip_prefix("sm_")).map(str::to_owned).collect();
    if known.contains(&REQUIRED.to_string()) {
        return Ok(known);
    }
    Err(format!("{} is no compiler of CUDA 12 or later: {REMEDY}", nvcc.display()))
}

/// The errors of [`ARCHITECTURES`] that the compiler knows.
fn all(known: &[String]) -> Vec<String> {
    ARCHITECTURES.map(|architecture| architecture.to_string()).into_iter().filter(|name| known.contains(name)).collect()
}

/// Returns the architectures that [`CHOSEN`] names.
fn choose(chosen: &str, known: &[String]) -> Result<Vec<String>, String> {
    let names: Vec<_> = chosen.split(',').map(|name| name.trim().to_owned()).collect();
    match names.iter().find(|name| !known.contains(name)) {
        None => Ok(names),
        Some(unknown) => {
            let known = known.join(", ");
            Err(format!("{CHOSEN}={chosen}: the compiler has no machine code for '{unknown}', only for {known}"))
        }
    }
}

/// The compiler's release, before the point.
fn major(nvcc: &Path) -> Result<u32, String> {
    let version = run(Command::new(nvcc).arg("--version")).unwrap_or_default();
    let release = version.split("release ").nth(1).and_then(|text| text.split('.').next()?.parse().ok());
    release.ok_or_else(|| format!("{} does not say its release: {}", nvcc.display(), version.trim()))
}

/// Returns the output of a program. If it fails, the output is the error.
fn run(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("cannot start: {error}"))?;
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    if output.status.success() { Ok(text) } else { Err(text) }
}

/// The errors among a compiler's words; or what to do where it has no C++ compiler to call.
fn explained(nvcc: &Path, report: &str) -> String {
    if ["cc1plus", "host compiler", "gcc: not found", "gcc: No such file"].iter().any(|words| report.contains(words)) {
        return format!(
            "{} needs a C++ compiler, which is not here: install g++ (Debian: apt-get install g++)",
            nvcc.display()
        );
    }
    let errors: Vec<_> = report.lines().filter(|line| line.contains("error") || line.contains("fatal")).collect();
    let errors = if errors.is_empty() { report.trim().to_owned() } else { errors.join("\n") };
    format!("{} cannot compile kernels/selvedge.cu:\n{errors}", nvcc.display())
}
