use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;

use crate::recipe::RecipeOptions;

/// Options of `recipes`.
#[derive(Args, Debug)]
pub struct Recipes {
    /// Print this recipe as a file, which `train --recipe FILE` reads
    #[arg(value_name = "NAME|FILE")]
    pub recipe: Option<PathBuf>,
}

impl Recipes {
    /// Reads the named recipe and checks its options. Returns `None` if no recipe is named.
    ///
    /// # Errors
    ///
    /// [`RecipeError`](crate::recipe::RecipeError).
    pub fn find(&self) -> Result<Option<RecipeOptions>> {
        let Some(name) = &self.recipe else { return Ok(None) };
        let recipe = RecipeOptions::find(name)?;
        recipe.resolve().with_context(|| name.display().to_string())?;
        Ok(Some(recipe))
    }
}
