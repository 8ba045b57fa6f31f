//! A network whose type in core is hidden.

use selvedge::{Layer, architecture::Architecture};

use crate::{
    Case, Outcome,
    portable::{initialized, portable},
};

/// A network. The training of a type is much code. These functions let this package compile it once for all tests.
#[derive(Clone, Copy)]
pub struct Model {
    architecture: fn() -> Architecture,
    initialized: fn(u64) -> Vec<f32>,
    portable: fn(&Case) -> Outcome,
}

impl Model {
    /// Returns the network of this type.
    pub fn of<M: Layer>() -> Self {
        Self {
            architecture: Architecture::of::<M>,
            initialized: |seed| initialized::<M>(seed).as_flat().to_vec(),
            portable: portable::<M>,
        }
    }

    /// Returns the network's layers.
    pub fn architecture(&self) -> Architecture {
        (self.architecture)()
    }

    /// Returns the network's initial weights.
    pub fn initialized(&self, seed: u64) -> Vec<f32> {
        (self.initialized)(seed)
    }

    /// Returns the run by core's plain loops.
    ///
    /// # Panics
    ///
    /// If core refuses a batch.
    pub fn portable(&self, case: &Case) -> Outcome {
        (self.portable)(case)
    }
}
