//! The interface of a GPU. The package `gpu` implements it, so this library is built once for programs with and without a GPU.

use std::error::Error;

use super::{Backend, State, TrainingError, TrainingOptions};
use crate::data::Dataset;

/// A function that opens a GPU, or returns the reason why there is none.
pub type OpenGpu = fn() -> Result<Box<dyn Gpu>, Box<dyn Error + Send + Sync>>;

/// A GPU that can train.
pub trait Gpu {
    /// Returns the GPU's name.
    fn name(&self) -> String;

    /// Returns a backend on this GPU, for [`train_on`](super::train_on) with the same state, samples and options. The state and the samples are
    /// copied to the GPU.
    ///
    /// # Errors
    ///
    /// [`TrainingError::Backend`] if the GPU cannot be used.
    fn backend<'a>(
        &self,
        state: &State,
        data: &'a Dataset,
        options: &'a TrainingOptions,
    ) -> Result<Box<dyn Backend + 'a>, TrainingError>;
}
