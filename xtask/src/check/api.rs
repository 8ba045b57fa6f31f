//! The library's public interface as a list, so that a change of it is noticed and intended.

use std::fs;

use anyhow::{Context, Result, bail};
use clap::Args;
use launch::cargo;

use super::{
    compiler::{self, NIGHTLY},
    step,
};
use crate::workspace;

/// The list, with an item in each line.
const FILE: &str = "core/api.txt";

/// The line above the items of optional parts.
const OPTIONAL: &str = "With every optional part:";

/// The command that writes the list.
const WRITE: &str = "cargo xtask check api --write";

/// Options of `check api`.
#[derive(Args)]
pub struct Options {
    /// Write the list instead of comparing with it
    #[arg(long)]
    write: bool,
}

/// Compares the library's public items with those of the list, or writes the list.
pub fn run(options: &Options) -> Result<()> {
    let path = launch::root().join(FILE);
    let found = found()?;
    if options.write {
        fs::write(&path, found).with_context(|| format!("cannot write {}", path.display()))?;
        say!("Wrote {FILE}");
        return Ok(());
    }
    let listed = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let changes = changes(&listed, &found);
    if changes.is_empty() {
        say!("{FILE} lists the library's public items as they are");
        return Ok(());
    }
    changes.iter().for_each(|change| say!("{change}"));
    bail!(
        "the library's public interface is not what {FILE} lists, in {} lines; if the change is meant, run `{WRITE}`, and say it in CHANGELOG.md",
        changes.len()
    );
}

/// Returns the public items of the library without options, and then those that its optional parts add.
fn found() -> Result<String> {
    let default = items(&[])?;
    let all = items(&["--all-features"])?;
    let added: Vec<_> = all.lines().filter(|item| !default.lines().any(|line| line == *item)).collect();
    Ok(format!("{default}\n{OPTIONAL}\n{}\n", added.join("\n")))
}

/// Returns the public items of the library with these features, one in each line.
fn items(features: &[&str]) -> Result<String> {
    compiler::get(NIGHTLY, "rustdoc", &[])?;
    let rustdoc = [&["rustdoc", "--package", "core", "--lib"], features, &["--", "-Zunstable-options"]].concat();
    let mut rustdoc = compiler::cargo(NIGHTLY, "api", &rustdoc)?;
    rustdoc.args(["--output-format", "json"]);
    step(rustdoc)?;
    let target = workspace::target_dir()?;
    let mut list = cargo("run");
    list.args(["--quiet", "--locked", "--manifest-path", "xtask/api/Cargo.toml", "--target-dir"]);
    list.arg(target.join("api-program")).arg("--").arg(target.join("api/doc/selvedge.json"));
    workspace::output(&mut list)
}

/// Returns the lines that only one of two lists has: `-` for the first, `+` for the second.
fn changes(listed: &str, found: &str) -> Vec<String> {
    let only = |lines: &str, others: &str, sign: char| {
        let others: Vec<_> = others.lines().collect();
        let only = lines.lines().filter(|line| !others.contains(line));
        only.map(|line| format!("{sign} {line}")).collect::<Vec<_>>()
    };
    [only(listed, found, '-'), only(found, listed, '+')].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_a_line_of_one_list() {
        assert!(changes("pub a\npub b\n", "pub a\npub b\n").is_empty());
        assert_eq!(changes("pub a\npub b\n", "pub b\npub c\n"), ["- pub a", "+ pub c"]);
    }
}
