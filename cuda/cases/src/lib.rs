//! Training runs for tests. A GPU must give the same bits as core's plain loops.
//!
//! - [`Case`]: a training run: its settings, its samples, their order, and its batches.
//! - [`Model`]: a network, and the run by core's plain loops.
//! - [`list`]: the cases. A [`Check`] runs them: by the kernels on Rust's buffers, or by a trainer on a driver.
//! - [`Outcome`]: the results of a run.

mod case;
pub mod list;
mod loss;
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
    /// If the outcome differs from that of [`Model::portable`].
    fn run(&self, model: Model, case: &Case);
}

impl dyn Check + '_ {
    /// Runs the case with the network of this type.
    ///
    /// # Panics
    ///
    /// The panics of [`run`](Check::run).
    pub fn check<M: Layer>(&self, case: &Case) {
        self.run(Model::of::<M>(), case);
    }
}
