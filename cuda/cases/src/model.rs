//! A network that is a type in core, without the type.

use selvedge::{Layer, architecture::Architecture};

use crate::{
    Case, Outcome,
    portable::{initialized, portable},
};

/// A network. A type's training is much code: by these functions it is compiled once, in this package, for all tests.
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

    /// Its layers.
    pub fn architecture(&self) -> Architecture {
        (self.architecture)()
    }

    /// Its first weights.
    pub fn initialized(&self, seed: u64) -> Vec<f32> {
        (self.initialized)(seed)
    }

    /// Returns the run by core's plain loops.
    ///
    /// # Panics
    ///
    /// Where core refuses a batch.
    pub fn portable(&self, case: &Case) -> Outcome {
        (self.portable)(case)
    }
}
