use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use toml::Value;

/// The folder of this program's source when it was built.
const SOURCE: &str = env!("CARGO_MANIFEST_DIR");

/// The place where a project's Cargo finds the library.
pub enum Library {
    /// In a folder, by its whole name.
    Folder(String),
    /// In a Git repository.
    Git(String),
}

impl Library {
    /// Returns the library that was named, or else that of the repository that this program was built from.
    pub fn find(named: Option<&str>) -> Result<Self> {
        match named {
            Some(url) if url.contains("://") || url.starts_with("git@") => Ok(Self::Git(url.into())),
            Some(folder) => {
                let found =
                    [PathBuf::from(folder), Path::new(folder).join("core")].into_iter().find(|folder| is_it(folder));
                let found = found.with_context(|| {
                    format!("--library {folder}: neither this folder nor its folder core holds Selvedge's library")
                })?;
                Self::folder(&std::path::absolute(found)?)
            }
            None => {
                let repository = Path::new(SOURCE).parent().unwrap_or(Path::new(""));
                let core = repository.join("core");
                if !is_it(&core) {
                    bail!(
                        "this program was built from {}, and the library is not there any more: name a copy of Selvedge's repository by \
                         --library DIR, or its Git repository by --library URL",
                        repository.display()
                    );
                }
                Self::folder(&core)
            }
        }
    }

    fn folder(path: &Path) -> Result<Self> {
        let text = path.to_str().with_context(|| format!("--library {}: the name is no Unicode", path.display()))?;
        Ok(Self::Folder(text.into()))
    }
}

/// Returns true if a folder is that of the package `core` with the library `selvedge`.
fn is_it(folder: &Path) -> bool {
    let text = fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
    let manifest: toml::Table = text.parse().unwrap_or_default();
    let name = |table: &str| manifest.get(table)?.get("name")?.as_str();
    [name("package"), name("lib")] == [Some("core"), Some("selvedge")]
}

/// The line of a manifest's dependencies.
impl fmt::Display for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (key, place) = match self {
            Self::Folder(path) => ("path", path),
            Self::Git(url) => ("git", url),
        };
        write!(f, "selvedge = {{ package = \"core\", {key} = {} }}", Value::from(place.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_is_found() {
        let own = Library::find(None).unwrap().to_string();
        assert!(own.starts_with("selvedge = { package = \"core\", path = \"") && own.ends_with("/core\" }"), "{own}");
        for folder in ["..", "../core"] {
            assert!(matches!(Library::find(Some(folder)), Ok(Library::Folder(path)) if Path::new(&path).is_absolute()));
        }
        let git = Library::find(Some("https://example.com/it\"s.git")).unwrap().to_string();
        assert_eq!(git, "selvedge = { package = \"core\", git = 'https://example.com/it\"s.git' }");
        let error = Library::find(Some("src")).err().unwrap().to_string();
        assert!(error.starts_with("--library src: neither this folder nor its folder core holds"), "{error}");
    }
}
