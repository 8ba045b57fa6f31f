//! The results of a run, as bits.

use cuda::task::Batch;

use crate::Case;

/// The results of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The weights.
    pub model: Vec<u32>,
    /// The optimizer's state.
    pub state: Vec<Vec<u32>>,
    /// The weights' moving average.
    pub average: Option<Vec<u32>>,
    /// Each batch's loss and each step's norm.
    pub log: Log,
    /// An evaluation of the samples.
    pub test: Tested,
}

/// The results of an evaluation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tested {
    /// Each batch's loss.
    pub losses: Vec<u32>,
    /// Each sample's class, where targets are classes.
    pub classes: Vec<u16>,
    /// Each sample's outputs, where they are numbers.
    pub outputs: Vec<u32>,
}

impl Outcome {
    /// Returns the first place where the outcome differs, in words for a test.
    pub fn difference(&self, expected: &Self) -> String {
        let state = |outcome: &Self| outcome.state.concat();
        let average = |outcome: &Self| outcome.average.clone().unwrap_or_default();
        format!(
            "first differing loss {:?}, norm {:?}, parameter {:?}, state {:?}, average {:?}, test loss {:?}, class {:?}, output {:?}",
            first(&self.log.losses, &expected.log.losses),
            first(&self.log.norms, &expected.log.norms),
            first(&self.model, &expected.model),
            first(&state(self), &state(expected)),
            first(&average(self), &average(expected)),
            first(&self.test.losses, &expected.test.losses),
            first(&self.test.classes, &expected.test.classes),
            first(&self.test.outputs, &expected.test.outputs),
        )
    }
}

/// Returns the first place where two lists differ. The end of the shorter list is such a place.
fn first<T: PartialEq>(found: &[T], expected: &[T]) -> Option<usize> {
    (0..found.len().max(expected.len())).find(|&index| found.get(index) != expected.get(index))
}

/// The losses and norms of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Log {
    /// Each batch's part of its step's loss, up to the first one that is not a number.
    pub losses: Vec<u32>,
    /// The norm of each step, if it is clipped.
    pub norms: Vec<u32>,
}

impl Log {
    /// Adds the results of these batches. Results after a loss that is not a number mean nothing, and are left out.
    pub fn add(&mut self, case: &Case, batches: &[Batch], losses: &[f32], norms: &[f32]) {
        for (index, (batch, &loss)) in batches.iter().zip(losses).enumerate() {
            if self.has_diverged() {
                return;
            }
            self.losses.extend(bits(&[loss]));
            if case.clip.is_some() && batch.is_last == 1 && loss.is_finite() {
                self.norms.push(norms[index].to_bits());
            }
        }
    }

    /// Returns true if a loss was not a number.
    pub fn has_diverged(&self) -> bool {
        self.losses.last().is_some_and(|&loss| !f32::from_bits(loss).is_finite())
    }
}

/// Returns the bits of values. Every NaN is the same, because the NaN of an invalid operation is outside the contract.
pub fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| if value.is_nan() { f32::NAN.to_bits() } else { value.to_bits() }).collect()
}
