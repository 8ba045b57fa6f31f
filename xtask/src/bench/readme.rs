//! `cargo xtask bench readme`: measures README's figures again, each by a command that a user can type.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};
use serde_json::Value;

use crate::{
    python,
    workspace::{self, grouped},
};

/// The environment variable that names the folder of Fashion-MNIST.
const DATA_VARIABLE: &str = "FASHION_MNIST_DIR";
/// The seeds of the runs whose accuracies are averaged.
const SEEDS: [&str; 3] = ["42", "43", "44"];

/// The figures to measure, and their data.
#[derive(Args)]
pub struct ReadmeBenchOptions {
    /// The figures to measure. `prediction` needs QEMU, `epoch` needs PyTorch, `accuracy` trains three times for 200 epochs [default: all]
    #[arg(long = "figure", value_enum, value_delimiter = ',', value_name = "LIST")]
    figures: Vec<Figure>,
    /// The folder with Fashion-MNIST's four gzipped files [default: the folder in FASHION_MNIST_DIR]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

/// A row of README's table. The longest measurement is the last.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Figure {
    /// The instructions and the RAM of a prediction.
    Prediction,
    /// The time of an epoch, compared with PyTorch's.
    Epoch,
    /// The mean test accuracy of the recipe `best`.
    Accuracy,
}

/// Measures the figures, and prints them as a table.
pub fn run(options: &ReadmeBenchOptions) -> Result<ExitCode> {
    let chosen = |figure: &&Figure| options.figures.is_empty() || options.figures.contains(figure);
    let figures: Vec<_> = Figure::value_variants().iter().filter(chosen).collect();
    let variable = || env::var_os(DATA_VARIABLE).filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let folder = options.data.clone().or_else(variable);
    let folder = folder.with_context(|| {
        format!("name the folder of Fashion-MNIST's four gzipped files: --data DIR, or {DATA_VARIABLE}")
    })?;
    let data = fs::canonicalize(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
    if figures.contains(&&Figure::Epoch) {
        peer(&data)?;
    }
    let about = json(&workspace::output(&mut xtask(&data, &["data", "--json"])?)?, "data")?;
    ensure!(about["name"] == "Fashion-MNIST", "{} is not the published Fashion-MNIST", data.display());

    let results = tempfile::tempdir().context("no place for the figures")?;
    let mut rows = Vec::new();
    for figure in figures {
        let row = match figure {
            Figure::Prediction => prediction(&data, results.path())?,
            Figure::Epoch => epoch(&data, results.path())?,
            Figure::Accuracy => accuracy(&data, results.path())?,
        };
        // A later figure may fail, after a long time.
        say!("\nMeasured: {}: {}\n", row[0], row[1]);
        rows.push(row);
    }
    say!("| what | figure |\n|---|---|");
    rows.iter().for_each(|[what, figure]| say!("| {what} | {figure} |"));
    Ok(ExitCode::SUCCESS)
}

/// Returns a command of this program on this data.
fn xtask(data: &Path, arguments: &[&str]) -> Result<Command> {
    let mut xtask = Command::new(env::current_exe().context("this program does not know its own file")?);
    xtask.args(arguments).env(DATA_VARIABLE, data);
    Ok(xtask)
}

fn prediction(data: &Path, results: &Path) -> Result<[String; 2]> {
    let file = results.join("prediction.json");
    let arguments = ["bench", "device", "--board", "mps2-an386", "--model", "quickstart", "--format", "int8", "--json"];
    workspace::run(xtask(data, &arguments)?.arg(&file))?;
    prediction_row(&json(&read(&file)?, "bench device")?[0])
}

fn prediction_row(row: &Value) -> Result<[String; 2]> {
    let figure = |name: &str| number(row, name).map(|figure| figure as u64);
    let ram = figure("static_ram_bytes")? + figure("stack_bytes")?;
    let what = "a prediction of 784-512-512-10 in int8 on an emulated Cortex-M4F";
    Ok([what.into(), format!("{} instructions, {} bytes of RAM", grouped(figure("instructions")?), grouped(ram))])
}

fn epoch(data: &Path, results: &Path) -> Result<[String; 2]> {
    let file = results.join("epoch.jsonl");
    let peer = peer(data)?;
    let arguments =
        ["bench", "cpu", "--threads", "2", "--batch-size", "64", "--epochs", "4", "--peer", &peer, "--json"];
    workspace::run(xtask(data, &arguments)?.arg(&file))?;
    epoch_row(&read(&file)?)
}

/// Returns the command that trains the same network with PyTorch.
fn peer(data: &Path) -> Result<String> {
    let python = python::found().context(
        "the epoch is compared with PyTorch, which is not installed: run `cargo xtask setup --python`, or leave the epoch out: \
         `--figure prediction,accuracy`",
    )?;
    let script = launch::root().join("host/benches/peers/train.py");
    let words: Vec<_> = [&python, &script, data].into_iter().map(quoted).collect::<Result<_>>()?;
    Ok(format!("{} pytorch --threads {{threads}} --batch {{batch}} --epochs {{epochs}}", words.join(" ")))
}

/// Returns a path as a word of a shell's command.
fn quoted(path: &Path) -> Result<String> {
    let special: &[char] = if cfg!(windows) { &['"', '%'] } else { &['"', '$', '`', '\\'] };
    let text = path.to_str().filter(|text| !text.contains(special));
    Ok(format!(
        "\"{}\"",
        text.with_context(|| format!("{}: a shell does not take this path: rename it", path.display()))?
    ))
}

/// Finds the row with a peer in the lines of `bench cpu --json`.
fn epoch_row(lines: &str) -> Result<[String; 2]> {
    let rows: Vec<_> = lines.lines().map(|line| json(line, "bench cpu")).collect::<Result<_>>()?;
    let row = rows.iter().find(|row| row["ratio"].is_number()).context("`bench cpu` has no row with PyTorch")?;
    let (seconds, ratio) = (number(row, "median_epoch_seconds")?, number(row, "ratio")?);
    let engine = row["engine"].as_str().context("a row of `bench cpu` has no `engine`")?;
    let what =
        "an epoch of 784-512-512-10 (60,000 samples) on 2 threads, against PyTorch; the two programs run alternately";
    Ok([what.into(), format!("{seconds:.2} s, {ratio:.2} times as fast, with {engine}")])
}

fn accuracy(data: &Path, results: &Path) -> Result<[String; 2]> {
    let file = results.join("best.selvedge");
    let mut sum = 0.0;
    for seed in SEEDS {
        workspace::run(xtask(data, &["train", "--recipe", "best", "--seed", seed, "--out"])?.arg(&file))?;
        let about = workspace::output(xtask(data, &["inspect", "--json"])?.arg(&file))?;
        sum += number(&json(&about, "inspect")?["record"], "accuracy")?;
    }
    let what = "test accuracy on Fashion-MNIST, 784-512-512-10, recipe `best`";
    Ok([what.into(), format!("{:.2}%, mean of three seeds", 100.0 * sum / SEEDS.len() as f64)])
}

fn read(file: &Path) -> Result<String> {
    fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}

fn json(text: &str, command: &str) -> Result<Value> {
    serde_json::from_str(text).with_context(|| format!("`{command}` did not print JSON"))
}

fn number(row: &Value, name: &str) -> Result<f64> {
    row[name].as_f64().with_context(|| format!("there is no number `{name}` in {row}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_readmes() {
        let row =
            json(r#"{"instructions": 324780, "static_ram_bytes": 0, "stack_bytes": 3928}"#, "bench device").unwrap();
        let [what, figure] = prediction_row(&row).unwrap();
        let readme = fs::read_to_string(launch::root().join("README.md")).unwrap();
        assert!(
            readme.contains(&format!("| {what} |")) && figure == "324,780 instructions, 3,928 bytes of RAM",
            "{figure}"
        );

        let alone = r#"{"engine": "avx2", "median_epoch_seconds": 2.0, "ratio": null}"#;
        let beside = r#"{"engine": "avx512", "median_epoch_seconds": 0.792, "ratio": 2.688}"#;
        let [_, figure] = epoch_row(&format!("{alone}\n{beside}\n")).unwrap();
        assert_eq!(figure, "0.79 s, 2.69 times as fast, with avx512");
    }

    #[test]
    fn what_is_missing_is_named() {
        let error = prediction_row(&json(r#"{"stack_bytes": 1}"#, "bench device").unwrap()).unwrap_err().to_string();
        assert!(error.starts_with("there is no number `static_ram_bytes`"), "{error}");
        assert!(
            epoch_row(r#"{"engine": "avx2", "ratio": null}"#).unwrap_err().to_string().contains("no row with PyTorch")
        );
        assert!(epoch_row("no JSON").unwrap_err().to_string().contains("`bench cpu` did not print JSON"));
        assert!(quoted(Path::new("a \"b")).is_err() && quoted(Path::new("a b")).unwrap() == "\"a b\"");
    }
}
