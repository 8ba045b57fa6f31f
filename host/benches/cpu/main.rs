//! `cargo xtask bench cpu`: how fast this machine trains and predicts, beside what it could do and what other programs do.
//!
//! - [`workload`]: a model's operations. [`count`]: those that are needed. [`shared`]: what `bench cuda` has too.
//! - [`measure`]: epochs of training. [`predictions`]: passes of predictions. [`sweep`]: all of it, in its order.
//! - [`phases`]: where a step's time goes. [`simulation`]: steps on more cores.
//!   [`scale`]: steps of networks of other sizes. [`by_layer`]: how fast each product is. [`products`]: a ledger of each.
//! - [`report`]: the table and JSON. [`plot`]: the picture.

#![cfg_attr(test, allow(dead_code, unused_imports, reason = "cargo sets `test` here too, but a test needs a harness"))]

mod by_layer;
mod count;
mod measure;
mod phases;
mod plot;
mod predictions;
mod products;
mod report;
mod scale;
#[path = "../shared/mod.rs"]
mod shared;
mod simulation;
mod sweep;
mod workload;

use std::{io::Write, process::ExitCode};

use anyhow::Result;
use clap::Parser;
use options::bench::Cpu;

#[derive(Parser)]
#[command(name = "cargo xtask bench cpu", bin_name = "cargo xtask bench cpu")]
struct Arguments {
    #[command(flatten)]
    options: Cpu,

    /// Cargo's word for a benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    shared::run(|out| run(&Arguments::parse().options, out))
}

fn run(options: &Cpu, out: &mut dyn Write) -> Result<()> {
    shared::check_outputs([("--json", &options.json), ("--markdown", &options.markdown), ("--plot", &options.plot)])?;
    let data = if options.predict { shared::test_samples } else { shared::data }(&options.subject)?;
    let network = shared::architecture(&options.subject, &data)?;
    let run = match options {
        Cpu { phases: true, .. } => phases::run,
        Cpu { scale: true, .. } => scale::run,
        Cpu { simulate, .. } if !simulate.is_empty() => simulation::run,
        _ => sweep::run,
    };
    run(options, &network, &data, out)
}

#[cfg(all(test, unix))]
mod tests {
    use std::{fs, path::Path};

    use serde_json::Value;

    use super::*;

    /// Returns the output.
    fn bench(folder: &Path, arguments: &[&str]) -> Result<String> {
        let place = |argument: &&str| argument.replace("FOLDER", &folder.to_string_lossy());
        let always = ["bench", "--data", "builtin", "--epochs", "2"].map(String::from);
        let Arguments { options, .. } = Arguments::parse_from(always.into_iter().chain(arguments.iter().map(place)));
        let mut out = Vec::new();
        run(&options, &mut out)?;
        Ok(String::from_utf8(out)?)
    }

    const SMALL: [&str; 6] = ["--model", "tiny", "--samples", "20", "--batch-size", "4,8"];

    #[test]
    fn engines_and_peers_are_measured_printed_written_and_drawn() {
        let folder = tempfile::tempdir().unwrap();
        let files = ["--json", "FOLDER/a.jsonl", "--markdown", "FOLDER/a.md", "--plot", "FOLDER/a.png"];
        let peer = "for i in 9 2 3; do echo fake batch {batch} epoch 0 $i.0 s; done";
        let rest = ["--threads", "1,2", "--rounds", "2", "--peer", peer];
        let text = bench(folder.path(), &[&SMALL[..], &files, &rest].concat()).unwrap();
        assert!(text.starts_with("784-16-10, 20 samples, builtin\n"), "{text}");
        assert!(
            text.contains("| fake | 2.500 (2.000–3.000) |") && text.trim_end().ends_with("the needed ones alone."),
            "{text}"
        );
        let read = |name| fs::read(folder.path().join(name)).unwrap();
        assert!(text.contains(String::from_utf8(read("a.md")).unwrap().trim_end()));
        let rows = String::from_utf8(read("a.jsonl")).unwrap();
        let rows: Vec<Value> = rows.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let compared: Vec<_> = rows.iter().filter(|row| row["peer"] == "fake").collect();
        assert!(compared.len() == 2 && rows.len() >= 6, "{rows:?}");
        assert!(compared.iter().all(|row| row["threads"] == 2 && row["ratio"].as_f64().unwrap() > 1.0), "{rows:?}");
        // The pictures are not all ink, and every engine needs the same.
        let share = |row: &Value| row["needed_share"].as_f64().unwrap();
        assert!(rows.iter().all(|row| (0.1..0.9).contains(&share(row)) && row["percent_of_peak"].as_f64().is_some()));
        assert!(
            rows.iter()
                .all(|row| rows.iter().all(|other| row["batch"] != other["batch"] || share(row) == share(other)))
        );
        assert!(image::load_from_memory(&read("a.png")).is_ok());
    }

    #[test]
    fn phases_have_a_row_for_each_batch_size_and_product() {
        let folder = tempfile::tempdir().unwrap();
        let text = bench(folder.path(), &[&SMALL[..], &["--phases", "--threads", "2"]].concat()).unwrap();
        let (phases, products) = text.split_once("Its products: ").unwrap();
        assert!(
            phases.contains("on 2 threads") && phases.lines().filter(|line| line.contains('%')).count() == 2,
            "{text}"
        );
        let cells = products.lines().filter(|line| line.contains('%')).map(|line| line.split('|').map(str::trim));
        let names: Vec<_> = cells.map(|cells| cells.skip(1).take(3).collect::<Vec<_>>().join(" | ")).collect();
        let of_four = [
            "4 | 784 → 16 | forward",
            "4 | 16 → 10 | forward",
            "4 | 16 → 10 | input gradients",
            "4 | 16 → 10 | weight gradients, update",
            "4 | 784 → 16 | weight gradients, update",
            "4 | all | ",
        ];
        assert!(names.len() == 12 && names.starts_with(&of_four.map(String::from)), "{text}");
    }

    #[test]
    fn predictions_are_measured_and_compared() {
        let folder = tempfile::tempdir().unwrap();
        let peer = "for i in 9 2; do echo fake batch {batch} epoch 0 $i.0 s; done";
        let files = ["--json", "FOLDER/a.jsonl", "--plot", "FOLDER/a.png"];
        let rest = ["--predict", "--batch-size", "1,7", "--threads", "1,2", "--rounds", "1", "--peer", peer];
        let text = bench(folder.path(), &[&SMALL[..4], &files, &rest].concat()).unwrap();
        assert!(text.starts_with("784-16-10, 20 samples, builtin\n") && text.contains("a pass over the"), "{text}");
        let rows = fs::read_to_string(folder.path().join("a.jsonl")).unwrap();
        let rows: Vec<Value> = rows.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(rows.iter().filter(|row| row["peer"] == "fake").count(), 2, "{rows:?}");
        // 20 samples one at a time, and 14 in whole batches of 7.
        for (row, samples) in rows.iter().map(|row| (row, if row["batch"] == 1 { 20.0 } else { 14.0 })) {
            let [seconds, rate] = ["median_epoch_seconds", "samples_per_second"].map(|key| row[key].as_f64().unwrap());
            assert!((seconds * rate - samples).abs() < 1e-6, "{row}");
            assert!((0.1..0.9).contains(&row["needed_share"].as_f64().unwrap()), "{row}");
        }
    }

    #[test]
    fn a_simulation_has_a_row_for_each_batch_size_and_number_of_threads() {
        let folder = tempfile::tempdir().unwrap();
        let text = bench(folder.path(), &[&SMALL[..], &["--simulate", "1,64"]].concat()).unwrap();
        let rows: Vec<Vec<&str>> =
            text.lines().filter(|line| line.contains('%')).map(|line| line.split('|').collect()).collect();
        let named: Vec<_> = rows.iter().map(|cells| (cells[1].trim(), cells[2].trim())).collect();
        assert_eq!(named, [("4", "1"), ("4", "64"), ("8", "1"), ("8", "64")], "{text}");
        assert_eq!(rows[0][4].trim(), "1.0", "{text}");
    }

    #[test]
    fn what_cannot_be_is_said_first() {
        let folder = tempfile::tempdir().unwrap();
        let error = |arguments: &[&str]| bench(folder.path(), arguments).unwrap_err().to_string();
        assert!(error(&["--json", "FOLDER"]).starts_with("cannot write "));
        assert!(error(&["--samples", "99999"]).contains("--samples 99999: builtin has only"));
        assert!(error(&["--predict", "--batch-size", "99999"]).contains("--batch-size 99999: builtin has only"));
        assert!(error(&["--layers", "700,77,10"]).contains("the network takes 700 inputs"));
    }
}
