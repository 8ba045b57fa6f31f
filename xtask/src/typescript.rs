//! TypeScript, which checks the types of the page's script. It is in the target folder.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

use crate::{setup::NODE, workspace};

/// The files with the package, its version, and the hashes of all files.
const FILES: [&str; 2] = ["package.json", "package-lock.json"];
const SOURCE: &str = "tests/browser";
const SETUP: &str = "cargo xtask setup --page";

/// Returns the compiler's script, if it was installed completely and Node is there to run it.
pub fn found() -> Option<PathBuf> {
    NODE.into_iter().find_map(workspace::on_path)?;
    environment().ok().filter(|folder| is_installed(folder)).map(|folder| script(&folder))
}

/// Returns the parts that [`set_up`] installs, with their sources and licences.
pub fn offer() -> Result<Vec<String>> {
    Ok(vec![format!("typescript (Apache-2.0): from npm's registry, by npm, into {}", environment()?.display())])
}

/// Installs the package, unless it is there.
pub fn set_up() -> Result<()> {
    let folder = environment()?;
    let lock = folder.with_extension("lock");
    let _lock = workspace::lock(&lock).with_context(|| format!("cannot lock {}", lock.display()))?;
    if !is_installed(&folder) {
        let Some(npm) = workspace::on_path("npm") else {
            bail!("there is no npm here: install it (Debian: apt-get install npm), then run `{SETUP}`");
        };
        say!("Making {} with the package of {SOURCE}/{}", folder.display(), FILES[1]);
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        for file in FILES {
            copy(file, &folder.join(file))?;
        }
        let mut npm = launch::command(npm);
        npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"]).current_dir(&folder);
        workspace::run(&mut npm)?;
        // Last: with it, all of the package is there.
        copy(FILES[1], &installed(&folder))?;
    }
    say!("Ready: TypeScript for the page's script is {}.", script(&folder).display());
    Ok(())
}

/// Prints whether TypeScript is there.
pub fn check() -> Result<()> {
    match found() {
        Some(script) => say!("Ready: TypeScript for the page's script is {}.", script.display()),
        None => bail!("TypeScript for the page's script is not here; to get it, run:\n  {SETUP}"),
    }
    Ok(())
}

fn copy(file: &str, to: &Path) -> Result<()> {
    let from = launch::root().join(SOURCE).join(file);
    fs::copy(&from, to).with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
    Ok(())
}

fn environment() -> Result<PathBuf> {
    Ok(workspace::target_dir()?.join("typescript"))
}

fn script(folder: &Path) -> PathBuf {
    folder.join("node_modules/typescript/bin/tsc")
}

/// Returns the list of what was installed.
fn installed(folder: &Path) -> PathBuf {
    folder.join("installed.json")
}

fn is_installed(folder: &Path) -> bool {
    let asked = fs::read(launch::root().join(SOURCE).join(FILES[1])).ok();
    asked.is_some() && asked == fs::read(installed(folder)).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn read(file: &str) -> Value {
        let text = fs::read_to_string(launch::root().join(SOURCE).join(file)).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn a_package_is_there_when_all_of_it_was_installed() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        assert!(!is_installed(folder));
        copy(FILES[1], &installed(folder)).unwrap();
        assert!(is_installed(folder));
        fs::write(installed(folder), "{}").unwrap();
        assert!(!is_installed(folder));
    }

    #[test]
    fn every_package_is_locked_with_a_hash_and_comes_from_any_registry() {
        let [asked, locked] = FILES.map(read);
        let packages = locked["packages"].as_object().unwrap();
        for (name, version) in asked["devDependencies"].as_object().unwrap() {
            let package = &packages[&format!("node_modules/{name}")];
            assert_eq!(&package["version"], version, "{name}: make {} anew", FILES[1]);
        }
        for (name, package) in packages.iter().filter(|(name, _)| !name.is_empty()) {
            assert!(package["integrity"].as_str().is_some_and(|hash| hash.starts_with("sha512-")), "{name}");
            assert!(package.get("resolved").is_none(), "{name}: leave out the registry's name");
        }
    }
}
