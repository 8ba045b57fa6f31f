//! The name of a Cargo package that a command makes.

use std::{fmt, str::FromStr};

/// The longest name: crates.io has the same limit.
const MAX_LEN: usize = 64;

/// Names that Cargo or the compiler reserve, and the packages on which a firmware project depends.
const TAKEN: &[&str] = &[
    // Keywords.
    "abstract",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "const",
    "continue",
    "crate",
    "do",
    "dyn",
    "else",
    "enum",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "override",
    "priv",
    "pub",
    "ref",
    "return",
    "self",
    "static",
    "struct",
    "super",
    "trait",
    "true",
    "try",
    "type",
    "typeof",
    "unsafe",
    "unsized",
    "use",
    "virtual",
    "where",
    "while",
    "yield",
    // The compiler's own packages, and the folders beside a program.
    "alloc",
    "build",
    "core",
    "deps",
    "examples",
    "incremental",
    "proc-macro",
    "std",
    "test",
    // Dependencies.
    "cortex-m",
    "cortex-m-rt",
    "portable-atomic",
    "riscv-rt",
    "selvedge",
    "semihosting",
    "static-cell",
];

/// A package's name: a letter, then letters, digits, `-` and `_`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackageName(String);

/// A text cannot be a package's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PackageNameError {
    /// It has a character that is not allowed, or is too long.
    #[error("a package's name begins with one of a-z and A-Z; letters, digits, - and _ follow, up to {MAX_LEN} in all")]
    Letters,
    /// It is a reserved name.
    #[error("Rust, Cargo or a dependency has this name; take {0}-firmware or another")]
    Taken(String),
}

impl FromStr for PackageName {
    type Err = PackageNameError;

    fn from_str(text: &str) -> Result<Self, PackageNameError> {
        let is_name = text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
            && text.len() <= MAX_LEN;
        // Cargo takes `-` and `_` for the same letter in a crate's name, and a file system may not tell upper from lower case.
        let plain = text.to_ascii_lowercase().replace('_', "-");
        match () {
            () if !is_name => Err(PackageNameError::Letters),
            () if TAKEN.contains(&&*plain) => Err(PackageNameError::Taken(text.into())),
            () => Ok(Self(text.into())),
        }
    }
}

impl fmt::Display for PackageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_of_cargos() {
        for name in ["a", "gesture", "Two-words_3", &"x".repeat(MAX_LEN)] {
            assert_eq!(name.parse::<PackageName>().map(|name| name.to_string()).as_deref(), Ok(name));
        }
        for name in ["", "9", "-a", "_a", "größe", "a b", "a.b", "a\n", "a\"", &"x".repeat(MAX_LEN + 1)] {
            assert_eq!(name.parse::<PackageName>(), Err(PackageNameError::Letters), "{name:?}");
        }
        for name in ["fn", "core", "Test", "cortex_m_rt", "selvedge", "build"] {
            assert_eq!(name.parse::<PackageName>(), Err(PackageNameError::Taken(name.into())));
        }
    }
}
