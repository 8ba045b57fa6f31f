use std::io::Write;

use crate::{
    classes::Classes,
    data::Dataset,
    evaluation::{Answers, Evaluation, LabelCounts, PerClass, ValueAnswers, with_unit},
    model_file::ModelFile,
    weights,
};
use anyhow::{Context, Result};
use comfy_table::{Table, presets};
use selvedge::task::TaskKind;

use super::{check_weights, engine, load_for, note, parse, trained_on_others};

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
    if let Some(others) = trained_on_others(file, data) {
        writeln!(out, "note: {others}")?;
    }
    let names = classes(options, file, data);
    writeln!(out, "{}, Avg loss: {:.6}", evaluation.headline(2, &data.target_units), evaluation.loss)?;
    let areas = evaluation.mean_roc_auc().map_or_else(String::new, |area| format!(", ROC AUC: {area:.4}"));
    match &evaluation.answers {
        Answers::Classes(answers) => {
            let balanced = 100.0 * answers.balanced_accuracy();
            writeln!(out, "Balanced accuracy: {balanced:.2}%, F1: {:.4}{areas}\n", answers.f1())?;
            if let Some(confusion) = answers.confusion() {
                let table = confusion_table(&confusion, &names);
                writeln!(out, "Confusion matrix (a row for each true class)\n{table}\n")?;
            }
            let row = |class: &PerClass| [percent(class.precision), percent(class.recall), number(class.f1)];
            writeln!(out, "{}", output_table(&names, answers.per_class().iter().map(row), &evaluation.roc_auc))?;
        }
        Answers::Labels(answers) => {
            let (exact, total) = (answers.exact(), answers.total());
            let balanced = 100.0 * answers.balanced_accuracy();
            writeln!(out, "All labels right: {exact} of {total} samples, balanced accuracy: {balanced:.2}%{areas}\n")?;
            let row =
                |label: &LabelCounts| [percent(label.precision()), percent(label.recall()), number(Some(label.f1()))];
            writeln!(out, "{}", output_table(&names, answers.labels().iter().map(row), &evaluation.roc_auc))?;
        }
        Answers::Values(answers) => {
            let units = data.target_units.iter().map(Some).chain(std::iter::repeat(None));
            writeln!(out, "\n{}", value_table(&names, answers, units))?;
        }
    }
    Ok(())
}

/// Returns the classes by the names that were given, or else by the file's, or else by the data's.
fn classes(options: &options::commands::Eval, file: &ModelFile<'_>, data: &Dataset) -> Classes {
    let (own, others) = (file.classes(), data.classes.extended(file.architecture().outputs()));
    if options.data.classes.is_some() || file.assumes().is_some() || !own.are_named() {
        return others;
    }
    let is_classification = data.task.get().kind() == TaskKind::Classification;
    let differs = |class: &usize| is_classification && others.are_named() && own.name(*class) != others.name(*class);
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

fn percent(part: Option<f64>) -> String {
    part.map_or("-".into(), |part| format!("{:.1}%", 100.0 * part))
}

fn number(value: Option<f64>) -> String {
    value.map_or("-".into(), |value| format!("{value:.3}"))
}

/// Precision, recall, F1 and the area under the ROC curve of each class or label.
fn output_table(names: &Classes, rows: impl Iterator<Item = [String; 3]>, areas: &[Option<f64>]) -> Table {
    let mut table = Table::new();
    let header = ["", "Precision", "Recall", "F1", "ROC AUC"];
    let columns = if areas.is_empty() { 4 } else { 5 };
    table.load_style(presets::NOTHING).set_header(&header[..columns]);
    let mut areas = areas.iter().map(|&area| number(area));
    for (name, row) in names.all().zip(rows) {
        table.add_row([name.into_owned()].into_iter().chain(row).chain(areas.next()));
    }
    align_right(table)
}

/// Returns each target's errors, in its unit.
fn value_table<'a>(names: &Classes, answers: &ValueAnswers, units: impl Iterator<Item = Option<&'a String>>) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(["", "Mean absolute error", "RMSE", "Largest error", "R²"]);
    for ((name, target), unit) in names.all().zip(answers.targets()).zip(units) {
        let errors = [target.mae, target.rmse, target.largest].map(|error| with_unit(error, unit));
        table.add_row([name.into_owned()].into_iter().chain(errors).chain([number(target.r2)]));
    }
    align_right(table)
}

fn align_right(mut table: Table) -> Table {
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(comfy_table::CellAlignment::Right);
    }
    table
}

/// Returns a class's name in a column's width.
fn short(name: &str) -> String {
    name.chars().take(5).collect()
}
