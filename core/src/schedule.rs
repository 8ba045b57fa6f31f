//! Learning-rate schedules. The rate of a step depends only on the step's number, so a run can go on from any step.
//!
//! Everything is computed in `f64` with `libm`'s cosine, with the same bits on every target.
//!
//! ```
//! use selvedge::schedule::Schedule;
//!
//! let halved = Schedule::Step { size: 100, gamma: 0.5 };
//! assert_eq!([0, 99, 100, 200].map(|step| halved.learning_rate(0.8, step)), [0.8, 0.8, 0.4, 0.2]);
//! ```

use core::f64::consts::PI;

use crate::arithmetic::power;

/// The learning rate as a function of the step.
///
/// Steps are numbered from 0. `base` is the base learning rate, the argument of [`learning_rate`](Self::learning_rate). `Cosine` and `OneCycle` have
/// a length `total`. From step `total` on (if `warm_up` is not above it), the rate is constant: for `Cosine` `base · final_fraction`, for `OneCycle`
/// `base / div_factor / final_div_factor`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Schedule {
    /// The rate is `base` in every step.
    #[default]
    Constant,
    /// The rate is `base · gamma^⌊step / size⌋`, with the power by repeated squaring: PyTorch's `StepLR`.
    Step {
        /// The number of steps from one change to the next. 0 means no changes.
        size: u64,
        /// The factor of each change.
        gamma: f64,
    },
    /// The rate rises linearly to `base`, then falls as half a cosine: PyTorch's `LinearLR`, followed by `CosineAnnealingLR`.
    ///
    /// In the first `warm_up` steps, the rate is `base · (step + 1) / warm_up`. In the others, it is
    /// `f + (base − f) / 2 · (1 + cos(π · (step − warm_up) / (total − warm_up)))`, with `f = base · final_fraction`.
    Cosine {
        /// The number of steps in which the rate rises.
        warm_up: u64,
        /// The number of steps of the run.
        total: u64,
        /// The rate from step `total` on, as a fraction of `base`. The run's last step is `total − 1`, so its
        /// rate does not quite reach this value.
        final_fraction: f64,
    },
    /// The rate rises as half a cosine and falls as another: PyTorch's `OneCycleLR` with `anneal_strategy="cos"` and `base` as `max_lr`.
    ///
    /// The rate goes from `base / div_factor` to `base` at step `p = pct_start · total − 1`, and from there to `base / div_factor / final_div_factor`
    /// at step `total − 1`. In each of the two parts, let a be the rate at its start and b the rate at its end. The rate is `b + (a − b) / 2 · (1 +
    /// cos(π · part))`, where `part` goes from 0 to 1. If p is not above 0, the rate only falls. The fall is computed from step p, so step 0 may
    /// already be below `base` (at about half of it in a run of two steps with `pct_start` 0). With `pct_start` 1 the rate only rises, and the last
    /// step has `base`. A run of one step has the last rate. Unlike PyTorch's, this schedule does not change the momentum.
    OneCycle {
        /// The number of steps of the run.
        total: u64,
        /// The fraction of the steps in which the rate rises, 0 to 1.
        pct_start: f64,
        /// The first rate is `base` divided by this number.
        div_factor: f64,
        /// The last rate is the first rate divided by this number.
        final_div_factor: f64,
    },
}

impl Schedule {
    /// Returns [`OneCycle`](Self::OneCycle) with PyTorch's defaults. The rate rises in the first 0.3 of the steps, from 1/25 of `base`. It falls
    /// to 1/10,000 of the first rate.
    pub const fn one_cycle(total: u64) -> Self {
        Self::OneCycle { total, pct_start: 0.3, div_factor: 25.0, final_div_factor: 1e4 }
    }

    /// Returns the learning rate of a step, counted from 0.
    pub fn learning_rate(&self, base: f64, step: u64) -> f64 {
        match *self {
            Self::Constant => base,
            Self::Step { size, gamma } => base * power(gamma, step.checked_div(size).unwrap_or(0)),
            Self::Cosine { warm_up, .. } if step < warm_up => base * (step as f64 + 1.0) / warm_up as f64,
            Self::Cosine { total, final_fraction, .. } if step >= total => base * final_fraction,
            Self::Cosine { warm_up, total, final_fraction } => {
                anneal(base, base * final_fraction, (step - warm_up) as f64 / (total - warm_up) as f64)
            }
            Self::OneCycle { total, pct_start, div_factor, final_div_factor } => {
                let (step, peak, end) = (step as f64, pct_start * total as f64 - 1.0, total as f64 - 1.0);
                let first = base / div_factor;
                let last = first / final_div_factor;
                if step <= peak && peak > 0.0 {
                    anneal(first, base, step / peak)
                } else if step < end {
                    anneal(base, last, (step - peak) / (end - peak))
                } else {
                    last
                }
            }
        }
    }
}

/// Returns half a cosine from `start` to `end`, as `part` goes from 0 to 1.
fn anneal(start: f64, end: f64, part: f64) -> f64 {
    end + (start - end) / 2.0 * (libm::cos(PI * part) + 1.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_ends_are_exact() {
        let cosine = Schedule::Cosine { warm_up: 4, total: 10, final_fraction: 0.25 };
        assert_eq!([0, 3, 4, 10, u64::MAX].map(|step| cosine.learning_rate(8.0, step)), [2.0, 8.0, 8.0, 2.0, 2.0]);
        let one_cycle =
            Schedule::OneCycle { total: 21, pct_start: 11.0 / 21.0, div_factor: 4.0, final_div_factor: 2.0 };
        assert_eq!([0, 10, 20, 99].map(|step| one_cycle.learning_rate(8.0, step)), [2.0, 8.0, 1.0, 1.0]);
    }

    /// The bits, which `libm`'s cosine decides: no machine may have others.
    #[test]
    fn a_rates_bits_are_pinned() {
        let cosine = Schedule::Cosine { warm_up: 10, total: 1000, final_fraction: 0.0 };
        let rates = [cosine, Schedule::one_cycle(1000)].map(|schedule| schedule.learning_rate(0.1, 333).to_bits());
        assert_eq!(rates, [4_590_137_599_647_543_165, 4_591_828_316_456_473_290]);
    }

    proptest! {
        #[test]
        fn no_schedule_leaves_its_range(
            warm_up in 0u64..40, total in 0u64..40, step in prop_oneof![0u64..50, any::<u64>()],
            fraction in 0.0f64..=1.0,
        ) {
            let schedules = [
                Schedule::Constant,
                Schedule::Step { size: warm_up, gamma: fraction },
                Schedule::Cosine { warm_up, total, final_fraction: fraction },
                Schedule::OneCycle { total, pct_start: fraction, div_factor: 25.0, final_div_factor: 1e4 },
            ];
            for schedule in schedules {
                let rate = schedule.learning_rate(0.5, step);
                prop_assert!((0.0..=0.5 + 1e-15).contains(&rate), "{schedule:?}: {rate}");
            }
        }
    }
}
