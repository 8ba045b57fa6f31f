use std::{io::Write, path::Path};

use anyhow::{Context, Result};
use clap::Command;

use crate::files;

pub fn run(options: &options::commands::Man) -> Result<()> {
    let out = &options.out;
    let mut program = super::command_line().disable_help_subcommand(true);
    program.build();
    let count = write(&program, out)?;
    writeln!(terminal::stdout(), "Wrote {count} pages to {}", out.display())?;
    Ok(())
}

/// Writes the page of a command and those of the commands below it. Returns their number.
fn write(command: &Command, out: &Path) -> Result<usize> {
    let page = clap_mangen::Man::new(command.clone());
    let path = out.join(page.get_filename());
    let mut text = Vec::new();
    page.render(&mut text).with_context(|| path.display().to_string())?;
    files::write_whole(&path, &text)?;
    let below = command.get_subcommands().filter(|command| !command.is_hide_set()).map(|command| write(command, out));
    Ok(1 + below.sum::<Result<usize>>()?)
}
