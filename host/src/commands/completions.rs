use std::io::Write;

use anyhow::Result;

pub fn run(options: &options::commands::Completions) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(options.shell, &mut super::command_line(), "selvedge", &mut script);
    terminal::stdout().write_all(&script)?;
    Ok(())
}
