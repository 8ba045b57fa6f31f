use std::io::{self, Write};

use anyhow::Result;
use clap::Args;
use comfy_table::{Table, presets};
use host::{
    data::Dataset,
    evaluation::{self, Evaluation},
    models::{Model, WithModel, with_model},
    quantization::{self, Network},
};
use selvedge::{
    models::{CLASS_NAMES, CLASSES},
    weights::WeightFile,
};

use super::{DataOptions, FileOptions, ThreadOptions};

#[derive(Args)]
pub struct Options {
    #[command(flatten)]
    file: FileOptions,
    #[command(flatten)]
    data: DataOptions,
    #[command(flatten)]
    threads: ThreadOptions,
}

impl Options {
    pub fn run(self) -> Result<()> {
        let bytes = self.file.read()?;
        if Network::is_one(&bytes) {
            return self.run_quantized(&self.file.parse_quantized(&bytes)?);
        }
        let file = self.file.parse(&bytes)?;
        with_model(file.architecture(), Evaluate { options: &self, file: &file })?
    }

    fn run_quantized(&self, file: &Network<'_>) -> Result<()> {
        let data = self.data.load()?;
        let evaluation = quantization::evaluate(&self.threads.engine()?, file, &data.test)?;
        self.print(&evaluation, &data, None)
    }

    fn print(&self, evaluation: &Evaluation, data: &Dataset, trained_on: Option<&str>) -> Result<()> {
        let mut out = io::stdout().lock();
        writeln!(out, "{} on the {} test images of {}", self.file.path.display(), evaluation.total(), data.name)?;
        if let Some(other) = trained_on.filter(|name| *name != data.name) {
            writeln!(out, "note: the weights were trained on {other}")?;
        }
        writeln!(out, "Accuracy: {:.2}%, Avg loss: {:.6}\n", 100.0 * evaluation.accuracy(), evaluation.loss)?;
        writeln!(out, "Confusion matrix (a row for each true class)\n{}\n", confusion_table(evaluation))?;
        writeln!(out, "{}", class_table(evaluation))?;
        Ok(())
    }
}

struct Evaluate<'a> {
    options: &'a Options,
    file: &'a WeightFile<'a>,
}

impl WithModel for Evaluate<'_> {
    type Output = Result<()>;

    fn run<M: Model>(self) -> Result<()> {
        let Self { options, file } = self;
        let model = options.file.model::<M>(file)?;
        let data = options.data.load()?;
        let evaluation = evaluation::run(&options.threads.engine()?, &*model, &data.test, |_, _| {})?;
        options.print(&evaluation, &data, Some(file.record().dataset))
    }
}

fn confusion_table(evaluation: &Evaluation) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(std::iter::once("").chain(CLASS_NAMES.map(short)));
    for (name, row) in CLASS_NAMES.iter().zip(evaluation.confusion) {
        table.add_row(std::iter::once(name.to_string()).chain(row.map(|count| count.to_string())));
    }
    align_right(table)
}

fn class_table(evaluation: &Evaluation) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(["", "Precision", "Recall"]);
    let percent = |part: Option<f64>| part.map_or("-".into(), |part| format!("{:.1}%", 100.0 * part));
    for (class, name) in CLASS_NAMES.iter().enumerate().take(CLASSES) {
        table.add_row([(*name).into(), percent(evaluation.precision(class)), percent(evaluation.recall(class))]);
    }
    align_right(table)
}

fn align_right(mut table: Table) -> Table {
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(comfy_table::CellAlignment::Right);
    }
    table
}

/// A class's name in a column's width.
fn short(name: &str) -> &str {
    name.get(..5).unwrap_or(name)
}
