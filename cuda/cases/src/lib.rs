//! Runs that a GPU must take as core's plain loops do, bit for bit, for tests.
//!
//! - [`Case`]: what to train, and how; its samples, their order, and its batches.
//! - [`Model`]: a network, and the run by core's plain loops.
//! - [`list`]: the cases. What takes them is a [`Check`]: the kernels on Rust's buffers, or a trainer on a driver.
//! - [`Outcome`]: what a run leaves.

mod case;
pub mod list;
mod model;
mod outcome;
mod portable;

pub use self::{
    case::{ALL_RULES, Case, Rules, Targets, Values},
    model::Model,
    outcome::{Log, Outcome, Tested, bits},
};

use selvedge::Layer;

/// One way to run a case.
pub trait Check {
    /// Runs the case with this network.
    ///
    /// # Panics
    ///
    /// Where the outcome is another than that of [`Model::portable`].
    fn run(&self, model: Model, case: &Case);
}

impl dyn Check + '_ {
    /// Runs the case with the network of this type.
    ///
    /// # Panics
    ///
    /// As [`run`](Check::run).
    pub fn check<M: Layer>(&self, case: &Case) {
        self.run(Model::of::<M>(), case);
    }
}
