//! The result of a search: a table, and the best recipe.

use std::{cmp::Ordering, io::Write};

use crate::{quote::one_line, score::shown};
use anyhow::Result;
use comfy_table::{CellAlignment, Table, presets};
use options::commands::{Search, search::SearchPlan};

use super::{
    command,
    folder::{BEST, Folder},
    result::{Finished, Outcome},
};

/// The largest number of rows of a table.
const ROWS: usize = 50;

/// Returns the order of trials, the best first: by the score, then by the loss, then by their numbers. Those that failed come last.
fn compare(one: &Finished, other: &Finished) -> Ordering {
    let figures = |finished: &Finished| match finished.outcome {
        Outcome::Score { score, loss, .. } => (score, loss),
        Outcome::Failed { .. } => (f64::NEG_INFINITY, f64::INFINITY),
    };
    let ((score, loss), (others, others_loss)) = (figures(one), figures(other));
    others.total_cmp(&score).then(loss.total_cmp(&others_loss)).then(one.number.cmp(&other.number))
}

/// Returns the best trial that has a score.
pub fn best(finished: &[Finished]) -> Option<&Finished> {
    let scored = finished.iter().filter(|finished| matches!(finished.outcome, Outcome::Score { .. }));
    scored.min_by(|one, other| compare(one, other))
}

/// Returns a trial's figures in words.
fn figures(finished: &Finished) -> String {
    match &finished.outcome {
        Outcome::Score { name, score, deviation, .. } => {
            let spread = deviation.map_or_else(String::new, |deviation| format!(" ± {}", shown(name, deviation)));
            format!("{name} {}{spread}", shown(name, *score))
        }
        Outcome::Failed { error } => one_line(error),
    }
}

/// Returns the file of the best recipe.
pub fn best_recipe(best: &Finished, plan: &SearchPlan, data: &str, judged: &str) -> String {
    let trial = plan.trials.iter().find(|trial| trial.number == best.number);
    let layers = trial.and_then(|trial| trial.layers.as_deref());
    let layers = layers.map_or_else(String::new, |layers| {
        format!("# The layers are no key of a recipe: --layers '{}'\n", one_line(layers))
    });
    let recipe = trial.map(|trial| trial.recipe.to_toml()).unwrap_or_default();
    format!("# Trial {} of a search on {}, {judged}: {}.\n{layers}{recipe}", best.number, one_line(data), figures(best))
}

/// Prints the table and the best recipe.
pub fn print(folder: &Folder, plan: &SearchPlan, options: &Search, data: &str, best: Option<&Finished>) -> Result<()> {
    let mut out = terminal::stdout();
    // Trials beyond those that are asked for now are of a longer search before.
    let mut all: Vec<_> = folder.finished.iter().collect();
    all.sort_by(|one, other| compare(one, other));
    writeln!(out, "\n{}", table(&all, plan))?;
    let (more, path) = (all.len().saturating_sub(ROWS), folder.path.display());
    if more > 0 {
        writeln!(out, "and {more} more in {path}/trials.jsonl")?;
    }
    let Some(best) = best else { return Ok(()) };
    let trial = plan.trials.iter().find(|trial| trial.number == best.number);
    let layers = trial.and_then(|trial| trial.layers.as_deref());
    writeln!(
        out,
        "\nThe best of {} is trial {} on {data}: {}. Its recipe is {path}/{BEST}:",
        all.len(),
        best.number,
        figures(best)
    )?;
    let recipe = ("recipe", folder.path.join(BEST).into());
    // The folds have judged the recipe; now it makes a model.
    let given = options.training(layers).into_iter().filter(|(name, _)| *name != "folds");
    writeln!(out, "  {} train{}", command::program(), command::shown([recipe].into_iter().chain(given)))?;
    if options.folds.is_none() {
        writeln!(out, "With --val-split 0 beside it, that run trains on the validation samples too.")?;
    }
    Ok(())
}

fn table(all: &[&Finished], plan: &SearchPlan) -> Table {
    let keys: Vec<&str> = plan.space.keys().collect();
    let scored = all.iter().find_map(|finished| match &finished.outcome {
        Outcome::Score { name, deviation, .. } => Some((name.as_str(), deviation.is_some())),
        Outcome::Failed { .. } => None,
    });
    let (name, has_spread) = scored.unwrap_or(("score", false));
    let mut table = Table::new();
    let header =
        ["trial", name].into_iter().chain(has_spread.then_some("±")).chain(["loss"]).chain(keys.iter().copied());
    table.load_style(presets::NOTHING).set_header(header);
    for finished in all.iter().take(ROWS) {
        let number = finished.number.to_string();
        let figures = match &finished.outcome {
            Outcome::Score { name, score, deviation, loss } => {
                let spread = has_spread.then(|| deviation.map_or_else(String::new, |deviation| shown(name, deviation)));
                [shown(name, *score)].into_iter().chain(spread).chain([format!("{loss:.6}")]).collect()
            }
            Outcome::Failed { error } => {
                let spread = has_spread.then(String::new);
                ["failed".to_owned()].into_iter().chain(spread).chain([one_line(error)]).collect::<Vec<_>>()
            }
        };
        let value = |key: &&str| match finished.values.get(*key) {
            Some(serde_json::Value::String(text)) => one_line(text),
            Some(value) => value.to_string(),
            None => "-".into(),
        };
        table.add_row([number].into_iter().chain(figures).chain(keys.iter().map(value)));
    }
    for column in table.column_iter_mut().take(if has_spread { 3 } else { 2 }) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_has_the_greatest_score_then_the_least_loss() {
        let trial = |number, score, loss| {
            let outcome = Outcome::Score { name: "accuracy".into(), score, deviation: None, loss };
            Finished { number, values: serde_json::Map::new(), outcome, seconds: 0.0 }
        };
        let failed = Outcome::Failed { error: "no".into() };
        let failed = Finished { outcome: failed, ..trial(1, 0.0, 0.0) };
        let all = [failed.clone(), trial(2, 0.5, 0.1), trial(3, 0.75, 0.3), trial(4, 0.75, 0.2), trial(5, 0.75, 0.2)];
        assert_eq!(best(&all).map(|best| best.number), Some(4));
        assert_eq!(best(&[failed]), None);
        let mut sorted = all.to_vec();
        sorted.sort_by(compare);
        assert_eq!(sorted.iter().map(|finished| finished.number).collect::<Vec<_>>(), [4, 5, 3, 2, 1]);
    }
}
