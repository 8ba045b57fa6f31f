//! The oldest compilers. The library's is older than the workspace's, for a firmware with its own compiler.

use std::fs;

use anyhow::{Context, Result};

use super::{compiler, step};

/// A package, the file that names its oldest compiler, and the place in the file.
const PACKAGES: [(&str, &str, &[&str]); 2] =
    [("core", "core/Cargo.toml", &["package"]), ("host", "Cargo.toml", &["workspace", "package"])];

/// Compiles each package with its own oldest compiler, and the library also with its optional parts.
pub fn run() -> Result<()> {
    for (package, file, place) in PACKAGES {
        let version = version(file, place)?;
        compiler::get(&version, "check", &[])?;
        let mut features = vec![&[][..]];
        if package == "core" {
            features.push(&["--all-features"]);
        }
        for features in features {
            let check = [&["check", "--package", package, "--locked"], features].concat();
            step(compiler::cargo(&version, "oldest", &check)?)?;
        }
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
        let versions = PACKAGES.map(|(_, file, place)| version(file, place).unwrap());
        assert!(versions.iter().all(|version| version.starts_with("1.")), "{versions:?}");
        assert!(version("core/Cargo.toml", &["lib"]).unwrap_err().to_string().ends_with("names no rust-version"));
    }
}
