//! The name of a network in C.

use std::{fmt, path::Path, str::FromStr};

/// The largest number of characters in a name. The longest ending of a public name, `_feature_names`, has 14, so a public name has at most 62. The
/// usual compilers distinguish all characters of a name.
const MAX_LEN: usize = 48;

/// Words of C (up to C23) and of its standard headers, which cannot be the name of a network.
const WORDS: &[&str] = &[
    // Keywords.
    "alignas",
    "alignof",
    "asm",
    "auto",
    "bool",
    "break",
    "case",
    "char",
    "const",
    "constexpr",
    "continue",
    "default",
    "do",
    "double",
    "else",
    "enum",
    "extern",
    "false",
    "float",
    "for",
    "goto",
    "if",
    "inline",
    "int",
    "long",
    "nullptr",
    "register",
    "restrict",
    "return",
    "short",
    "signed",
    "sizeof",
    "static",
    "static_assert",
    "struct",
    "switch",
    "thread_local",
    "true",
    "typedef",
    "typeof",
    "typeof_unqual",
    "union",
    "unsigned",
    "void",
    "volatile",
    "while",
    // Headers: a file of such a name would stand in their place.
    "arm_acle",
    "assert",
    "complex",
    "ctype",
    "errno",
    "fenv",
    "inttypes",
    "iso646",
    "limits",
    "locale",
    "math",
    "setjmp",
    "signal",
    "stdalign",
    "stdarg",
    "stdatomic",
    "stdbit",
    "stdbool",
    "stdckdint",
    "stddef",
    "stdint",
    "stdio",
    "stdlib",
    "stdnoreturn",
    "string",
    "tgmath",
    "threads",
    "time",
    "uchar",
    "wchar",
    "wctype",
];

/// The prefix of a network's names and files in C: a letter, then letters, digits and single underscores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CName(String);

/// A text cannot be a name in C.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CNameError {
    /// It has a character that is not allowed.
    #[error(
        "a name in C begins with one of a-z and A-Z; letters, digits and single underscores follow; the last character is not an underscore"
    )]
    Letters,
    /// It is too long.
    #[error("it has {0} characters; at most {MAX_LEN} are allowed, because the C code appends endings to the name")]
    Long(usize),
    /// It is a word of C.
    #[error("it is a word of C or the name of one of its headers; take {0}_network or another")]
    Word(String),
}

impl FromStr for CName {
    type Err = CNameError;

    fn from_str(text: &str) -> Result<Self, CNameError> {
        let is_name = text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            && !text.contains("__")
            && !text.ends_with('_');
        match text.len() {
            _ if !is_name => Err(CNameError::Letters),
            len if len > MAX_LEN => Err(CNameError::Long(len)),
            _ if is_word(text) => Err(CNameError::Word(text.into())),
            _ => Ok(Self(text.into())),
        }
    }
}

/// Returns true if the text is a word of C in any case, because a file system may not tell upper from lower case.
fn is_word(text: &str) -> bool {
    WORDS.iter().any(|word| word.eq_ignore_ascii_case(text))
}

impl CName {
    /// Makes a name from a file name without its ending. Characters that are not letters or digits are replaced: several in a row become one
    /// underscore, and those at the beginning and the end are left out. A long name is cut. An empty name becomes `network`. A name that begins with
    /// a digit gets the prefix `network_`. A word of C gets the suffix `_network`.
    pub fn of_file(path: &Path) -> Self {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let mut parts: Vec<&str> =
            stem.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty()).collect();
        if parts.first().is_none_or(|part| part.starts_with(|c: char| c.is_ascii_digit())) {
            parts.insert(0, "network");
        }
        let mut name = parts.join("_");
        name.truncate(MAX_LEN);
        name.truncate(name.trim_end_matches('_').len());
        if is_word(&name) {
            name += "_network";
        }
        Self(name)
    }

    /// Returns the name in capitals, the prefix of macros.
    pub fn capitals(&self) -> String {
        self.0.to_ascii_uppercase()
    }
}

impl fmt::Display for CName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_in_c() {
        for name in ["a", "A9", "two_words", &"x".repeat(MAX_LEN)] {
            assert_eq!(name.parse::<CName>().map(|name| name.to_string()).as_deref(), Ok(name));
        }
        for name in ["", "9", "_a", "a__b", "a_", "größe", "a-b", "a b", "a*/", "a\n"] {
            assert_eq!(name.parse::<CName>(), Err(CNameError::Letters), "{name:?}");
        }
        assert_eq!("x".repeat(MAX_LEN + 1).parse::<CName>(), Err(CNameError::Long(MAX_LEN + 1)));
        for name in ["int", "string", "Math", "FLOAT"] {
            assert_eq!(name.parse::<CName>(), Err(CNameError::Word(name.into())));
        }
    }

    #[test]
    fn a_files_name_is_mended() {
        for (file, expected) in [
            ("models/quickstart.int8", "quickstart"),
            ("12-40-3.selvedge", "network_12_40_3"),
            ("größe.f16", "gr_e"),
            ("a  *b*.selvedge", "a_b"),
            ("a*/.selvedge", "selvedge"),
            ("__x__.int4", "x"),
            ("int.selvedge", "int_network"),
            ("string", "string_network"),
            ("数.selvedge", "network"),
            (".int8", "int8"),
            ("..", "network"),
        ] {
            let name = CName::of_file(Path::new(file));
            assert_eq!(name.to_string(), expected, "{file}");
            assert_eq!(name.to_string().parse(), Ok(name));
        }
        let long = CName::of_file(Path::new(&format!("{}_{}", "x".repeat(MAX_LEN - 1), "y".repeat(100))));
        assert_eq!(long.to_string(), "x".repeat(MAX_LEN - 1));
    }
}
