//! The space of a search for a recipe: the keys that it varies, and the values of each. It is the table `[search]` of a recipe file.
//!
//! ```toml
//! [search]
//! lr = { log = [1e-4, 1e-1] }
//! dropout = { range = [0.0, 0.5], steps = 6 }
//! batch-size = { log = [16, 256] }
//! optimizer = ["sgd", "adamw"]
//! layers = ["…,32,…", "…,64,64,…"]
//! ```

mod trials;
mod values;

use std::path::Path;

use clap::Args;
use selvedge::random::{Generator, Purpose};
use toml::{Table, Value, de::DeTable};

use crate::{
    layers::Layers,
    recipe::{RecipeError, RecipeOptions},
};
use values::Values;

pub use trials::{MAX_TRIALS, Order, Trial, trials};

/// The key of the network's layers, which is not a key of a recipe.
pub const LAYERS: &str = "layers";

/// The name of the table.
pub const TABLE: &str = "search";

/// The keys that a search varies, in the order of a recipe's keys, with the values of each.
#[derive(Clone, Debug, PartialEq)]
pub struct Space {
    keys: Vec<(String, Values)>,
    table: Table,
}

/// A choice of a value for each key.
pub type Choice = Vec<(String, Value)>;

impl Space {
    /// Reads the table `[search]`. `text` is the text of its file. An error names `path`.
    ///
    /// # Errors
    ///
    /// [`RecipeError::Parse`] with the line and the key.
    pub fn of(table: Table, text: &str, path: &Path) -> Result<Self, RecipeError> {
        let wrong =
            |key: &str, message: String| RecipeError::Parse { path: path.into(), place: place(text, key), message };
        let known = keys();
        if let Some(unknown) = table.keys().find(|key| !known.contains(key)) {
            return Err(wrong(unknown, unknown_key(unknown, &known)));
        }
        let order = |key: &str| known.iter().position(|known| known == key);
        let mut keys = Vec::new();
        for (key, value) in &table {
            if let Some(reason) = refused(key) {
                return Err(wrong(key, reason.into()));
            }
            keys.push((key.clone(), Values::of(key, value).map_err(|message| wrong(key, message))?));
        }
        keys.sort_by_key(|(key, _)| order(key));
        if keys.is_empty() {
            return Err(wrong("", format!("[{TABLE}] has no keys, so there is nothing to vary; {EXAMPLE}")));
        }
        if ["epochs", "steps"].iter().all(|length| table.contains_key(*length)) {
            return Err(wrong("steps", "epochs end a run too; vary one of the two".into()));
        }
        Ok(Self { keys, table })
    }

    /// Returns the space as TOML. Equal spaces give equal texts.
    pub fn to_toml(&self) -> String {
        toml::to_string(&self.table).expect("a table that was read can be written")
    }

    /// Returns the keys that are varied.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(|(key, _)| key.as_str())
    }

    /// Returns the layers that are tried. The list is empty if the space has no key `layers`.
    pub fn layers(&self) -> Vec<Layers> {
        let values = self.keys.iter().find(|(key, _)| key == LAYERS).and_then(|(_, values)| values.points());
        values.unwrap_or_default().iter().filter_map(|value| value.as_str()?.parse().ok()).collect()
    }

    /// Returns the number of choices, or `None` if a key may have any number of a range.
    fn size(&self) -> Option<u64> {
        self.keys.iter().try_fold(1_u64, |size, (_, values)| Some(size.saturating_mul(values.count()?)))
    }

    /// Returns the random choice with this index, by this seed.
    fn draw(&self, seed: u64, number: u64) -> Choice {
        let generator = Generator::new(seed, Purpose::Search, number);
        let known = keys();
        let draw = |(key, values): &(String, Values)| {
            // A key's draws are its own: another one beside it changes none of them.
            let index = known.iter().position(|known| known == key).unwrap_or(0);
            (key.clone(), values.draw(generator.bits(index as u64)))
        };
        self.keys.iter().map(draw).collect()
    }
}

const EXAMPLE: &str = "write keys such as lr = { log = [1e-4, 1e-1] } or optimizer = [\"sgd\", \"adamw\"]";

/// Returns the keys that a space may have: a recipe's, and the layers.
fn keys() -> Vec<String> {
    let command = RecipeOptions::augment_args(clap::Command::new(""));
    let options = command.get_arguments().filter_map(|option| option.get_long());
    options.map(|name| name.trim_start_matches("no-").to_owned()).chain([LAYERS.into()]).collect()
}

fn unknown_key(unknown: &str, known: &[String]) -> String {
    let near = |known: &&String| strsim::damerau_levenshtein(unknown, known);
    let nearest = known.iter().min_by_key(near).filter(|known| near(known) <= 3);
    let hint =
        nearest.map_or_else(|| format!("there are {}", known.join(", ")), |near| format!("did you mean {near}?"));
    format!("there is no key {unknown}; {hint}")
}

/// Returns the reason why a recipe's key is not varied.
fn refused(key: &str) -> Option<&'static str> {
    match key {
        "val-split" => Some("the validation samples are the same in all trials: --validation or --folds chooses them"),
        "seed" => Some("the best of several seeds is the best only by chance; write one seed into the recipe"),
        _ => None,
    }
}

/// Returns the line of a key of `[search]`, and the key.
fn place(text: &str, key: &str) -> String {
    let (table, _) = DeTable::parse_recoverable(text);
    let span = table.get_ref().iter().find(|(name, _)| name.get_ref() == TABLE).map(|(name, value)| {
        let keys = value.get_ref().as_table();
        let found = keys.and_then(|keys| keys.iter().find(|(name, _)| name.get_ref() == key));
        found.map_or(name.span(), |(name, _)| name.span())
    });
    let line = span.map_or(1, |span| 1 + text.bytes().take(span.start).filter(|&byte| byte == b'\n').count());
    if key.is_empty() { format!("line {line}") } else { format!("line {line}, {TABLE}.{key}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub fn space(text: &str) -> Result<Space, String> {
        let recipe = RecipeOptions::parse(text, "my.toml".as_ref()).map_err(|error| error.to_string())?;
        let space = Space::of(recipe.search.unwrap(), text, "my.toml".as_ref());
        space.map_err(|error| error.to_string())
    }

    #[test]
    fn each_key_of_a_recipe_is_a_key_of_the_space() {
        let known = keys();
        assert!(known.contains(&"lr".into()) && known.contains(&"shuffle".into()) && known.contains(&LAYERS.into()));
        for key in known.iter().filter(|key| refused(key).is_none() && *key != LAYERS) {
            assert!(RecipeOptions::parse(&format!("{key} = {{}}"), "".as_ref()).unwrap_err().to_string().contains(key));
        }
    }

    #[test]
    fn a_wrong_space_is_one_error_with_its_line_and_key() {
        for (text, expected) in [
            (
                "lr = 1\n[search]\nmomentun = [0.9]",
                "line 3, search.momentun: there is no key momentun; did you mean momentum?",
            ),
            ("[search]\nlayer = ['…,8,…']", "line 2, search.layer: there is no key layer; did you mean layers?"),
            (
                "[search]\nspeed_of_learning = [1]",
                "line 2, search.speed_of_learning: there is no key speed_of_learning; there are epochs, ",
            ),
            ("[search]", "line 1: [search] has no keys, so there is nothing to vary; write keys such as lr = "),
            (
                "[search]\nlr = 0.1",
                "line 2, search.lr: must be a list of values, or a range such as { log = [1e-4, 1e-1] }; one value belongs in the recipe itself",
            ),
            ("[search]\nlr = []", "line 2, search.lr: the list is empty"),
            ("[search]\nlr = [0.1, -1]", "line 2, search.lr: must be a number from 0"),
            (
                "[search]\noptimizer = ['sgd', 'adma']",
                "line 2, search.optimizer: there is no optimizer adma; there are sgd, ",
            ),
            ("[search]\nlayers = ['…,8', '…']", "line 2, search.layers: "),
            ("[search]\nlayers = [3]", "line 2, search.layers: must be a text such as \"…,32,…\", not 3"),
            ("[search]\nlr = {}", "line 2, search.lr: must have a range: range = [LOW, HIGH] or log = [LOW, HIGH]"),
            ("[search]\nlr = { logs = [1, 2] }", "line 2, search.lr: there is no key logs; did you mean log?"),
            ("[search]\nlr = { log = [0, 1] }", "line 2, search.lr: a log range begins above 0, not at 0"),
            ("[search]\nlr = { log = [1, 0.1] }", "line 2, search.lr: the range must rise, and 1 is not below 0.1"),
            ("[search]\nlr = { log = [0.1] }", "line 2, search.lr: log must be two numbers, such as [1e-4, 1e-1]"),
            (
                "[search]\nlr = { log = [0.1, 1], range = [0, 1] }",
                "line 2, search.lr: has a range and a log range; leave one out",
            ),
            (
                "[search]\nlr = { log = [0.1, 1], steps = 1 }",
                "line 2, search.lr: steps must be a whole number from 2 to 1000",
            ),
            ("[search]\ndropout = { range = [0, 1] }", "line 2, search.dropout: must be a number from 0 to below 1"),
            ("[search]\nbatch-size = { range = [0.5, 8] }", "line 2, search.batch-size: must be a whole number from 1"),
            ("[search]\noptimizer = { range = [1, 2] }", "line 2, search.optimizer: has no range; list its values"),
            ("[search]\nseed = [1, 2]", "line 2, search.seed: the best of several seeds is the best only by chance"),
            ("[search]\nval-split = [0.1, 0.2]", "line 2, search.val-split: the validation samples are the same"),
            ("[search]\nepochs = [1]\nsteps = [2]", "line 3, search.steps: epochs end a run too"),
        ] {
            let error = space(text).unwrap_err();
            assert!(error.starts_with(&format!("my.toml, {expected}")), "{text:?}: {error}");
            assert_eq!(error.lines().count(), 1, "{error}");
        }
        assert!(
            space("search = 3").unwrap_err().starts_with("my.toml, line 1, search: must be a table, not the number 3")
        );
    }

    #[test]
    fn keys_have_an_order_and_draws_of_their_own() {
        let text = "[search]\nlr = { log = [1e-4, 1e-1] }\nbatch-size = [16, 32]\nlayers = ['…,8,…', '…,9,…']";
        let all = space(text).unwrap();
        assert_eq!(all.keys().collect::<Vec<_>>(), ["batch-size", "lr", "layers"]);
        assert_eq!((all.layers().len(), all.size()), (2, None));
        let one = space("[search]\nlr = { log = [1e-4, 1e-1] }").unwrap();
        for number in 0..20 {
            assert_eq!(one.draw(3, number)[0], all.draw(3, number)[1]);
        }
        assert_ne!(one.draw(3, 0), one.draw(4, 0));
    }
}
