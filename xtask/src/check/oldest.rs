//! The oldest compilers. Each builds its package alone, only with the features that the package names itself. The library's compiler is older than the
//! workspace's, for a firmware with its own compiler.

use std::fs;

use anyhow::{Context, Result};

use super::{compiler, step};

/// A manifest, and the table in it that names the oldest compiler.
type Place = (&'static str, &'static [&'static str]);

const LIBRARY: Place = ("core/Cargo.toml", &["package"]);
const WORKSPACE: Place = ("Cargo.toml", &["workspace", "package"]);

/// Options of `cargo check`, and the place of the compiler for them.
const BUILDS: [(&[&str], Place); 4] = [
    (&["--package", "core"], LIBRARY),
    (&["--package", "core", "--all-features"], LIBRARY),
    (&["--package", "host"], WORKSPACE),
    (&["--package", "trainer", "--example", "own_network"], WORKSPACE),
];

/// Compiles the library without and with its optional parts, the program `selvedge`, and the example of a user's program with `trainer`.
pub fn run() -> Result<()> {
    for (options, (file, place)) in BUILDS {
        let version = version(file, place)?;
        compiler::get(&version, "check", &[])?;
        step(compiler::cargo(&version, "oldest", &[&["check", "--locked"], options].concat())?)?;
    }
    Ok(())
}

/// Returns the version that a manifest names.
fn version(file: &str, place: &[&str]) -> Result<String> {
    let path = launch::root().join(file);
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let manifest: toml::Table = text.parse().with_context(|| path.display().to_string())?;
    let table = place.iter().try_fold(&manifest, |table, key| table.get(*key)?.as_table());
    let version = table.and_then(|table| table.get("rust-version")).and_then(toml::Value::as_str);
    Ok(version.with_context(|| format!("{file} names no rust-version"))?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_package_has_its_oldest_compiler() {
        let versions = BUILDS.map(|(_, (file, place))| version(file, place).unwrap());
        assert!(versions.iter().all(|version| version.starts_with("1.")), "{versions:?}");
        assert!(version("core/Cargo.toml", &["lib"]).unwrap_err().to_string().ends_with("names no rust-version"));
    }
}
