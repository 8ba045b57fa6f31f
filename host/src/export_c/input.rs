//! What a prediction takes, and how it becomes the inputs of the first layer: the one place that a new kind of input needs.

use crate::model_file::ModelFile;

/// The numbers that the caller hands over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// The sample's bytes.
    Bytes,
}

/// How a prediction begins.
#[derive(Clone, Copy, Debug)]
pub struct Stage {
    /// The functions that it needs.
    pub functions: &'static str,
    /// The statement that makes the first layer's inputs, if one is needed.
    pub step: Option<&'static str>,
    /// Where they are then.
    pub place: &'static str,
}

impl Input {
    /// What a file's network takes.
    pub fn of(_file: &ModelFile<'_>) -> Self {
        Self::Bytes
    }

    /// The C type of one number.
    pub fn element(self) -> &'static str {
        match self {
            Self::Bytes => "uint8_t",
        }
    }

    /// What the numbers are, for the header.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Bytes => "the sample's bytes, 0 to 255, one for each input of the network",
        }
    }

    /// For a network of integers, whose first layer takes bytes.
    pub fn to_bytes(self) -> Stage {
        match self {
            Self::Bytes => Stage { functions: "", step: None, place: "input" },
        }
    }

    /// For a network in floating point. They go to the scratch memory's `front`.
    pub fn to_floats(self) -> Stage {
        match self {
            Self::Bytes => Stage {
                functions: include_str!("c/floats/normalize.c"),
                step: Some("NAME_normalize(input, scratch->front);"),
                place: "scratch->front",
            },
        }
    }
}
