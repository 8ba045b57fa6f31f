//! The sizes of a network, its instructions on boards, and the effects of quantisation.

use maud::{Markup, html};

use super::{heading, percent, thousands};
use crate::{
    evaluation::with_unit,
    report::{
        Run,
        costs::measured,
        quantized::{Beside, Proved},
        run::Model,
    },
};

/// Returns the sections on costs.
pub fn sections(run: &Run, level: u8) -> Markup {
    html! {
        @if let Some(model) = &run.model { (sizes(run, model, level)) }
        @if let Some(beside) = &run.quantized { (quantized(run, beside, level)) }
    }
}

fn sizes(run: &Run, model: &Model, level: u8) -> Markup {
    let parameters = model.architecture.parameter_count().unwrap_or_default();
    let bytes = |numbers: usize| thousands((numbers * size_of::<f32>()) as u64);
    let activations = model.architecture.inputs() + model.architecture.tape_len();
    let training = parameters + model.architecture.inputs() + 2 * model.architecture.tape_len();
    let formats: Vec<&str> = ["f32"].into_iter().chain(run.quantized.as_ref().map(|beside| beside.format)).collect();
    let rows = model.name.map(|name| measured(name, &formats)).unwrap_or_default();
    html! {
        (heading(level, "Sizes and costs"))
        div.wide tabindex="0" role="region" aria-label="Sizes" {
            table.sizes {
                tbody {
                    tr { th scope="row" { "Parameters" } td { (thousands(parameters as u64)) } }
                    tr { th scope="row" { "Flash: the file" } td { (thousands(model.flash as u64)) " bytes" } }
                    tr { th scope="row" { "RAM to predict: input and activations" } td { (bytes(activations)) " bytes" } }
                    tr { th scope="row" { "RAM to train, one sample a batch" } td { (bytes(training)) " bytes" } }
                }
            }
        }
        @if !rows.is_empty() {
            p { "Instructions of a prediction on emulated boards, as " code { "cargo xtask bench device" } " measured them for a network of this shape:" }
            div.wide tabindex="0" role="region" aria-label="Instructions on boards" {
                table {
                    thead { tr { th scope="col" { "Board" } @for name in ["Format", "Instructions", "Cycles, estimated", "Weights, bytes", "Stack, bytes"] { th scope="col" { (name) } } } }
                    tbody {
                        @for row in &rows {
                            tr {
                                th scope="row" { (row.board) }
                                td { (row.format) }
                                td { (thousands(row.instructions)) }
                                td { (row.cycles_estimate.map_or("–".into(), thousands)) }
                                td { (thousands(row.weight_bytes)) }
                                td { (thousands(row.stack_bytes)) }
                            }
                        }
                    }
                }
            }
        } @else {
            p.quiet { "Instructions on boards are measured for the networks quickstart, small and tiny; " code { "cargo xtask flash" } " runs any other on an emulated board." }
        }
    }
}

fn quantized(run: &Run, beside: &Beside, level: u8) -> Markup {
    let saved = run.model.as_ref().map(|model| 100.0 * beside.flash as f64 / model.flash.max(1) as f64);
    html! {
        (heading(level, "Quantisation"))
        p { (beside.file) ", " (beside.format) ": " (beside.method) }
        div.wide tabindex="0" role="region" aria-label="Quantisation" {
            table {
                thead { tr { th scope="col" { "" } th scope="col" { "f32" } th scope="col" { (beside.format) } } }
                tbody {
                    @if let (Some(found), Some(float)) = (&beside.found, &run.findings) {
                        tr {
                            th scope="row" { "Test samples" }
                            td { (float.evaluation.headline(2, &[])) }
                            td { (found.evaluation.headline(2, &[])) }
                        }
                        tr { th scope="row" { "Loss" } td { (format!("{:.6}", float.evaluation.loss)) } td { (format!("{:.6}", found.evaluation.loss)) } }
                    }
                    @if let Some(model) = &run.model {
                        tr { th scope="row" { "Flash: the file" } td { (thousands(model.flash as u64)) } td { (thousands(beside.flash as u64)) } }
                    }
                    tr { th scope="row" { "RAM to predict" } td { "" } td { (thousands(beside.ram as u64)) } }
                }
            }
        }
        @if let Some(saved) = saved { p { "The file has " (format!("{saved:.1}")) "% of the bytes." } }
        @if let Some(found) = &beside.found {
            @let total = found.evaluation.total();
            @if let Some(changed) = found.changed {
                p { (changed) " of " (total) " test samples (" (percent(changed as f64 / total.max(1) as f64)) ") have another answer than the model's." }
            }
            (proved(run, found.proved.as_ref(), total))
        }
    }
}

fn proved(run: &Run, proved: Option<&Proved>, total: usize) -> Markup {
    html! {
        @match proved {
            Some(Proved::Samples(sure)) => {
                p { (sure) " of " (total) " test samples (" (percent(*sure as f64 / total.max(1) as f64)) ") are proved to have the model's answer." }
            }
            Some(Proved::Bounds(bounds)) => {
                ul {
                    @for (target, (error, bound)) in bounds.iter().enumerate() {
                        li { (run.output(target)) ": no value is further from the model's than " (with_unit(*error, run.unit(target))) ", and the proof allows " (with_unit(*bound, run.unit(target))) "." }
                    }
                }
            }
            None => {
                p.quiet { "Its certificates are not here: " code { "quantize --certificates FILE.csv" } " writes them, and " code { "report --certificates FILE.csv" } " shows what they prove." }
            }
        }
    }
}
