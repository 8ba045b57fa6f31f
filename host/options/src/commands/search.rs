//! The options of `search`.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use anyhow::{Result, bail, ensure};
use clap::Args;

use super::{Data, Model, Threads, groups::whole, train::Processor};
use crate::{
    folds::Folds,
    recipe::{RecipeError, RecipeOptions, ValSplit},
    space::{LAYERS, MAX_TRIALS, Order, Space, Trial, trials},
};

/// The validation samples where neither the command line nor the recipe says how many.
const VALIDATION: f64 = 0.2;

/// Options of `search`.
#[derive(Args, Debug)]
pub struct Search {
    /// The recipe to vary: a TOML file with a table `[search]`, or with --space any file or built-in recipe
    ///
    /// The table names the keys to vary: lr = { log = [1e-4, 1e-1] }, dropout = { range = [0, 0.5], steps = 6 }, optimizer = ["sgd", "adamw"], layers
    /// = ["…,32,…", "…,64,64,…"]. The table may have the key `layers`, and the key of every option of a recipe except seed and val-split. `train`
    /// ignores the table.
    #[arg(value_name = "RECIPE")]
    pub recipe: PathBuf,

    /// A TOML file with the table `[search]`, in place of the recipe's table
    #[arg(long, value_name = "FILE.toml")]
    pub space: Option<PathBuf>,

    /// The number of recipes to try, with random values
    ///
    /// The same command with a larger number continues the search.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = whole::<u32>(1..=MAX_TRIALS))]
    pub trials: u32,

    /// Try every combination of the values instead
    #[arg(long, conflicts_with_all = ["trials", "seed"])]
    pub grid: bool,

    /// The seed of the random values; the seed of each training run is the recipe's
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,

    /// The training samples that are held out to compare the recipes: a fraction below 1, or a number of samples [default: the recipe's val-split, or
    /// 0.2]
    #[arg(long, value_name = "PART|N", conflicts_with = "folds")]
    pub validation: Option<ValSplit>,

    /// Compare the recipes by cross-validation of the training samples in K folds instead; this takes K times as long
    #[arg(long, value_name = "K[,seed=N]")]
    pub folds: Option<Folds>,

    /// The number of runs at a time; each run is a process with its own copy of the samples, and all share the threads [default: the number of threads]
    #[arg(long, value_name = "N", value_parser = whole::<u16>(1..=1024))]
    pub jobs: Option<u16>,

    /// The folder of the search, with trials.jsonl (a line for each trial) and best.toml [default: searches/RECIPE]
    ///
    /// If the folder has an interrupted search, the same command continues it. The folder of another search is an error.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,

    /// Train on the first samples only
    #[arg(long, value_name = "N", value_parser = whole::<u32>(1..=u32::MAX.into()))]
    pub limit_train: Option<u32>,

    /// The network.
    #[command(flatten)]
    pub model: Model,
    /// The samples.
    #[command(flatten)]
    pub data: Data,
    /// The threads that compute.
    #[command(flatten)]
    pub threads: Threads,
    /// The processor that trains.
    #[command(flatten)]
    pub device: Processor,
}

/// A search, as its options and its recipe describe it.
#[derive(Clone, Debug, PartialEq)]
pub struct SearchPlan {
    /// The recipe that all trials begin with.
    pub recipe: RecipeOptions,
    /// The keys that are varied.
    pub space: Space,
    /// The order of the trials: random or a grid.
    pub order: Order,
    /// The trials.
    pub trials: Vec<Trial>,
}

impl Search {
    /// Reads the recipe and the space, and lays out the trials.
    ///
    /// # Errors
    ///
    /// If the recipe or the search space is invalid, or options contradict each other.
    pub fn plan(&self) -> Result<SearchPlan> {
        let (mut recipe, own) = read(&self.recipe)?;
        let space = match (&self.space, own) {
            (Some(path), _) => {
                let (other, space) = read(path)?;
                ensure!(
                    other == RecipeOptions::default(),
                    "--space {}: it has keys of a recipe ({}) beside [search]; write them into the recipe",
                    path.display(),
                    other.names().join(", ").replace("--", "")
                );
                space
            }
            (None, own) => own,
        };
        let named = self.space.as_deref().unwrap_or(&self.recipe);
        let Some(space) = space else {
            bail!(
                "{}: there is no table [search], which says what is varied; write one, such as [search] and below it lr = {{ log = [1e-4, 1e-1] }}, \
                 {}",
                named.display(),
                if self.space.is_some() { "into this file" } else { "into this recipe or into a file for --space" }
            );
        };
        if !space.layers().is_empty() {
            let given = if self.model.layers.is_some() { "layers" } else { "model" };
            ensure!(
                self.model.layers.is_none() && self.model.model == "quickstart",
                "--{given}: [search] of {} varies {LAYERS}; leave one of the two out",
                named.display()
            );
        }
        recipe.description = None;
        if self.folds.is_none() {
            let own = recipe.val_split.filter(|split| split.is_some());
            let split = self.validation.or(own).map_or_else(|| ValSplit::try_from(VALIDATION), Ok)?;
            ensure!(split.is_some(), "--validation 0: recipes cannot be judged by no samples; take more, or --folds");
            recipe.val_split = Some(split);
        }
        let order = if self.grid { Order::Grid } else { Order::Random { trials: self.trials, seed: self.seed } };
        let trials = trials(&recipe, &space, order)
            .map_err(|problem| anyhow::anyhow!("{}: {problem}", self.recipe.display()))?;
        Ok(SearchPlan { recipe, space, order, trials })
    }

    /// Returns the folder of the search.
    pub fn folder(&self) -> PathBuf {
        let name = || self.recipe.file_stem().unwrap_or("recipe".as_ref()).to_owned();
        self.out.clone().unwrap_or_else(|| Path::new("searches").join(name()))
    }

    /// Returns the options of the network, the samples, the folds and the processor with their values, in the form that `train` takes. If
    /// `layers` is `None`, the layers are those of the command line.
    pub fn training(&self, layers: Option<&str>) -> Vec<(&'static str, OsString)> {
        let layers = layers.map(str::to_owned).or_else(|| self.model.layers.as_ref().map(ToString::to_string));
        let model =
            if layers.is_some() { None } else { Some(self.model.model.clone()).filter(|model| model != "quickstart") };
        let own = [
            ("layers", layers),
            ("model", model),
            ("limit-train", self.limit_train.map(|limit| limit.to_string())),
            ("folds", self.folds.map(|folds| folds.to_string())),
            ("device", self.device.choice().given().map(str::to_owned)),
        ];
        let own = own.into_iter().filter_map(|(name, value)| Some((name, value?.into())));
        self.data.given().into_iter().chain(own).collect()
    }
}

/// Returns a recipe, and the space of its file.
fn read(path: &Path) -> Result<(RecipeOptions, Option<Space>), RecipeError> {
    let text = RecipeOptions::text(path)?;
    let mut recipe = RecipeOptions::parse(&text, path)?;
    let space = recipe.search.take().map(|table| Space::of(table, &text, path)).transpose()?;
    Ok((recipe, space))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        search: Search,
    }

    fn plan(folder: &Path, line: &str) -> Result<SearchPlan, String> {
        let line = line.replace("DIR", &folder.display().to_string());
        let program = Program::try_parse_from(["x"].into_iter().chain(line.split_whitespace()));
        let search = program.map_err(|error| error.to_string())?.search;
        search.plan().map_err(|error| error.to_string().replace(&folder.display().to_string(), "DIR"))
    }

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [
            ("mine.toml", "epochs = 3\n[search]\nlr = { log = [1e-3, 1] }\n"),
            ("plain.toml", "epochs = 3\nval-split = 0.5\n"),
            ("space.toml", "[search]\nlayers = ['…,8,…', '…,9,…']\n"),
            ("both.toml", "lr = 1\n[search]\nlr = [1, 2]\n"),
        ] {
            fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    #[test]
    fn a_recipe_and_a_space_make_trials() {
        let folder = folder();
        let mine = plan(folder.path(), "DIR/mine.toml --trials 7").unwrap();
        assert_eq!((mine.trials.len(), mine.recipe.to_toml()), (7, "epochs = 3\nval-split = 0.2\n".into()));
        assert_eq!(plan(folder.path(), "DIR/mine.toml --folds 3").unwrap().recipe.val_split, None);
        let plain = plan(folder.path(), "DIR/plain.toml --space DIR/space.toml --grid").unwrap();
        assert_eq!((plain.trials.len(), plain.recipe.val_split), (2, "0.5".parse().ok()));
        assert_eq!(plain.trials[1].layers.as_deref(), Some("…,9,…"));
        let fast = plan(folder.path(), "fast --space DIR/mine.toml");
        assert!(
            fast.unwrap_err().starts_with("--space DIR/mine.toml: it has keys of a recipe (epochs) beside [search]")
        );
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let folder = folder();
        for (line, expected) in [
            ("DIR/plain.toml", "DIR/plain.toml: there is no table [search], which says what is varied; "),
            (
                "DIR/plain.toml --space DIR/plain.toml",
                "--space DIR/plain.toml: it has keys of a recipe (epochs, val-split)",
            ),
            ("fast --space DIR/space.toml --layers 4,3", "--layers: [search] of DIR/space.toml varies layers"),
            ("fast --space DIR/space.toml --model tiny", "--model: [search] of DIR/space.toml varies layers"),
            ("DIR/mine.toml --validation 0", "--validation 0: recipes cannot be judged by no samples"),
            ("DIR/mine.toml --grid", "DIR/mine.toml: --grid: lr is a range without points"),
        ] {
            let error = plan(folder.path(), line).unwrap_err();
            assert!(error.starts_with(expected), "{line}: {error}");
        }
        for (line, expected) in [
            ("x --trials 0", "must be a whole number from 1 to 10000"),
            ("x --grid --trials 3", "cannot be used with"),
            ("x --folds 1", "must be a whole number from 2"),
            ("x --folds 3 --validation 0.2", "cannot be used with"),
            ("", "<RECIPE>"),
        ] {
            let error = plan(folder.path(), line).unwrap_err();
            assert!(error.contains(expected), "{line}: {error}");
        }
    }

    #[test]
    fn a_trial_has_the_options_of_train() {
        let line = "x mine.toml --data waves.csv --features=-a,b --folds 3 --layers 4,3 --cuda --limit-train 9";
        let search = Program::try_parse_from(line.split_whitespace()).unwrap().search;
        let shown = |layers: Option<&str>| {
            let options = search.training(layers);
            options.into_iter().map(|(name, value)| format!("{name} {}", value.display())).collect::<Vec<_>>()
        };
        let expected = ["data waves.csv", "features -a,b", "layers 4,3", "limit-train 9", "folds 3", "device cuda"];
        assert_eq!(shown(None), expected);
        assert!(shown(Some("…,8,…")).contains(&"layers …,8,…".into()));
        let tiny = Program::try_parse_from(["x", "y", "--model", "tiny"]).unwrap().search;
        assert_eq!((tiny.training(None), tiny.folder()), (vec![("model", "tiny".into())], "searches/y".into()));
    }
}
