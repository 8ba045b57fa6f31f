//! Makes a book of the project's pages, in the order of docs/SUMMARY.md, and checks every link.
//!
//! The pages are plain Markdown, which a code host shows as they stand. Their links are checked there ([`pages`]), and once more in the
//! finished book ([`built`]).

mod attributes;
mod built;
mod pages;

use std::{env, ffi::OsString, fs, path::Path, process::ExitCode};

use anyhow::{Context, Result, bail, ensure};
use mdbook_driver::{MDBook, config::Config};

use pages::Pages;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Makes the book in the folder that the only argument names. What the folder had before is removed.
fn run(arguments: &[OsString]) -> Result<()> {
    let out = match arguments {
        [out] if !out.as_encoded_bytes().starts_with(b"-") => Path::new(out),
        _ => bail!("name the folder of the book, and nothing else: `cargo xtask book` does so"),
    };
    let root =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().context("no project around docs/book")?;
    let pages = Pages::read(&root)?;
    let faults = pages.faults();
    ensure!(faults.is_empty(), "links that lead nowhere:\n  {}", faults.join("\n  "));
    make(&root, &pages, out)?;
    let faults = built::faults(out)?;
    ensure!(faults.is_empty(), "links of the book that lead nowhere:\n  {}", faults.join("\n  "));
    println!("Made {}: {} pages, {} links", out.join("index.html").display(), pages.count(), pages.links());
    Ok(())
}

/// Copies the pages and the files they link to into a folder, as they lie in the project, and makes the book of it.
fn make(root: &Path, pages: &Pages, out: &Path) -> Result<()> {
    let out = std::path::absolute(out)?;
    ensure!(
        !out.exists() || out.join("toc.html").exists() || fs::read_dir(&out)?.next().is_none(),
        "{} is a folder with something else than a book: name another",
        out.display()
    );
    let source = tempfile::tempdir().context("no place for a copy of the pages")?;
    for file in pages.files() {
        let copy = source.path().join(&file);
        fs::create_dir_all(copy.parent().unwrap_or(source.path()))?;
        fs::copy(root.join(&file), &copy).with_context(|| format!("cannot copy {}", file.display()))?;
    }
    fs::write(source.path().join("SUMMARY.md"), pages.summary())?;
    let mut config = Config::from_disk(root.join("docs/book.toml"))?;
    config.book.src = ".".into();
    config.build.build_dir = out;
    MDBook::load_with_config(source.path(), config)?.build()
}
