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

/// The variable that names the folder of Fashion-MNIST.
const DATA: &str = "FASHION_MNIST_DIR";
/// The seeds of the runs whose accuracies are averaged.
const SEEDS: [&str; 3] = ["42", "43", "44"];

/// The figures to measure, and their data.
#[derive(Args)]
pub struct ReadmeBenchOptions {
    /// The figures to measure. `accuracy` trains three times for 200 epochs, `epoch` needs PyTorch, `prediction` needs QEMU [default: all]
    #[arg(long = "figure", value_enum, value_delimiter = ',', value_name = "LIST")]
    figures: Vec<Figure>,
    /// The folder with Fashion-MNIST's four gzipped files [default: the folder in FASHION_MNIST_DIR]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

/// A row of README's table.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Figure {
    /// The mean test accuracy of the recipe `best`.
    Accuracy,
    /// The time of an epoch, compared with PyTorch's.
    Epoch,
    /// The instructions and the RAM of a prediction.
    Prediction,
}

/// Measures the figures, and prints README's table with them.
pub fn run(options: &ReadmeBenchOptions) -> Result<ExitCode> {
    let all = Figure::value_variants();
    let chosen: Vec<_> =
        all.iter().filter(|figure| options.figures.is_empty() || options.figures.contains(figure)).collect();
    let data =
        options.data.clone().or_else(|| env::var_os(DATA).filter(|folder| !folder.is_empty()).map(PathBuf::from));
    let data =
        data.with_context(|| format!("name the folder of Fashion-MNIST's four gzipped files: --data DIR, or {DATA}"))?;
    let data = fs::canonicalize(&data).with_context(|| format!("cannot read {}", data.display()))?;
    let python = python::found();
    ensure!(
        python.is_some() || !chosen.contains(&&Figure::Epoch),
        "the epoch is compared with PyTorch, which is not installed: run `cargo xtask setup --python`, or leave the epoch out: `--figure accuracy,prediction`"
    );
    let folder = tempfile::tempdir().context("no place for the figures")?;
    let mut rows = Vec::new();
    for figure in chosen {
        rows.push(match (figure, &python) {
            (Figure::Accuracy, _) => accuracy(&data, folder.path())?,
            (Figure::Epoch, Some(python)) => epoch(python, &data, folder.path())?,
            (Figure::Prediction, _) => prediction(&data, folder.path())?,
            (Figure::Epoch, None) => continue,
        });
    }
    say!("\n| what | figure |\n|---|---|");
    rows.iter().for_each(|[what, figure]| say!("| {what} | {figure} |"));
    Ok(ExitCode::SUCCESS)
}

/// Returns a command of this program on this data.
fn xtask(data: &Path, arguments: &[&str]) -> Result<Command> {
    let mut xtask = Command::new(env::current_exe().context("this program does not know its own file")?);
    xtask.args(arguments).env(DATA, data);
    Ok(xtask)
}

fn accuracy(data: &Path, folder: &Path) -> Result<[String; 2]> {
    let file = folder.join("best.selvedge");
    let mut sum = 0.0;
    for seed in SEEDS {
        workspace::run(xtask(data, &["train", "--recipe", "best", "--seed", seed, "--out"])?.arg(&file))?;
        let about = workspace::output(xtask(data, &["inspect", "--json"])?.arg(&file))?;
        let about: Value = serde_json::from_str(&about).context("`inspect --json` did not print JSON")?;
        ensure!(about["record"]["dataset"] == "Fashion-MNIST", "{} is not Fashion-MNIST", data.display());
        sum += number(&about["record"]["accuracy"], "accuracy")?;
    }
    let what = "test accuracy on Fashion-MNIST, 784-512-512-10, recipe `best`";
    Ok([what.into(), format!("{:.2}%, mean of three seeds", 100.0 * sum / SEEDS.len() as f64)])
}

fn epoch(python: &Path, data: &Path, folder: &Path) -> Result<[String; 2]> {
    let file = folder.join("epoch.jsonl");
    let script = launch::root().join("host/benches/peers/train.py");
    let quoted = |path: &Path| format!("'{}'", path.display());
    let peer = format!(
        "{} {} {} pytorch --threads {{threads}} --batch {{batch}} --epochs {{epochs}}",
        quoted(python),
        quoted(&script),
        quoted(data),
    );
    let arguments =
        ["bench", "cpu", "--threads", "2", "--batch-size", "64", "--epochs", "4", "--peer", &peer, "--json"];
    workspace::run(xtask(data, &arguments)?.arg(&file))?;
    let rows = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let rows: Vec<Value> = rows
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()
        .context("the rows of `bench cpu` are not JSON")?;
    let row = rows.iter().find(|row| row["ratio"].is_number()).context("`bench cpu` has no row with PyTorch")?;
    let what =
        "an epoch of 784-512-512-10 (60,000 samples) on 2 threads, against PyTorch; the two programs run alternately";
    let (seconds, ratio) = (number(&row["median_epoch_seconds"], "seconds")?, number(&row["ratio"], "ratio")?);
    Ok([
        what.into(),
        format!("{seconds:.2} s, {ratio:.2} times as fast, with {}", row["engine"].as_str().unwrap_or("?")),
    ])
}

fn prediction(data: &Path, folder: &Path) -> Result<[String; 2]> {
    let file = folder.join("prediction.json");
    let arguments = ["bench", "device", "--board", "mps2-an386", "--model", "quickstart", "--format", "int8", "--json"];
    workspace::run(xtask(data, &arguments)?.arg(&file))?;
    let rows = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let rows: Value = serde_json::from_str(&rows).context("the rows of `bench device` are not JSON")?;
    let figure = |name: &str| number(&rows[0][name], name).map(|figure| figure as u64);
    let ram = figure("static_ram_bytes")? + figure("stack_bytes")?;
    let what = "a prediction of 784-512-512-10 in int8 on a Cortex-M4F";
    Ok([what.into(), format!("{} instructions, {} bytes of RAM", grouped(figure("instructions")?), grouped(ram))])
}

fn number(value: &Value, name: &str) -> Result<f64> {
    value.as_f64().with_context(|| format!("there is no {name}"))
}
