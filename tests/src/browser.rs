//! A browser without a window, for tests that open pages.

use std::{
    env,
    path::PathBuf,
    process::{Command, Output},
};

use skip::skip;

use crate::{python_in, text};

/// A program of `tests/browser/`, to be run by the Python of [`python`](crate::python), which has Selenium.
///
/// A program imports `browser.py` beside it: `open_page(url)` takes an http:// or a file:// address.
///
/// Where there is no such Python, no Chromium or no driver of it, `what` is [skipped](skip()).
///
/// # Panics
///
/// A test that is skipped is shown as [`skip()`] does it.
pub fn browser(program: &str, what: &str) -> Option<Command> {
    for needed in ["chromedriver", "chromium"] {
        let is_there = on_path(needed) || needed == "chromium" && on_path("chromium-browser");
        if !is_there {
            skip(what, &format!("there is no {needed} here: `cargo xtask setup --page` gets it"));
            return None;
        }
    }
    python_in("browser", program, what)
}

/// Runs a program of [`browser`], which must succeed. Returns what it printed.
///
/// # Panics
///
/// If it does not start, or fails.
pub fn passed(command: &mut Command) -> String {
    let output: Output = command.output().expect("Python starts");
    let text = text(&output);
    assert!(output.status.success(), "{text}");
    text
}

fn on_path(program: &str) -> bool {
    let folders = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&folders).any(|folder: PathBuf| folder.join(program).is_file())
}
