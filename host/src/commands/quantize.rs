use std::{
    io::{self, IsTerminal, Write},
    path::PathBuf,
};

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, ValueEnum};
use comfy_table::{CellAlignment, Table, presets};
use host::{
    files,
    quantization::{self, FloatNetwork, LayerReport, Quantized, Report},
    weights::{self, WeightsError},
};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use selvedge::{quantized::QuantizedFile, weights::WeightFile};

use super::{DataOptions, ThreadOptions, check_classifier};

#[derive(Args)]
pub struct Options {
    /// The model's weight file
    #[arg(value_name = "FILE")]
    path: PathBuf,

    /// Where the int8 network goes [default: beside FILE, with the ending .int8]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// What the numbers become
    #[arg(long, value_enum, default_value = "int8")]
    format: Format,

    /// Write each test image's certificate: index, label, the int8 network's class, margin, bound, and whether it is certified
    ///
    /// The margin is how far the model's logit for its class is from the one that comes nearest to it, and the bound what the error of that
    /// distance is at most. Where it is less than the margin, both networks are proved to choose the same class.
    #[arg(long, value_name = "FILE.csv")]
    certificates: Option<PathBuf>,

    #[command(flatten)]
    data: DataOptions,
    #[command(flatten)]
    threads: ThreadOptions,
}

/// What the numbers become.
#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// 8-bit integers.
    Int8,
}

impl Options {
    pub fn run(self) -> Result<()> {
        let Format::Int8 = self.format;
        let out = self.out.clone().unwrap_or_else(|| self.path.with_extension("int8"));
        self.check_outputs(&out)?;
        let bytes = weights::read(&self.path)?;
        if QuantizedFile::is_one(&bytes) {
            bail!("{}: this is an int8 network already; name the file of a floating-point model", self.path.display());
        }
        let in_file = WeightsError::in_file(&self.path);
        let file = WeightFile::parse(&bytes).map_err(&in_file)?;
        check_classifier(file.architecture(), &self.path)?;
        let flat: Vec<f32> = file.weights().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        let name = || self.path.display().to_string();
        let float = FloatNetwork::new(file.architecture(), &flat).with_context(name)?;
        let engine = self.threads.engine()?;
        let data = self.data.load()?;
        let test = data.test.clone();

        let bar = progress_bar();
        let quantized = quantization::quantize(&engine, &float, data, |done, trials| {
            bar.set_length(trials as u64);
            bar.set_position(done as u64);
        });
        bar.finish_and_clear();
        let quantized = quantized.with_context(name)?;
        let report = Report::new(&engine, &float, &quantized, &test);
        let source = selvedge::weights::hash(&flat);
        let encoded = quantized.encode(source, [report.float_accuracy(), report.accuracy()]).map_err(in_file)?;
        files::write_whole(&out, &encoded)?;
        if let Some(path) = &self.certificates {
            files::write_whole(path, report.certificates().as_bytes())?;
        }
        let ram = quantization::ram_bytes(&QuantizedFile::parse(&encoded).map_err(WeightsError::in_file(&out))?);
        print(&quantized, &report, [encoded.len(), ram])?;
        writeln!(io::stdout(), "Saved {}", out.display())?;
        Ok(())
    }

    /// What cannot be written is said before the work.
    fn check_outputs(&self, out: &PathBuf) -> Result<()> {
        files::check_writable(out)?;
        ensure!(*out != self.path, "--out and FILE are the same file, {}", out.display());
        if let Some(path) = &self.certificates {
            files::check_writable(path)?;
            for (name, other) in [("--out", out), ("FILE", &self.path)] {
                ensure!(path != other, "--certificates and {name} are the same file, {}", path.display());
            }
        }
        Ok(())
    }
}

fn progress_bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} trial {pos}/{len}, {eta} left");
    let bar = ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    if !io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    bar
}

fn print(quantized: &Quantized, report: &Report, [flash, ram]: [usize; 2]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let percent = |part: f64| format!("{:.2}%", 100.0 * part);
    writeln!(out, "Chosen: {}", quantized.method())?;
    writeln!(
        out,
        "  {} on {} other training images, the best of all trials",
        percent(quantized.held_out_accuracy),
        quantized.held_out
    )?;
    if quantized.shrunk() > 0 {
        writeln!(out, "  {} outputs have smaller weights, so that no sum overflows", quantized.shrunk())?;
    }
    writeln!(out, "\n{}\n", layer_table(&report.layers))?;
    let total = report.verdicts.len();
    writeln!(
        out,
        "Accuracy: {}, of the model in floating point {}, on the {total} test images",
        percent(report.accuracy()),
        percent(report.float_accuracy())
    )?;
    writeln!(out, "Changed:   {} of {total} images have another class than the model's", report.changes())?;
    writeln!(out, "Certified: {} of {total} images are proved to have the model's class", report.certified())?;
    writeln!(out, "Flash: {flash} bytes (the file)")?;
    writeln!(out, "RAM:   {ram} bytes to predict, beside the image and the logits")
}

fn layer_table(layers: &[LayerReport]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header([
        "Layer",
        "Error",
        "Units not 0",
        "Pairs not 0, in the model's order",
        "in the file's",
    ]);
    for (index, layer) in layers.iter().enumerate() {
        let densities =
            layer.density.map_or(["-"; 3].map(String::from), |parts| parts.map(|part| format!("{:.1}%", 100.0 * part)));
        let error = format!("{:.2}%", 100.0 * layer.relative_error);
        table.add_row([index.to_string(), error].into_iter().chain(densities));
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}
