//! The tools of the browser's page: the target of its library, and the browser, Node and TypeScript for its tests.

use anyhow::Result;

use super::{
    carry_out,
    plan::{Facts, SetupPlan, plan},
};
use crate::{
    toolchain::{Installed, PAGE_TARGET},
    typescript, workspace,
};

/// The names of Node's program.
pub const NODE: [&str; 2] = ["node", "nodejs"];

/// Debian's packages, each with the possible names of its program.
pub const PACKAGES: [(&str, &[&str]); 4] = [
    ("chromium", &["chromium", "chromium-browser"]),
    ("chromium-driver", &["chromedriver"]),
    ("nodejs", &NODE),
    ("npm", &["npm"]),
];

/// Installs the target of the page's library, and the browser and TypeScript for its tests, unless they are there or nothing is to be
/// changed.
pub fn page(only_check: bool) -> Result<()> {
    programs(only_check)?;
    if only_check { typescript::check() } else { typescript::set_up() }
}

/// Installs all of these except TypeScript.
pub fn programs(only_check: bool) -> Result<()> {
    carry_out(look, only_check, "the tools for the page are not all here")?;
    say!("Ready: a compiler builds for {PAGE_TARGET}, and chromium with its driver is installed.");
    Ok(())
}

/// Looks at what is missing, and decides how to get it.
pub fn look(ask_rustup: bool) -> Result<(Facts, SetupPlan)> {
    let facts = Facts::look(ask_rustup)?.without_boards(Installed::look_for_page()?);
    let mut plan = plan(&facts);
    let programs = missing(&PACKAGES);
    if facts.apt_get {
        plan.packages.extend(programs);
    } else if !programs.is_empty() {
        plan.by_hand.push("your package manager, for chromium, chromedriver, node and npm".into());
    }
    Ok((facts, plan))
}

/// Returns Debian's packages of the browser that are not installed.
pub fn missing_browser() -> Vec<&'static str> {
    missing(&PACKAGES[..2])
}

/// Returns the packages of which no program is on the path.
fn missing(packages: &[(&'static str, &[&str])]) -> Vec<&'static str> {
    let is_missing = |programs: &[&str]| programs.iter().all(|program| workspace::on_path(program).is_none());
    packages.iter().filter(|(_, programs)| is_missing(programs)).map(|(package, _)| *package).collect()
}
