//! `cargo xtask book`: the project's pages as a book, with every link checked.

use std::{path::PathBuf, process::Command};

use anyhow::Result;
use clap::Args;
use launch::cargo;

use crate::workspace;

#[cfg(test)]
mod pages;

/// The options of `book`.
#[derive(Args)]
pub struct BookOptions {
    /// The folder of the book [default: target/book]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Builds the program that makes the book, and runs it.
pub fn run(options: &BookOptions) -> Result<()> {
    let out = match &options.out {
        Some(out) => std::path::absolute(out)?,
        None => workspace::target_dir()?.join("book"),
    };
    let mut book = program("run")?;
    workspace::run(book.args(["--quiet", "--"]).arg(out))
}

/// Checks the program that makes the book, then makes the book of the project's pages.
pub fn check() -> Result<()> {
    workspace::run(cargo("fmt").args(["--check", "--manifest-path", MANIFEST]))?;
    workspace::run(&mut program("test")?)?;
    run(&BookOptions { out: None })
}

/// The manifest of the program. It is a separate workspace, because only the book needs its many dependencies.
const MANIFEST: &str = "docs/book/Cargo.toml";

fn program(subcommand: &str) -> Result<Command> {
    let mut cargo = cargo(subcommand);
    cargo.args(["--locked", "--manifest-path", MANIFEST, "--target-dir"]);
    cargo.arg(workspace::target_dir()?.join("book-program"));
    Ok(cargo)
}
