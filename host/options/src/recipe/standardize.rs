use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// The choice to standardise features to mean 0 and standard deviation 1 over the training samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standardize {
    /// Values are standardised, except bytes, which are divided by 255.
    #[default]
    Auto,
    /// All values are standardised, bytes too.
    Yes,
    /// Values are not standardised: bytes are divided by 255, and other values are not changed.
    No,
}
