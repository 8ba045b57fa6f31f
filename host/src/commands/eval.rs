use std::io::Write;

use crate::{classes::Classes, data::Dataset, evaluation::Evaluation, model_file::ModelFile, weights};
use anyhow::{Context, Result};
use comfy_table::{Table, presets};

use super::{check_weights, engine, load_for, note, parse};

pub fn run(options: &options::commands::Eval) -> Result<()> {
    let bytes = weights::read(&options.file.path)?;
    let file = parse(&options.file.path, &bytes)?;
    check_weights(&options.file.path, &file)?;
    let data = load_for(&options.file.path, &file, &options.data)?;
    let evaluation = file.evaluate(&engine(&options.threads)?, &data.test);
    let evaluation = evaluation.with_context(|| options.file.path.display().to_string())?;
    print(options, &evaluation, &data, &file)
}

fn print(
    options: &options::commands::Eval,
    evaluation: &Evaluation,
    data: &Dataset,
    file: &ModelFile<'_>,
) -> Result<()> {
    let mut out = terminal::stdout();
    writeln!(out, "{} on the {} test samples of {}", options.file.path.display(), evaluation.total(), data.name)?;
    match file {
        ModelFile::Float32(file) if file.record().dataset != data.name => {
            writeln!(out, "note: the weights were trained on {}", file.record().dataset)?;
        }
        // A name says little where the file's owner chose it.
        ModelFile::Float32(file)
            if file.record().samples as usize == data.train.len()
                && file.record().dataset_checksum != data.checksum =>
        {
            writeln!(out, "note: the weights were trained on other samples than those of {} here", data.name)?;
        }
        _ => {}
    }
    let classes = classes(options, file, data);
    writeln!(out, "Accuracy: {:.2}%, Avg loss: {:.6}\n", 100.0 * evaluation.accuracy(), evaluation.loss)?;
    if let Some(confusion) = evaluation.confusion() {
        let table = confusion_table(&confusion, &classes);
        writeln!(out, "Confusion matrix (a row for each true class)\n{table}\n")?;
    }
    writeln!(out, "{}", class_table(evaluation, &classes))?;
    Ok(())
}

/// The classes by the names that were given, or else by the file's, or else by the data's.
fn classes(options: &options::commands::Eval, file: &ModelFile<'_>, data: &Dataset) -> Classes {
    let (own, others) = (file.classes(), data.classes.extended(file.architecture().outputs()));
    if options.data.classes.is_some() || file.assumes().is_some() || !own.are_named() {
        return others;
    }
    let differs = |class: &usize| others.are_named() && own.name(*class) != others.name(*class);
    if let Some(class) = (0..own.count()).find(differs) {
        let (own, other) = (own.name(class), others.name(class));
        note(format_args!("class {class} is {own} in {}, but {other} in {}", options.file.path.display(), data.name));
    }
    own
}

fn confusion_table(confusion: &[Vec<u32>], classes: &Classes) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(std::iter::once(String::new()).chain(classes.all().map(|name| short(&name))));
    for (name, row) in classes.all().zip(confusion) {
        table.add_row(std::iter::once(name.into_owned()).chain(row.iter().map(ToString::to_string)));
    }
    align_right(table)
}

fn class_table(evaluation: &Evaluation, classes: &Classes) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(["", "Precision", "Recall"]);
    let percent = |part: Option<f64>| part.map_or("-".into(), |part| format!("{:.1}%", 100.0 * part));
    for (name, class) in classes.all().zip(evaluation.per_class()) {
        table.add_row([name.into_owned(), percent(class.precision), percent(class.recall)]);
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
fn short(name: &str) -> String {
    name.chars().take(5).collect()
}
