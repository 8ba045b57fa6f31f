//! The section on how to repeat a run: its data, its commands and its recipe.

use maud::{Markup, html};

use super::{heading, thousands};
use crate::report::Run;

/// Returns the section.
pub fn section(run: &Run, level: u8) -> Markup {
    let [data, checksum] = run.data();
    html! {
        (heading(level, "Reproduce"))
        @if let Some(record) = &run.record {
            p { "These commands make these weights, on any processor:" }
            pre tabindex="0" aria-label="Commands" { @for command in &record.head.commands { (command) "\n" } }
        } @else {
            p { "Save the recipe as a file, and train with " code { "train --recipe FILE.toml --layers '" (run.layers()) "'" } "." }
        }
        @if let Some(hash) = run.hash() { p { "Weights: SHA-256 " span.hash { (hash) } } }
        (heading(level, "Data and recipe"))
        p { "Training samples of " strong { (data) } ": SHA-256 " span.hash { (checksum) } }
        @if let Some(record) = &run.record {
            @let data = &record.head.data;
            p { "Test samples: SHA-256 " span.hash { (data.test_sha256) } }
            p {
                (thousands(data.samples)) " samples to train on"
                @if data.validation > 0 { ", " (thousands(data.validation)) " of them held out for validation" }
                ", " (thousands(data.test)) " to test on; " (thousands(data.features)) " values each; " (data.task) "."
            }
            p.quiet { "Selvedge " (record.head.version) ", " (record.head.processor) ", seed " (record.head.seed) "." }
        }
        pre tabindex="0" aria-label="Recipe" { (run.recipe()) }
    }
}
