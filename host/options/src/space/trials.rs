//! The trials of a search: a recipe for each choice of values.

use std::{collections::HashSet, path::Path};

use toml::{Table, Value};

use super::{Choice, LAYERS, Space};
use crate::recipe::{RecipeError, RecipeOptions};

/// The largest number of trials.
pub const MAX_TRIALS: u64 = 10_000;

/// The order of the trials of a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Different random choices, by this seed. The first trials do not depend on the number of trials.
    Random {
        /// The largest number of trials. A space with fewer choices gives fewer trials.
        trials: u32,
        /// The seed.
        seed: u64,
    },
    /// Every combination of the values. The values of the last key change fastest.
    Grid,
}

/// One run of a search.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    /// The trial's number, from 1.
    pub number: u32,
    /// The values that the search chose for it.
    pub values: Choice,
    /// The recipe with these values.
    pub recipe: RecipeOptions,
    /// The layers, if the search varies them.
    pub layers: Option<String>,
    /// The reason why the recipe is invalid, if it is.
    pub problem: Option<String>,
}

/// Returns the trials of a space for a recipe. A trial leaves out a key that has no use with its other values, such as momentum for adamw. No two trials
/// are equal.
///
/// # Errors
///
/// A message if a grid has infinitely many or too many trials, or if no trial is a valid recipe.
pub fn trials(base: &RecipeOptions, space: &Space, order: Order) -> Result<Vec<Trial>, String> {
    let mut trials = Vec::new();
    let mut seen = HashSet::new();
    let mut add = |choice: Choice| {
        let number = trials.len() as u32 + 1;
        let trial = Trial::of(base, choice, number);
        if seen.insert((trial.recipe.to_toml(), trial.layers.clone())) {
            trials.push(trial);
        }
        trials.len()
    };
    match order {
        Order::Grid => {
            for choice in grid(space)? {
                add(choice);
            }
        }
        Order::Random { trials: wanted, seed } => {
            // A small space has few trials, and one of few values may take long to give its last.
            let wanted = space.size().map_or(u64::from(wanted), |size| size.min(wanted.into())) as usize;
            let most = 1000 + 20 * wanted as u64;
            let _ = (0..most).find(|&number| add(space.draw(seed, number)) >= wanted);
        }
    }
    match trials.iter().all(|trial| trial.problem.is_some()) {
        true => Err(trials.into_iter().next().and_then(|trial| trial.problem).unwrap_or_default()),
        false => Ok(trials),
    }
}

/// Returns every combination of the keys' values.
fn grid(space: &Space) -> Result<Vec<Choice>, String> {
    if let Some((key, _)) = space.keys.iter().find(|(_, values)| values.points().is_none()) {
        return Err(format!(
            "--grid: {key} is a range without points; add steps, such as steps = 4, or write a list of values"
        ));
    }
    if let Some(size) = space.size().filter(|&size| size > MAX_TRIALS) {
        return Err(format!(
            "--grid: there are {size} combinations, more than the limit of {MAX_TRIALS}; in place of --grid, --trials N tries N random ones"
        ));
    }
    let mut choices = vec![Choice::new()];
    for (key, values) in &space.keys {
        let with = |choice: &Choice| {
            let choice = choice.clone();
            let values = values.points().unwrap_or_default().iter();
            values.map(move |value| [&choice[..], &[(key.clone(), value.clone())]].concat())
        };
        choices = choices.iter().flat_map(with).collect();
    }
    Ok(choices)
}

impl Trial {
    fn of(base: &RecipeOptions, mut values: Choice, number: u32) -> Self {
        let layers = values.iter().find(|(key, _)| key == LAYERS);
        let layers = layers.and_then(|(_, value)| value.as_str()).map(str::to_owned);
        loop {
            let (recipe, problem) = match recipe(base, &values) {
                Ok(recipe) => (recipe, None),
                Err((recipe, RecipeError::Senseless { option, .. })) if values.iter().any(|(key, _)| key == option) => {
                    debug_assert!(recipe.is_some());
                    values.retain(|(key, _)| key != option);
                    continue;
                }
                Err((recipe, error)) => (recipe.unwrap_or_else(|| base.clone()), Some(error.to_string())),
            };
            return Self { number, values, recipe, layers, problem };
        }
    }

    /// Returns the values as a line of text.
    pub fn shown(&self) -> String {
        let shown = |(key, value): &(String, Value)| format!("{key} = {value}");
        self.values.iter().map(shown).collect::<Vec<_>>().join(", ")
    }
}

/// Returns the recipe with these values. An error comes with what is known of the recipe.
fn recipe(base: &RecipeOptions, values: &Choice) -> Result<RecipeOptions, (Option<RecipeOptions>, RecipeError)> {
    let own: Table = values.iter().filter(|(key, _)| key != LAYERS).cloned().collect();
    let own = RecipeOptions::parse(&own.to_string(), Path::new("search")).map_err(|error| (None, error))?;
    let recipe = base.clone().overridden_by(own);
    match recipe.resolve() {
        Ok(_) => Ok(recipe),
        Err(error) => Err((Some(recipe), error)),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::tests::space, *};

    fn all(base: &str, text: &str, order: Order) -> Result<Vec<Trial>, String> {
        let base = RecipeOptions::parse(base, Path::new("base")).unwrap();
        trials(&base, &space(text).unwrap(), order)
    }

    fn shown(trials: &[Trial]) -> Vec<String> {
        trials.iter().map(Trial::shown).collect()
    }

    #[test]
    fn a_grid_has_every_combination_once() {
        let text = "[search]\nlr = [0.1, 1]\nlayers = ['…,8,…', 'auto']\nbatch-size = { range = [8, 16], steps = 2 }";
        let trials = all("epochs = 3", text, Order::Grid).unwrap();
        assert_eq!(trials.len(), 8);
        assert_eq!(trials[0].shown(), "batch-size = 8, lr = 0.1, layers = \"…,8,…\"");
        assert_eq!(trials[1].shown(), "batch-size = 8, lr = 0.1, layers = \"auto\"");
        assert_eq!((trials[7].number, trials[7].layers.as_deref()), (8, Some("auto")));
        assert_eq!(trials[7].recipe.to_toml(), "epochs = 3\nbatch-size = 16\nlr = 1.0\n");
        let error = all("", "[search]\nlr = { log = [0.1, 1] }", Order::Grid).unwrap_err();
        assert_eq!(
            error,
            "--grid: lr is a range without points; add steps, such as steps = 4, or write a list of values"
        );
        let many = "[search]\nlr = { log = [0.1, 1], steps = 1000 }\nema = { range = [0, 0.5], steps = 11 }";
        assert!(all("", many, Order::Grid).unwrap_err().starts_with("--grid: there are 11000 combinations"));
    }

    #[test]
    fn a_key_without_use_is_left_out() {
        let text = "[search]\noptimizer = ['sgd', 'adam']\nmomentum = [0.5, 0.9]";
        let trials = all("", text, Order::Grid).unwrap();
        let expected =
            ["optimizer = \"sgd\", momentum = 0.5", "optimizer = \"sgd\", momentum = 0.9", "optimizer = \"adam\""];
        assert_eq!(shown(&trials), expected);
        let error = all("early-stop = 3", "[search]\nlr = [1, 2]", Order::Grid).unwrap_err();
        assert!(error.starts_with("early-stop: there are no validation samples"), "{error}");
    }

    #[test]
    fn a_seed_decides_the_trials_and_more_begin_with_the_same() {
        let text = "[search]\nlr = { log = [1e-4, 1e-1] }\noptimizer = ['sgd', 'adam']";
        let of = |trials, seed| all("", text, Order::Random { trials, seed }).unwrap();
        assert_eq!(of(9, 1)[..5], of(5, 1));
        assert_ne!(of(5, 1), of(5, 2));
        let few = all("", "[search]\noptimizer = ['sgd', 'adam']", Order::Random { trials: 20, seed: 0 }).unwrap();
        assert_eq!(few.len(), 2);
    }
}
