//! The report as one HTML page. It has no script, and loads nothing from elsewhere.

mod answers;
mod compare;
mod costs;
mod reproduce;

use maud::{DOCTYPE, Markup, PreEscaped, html};
use selvedge::task::TaskKind;

use super::{
    Run,
    chart::{Chart, short},
    curves,
};
use crate::{evaluation::with_unit, record::Metrics};

/// The look of every page.
const LOOK: &str = include_str!("../../../../web/look.css");
/// The rules that a report adds to the look.
const OWN: &str = include_str!("report.css");
/// The content policy. Nothing is loaded: styles and pictures are in the page.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";

/// Returns the page of these runs.
pub fn page(runs: &[Run]) -> String {
    let title = match runs {
        [run] => format!("Run {}", run.name),
        _ => format!("{} runs", runs.len()),
    };
    let charts = curves::charts(runs);
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                title { (title) " – Selvedge" }
                style { (PreEscaped(LOOK)) (PreEscaped(OWN)) }
            }
            body {
                main {
                    h1 { (title) }
                    @if let [run] = runs {
                        (subtitle(run))
                        (cards(run))
                        (notes(run))
                        (figures(&charts, 2))
                        (sections(run, 2))
                    } @else {
                        (compare::results(runs))
                        (compare::differences(runs))
                        (figures(&charts, 2))
                        @for (place, run) in runs.iter().enumerate() {
                            details open[place == 0] {
                                summary { h2 { (run.name) } }
                                (subtitle(run))
                                (cards(run))
                                (notes(run))
                                (sections(run, 3))
                            }
                        }
                    }
                    footer { p.quiet { "Made by " code { "selvedge report" } " " (env!("CARGO_PKG_VERSION")) ". Figures of the test samples, unless a line says otherwise." } }
                }
            }
        }
    }
    .into_string()
}

/// Returns a heading of this level.
fn heading(level: u8, text: &str) -> Markup {
    html! {
        @match level {
            2 => { h2 { (text) } }
            3 => { h3 { (text) } }
            _ => { h4 { (text) } }
        }
    }
}

fn subtitle(run: &Run) -> Markup {
    let [data, _] = run.data();
    html! { p.quiet { (run.layers()) ", trained on " (data) @if let Some(record) = &run.record { ", " (record.head.processor) } } }
}

/// Returns the headline figures.
fn cards(run: &Run) -> Markup {
    let mut cards: Vec<(&str, String)> = Vec::new();
    if let Some(test) = run.test() {
        cards.extend(headlines(run, &test));
        cards.push(("loss", short(test.loss, 4)));
    }
    if let Some(parameters) = run.parameters() {
        cards.push(("parameters", thousands(parameters as u64)));
    }
    let (epochs, steps) = run.length();
    if steps > 0 {
        cards.push((if epochs == 1 { "epoch" } else { "epochs" }, thousands(epochs.into())));
        cards.push((if steps == 1 { "step" } else { "steps" }, thousands(steps)));
    }
    if let Some(seconds) = run.seconds() {
        cards.push(("training time", duration(seconds)));
    }
    html! {
        dl.cards {
            @for (name, value) in cards {
                div.card { dt.quiet { (name) } dd { strong { (value) } } }
            }
            @if let Some(hash) = run.hash() {
                div.card.hashes { dt.quiet { "SHA-256 of the weights" } dd { span.hash { (hash) } } }
            }
        }
    }
}

/// Returns the task's metric, and the figures beside it.
fn headlines(run: &Run, test: &Metrics) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    match run.task() {
        TaskKind::Classification => found.extend(test.accuracy.map(|part| ("accuracy", percent(part)))),
        TaskKind::MultiLabel => {
            found.extend(test.accuracy.map(|part| ("right labels", percent(part))));
            found.extend(test.f1.map(|f1| ("mean F1", short(f1, 3))));
        }
        TaskKind::Regression => {
            found.extend(test.r2.map(|r2| ("R²", short(r2, 4))));
            if let [only] = test.mae[..] {
                found.push(("mean absolute error", with_unit(only, run.unit(0))));
            }
        }
    }
    found
}

fn notes(run: &Run) -> Markup {
    html! {
        @if !run.notes.is_empty() {
            div.notes role="note" {
                @for text in &run.notes { p { (text) } }
            }
        }
    }
}

/// Returns charts beside each other.
fn figures(charts: &[Chart], level: u8) -> Markup {
    html! {
        @if !charts.is_empty() {
            (heading(level, "Curves"))
            div.figures { @for chart in charts { (figure(chart)) } }
        }
    }
}

/// Returns a chart and its title.
fn figure(chart: &Chart) -> Markup {
    html! { figure { (PreEscaped(chart.to_html())) figcaption { (chart.title) } } }
}

fn sections(run: &Run, level: u8) -> Markup {
    html! {
        (answers::sections(run, level))
        (costs::sections(run, level))
        (reproduce::section(run, level))
    }
}

/// Returns a fraction as a percentage with two decimals.
fn percent(part: f64) -> String {
    format!("{:.2}%", 100.0 * part)
}

fn some_percent(part: Option<f64>) -> String {
    part.map_or("–".into(), |part| format!("{:.1}%", 100.0 * part))
}

fn some_number(value: Option<f64>) -> String {
    value.map_or("–".into(), |value| format!("{value:.3}"))
}

/// Returns a whole number with commas between groups of three digits, such as `1,034,857`.
fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let first = digits.len() % 3;
    let mut text = digits[..first].to_owned();
    for (place, group) in digits.as_bytes()[first..].chunks(3).enumerate() {
        if place > 0 || first > 0 {
            text.push(',');
        }
        text.extend(group.iter().map(|&digit| char::from(digit)));
    }
    text
}

fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 120.0 => format!("{} s", short(s, 3)),
        s if s < 7200.0 => format!("{:.0} min {:02.0} s", (s / 60.0).floor(), (s % 60.0).floor()),
        s => format!("{:.0} h {:02.0} min", (s / 3600.0).floor(), (s % 3600.0 / 60.0).floor()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::example;

    #[test]
    fn names_of_a_record_are_escaped() {
        let mut record = example();
        record.head.data.name = "<script>alert(1)</script>".into();
        record.head.commands = vec!["x\"><img src=x onerror=alert(1)>".into()];
        record.head.layers = "</style><b>".into();
        let run = Run { record: Some(record), ..Run::new("<i>a</i>".into()) };
        for page in [page(std::slice::from_ref(&run)), page(&[run.clone(), run])] {
            for hostile in ["<script", "<img", "<i>", "<b>"] {
                assert!(!page.contains(hostile), "{hostile}");
            }
            assert!(page.contains("&lt;script&gt;") && page.contains("var(--series-1)"));
        }
    }

    #[test]
    fn figures_are_written_as_people_read_them() {
        assert_eq!(["0", "999", "1,000", "669,706"].map(str::to_owned), [0, 999, 1000, 669_706].map(thousands));
        assert_eq!([0.5, 75.0, 130.0, 7300.0].map(duration), ["0.5 s", "75 s", "2 min 10 s", "2 h 01 min"]);
    }
}
