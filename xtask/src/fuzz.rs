//! `cargo xtask fuzz`: runs every target of fuzz/ for some minutes, and prints the results as a table. It installs nothing.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
    sync::Mutex,
    thread,
};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;

use crate::{
    tied,
    workspace::{self, grouped},
};

/// The version of cargo-fuzz that builds the targets; fuzz/README.md has it too.
const CARGO_FUZZ: &str = "0.13.2";
/// The compiler, which must have the sanitizers.
const TOOLCHAIN: &str = "nightly";

/// The options of `fuzz`.
#[derive(Args)]
pub struct FuzzOptions {
    /// A target: a file in fuzz/fuzz_targets, without its ending .rs [default: every target]
    targets: Vec<String>,
    /// The number of minutes for each target
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1440))]
    minutes: u32,
    /// The number of targets that run at the same time [default: the number of processors]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
}

/// Builds the targets, runs each from its corpus, and prints the table. The exit code is an error if a target failed.
pub fn run(options: &FuzzOptions) -> Result<ExitCode> {
    let targets = targets(&options.targets)?;
    check_tools()?;
    let folder = workspace::target_dir()?.join("fuzz");
    workspace::run(cargo_fuzz("build").arg("--target-dir").arg(&folder))?;

    let jobs = options.jobs.map_or_else(|| thread::available_parallelism().map_or(1, usize::from), usize::from);
    say!("Running {} targets, {jobs} at a time, for {} min each", targets.len(), options.minutes);
    let (next, done) = (Mutex::new(targets.iter()), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..jobs.min(targets.len()) {
            scope.spawn(|| {
                // A target that ends leaves its place to the next one.
                while let Some(target) = next.lock().ok().and_then(|mut next| next.next()) {
                    let figures = fuzz(target, &folder, options.minutes).with_context(|| target.clone());
                    if let Ok(mut done) = done.lock() {
                        done.push(figures);
                    }
                }
            });
        }
    });
    let done = done.into_inner().unwrap_or_default().into_iter().collect::<Result<Vec<_>>>()?;
    say!("\n{}", table(&done));
    let broken: Vec<_> = done.iter().filter(|figures| figures.is_broken).collect();
    for figures in &broken {
        say!("\n{}: {}", figures.target, figures.last_words);
    }
    Ok(if broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Returns the targets of the options, which must exist, or all targets.
fn targets(asked: &[String]) -> Result<Vec<String>> {
    let folder = launch::root().join("fuzz/fuzz_targets");
    let files = fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let names = files.flatten().filter_map(|file| Some(file.path().file_stem()?.to_str()?.to_owned()));
    let mut known: Vec<_> = names.collect();
    known.sort();
    for target in asked {
        ensure!(known.contains(target), "there is no target {target}; fuzz/fuzz_targets has {}", known.join(", "));
    }
    Ok(if asked.is_empty() { known } else { asked.to_vec() })
}

/// Returns the name of each missing tool, with the command that installs it.
fn check_tools() -> Result<()> {
    ensure!(workspace::on_path("rustup").is_some(), "fuzzing needs rustup's {TOOLCHAIN} toolchain: https://rustup.rs");
    let mut rustc = rustup();
    if workspace::output(rustc.args(["rustc", "--version"])).is_err() {
        bail!(
            "fuzzing needs the {TOOLCHAIN} toolchain; to get it, run:\n  rustup toolchain install {TOOLCHAIN} --profile minimal"
        );
    }
    let version = workspace::output(cargo_fuzz("--version").stderr(Stdio::null())).unwrap_or_default();
    let install = format!("cargo install cargo-fuzz --locked --version {CARGO_FUZZ}");
    match version.trim().strip_prefix("cargo-fuzz ") {
        Some(CARGO_FUZZ) => Ok(()),
        Some(other) => bail!("cargo-fuzz is version {other}, not {CARGO_FUZZ}; to get that, run:\n  {install}"),
        None => bail!("fuzzing needs cargo-fuzz; to get it, run:\n  {install}"),
    }
}

/// Returns a command for a program of the toolchain, without this program's own variables.
fn rustup() -> Command {
    let mut rustup = launch::command("rustup");
    rustup.args(["run", TOOLCHAIN]);
    for variable in ["CARGO", "RUSTC", "RUSTUP_TOOLCHAIN", "RUSTFLAGS", "CARGO_TARGET_DIR"] {
        rustup.env_remove(variable);
    }
    rustup
}

fn cargo_fuzz(subcommand: &str) -> Command {
    let mut cargo = rustup();
    cargo.args(["cargo", "fuzz", subcommand]);
    cargo
}

/// Runs a target from its corpus. New inputs go to a separate folder in the target folder; fuzz/corpus is not changed.
fn fuzz(target: &str, folder: &Path, minutes: u32) -> Result<Figures> {
    let found: PathBuf = folder.join("corpus").join(target);
    fs::create_dir_all(&found).with_context(|| format!("cannot make {}", found.display()))?;
    let artifacts = format!("fuzz/artifacts/{target}/");
    fs::create_dir_all(launch::root().join(&artifacts)).with_context(|| format!("cannot make {artifacts}"))?;
    // As `cargo fuzz run` does, but for cargo between the two: the target ends with this program.
    let mut program = launch::command(folder.join(workspace::host()?).join("release").join(target));
    program.env("ASAN_OPTIONS", "detect_odr_violation=0").arg(&found).arg(format!("fuzz/corpus/{target}"));
    program.args(["-print_final_stats=1", &format!("-max_total_time={}", 60 * minutes)]);
    program.arg(format!("-artifact_prefix={artifacts}"));
    let output = tied::tied(&program).stdin(Stdio::null()).output().context("cannot start the target")?;
    let words = String::from_utf8_lossy(&output.stderr);
    let figures = Figures::of(target, &words, !output.status.success());
    say!("{target}: {} executions", grouped(figures.executions));
    Ok(figures)
}

/// The figures that libFuzzer prints at the end of a run.
#[derive(Debug, Default, PartialEq, Eq)]
struct Figures {
    target: String,
    executions: u64,
    each_second: u64,
    edges: u64,
    features: u64,
    corpus: u64,
    memory: u64,
    is_broken: bool,
    last_words: String,
}

impl Figures {
    fn of(target: &str, words: &str, is_broken: bool) -> Self {
        let mut figures = Self { target: target.to_owned(), is_broken, ..Self::default() };
        for line in words.lines() {
            let statistic = line.strip_prefix("stat::").and_then(|line| line.split_once(':'));
            if let Some((name, value)) = statistic {
                let value = value.trim().parse().unwrap_or_default();
                match name {
                    "number_of_executed_units" => figures.executions = value,
                    "average_exec_per_sec" => figures.each_second = value,
                    "peak_rss_mb" => figures.memory = value,
                    _ => {}
                }
            } else if line.starts_with('#') {
                // `#1024 NEW cov: 12 ft: 34 corp: 5/67b …`
                let number_after = |word: &str| {
                    let (_, rest) = line.split_once(word)?;
                    rest.trim_start().split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
                };
                figures.edges = number_after(" cov:").unwrap_or(figures.edges);
                figures.features = number_after(" ft:").unwrap_or(figures.features);
                figures.corpus = number_after(" corp:").unwrap_or(figures.corpus);
            }
        }
        if is_broken {
            let lines: Vec<_> = words.lines().collect();
            figures.last_words = lines[lines.len().saturating_sub(30)..].join("\n");
        }
        figures
    }
}

fn table(figures: &[Figures]) -> String {
    let mut table = String::from(
        "| target | executions | in a second | edges | features | corpus | peak memory, MB | broken |\n|---|---|---|---|---|---|---|---|",
    );
    let mut figures: Vec<_> = figures.iter().collect();
    figures.sort_by_key(|figures| &figures.target);
    for Figures { target, executions, each_second, edges, features, corpus, memory, is_broken, .. } in figures {
        let numbers = [executions, each_second, edges, features, corpus, memory].map(|&number| grouped(number));
        table.push_str(&format!(
            "\n| {target} | {} | {} |",
            numbers.join(" | "),
            if *is_broken { "YES" } else { "no" }
        ));
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_libfuzzer_says_becomes_a_row() {
        let words = "#2\tINITED cov: 10 ft: 11 corp: 1/1b exec/s: 0 rss: 40Mb\n#1024\tDONE   cov: 120 ft: 345 corp: 67/890b lim: 4\n\
                     stat::number_of_executed_units: 1024\nstat::average_exec_per_sec:     512\nstat::peak_rss_mb:              41\n";
        let figures = Figures::of("frames", words, false);
        let lines = table(&[figures]);
        assert!(lines.ends_with("\n| frames | 1,024 | 512 | 120 | 345 | 67 | 41 | no |"), "{lines}");
        let broken = Figures::of("frames", "==1== ERROR: libFuzzer: deadly signal\n", true);
        assert!(broken.last_words.contains("deadly") && table(&[broken]).ends_with("| YES |"));
    }

    #[test]
    fn targets_are_files() {
        assert!(targets(&[]).unwrap().contains(&"frames".to_owned()));
        let error = targets(&["none".into()]).unwrap_err().to_string();
        assert!(
            error.starts_with("there is no target none; fuzz/fuzz_targets has arrays, checkpoint, f16_file, frames"),
            "{error}"
        );
    }
}
