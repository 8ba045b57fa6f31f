use std::path::PathBuf;

/// Why a recipe is none.
#[derive(Debug, thiserror::Error)]
pub enum RecipeError {
    /// Neither a built-in recipe nor a file.
    #[error("{}: neither a built-in recipe ({built_in}) nor a file", name.display())]
    Unknown {
        /// What was asked for.
        name: PathBuf,
        /// The names there are.
        built_in: String,
    },
    /// The file cannot be read.
    #[error(transparent)]
    Read(#[from] files::ReadError),
    /// The file is no text.
    #[error("{}: this is no recipe: it is no UTF-8 text", .0.display())]
    NoText(PathBuf),
    /// The file is no TOML, or has a key or a value that no recipe has.
    #[error("{}, {place}: {message}", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// The line, and where it is known the key.
        place: String,
        /// What is wrong.
        message: String,
    },
    /// An option that the others leave no use for.
    #[error("{option}: {reason}")]
    Senseless {
        /// The option.
        option: &'static str,
        /// Why, and what to do.
        reason: String,
    },
}

impl RecipeError {
    pub(crate) fn senseless(option: &'static str, reason: impl Into<String>) -> Self {
        Self::Senseless { option, reason: reason.into() }
    }
}
