//! The network's answers: confusion matrix, each output's figures, calibration, the worst mistakes and the first layer.

use maud::{Markup, html};
use selvedge::task::TaskKind;

use super::{figure, heading, percent, some_number, some_percent};
use crate::{
    data::NO_UNIT,
    evaluation::{Answers, ClassAnswers, LabelAnswers, ValueAnswers, with_unit},
    report::{Run, answers::Findings, calibration::BINS, curves, pictures::Pixels},
};

/// The largest number of outputs in a table.
const ROWS: usize = 200;

/// Returns the sections that need test samples or weights.
pub fn sections(run: &Run, level: u8) -> Markup {
    html! {
        @if let Some(findings) = &run.findings {
            @match &findings.evaluation.answers {
                Answers::Classes(answers) => (classes(run, findings, answers, level)),
                Answers::Labels(answers) => (labels(run, findings, answers, level)),
                Answers::Values(answers) => (values(run, findings, answers, level)),
            }
            (calibration(run, findings, level))
            (mistakes(run, findings, level))
        }
        @if let Some((units, pixels)) = &run.first_layer { (first_layer(*units, pixels, level)) }
    }
}

fn classes(run: &Run, findings: &Findings, answers: &ClassAnswers, level: u8) -> Markup {
    let per_class = answers.per_class();
    let area = |class: usize| findings.evaluation.roc_auc.get(class).copied().flatten();
    let [balanced, f1] = [percent(answers.balanced_accuracy()), some_number(Some(answers.f1()))];
    html! {
        @if let Some(counts) = answers.confusion() { (confusion(run, &counts, level)) }
        (heading(level, "Classes"))
        p { "Balanced accuracy " (balanced) ", mean F1 " (f1) ", mean area under the ROC curve " (some_number(findings.evaluation.mean_roc_auc())) "." }
        div.wide tabindex="0" role="region" aria-label="Classes" {
            table {
                thead { tr { th scope="col" { "Class" } @for name in ["Precision", "Recall", "F1", "ROC AUC", "Support"] { th scope="col" { (name) } } } }
                tbody {
                    @for (class, figures) in per_class.iter().enumerate().take(ROWS) {
                        tr {
                            th scope="row" { (run.output(class)) }
                            td { (some_percent(figures.precision)) }
                            td { (some_percent(figures.recall)) }
                            td { (some_number(figures.f1)) }
                            td { (some_number(area(class))) }
                            td { (findings.support.get(class).copied().unwrap_or(0)) }
                        }
                    }
                }
            }
        }
        (more(per_class.len()))
    }
}

fn more(rows: usize) -> Markup {
    html! { @if rows > ROWS { p.quiet { "And " (rows - ROWS) " more." } } }
}

/// Returns a table with a row for each true class. A cell is darker if its part of the row is larger.
fn confusion(run: &Run, counts: &[Vec<u32>], level: u8) -> Markup {
    html! {
        (heading(level, "Confusion matrix"))
        p.quiet { "A row for each true class, a column for each predicted one. The larger its part of the row, the stronger a cell's colour." }
        div.wide tabindex="0" role="region" aria-label="Confusion matrix" {
            table.heat {
                thead {
                    tr { th scope="col" { "True \\ predicted" } @for class in 0..counts.len() { th scope="col" { (run.output(class)) } } }
                }
                tbody {
                    @for (class, row) in counts.iter().enumerate() {
                        tr {
                            th scope="row" { (run.output(class)) }
                            @for &count in row { td style=(heat(count, row)) { (count) } }
                        }
                    }
                }
            }
        }
    }
}

fn heat(count: u32, row: &[u32]) -> String {
    let total = row.iter().map(|&count| f64::from(count)).sum::<f64>().max(1.0);
    // Small parts are to be seen too.
    format!("background: rgba(var(--heat), {:.3})", 0.55 * (f64::from(count) / total).sqrt())
}

fn labels(run: &Run, findings: &Findings, answers: &LabelAnswers, level: u8) -> Markup {
    let area = |label: usize| findings.evaluation.roc_auc.get(label).copied().flatten();
    html! {
        (heading(level, "Labels"))
        p { "All labels right in " (answers.exact()) " of " (answers.total()) " samples; balanced accuracy " (percent(answers.balanced_accuracy())) "." }
        div.wide tabindex="0" role="region" aria-label="Labels" {
            table {
                thead { tr { th scope="col" { "Label" } @for name in ["Precision", "Recall", "F1", "ROC AUC", "Found", "Missed", "Invented"] { th scope="col" { (name) } } } }
                tbody {
                    @for (label, counts) in answers.labels().iter().enumerate().take(ROWS) {
                        tr {
                            th scope="row" { (run.output(label)) }
                            td { (some_percent(counts.precision())) }
                            td { (some_percent(counts.recall())) }
                            td { (some_number(Some(counts.f1()))) }
                            td { (some_number(area(label))) }
                            td { (counts.found) }
                            td { (counts.missed) }
                            td { (counts.invented) }
                        }
                    }
                }
            }
        }
        (more(answers.labels().len()))
    }
}

fn values(run: &Run, findings: &Findings, answers: &ValueAnswers, level: u8) -> Markup {
    let charts = curves::values(run, findings);
    html! {
        (heading(level, "Targets"))
        p { "Errors of " (answers.total()) " test samples, in each target's unit." }
        div.wide tabindex="0" role="region" aria-label="Targets" {
            table {
                thead { tr { th scope="col" { "Target" } @for name in ["Unit", "R²", "Mean absolute error", "Root of the mean square", "Largest error"] { th scope="col" { (name) } } } }
                tbody {
                    @for (target, errors) in answers.targets().iter().enumerate().take(ROWS) {
                        tr {
                            th scope="row" { (run.output(target)) }
                            td { (run.unit(target).filter(|unit| *unit != NO_UNIT).map_or("–", |unit| unit)) }
                            td { (some_number(errors.r2)) }
                            td { (with_unit(errors.mae, None)) }
                            td { (with_unit(errors.rmse, None)) }
                            td { (with_unit(errors.largest, None)) }
                        }
                    }
                }
            }
        }
        (more(answers.targets().len()))
        @if !charts.is_empty() {
            p.quiet { "On the line a value is right. Of many samples some are drawn." }
            div.figures { @for chart in &charts { (figure(chart)) } }
        }
    }
}

fn calibration(run: &Run, findings: &Findings, level: u8) -> Markup {
    let task = run.task();
    let (distance, weight, columns) = match task {
        TaskKind::MultiLabel => (
            "a label's probability and how often the label is there, over all labels of all samples",
            "labels",
            ["Probability", "Mean", "There", "Labels"],
        ),
        TaskKind::Classification | TaskKind::Regression => {
            ("confidence and accuracy", "samples", ["Confidence", "Mean", "Accuracy", "Samples"])
        }
    };
    html! {
        @if let Some(calibration) = &findings.calibration {
            (heading(level, "Calibration"))
            p {
                "Expected calibration error " strong { (percent(calibration.error)) } ": the mean distance between " (distance) ", in "
                (BINS) " bins of equal width, each weighted by its " (weight) " (Guo et al. 2017, “On Calibration of Modern Neural Networks”)."
            }
            div.figures {
                (figure(&curves::reliability(calibration, task)))
                div.wide tabindex="0" role="region" aria-label="Bins of confidence" {
                    table {
                        thead { tr { @for name in columns { th scope="col" { (name) } } } }
                        tbody {
                            @for (place, bin) in calibration.bins.iter().enumerate().filter(|(_, bin)| bin.decisions > 0) {
                                tr {
                                    th scope="row" { (percent_of(place)) "–" (percent_of(place + 1)) "%" }
                                    td { (some_percent(Some(bin.confidence / bin.decisions as f64))) }
                                    td { (some_percent(bin.accuracy())) }
                                    td { (bin.decisions) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Returns the upper end of a bin in percent.
fn percent_of(place: usize) -> String {
    format!("{:.1}", 100.0 * place as f64 / BINS as f64)
}

fn mistakes(run: &Run, findings: &Findings, level: u8) -> Markup {
    let (title, size): (_, fn(f64) -> String) = match &findings.evaluation.answers {
        Answers::Classes(_) => ("Worst mistakes", |size| format!("{:.1}%", 100.0 * size)),
        Answers::Labels(_) => ("Worst mistakes", |size| format!("{size:.0} wrong")),
        Answers::Values(_) => ("Largest errors", |size| format!("{size:.2} deviations")),
    };
    let addresses: Option<Vec<String>> = (run.mistakes.len() == findings.mistakes.len())
        .then(|| run.mistakes.iter().map(|pixels| pixels.address().ok()).collect())
        .flatten();
    html! {
        (heading(level, title))
        @if findings.mistakes.is_empty() {
            p { "There is none." }
        } @else if let Some(addresses) = addresses {
            p.quiet { "Test samples that were taken for another class with the highest probability." }
            div.pictures {
                @for (mistake, address) in findings.mistakes.iter().zip(addresses) {
                    figure {
                        img src=(address) alt={ "Sample " (mistake.index) " of the test part: true " (mistake.truth) ", predicted " (mistake.answer) };
                        figcaption { strong { (mistake.answer) } " " (size(mistake.size)) br; "is " (mistake.truth) br; span.quiet { "no. " (mistake.index) } }
                    }
                }
            }
        } @else {
            div.wide tabindex="0" role="region" aria-label=(title) {
                table {
                    thead { tr { th scope="col" { "Sample" } @for name in ["True", "Predicted", "How wrong"] { th scope="col" { (name) } } } }
                    tbody {
                        @for mistake in &findings.mistakes {
                            tr { td { (mistake.index) } td { (mistake.truth) } td { (mistake.answer) } td { (size(mistake.size)) } }
                        }
                    }
                }
            }
            p.quiet { "A sample's number counts from 0 in the test part." }
        }
    }
}

fn first_layer(units: usize, pixels: &Pixels, level: u8) -> Markup {
    html! {
        @if let Ok(address) = pixels.address() {
            (heading(level, "First layer"))
            p.quiet { "The weights of the " (units) " units with the largest weights, as pictures of the input: blue is negative, white 0, orange positive; each unit has its own scale." }
            figure.weights {
                img src=(address) width=(2 * pixels.width) height=(2 * pixels.height) alt={ "Weights of " (units) " units of the first layer" };
            }
        }
    }
}
