//! Compares several runs: their results and their settings.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::{duration, heading, headlines, thousands};
use crate::report::{
    Run,
    chart::{short, variable},
};

/// Returns a table of results with a row for each run.
pub fn results(runs: &[Run]) -> Markup {
    let figures: Vec<BTreeMap<&str, String>> = runs
        .iter()
        .map(|run| run.test().map(|test| headlines(run, &test).into_iter().collect()).unwrap_or_default())
        .collect();
    let mut names: Vec<&str> = Vec::new();
    for name in figures.iter().flat_map(BTreeMap::keys) {
        if !names.contains(name) {
            names.push(name);
        }
    }
    html! {
        (heading(2, "Results"))
        div.wide tabindex="0" role="region" aria-label="Results" {
            table {
                thead {
                    tr {
                        th scope="col" { "Run" }
                        @for name in &names { th scope="col" { (name) } }
                        @for name in ["loss", "parameters", "epochs", "training time", "weights"] { th scope="col" { (name) } }
                    }
                }
                tbody {
                    @for ((place, run), figures) in runs.iter().enumerate().zip(&figures) {
                        tr {
                            th scope="row" { span.swatch style={ "background: " (variable(place)) } {} (run.name) }
                            @for name in &names { td { (figures.get(name).map_or("–", String::as_str)) } }
                            td { (run.test().map_or("–".into(), |test| short(test.loss, 4))) }
                            td { (run.parameters().map_or("–".into(), |count| thousands(count as u64))) }
                            td { (run.length().0) }
                            td { (run.seconds().map_or("–".into(), duration)) }
                            td { code { (run.hash().map_or("–".into(), |hash| hash.chars().take(12).collect::<String>())) } }
                        }
                    }
                }
            }
        }
    }
}

/// Returns the settings that are not the same in all runs.
pub fn differences(runs: &[Run]) -> Markup {
    let settings: Vec<BTreeMap<String, String>> = runs.iter().map(settings).collect();
    let keys: std::collections::BTreeSet<&String> = settings.iter().flat_map(BTreeMap::keys).collect();
    let differing: Vec<&String> =
        keys.into_iter().filter(|key| settings.iter().any(|all| all.get(*key) != settings[0].get(*key))).collect();
    html! {
        (heading(2, "What differs"))
        @if differing.is_empty() {
            p { "Nothing: recipe, layers, seed and data are the same." }
        } @else {
            div.wide tabindex="0" role="region" aria-label="What differs" {
                table {
                    thead { tr { th scope="col" { "Setting" } @for run in runs { th scope="col" { (run.name) } } } }
                    tbody {
                        @for key in differing {
                            tr { th scope="row" { (key) } @for all in &settings { td { (all.get(key).map_or("–", String::as_str)) } } }
                        }
                    }
                }
            }
        }
    }
}

/// Returns the keys of a run's recipe with their values, and its other settings.
fn settings(run: &Run) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    match run.recipe().parse::<toml::Table>() {
        Ok(table) => {
            for (key, value) in table {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                found.insert(key, text);
            }
        }
        Err(_) => {
            found.insert("recipe".into(), run.recipe().into());
        }
    }
    let [data, checksum] = run.data();
    found.insert("layers".into(), run.layers());
    found.insert("data".into(), data.into());
    found.insert("data's SHA-256".into(), checksum.chars().take(12).collect());
    found.insert("seed".into(), run.seed().to_string());
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::example;

    #[test]
    fn only_what_differs_is_listed() {
        let run = |recipe: &str, seed| {
            let mut record = example();
            (record.head.recipe, record.head.seed) = (recipe.into(), seed);
            Run { record: Some(record), ..Run::new(format!("seed {seed}")) }
        };
        let html = differences(&[run("lr = 0.1\nepochs = 2", 0), run("lr = 0.2\nepochs = 2", 0)]).into_string();
        assert!(html.contains(">lr<") && html.contains(">0.1<") && html.contains(">0.2<"), "{html}");
        assert!(!html.contains("epochs") && !html.contains(">seed<") && !html.contains(">layers<"), "{html}");
        let html = differences(&[run("= no toml", 1), run("lr = 0.2", 2)]).into_string();
        assert!(html.contains(">recipe<") && html.contains(">seed<"), "{html}");
        assert!(differences(&[run("", 1), run("", 1)]).into_string().contains("Nothing"));
    }
}
