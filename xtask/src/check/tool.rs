//! Tools of pinned versions, built by cargo into the target folder when they are first needed.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use launch::cargo;

use crate::workspace;

/// A program on crates.io.
#[derive(Clone, Copy, Debug)]
pub struct Tool {
    package: &'static str,
    program: &'static str,
    version: &'static str,
}

/// The checker of the licences, sources, versions and known vulnerabilities of dependencies.
pub const CARGO_DENY: Tool = Tool { package: "cargo-deny", program: "cargo-deny", version: "0.20.2" };
/// The checker of spelling.
pub const TYPOS: Tool = Tool { package: "typos-cli", program: "typos", version: "1.52.0" };

impl Tool {
    /// Returns the program's path. If this version is not there, it is built.
    pub fn path(&self) -> Result<PathBuf> {
        let root = workspace::target_dir()?.join("tools");
        if !self.is_in(&root) {
            let Self { package, version, .. } = self;
            say!("Building {package} {version}: some minutes, this once");
            let mut install = cargo("install");
            install.args(["--quiet", "--locked", package, "--version", version, "--root"]).arg(&root);
            workspace::run(&mut install).with_context(|| format!("{package} {version} is not here"))?;
        }
        Ok(root.join("bin").join(format!("{}{}", self.program, env::consts::EXE_SUFFIX)))
    }

    /// Returns true if cargo has installed this version in a folder.
    fn is_in(&self, root: &Path) -> bool {
        let installed = fs::read_to_string(root.join(".crates.toml")).unwrap_or_default();
        installed.contains(&format!("\"{} {} ", self.package, self.version))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_version_is_not_the_tool() {
        let root = tempfile::tempdir().unwrap();
        assert!(!TYPOS.is_in(root.path()));
        for (version, is_there) in [(TYPOS.version, true), ("1.0.0", false)] {
            let list = format!("[v1]\n\"typos-cli {version} (registry)\" = [\"typos\"]\n");
            fs::write(root.path().join(".crates.toml"), list).unwrap();
            assert_eq!(TYPOS.is_in(root.path()), is_there, "{version}");
        }
    }
}
