use std::io::Write;

use anyhow::Result;
use comfy_table::{Table, presets};
use options::recipe::{BUILT_IN, DEFAULT, RecipeOptions};

pub fn run(options: &options::commands::Recipes) -> Result<()> {
    if let Some(recipe) = options.find()? {
        write!(terminal::stdout(), "{}", recipe.to_toml())?;
        return Ok(());
    }
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY).set_header(["Recipe", "For"]);
    for (name, _) in BUILT_IN {
        let description = RecipeOptions::find(name.as_ref())?.description.unwrap_or_default();
        table.add_row([if name == DEFAULT { format!("{name} (default)") } else { name.into() }, description]);
    }
    writeln!(terminal::stdout(), "{table}")?;
    Ok(())
}
