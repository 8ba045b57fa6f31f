//! Whole training steps and an evaluation: every layer, every optimizer, every way to make a step.

use std::{cell::Cell, env};

use cases::{Case, Check, Model, list};

use crate::{
    launch::{cases, is_sanitized},
    run::{Way, emulated},
};

/// If this environment variable is set, each case runs in all ways. `cargo xtask check kernels` sets it.
const EVERY_WAY: &str = "SELVEDGE_EVERY_WAY";

/// A large GPU has its own tiles.
const WAYS: [Way; 3] = [
    Way { multiprocessors: 4, is_plain: true },
    Way { multiprocessors: 1, is_plain: false },
    Way { multiprocessors: 132, is_plain: false },
];

#[derive(Default)]
struct Kernels {
    /// The number of cases so far.
    checked: Cell<usize>,
}

impl Kernels {
    fn check(&self, model: Model, case: &Case, ways: &[Way]) {
        let expected = model.portable(case);
        for way in ways {
            let found = emulated(model, case, *way);
            assert!(found == expected, "{way:?}, {case:?}: {}", found.difference(&expected));
        }
    }
}

impl Check for Kernels {
    /// A case runs in one way. The ways take turns, in an order without a period: the first case of a test runs on a large GPU. With [`EVERY_WAY`], a
    /// case runs in all ways.
    ///
    /// If every access is checked, a case takes one epoch and one way, because an epoch takes long and the next one accesses the same memory. Small
    /// and large GPUs take turns. Launches of one task are left out: they run the same code as launches of several tasks.
    fn run(&self, model: Model, case: &Case) {
        let place = self.checked.replace(self.checked.get() + 1);
        if is_sanitized() {
            self.check(model, &Case { epochs: 1, ..case.clone() }, &WAYS[1 + place % 2..][..1]);
        } else if env::var_os(EVERY_WAY).is_some() {
            self.check(model, case, &WAYS);
        } else {
            self.check(model, case, &WAYS[(place.count_ones() as usize + 2) % WAYS.len()..][..1]);
        }
    }
}

#[test]
fn every_optimizer() {
    list::every_optimizer(&Kernels::default());
}

#[test]
fn every_layer() {
    list::every_layer(&Kernels::default());
}

#[test]
fn every_size_of_batch() {
    list::every_size_of_batch(&Kernels::default());
}

#[test]
fn every_number_of_inputs_and_outputs() {
    list::every_number_of_inputs_and_outputs(&Kernels::default());
}

#[test]
fn class_weights() {
    list::class_weights(&Kernels::default());
}

#[test]
fn labels_and_numbers() {
    list::labels_and_numbers(&Kernels::default());
}

#[test]
fn images_of_every_shape_are_changed_alike() {
    list::images_of_every_shape(&Kernels::default());
}

#[test]
fn values_of_every_element() {
    list::values_of_every_element(&Kernels::default());
}

#[test]
fn more_samples_than_are_evaluated_at_once() {
    list::more_samples_than_are_evaluated_at_once(&Kernels::default());
}

#[test]
fn sizes_of_a_gpu() {
    list::sizes_of_a_gpu(&Kernels::default(), 1);
}

#[test]
fn a_diverged_run_changes_nothing_any_more() {
    list::diverged_runs(&Kernels::default());
}

#[test]
fn any_options() {
    list::any_options(&Kernels::default(), cases(8));
}
