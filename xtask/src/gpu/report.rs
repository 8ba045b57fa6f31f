//! `cargo xtask gpu report`: reads the folder that `check.sh` left on a GPU machine.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use serde::Deserialize;

use super::{
    page,
    profile::{self, Kernel},
};

/// The page that is made from a report.
const PAGE: &str = "docs/bench-cuda.md";
/// The name of the stage in the last line of stages.jsonl.
const ALL: &str = "all";

/// The options of `gpu report`.
#[derive(Args)]
pub struct GpuReportOptions {
    /// The folder that check.sh wrote on the GPU machine
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
    /// The page to write [default: docs/bench-cuda.md of this project]
    #[arg(long, value_name = "FILE.md")]
    out: Option<PathBuf>,
}

/// Reads the folder and writes the page.
pub fn run(options: &GpuReportOptions) -> Result<ExitCode> {
    let project = launch::root().join(PAGE);
    let out = options.out.clone().unwrap_or_else(|| project.clone());
    files::check_writable(&out)?;
    let report = Report::read(&options.folder)?;
    ensure!(
        !(report.is_rehearsal() && files::is_same(&out, &project)),
        "{} is a rehearsal on an emulated GPU, whose times mean nothing: {PAGE} stays as it is; --out FILE.md writes the page elsewhere",
        options.folder.display()
    );
    files::write_whole(&out, page::markdown(&report).as_bytes())?;
    say!("Wrote {}", out.display());
    let failed: Vec<_> =
        report.stages.iter().filter(|stage| stage.verdict == FAILED).map(|stage| &*stage.stage).collect();
    if !failed.is_empty() {
        say!("FAILED on that machine: {}", failed.join(", "));
    }
    Ok(ExitCode::SUCCESS)
}

/// The verdict of a stage that succeeded.
const OK: &str = "ok";
/// The verdict of a stage that failed.
pub const FAILED: &str = "FAILED";

/// The content of a report.
#[derive(Debug, Default)]
pub struct Report {
    /// The facts about the machine and the pack, by name.
    machine: Vec<(String, String)>,
    /// The stages in their order, without the line for the whole check.
    pub stages: Vec<Stage>,
    /// The runs whose hashes were compared with the CPU's.
    pub bits: Vec<Bits>,
    /// The tools, and the summary of each.
    pub sanitizers: Vec<[String; 2]>,
    /// The rows of the benchmark.
    pub rows: Vec<Row>,
    /// The name, the value and the unit of each result of the probe.
    pub probe: Vec<[String; 3]>,
    /// The kernels of a step.
    pub kernels: Vec<Kernel>,
}

/// A stage of the check.
#[derive(Debug, Deserialize)]
pub struct Stage {
    /// The stage's name.
    pub stage: String,
    /// `ok`, `FAILED` or `left out`.
    pub verdict: String,
    /// The stage's time in seconds.
    pub seconds: f64,
    /// The reason why it failed or was left out.
    pub reason: String,
}

/// A run on the GPU, compared with the CPU's hash.
#[derive(Debug)]
pub struct Bits {
    /// True if both hashes are equal.
    pub is_same: bool,
    /// The GPU's hash, or the program's message.
    pub found: String,
    /// The run's name.
    pub name: String,
    /// The run's options of `selvedge train`.
    pub options: String,
}

/// The part of a line of bench.jsonl that the page shows.
#[derive(Debug, Deserialize)]
pub struct Row {
    /// The GPU's name.
    pub gpu: String,
    /// The number of samples in a step.
    pub batch: u32,
    /// The median of our epochs.
    pub median_epoch_seconds: f64,
    /// The fastest of our epochs.
    pub min_epoch_seconds: f64,
    /// The slowest of our epochs.
    pub max_epoch_seconds: f64,
    /// The median time of our steps.
    pub step_microseconds: f64,
    /// The peer that took turns with ours. Without a peer, the following fields are `None`.
    pub peer: Option<String>,
    /// The median of the peer's epochs.
    pub peer_median_epoch_seconds: Option<f64>,
    /// The peer's median divided by ours: the median over the rounds.
    pub ratio: Option<f64>,
    /// The smallest ratio of the rounds.
    pub min_ratio: Option<f64>,
    /// The largest ratio of the rounds.
    pub max_ratio: Option<f64>,
}

impl Report {
    /// Reads a complete folder.
    pub fn read(folder: &Path) -> Result<Self> {
        let machine = text(folder, "machine.txt")?;
        let stages = text(folder, "stages.jsonl")?;
        let (Some(machine), Some(stages)) = (machine, stages) else {
            bail!(
                "{} is no report of check.sh, which has machine.txt and stages.jsonl: name the folder `report` of a pack that was run",
                folder.display()
            );
        };
        let mut stages: Vec<Stage> = json_lines(&stages).with_context(|| file_of(folder, "stages.jsonl"))?;
        ensure!(
            stages.pop_if(|last| last.stage == ALL).is_some(),
            "{} is incomplete: check.sh did not come to its end; run it again on the GPU machine",
            folder.display()
        );
        let has_trained = |stage: &Stage| stage.stage == "smoke" && stage.verdict == OK;
        ensure!(
            stages.iter().any(has_trained),
            "{} reports nothing: training did not start on that machine; its check.log says why",
            folder.display()
        );
        let optional = |name| text(folder, name).map(Option::unwrap_or_default);
        let report = Self {
            machine: machine.lines().filter_map(pair).collect(),
            stages,
            bits: optional("bits.tsv")?.lines().filter_map(Bits::read).collect(),
            sanitizers: optional("sanitizers.tsv")?.lines().filter_map(columns).collect(),
            rows: json_lines(&optional("bench.jsonl")?).with_context(|| file_of(folder, "bench.jsonl"))?,
            probe: optional("probe.tsv")?.lines().filter_map(columns).collect(),
            kernels: profile::step(&optional("ncu.csv")?),
        };
        let needed = [
            ("bits", "bits.tsv", report.bits.is_empty()),
            ("bench at 64", "bench.jsonl", report.rows.is_empty()),
            ("probe", "probe.tsv", report.probe.is_empty()),
            ("profile", "ncu.csv", report.kernels.is_empty()),
        ];
        for (stage, file, is_empty) in needed {
            let was_ok = report.stages.iter().any(|found| found.stage == stage && found.verdict == OK);
            ensure!(!(was_ok && is_empty), "{} is incomplete: the stage {stage} left no {file}", folder.display());
        }
        Ok(report)
    }

    /// Returns a fact about the machine or the pack, by its name.
    pub fn fact(&self, name: &str) -> Option<&str> {
        let named = self.machine.iter().find(|(found, value)| found == name && !value.is_empty());
        named.map(|(_, value)| value.as_str())
    }

    /// Returns true if a CPU took the place of the GPU.
    pub fn is_rehearsal(&self) -> bool {
        self.fact("rehearsal") != Some("no")
    }
}

impl Bits {
    /// Reads a line: `same`, the GPU's hash, the CPU's hash, the name and the options.
    fn read(line: &str) -> Option<Self> {
        let [word, found, _, name, options] = columns(line)?;
        Some(Self { is_same: word == "same", found, name, options })
    }
}

/// Returns the text of a file in the folder, or `None` if there is no such file.
fn text(folder: &Path, name: &str) -> Result<Option<String>> {
    match fs::read_to_string(folder.join(name)) {
        Ok(text) => Ok(Some(text)),
        Err(error) if [io::ErrorKind::NotFound, io::ErrorKind::NotADirectory].contains(&error.kind()) => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", file_of(folder, name))),
    }
}

fn file_of(folder: &Path, name: &str) -> String {
    folder.join(name).display().to_string()
}

fn json_lines<'a, T: Deserialize<'a>>(text: &'a str) -> serde_json::Result<Vec<T>> {
    text.lines().map(serde_json::from_str).collect()
}

fn pair(line: &str) -> Option<(String, String)> {
    let (name, value) = line.split_once('=')?;
    Some((name.to_owned(), value.trim().to_owned()))
}

/// Returns the fields of a line with this number of tabs between them.
fn columns<const COLUMNS: usize>(line: &str) -> Option<[String; COLUMNS]> {
    line.split('\t').map(str::to_owned).collect::<Vec<_>>().try_into().ok()
}

#[cfg(test)]
pub mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::gpu::profile::tests::CSV;

    /// The files of a report with figures of no GPU.
    const FILES: [(&str, &str); 7] = [
        (
            "machine.txt",
            "date=2026-11-27\narchitecture=90\ncommit=abc1234\npacked=2026-11-26\nrehearsal=no\nrepeated=two epochs\ngpu=A GPU\n\
             driver=580.1\nclock=1980 MHz\nmemory=81559 MiB\nprogram=A GPU\n",
        ),
        (
            "stages.jsonl",
            r#"{"stage":"smoke","verdict":"ok","seconds":1.5,"reason":""}
{"stage":"bits","verdict":"FAILED","seconds":30.0,"reason":"see check.log"}
{"stage":"bench at 64","verdict":"ok","seconds":9.0,"reason":""}
{"stage":"JAX","verdict":"left out","seconds":0.0,"reason":"no python3 with JAX that finds the GPU"}
{"stage":"profile","verdict":"ok","seconds":12.0,"reason":""}
{"stage":"all","verdict":"FAILED","seconds":60.0,"reason":""}
"#,
        ),
        ("bits.tsv", "same\t0123456789abcdef00\t0123456789abcdef00\tSGD\t--steps 2\nother\tff\t01\tAdam\t--steps 3\n"),
        ("sanitizers.tsv", "memcheck\tERROR SUMMARY: 0 errors\n"),
        (
            "bench.jsonl",
            r#"{"gpu":"A GPU","batch":64,"median_epoch_seconds":0.012,"min_epoch_seconds":0.011,"max_epoch_seconds":0.014,"step_microseconds":12.8,"peer":null,"peer_median_epoch_seconds":null,"ratio":null,"min_ratio":null,"max_ratio":null}
{"gpu":"A GPU","batch":64,"median_epoch_seconds":0.012,"min_epoch_seconds":0.011,"max_epoch_seconds":0.014,"step_microseconds":12.8,"peer":"pytorch graph","peer_median_epoch_seconds":0.06,"ratio":5.0,"min_ratio":4.5,"max_ratio":5.5}
"#,
        ),
        ("probe.tsv", "dependent fma\t4.02\tcycles\nmultiprocessors\t132.00\t\n"),
        ("ncu.csv", CSV),
    ];

    /// Writes the report to its own folder, with some files changed.
    pub fn folder(changed: &[(&str, Option<&str>)]) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (file, text) in FILES {
            let text = changed.iter().find(|(changed, _)| *changed == file).map_or(Some(text), |(_, text)| *text);
            text.iter().for_each(|text| fs::write(folder.path().join(file), text).unwrap());
        }
        folder
    }

    fn error(changed: &[(&str, Option<&str>)]) -> String {
        format!("{:#}", Report::read(folder(changed).path()).unwrap_err())
    }

    #[test]
    fn a_report_is_read() {
        let folder = folder(&[]);
        let report = Report::read(folder.path()).unwrap();
        assert_eq!((report.fact("driver"), report.fact("none")), (Some("580.1"), None));
        assert!(!report.is_rehearsal());
        assert_eq!(report.stages.len(), 5);
        assert_eq!(report.bits.iter().map(|run| run.is_same).collect::<Vec<_>>(), [true, false]);
        assert_eq!((report.rows.len(), report.probe.len(), report.kernels.len()), (2, 2, 2));
    }

    #[test]
    fn what_is_no_report_or_not_whole_is_refused() {
        assert!(error(&[("machine.txt", None)]).contains("is no report of check.sh"));
        let started = FILES[1].1.lines().take(2).collect::<Vec<_>>().join("\n");
        assert!(error(&[("stages.jsonl", Some(&started))]).contains("did not come to its end"));
        let refused = FILES[1].1.replacen(r#""ok""#, r#""FAILED""#, 1);
        assert!(error(&[("stages.jsonl", Some(&refused))]).contains("training did not start"));
        assert!(error(&[("ncu.csv", None)]).contains("the stage profile left no ncu.csv"));
        assert!(error(&[("bench.jsonl", Some("{"))]).contains("bench.jsonl: EOF"));
        assert!(
            Report::read(Path::new("no-such-folder"))
                .unwrap_err()
                .to_string()
                .starts_with("no-such-folder is no report")
        );
    }

    #[test]
    fn a_rehearsal_does_not_become_the_projects_page() {
        let rehearsal = FILES[0].1.replace("rehearsal=no", "rehearsal=yes");
        let folder = folder(&[("machine.txt", Some(&rehearsal))]);
        let before = fs::read(launch::root().join(PAGE)).unwrap();
        for out in [None, Some(launch::root().join("docs/../docs/bench-cuda.md"))] {
            let error = run(&GpuReportOptions { folder: folder.path().to_owned(), out }).unwrap_err().to_string();
            assert!(error.contains("rehearsal") && error.contains("--out"), "{error}");
        }
        let out = folder.path().join("page.md");
        assert!(run(&GpuReportOptions { folder: folder.path().to_owned(), out: Some(out.clone()) }).is_ok());
        assert!(fs::read_to_string(out).unwrap().contains("mean nothing"));
        assert!(fs::read(launch::root().join(PAGE)).unwrap() == before);
    }
}
