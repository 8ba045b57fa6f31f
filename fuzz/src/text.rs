//! Hostile text for the readers of recipes and of `--layers`.

use std::path::Path;

use options::recipe::RecipeOptions;
use selvedge::{architecture::Architecture, models};

/// Reads a recipe, resolves it, writes it and reads it again.
pub fn recipe(bytes: &[u8]) {
    let path = Path::new("recipe.toml");
    let Some(recipe) = str::from_utf8(bytes).ok().and_then(|text| RecipeOptions::parse(text, path).ok()) else {
        return;
    };
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
