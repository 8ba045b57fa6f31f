//! Hostile text for the readers of recipes and of `--layers`.

use std::path::Path;

use options::{
    recipe::RecipeOptions,
    space::{Order, Space, trials},
};
use selvedge::{architecture::Architecture, models};

/// Reads a recipe, resolves it, writes it and reads it again, and lays out a search where it has one.
pub fn recipe(bytes: &[u8]) {
    let path = Path::new("recipe.toml");
    let Ok(text) = str::from_utf8(bytes) else { return };
    let Ok(mut recipe) = RecipeOptions::parse(text, path) else { return };
    if let Some(space) = recipe.search.take().and_then(|table| Space::of(table, text, path).ok()) {
        for order in [Order::Random { trials: 5, seed: 0 }, Order::Grid] {
            let trials = trials(&recipe, &space, order).unwrap_or_default();
            assert!(trials.iter().all(|trial| trial.problem.is_some() || trial.recipe.resolve().is_ok()));
        }
    }
    let written = recipe.to_toml();
    let again = RecipeOptions::parse(&written, path).expect("what was written is read");
    assert_eq!(again.to_toml(), written);
    // An error says which keys do not go together.
    let _ = recipe.resolve();
}

/// Reads a network's layers, prints them and reads them again. They must give a sound file name.
pub fn layers(bytes: &[u8]) {
    let Some(layers) = str::from_utf8(bytes).ok().and_then(|text| text.parse::<Architecture>().ok()) else { return };
    let shown = format!("{:#}", layers.expression());
    assert_eq!(shown.parse().ok().as_ref(), Some(&layers), "{shown}");
    assert!(layers.parameters().count() <= 4 * layers.layers().len());
    for network in [layers.for_prediction(), layers.folded()] {
        let name = models::file_name(&network).to_string();
        assert!(name.len() <= models::LONGEST_NAME && !name.contains(['/', '\\', ' ']), "{name}");
    }
}
