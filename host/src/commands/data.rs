use std::io::{self, Write};

use crate::{
    data::{Dataset, Overview, Split},
    picture,
    preparation::Moments,
};
use anyhow::{Result, bail};
use comfy_table::{CellAlignment, Table, presets};
use selvedge::shape::InputShape;
use serde_json::{Value, json};

use super::load;

/// The most features, and values of a sample, that are printed.
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

fn print(data: &Dataset, overview: &Overview, rows: usize) -> io::Result<()> {
    let mut out = terminal::stdout();
    let (train, test, element) = (data.train.len(), data.test.len(), data.train.element());
    writeln!(
        out,
        "{}: {train} training samples and {test} test samples, each {} of {element}\n",
        data.name, data.input
    )?;
    let mut classes = table(&["Class", "Training", "Test"]);
    for (name, counts) in data.classes.all().zip(&overview.classes) {
        classes.add_row([name.into_owned()].into_iter().chain(counts.iter().map(ToString::to_string)));
    }
    writeln!(out, "{}\n", aligned(classes))?;
    let mut features = table(&["Feature", "Unit", "Min", "Mean", "Max", "Std"]);
    let all = overview.moments.iter().enumerate();
    for (feature, moments) in all.take(FEATURES) {
        let Moments { mean, deviation, least, greatest } = moments;
        let unit = data.units.get(feature).map_or("", |unit| if unit == "-" { "" } else { unit });
        let numbers = [shown((*least).into()), shown(*mean), shown((*greatest).into()), shown(*deviation)];
        features.add_row([data.feature_name(feature).into_owned(), unit.to_owned()].into_iter().chain(numbers));
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
    writeln!(out, "Test samples that are training samples too: {repeated}, {others} of them with another label")?;
    if rows > 0 && !is_image {
        let values = data.train.features().min(VALUES);
        let more = if values < data.train.features() { "…" } else { "" };
        let names = (0..values).map(|feature| data.feature_name(feature).into_owned());
        let mut first = table(&[]);
        first.set_header(["Class".to_owned()].into_iter().chain(names).chain([more.to_owned()]));
        for (label, values) in samples(&data.train).take(rows) {
            let values = values.into_iter().take(VALUES).map(|value| shown(value.into()));
            first.add_row([data.classes.name(label).into_owned()].into_iter().chain(values).chain([more.to_owned()]));
        }
        writeln!(out, "\nThe first training samples\n{}", aligned(first))?;
    }
    Ok(())
}

/// Labels and values.
fn samples(split: &Split) -> impl Iterator<Item = (usize, Vec<f32>)> {
    let labels = split.labels().iter().map(|&label| usize::from(label));
    labels.zip(split.samples().map(|sample| split.element().values(sample).collect()))
}

/// A number in at most a few digits.
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
    let feature = |(feature, moments): (usize, &Moments)| {
        let Moments { mean, deviation, least, greatest } = moments;
        let is_constant = *deviation == 0.0;
        json!({ "name": data.feature_name(feature), "unit": data.units.get(feature).filter(|unit| *unit != "-"), "min": least,
                "mean": mean, "max": greatest, "std": deviation, "constant": is_constant })
    };
    let features: Vec<_> = overview.moments.iter().enumerate().map(feature).collect();
    let row = |(label, values): (usize, Vec<f32>)| json!({ "class": data.classes.name(label), "values": values });
    let shape: Vec<u32> = data.input.sizes().collect();
    json!({
        "name": data.name,
        "shape": shape,
        "element": data.train.element().name(),
        "train": data.train.len(),
        "test": data.test.len(),
        "classes": classes,
        "features": features,
        "dropped": data.gaps.dropped,
        "filled": data.gaps.filled,
        "repeated": overview.repeated,
        "contradicting": overview.contradicting,
        "rows": samples(&data.train).take(rows).map(row).collect::<Vec<_>>(),
        "notes": data.notes,
    })
}
