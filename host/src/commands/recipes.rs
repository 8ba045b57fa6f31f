use std::{
    io::{self, Write},
    path::PathBuf,
};

use anyhow::{Context, Result};
use clap::Args;
use comfy_table::{Table, presets};
use host::recipe::{BUILT_IN, DEFAULT, RecipeOptions};

#[derive(Args)]
pub struct Options {
    /// Print this recipe instead: `train --recipe FILE` takes what is printed
    #[arg(value_name = "NAME|FILE")]
    recipe: Option<PathBuf>,
}

impl Options {
    pub fn run(self) -> Result<()> {
        if let Some(name) = self.recipe {
            let recipe = RecipeOptions::find(&name)?;
            recipe.resolve().with_context(|| name.display().to_string())?;
            write!(io::stdout(), "{}", recipe.to_toml())?;
            return Ok(());
        }
        let mut table = Table::new();
        table.load_style(presets::UTF8_HORIZONTAL_ONLY).set_header(["Recipe", "For"]);
        for (name, _) in BUILT_IN {
            let description = RecipeOptions::find(name.as_ref())?.description.unwrap_or_default();
            table.add_row([if name == DEFAULT { format!("{name} (default)") } else { name.into() }, description]);
        }
        writeln!(io::stdout(), "{table}")?;
        Ok(())
    }
}
