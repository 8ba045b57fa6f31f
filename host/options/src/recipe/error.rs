use std::path::PathBuf;

/// A recipe is invalid.
#[derive(Debug, thiserror::Error)]
pub enum RecipeError {
    /// Neither a built-in recipe nor a file.
    #[error("{}: neither a built-in recipe ({built_in}) nor a file", name.display())]
    Unknown {
        /// The name or path that was given.
        name: PathBuf,
        /// The names there are.
        built_in: String,
    },
    /// The file cannot be read.
    #[error(transparent)]
    Read(#[from] files::ReadError),
    /// The file is not UTF-8 text.
    #[error("{}: this is no recipe: it is no UTF-8 text", .0.display())]
    NoText(PathBuf),
    /// The file is not valid TOML, or has a key or a value that a recipe cannot have.
    #[error("{}, {place}: {message}", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// The line, and the key if it is known.
        place: String,
        /// The mistake.
        message: String,
    },
    /// An option that has no use together with the other options.
    #[error("{option}: {reason}")]
    Senseless {
        /// The option.
        option: &'static str,
        /// The reason, and a way to correct it.
        reason: String,
    },
}

impl RecipeError {
    pub(crate) fn senseless(option: &'static str, reason: impl Into<String>) -> Self {
        Self::Senseless { option, reason: reason.into() }
    }
}
