//! A browser without a window, for tests that open pages.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use skip::skip;

use crate::{python::python_in, text, workspace};

/// A program of `tests/browser/`, to be run by the Python of [`has_python`](crate::python::has_python), which has Selenium.
///
/// A program imports `browser.py` beside it: `open_page(url)` takes an http:// or a file:// address.
///
/// If there is no such Python, no Chromium or no driver for it, `what` is [skipped](skip()).
///
/// # Panics
///
/// If the test has to be skipped and `SELVEDGE_REQUIRE_ALL` is set: see [`skip()`].
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

/// Returns TypeScript's checker, which `cargo xtask setup --page` installs. It needs the options of `tests/browser/tsconfig.json`.
///
/// If the checker or Node is missing, `what` is [skipped](skip()).
///
/// # Panics
///
/// If the test has to be skipped and `SELVEDGE_REQUIRE_ALL` is set: see [`skip()`].
pub fn typescript(what: &str) -> Option<Command> {
    let node = ["node", "nodejs"].into_iter().find(|name| on_path(name));
    // Test programs lie in target/<profile>/deps.
    let installed = || typescript_of(&env::current_exe().ok()?.ancestors().nth(3)?.join("typescript"));
    let Some((node, script)) = node.zip(installed()) else {
        skip(what, "there is no TypeScript of the pinned version here: `cargo xtask setup --page` gets it, and Node");
        return None;
    };
    let mut command = Command::new(node);
    command.arg(script);
    Some(command)
}

/// Returns the script of TypeScript's checker, if the package that is asked for now was installed.
fn typescript_of(folder: &Path) -> Option<PathBuf> {
    let asked = fs::read(workspace().join("tests/browser/package-lock.json")).ok()?;
    let installed = fs::read(folder.join("installed.json")).ok()?;
    (installed == asked).then(|| folder.join("node_modules/typescript/bin/tsc"))
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
