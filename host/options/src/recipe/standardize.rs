use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// The choice to bring features to mean 0 and standard deviation 1 over the training samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standardize {
    /// Unless the values are bytes, which are divided by 255.
    #[default]
    Auto,
    /// Values of every element are standardised.
    Yes,
    /// Never: bytes are divided by 255, and other values are taken as they are.
    No,
}
