//! Whole training steps and an evaluation: every layer, every optimizer, every way to make a step.

use cases::{Case, Check, Model, list};

use crate::{
    launch::{cases, is_sanitized},
    run::{Way, emulated},
};

/// A large GPU has its own tiles.
const WAYS: [Way; 3] = [
    Way { multiprocessors: 4, is_plain: true },
    Way { multiprocessors: 1, is_plain: false },
    Way { multiprocessors: 132, is_plain: false },
];

struct Kernels;

impl Check for Kernels {
    fn run(&self, model: Model, case: &Case) {
        let expected = model.portable(case);
        // If every access is checked, launches of one task are left out: they run the same code as launches of several tasks.
        for way in WAYS.into_iter().filter(|way| !(is_sanitized() && way.is_plain)) {
            let found = emulated(model, case, way);
            assert!(found == expected, "{way:?}, {case:?}: {}", found.difference(&expected));
        }
    }
}

#[test]
fn every_optimizer() {
    list::every_optimizer(&Kernels);
}

#[test]
fn every_layer() {
    list::every_layer(&Kernels);
}

#[test]
fn every_size_of_batch() {
    list::every_size_of_batch(&Kernels);
}

#[test]
fn every_number_of_inputs_and_outputs() {
    list::every_number_of_inputs_and_outputs(&Kernels);
}

#[test]
fn class_weights() {
    list::class_weights(&Kernels);
}

#[test]
fn labels_and_numbers() {
    list::labels_and_numbers(&Kernels);
}

#[test]
fn images_of_every_shape_are_changed_alike() {
    list::images_of_every_shape(&Kernels);
}

#[test]
fn values_of_every_element() {
    list::values_of_every_element(&Kernels);
}

#[test]
fn more_samples_than_are_evaluated_at_once() {
    list::more_samples_than_are_evaluated_at_once(&Kernels);
}

#[test]
fn sizes_of_a_gpu() {
    list::sizes_of_a_gpu(&Kernels, 1);
}

#[test]
fn a_diverged_run_changes_nothing_any_more() {
    list::diverged_runs(&Kernels);
}

#[test]
fn any_options() {
    list::any_options(&Kernels, cases(8));
}
