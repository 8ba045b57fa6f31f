use std::io::{self, Write};

use crate::{
    classes::Classes,
    data::{Dataset, NO_UNIT, Overview, Split},
    picture,
    preparation::Moments,
    task::{Targets, output_words},
};
use anyhow::{Result, bail};
use comfy_table::{CellAlignment, Table, presets};
use selvedge::{shape::InputShape, task::TaskKind};
use serde_json::{Value, json};

use super::load;

/// The largest number of features, and values of a sample, that are printed.
const FEATURES: usize = 24;
const VALUES: usize = 8;

pub fn run(options: &options::commands::Overview) -> Result<()> {
    if let Some(path) =
        options.out.as_ref().filter(|path| path.extension().is_none_or(|ending| !ending.eq_ignore_ascii_case("png")))
    {
        bail!("--out {}: a picture is saved as PNG; name it {}", path.display(), path.with_extension("png").display());
    }
    let data = load(&options.data)?;
    let overview = Overview::of(&data);
    if let Some(path) = &options.out {
        picture::save_chart(path, &overview.chart(&data))?;
    }
    let rows = options.rows as usize;
    if options.json {
        writeln!(terminal::stdout(), "{:#}", object(&data, &overview, rows))?;
        return Ok(());
    }
    print(&data, &overview, rows)?;
    if let Some(path) = &options.out {
        writeln!(terminal::stdout(), "Saved {}", path.display())?;
    }
    Ok(())
}

/// Returns the samples of each class or label, or each target's range.
fn targets(data: &Dataset, overview: &Overview) -> Table {
    let task = data.task.get().kind();
    if task != TaskKind::Regression {
        let title = if task == TaskKind::MultiLabel { "Label" } else { "Class" };
        let mut classes = table(&[title, "Training", "Test"]);
        for (name, counts) in data.classes.all().zip(&overview.classes) {
            classes.add_row([name.into_owned()].into_iter().chain(counts.iter().map(ToString::to_string)));
        }
        return classes;
    }
    let mut targets = table(&["Target", "Unit", "Min", "Mean", "Max", "Std"]);
    for (index, (name, moments)) in data.classes.all().zip(&overview.targets).enumerate() {
        targets.add_row(moments_row(name.into_owned(), data.target_units.get(index), moments));
    }
    targets
}

/// Returns the cells of a feature or a target: name, unit, least, mean, largest, deviation.
fn moments_row(name: String, unit: Option<&String>, moments: &Moments) -> [String; 6] {
    let Moments { mean, deviation, least, greatest } = *moments;
    let unit = unit.map_or("", |unit| if unit == NO_UNIT { "" } else { unit }).to_owned();
    [name, unit, shown(least.into()), shown(mean), shown(greatest.into()), shown(deviation)]
}

/// Returns a sample's class, labels or numbers in words.
fn target(data: &Dataset, index: usize) -> String {
    match data.train.targets() {
        Targets::Classes(labels) => data.classes.name(labels[index].into()).into_owned(),
        Targets::Labels(rows) => label_names(&data.classes, rows.row(index)).join(", "),
        Targets::Values(rows) => {
            rows.row(index).iter().map(|&value| shown(value.into())).collect::<Vec<_>>().join(", ")
        }
    }
}

/// Returns the names of the labels that a sample has.
fn label_names(names: &Classes, labels: &[f32]) -> Vec<String> {
    let there = names.all().zip(labels).filter(|(_, label)| **label > 0.0);
    there.map(|(name, _)| name.into_owned()).collect()
}

fn print(data: &Dataset, overview: &Overview, rows: usize) -> io::Result<()> {
    let mut out = terminal::stdout();
    let (train, test, element) = (data.train.len(), data.test.len(), data.train.element());
    writeln!(
        out,
        "{}: {train} training samples and {test} test samples, each {} of {element}\n",
        data.name, data.input
    )?;
    writeln!(out, "{}\n", aligned(targets(data, overview)))?;
    let mut features = table(&["Feature", "Unit", "Min", "Mean", "Max", "Std"]);
    let all = overview.moments.iter().enumerate();
    for (feature, moments) in all.take(FEATURES) {
        features.add_row(moments_row(data.feature_name(feature).into_owned(), data.units.get(feature), moments));
    }
    // A pixel tells little by itself.
    let is_image = matches!(data.input, InputShape::Image { .. });
    if !is_image {
        writeln!(out, "{}", aligned(features))?;
        if let Some(more) = overview.moments.len().checked_sub(FEATURES).filter(|&more| more > 0) {
            writeln!(out, " and {more} more; --json prints all")?;
        }
        writeln!(out)?;
    }
    let constant: Vec<_> = overview.constant.iter().take(VALUES).map(|&feature| data.feature_name(feature)).collect();
    let more = if overview.constant.len() > VALUES { ", …" } else { "" };
    match overview.constant.len() {
        0 => writeln!(out, "Constant features: none")?,
        count => writeln!(out, "Constant features: {count} ({}{more})", constant.join(", "))?,
    }
    let gaps = data.gaps;
    writeln!(out, "Missing: {} left out, {} values filled with means", gaps.dropped, gaps.filled)?;
    let (repeated, others) = (overview.repeated, overview.contradicting);
    writeln!(
        out,
        "Test samples that are training samples too: {repeated}, {others} of them with another {}",
        output_words(data.task.get().kind())[0]
    )?;
    if rows > 0 && !is_image {
        let values = data.train.features().min(VALUES);
        let more = if values < data.train.features() { "…" } else { "" };
        let names = (0..values).map(|feature| data.feature_name(feature).into_owned());
        let mut first = table(&[]);
        let title = match data.task.get().kind() {
            TaskKind::Classification => "Class",
            TaskKind::MultiLabel => "Labels",
            TaskKind::Regression => "Targets",
        };
        first.set_header([title.to_owned()].into_iter().chain(names).chain([more.to_owned()]));
        for (index, values) in samples(&data.train).take(rows) {
            let values = values.into_iter().take(VALUES).map(|value| shown(value.into()));
            first.add_row([target(data, index)].into_iter().chain(values).chain([more.to_owned()]));
        }
        writeln!(out, "\nThe first training samples\n{}", aligned(first))?;
    }
    Ok(())
}

/// Returns the samples' places and values.
fn samples(split: &Split) -> impl Iterator<Item = (usize, Vec<f32>)> {
    split.samples().map(|sample| split.element().values(sample).collect()).enumerate()
}

/// Returns a number in at most a few digits.
fn shown(value: f64) -> String {
    match value.abs() {
        _ if value.fract() == 0.0 && value.abs() < 1e9 => format!("{value}"),
        size if (1e-3..1e6).contains(&size) => format!("{value:.4}"),
        _ => format!("{value:.3e}"),
    }
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header);
    table
}

fn aligned(mut table: Table) -> Table {
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn object(data: &Dataset, overview: &Overview, rows: usize) -> Value {
    let classes = data.classes.all().zip(&overview.classes);
    let classes: Vec<_> =
        classes.map(|(name, [train, test])| json!({ "name": name, "train": train, "test": test })).collect();
    let described = |name: &str, unit: Option<&String>, moments: &Moments| {
        let Moments { mean, deviation, least, greatest } = moments;
        let is_constant = *deviation == 0.0;
        json!({ "name": name, "unit": unit.filter(|unit| *unit != NO_UNIT), "min": least, "mean": mean, "max": greatest,
                "std": deviation, "constant": is_constant })
    };
    let features: Vec<_> = (overview.moments.iter().enumerate())
        .map(|(feature, moments)| described(&data.feature_name(feature), data.units.get(feature), moments))
        .collect();
    let targets: Vec<_> = (data.classes.all().zip(&overview.targets).enumerate())
        .map(|(target, (name, moments))| described(&name, data.target_units.get(target), moments))
        .collect();
    let row = |(index, values): (usize, Vec<f32>)| match data.train.targets() {
        Targets::Classes(labels) => json!({ "class": data.classes.name(labels[index].into()), "values": values }),
        Targets::Labels(rows) => json!({ "labels": label_names(&data.classes, rows.row(index)), "values": values }),
        Targets::Values(rows) => json!({ "targets": rows.row(index), "values": values }),
    };
    let shape: Vec<u32> = data.input.sizes().collect();
    json!({
        "name": data.name,
        "shape": shape,
        "element": data.train.element().name(),
        "train": data.train.len(),
        "test": data.test.len(),
        "task": data.task.get().kind().name(),
        "classes": classes,
        "targets": targets,
        "features": features,
        "dropped": data.gaps.dropped,
        "filled": data.gaps.filled,
        "repeated": overview.repeated,
        "contradicting": overview.contradicting,
        "rows": samples(&data.train).take(rows).map(row).collect::<Vec<_>>(),
        "notes": data.notes,
    })
}
