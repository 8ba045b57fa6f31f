//! Whole training steps and an evaluation: every layer, every optimizer, every way to make a step.

use cuda::schedule::Launches;
use proptest::prelude::*;
use selvedge::{Layer, augment::Augmentation, fashion_mnist::Tiny, mlp};

use crate::{
    launch::cases,
    run::{ALL_RULES, Case, Outcome, Rules, emulated, portable},
};

fn check<M: Layer>(case: &Case) {
    let expected = portable::<M>(case);
    for launches in [Launches::Plain, Launches::Graph, Launches::Persistent] {
        let found = emulated::<M>(case, launches);
        assert!(found == expected, "{launches:?}, {case:?}: {}", difference(&found, &expected));
    }
}

fn difference(found: &Outcome, expected: &Outcome) -> String {
    let first = |found: &[u32], expected: &[u32]| found.iter().zip(expected).position(|(a, b)| a != b);
    format!(
        "first differing loss {:?}, norm {:?}, parameter {:?}, test loss {:?}; other classes {}",
        first(&found.losses, &expected.losses),
        first(&found.norms, &expected.norms),
        first(&found.model, &expected.model),
        first(&found.test.0, &expected.test.0),
        found.test.1 != expected.test.1,
    )
}

#[test]
fn every_optimizer() {
    for rules in ALL_RULES {
        check::<Tiny>(&Case { rules, ..Case::PLAIN });
        check::<Tiny>(&Case { rules, accumulate: 2, clip: Some(0.5), ..Case::PLAIN });
    }
}

#[test]
fn every_layer() {
    for rules in [Rules::Sgd(0.1), Rules::Adam(true)] {
        let case = Case { rules, dropout: 0.3, ..Case::PLAIN };
        check::<mlp!(784 => 10)>(&case);
        check::<mlp!(784 => 19 LeakyRelu => 10 Relu)>(&case);
        check::<mlp!(784 => 33 Tanh Dropout => 17 Sigmoid Dropout => 10)>(&case);
        check::<mlp!(784 => 12 Gelu Dropout => 10 LogSoftmax)>(&case);
        check::<mlp!(784 => 12 BatchNorm1d Relu => 9 BatchNorm1d => 10 BatchNorm1d Tanh)>(&case);
    }
}

/// The fast paths' own conditions: a batch of one, batches that do not fill a tile, one that is all samples.
#[test]
fn every_size_of_batch() {
    for batch in [1, 7, 16, 33, 40] {
        check::<mlp!(784 => 20 Relu => 18 Relu => 10)>(&Case { batch, ..Case::PLAIN });
    }
    check::<mlp!(784 => 12 BatchNorm1d Relu => 10)>(&Case { batch: 13, ..Case::PLAIN });
}

/// Inputs of a few features, of one, and of a wide image; one class, and more than a block has room for.
#[test]
fn every_number_of_inputs_and_outputs() {
    check::<mlp!(12 => 40 Relu => 3)>(&Case::PLAIN);
    check::<mlp!(1 => 1)>(&Case::PLAIN);
    check::<mlp!(1 => 5 Relu => 1)>(&Case { label_smoothing: 0.2, ..Case::PLAIN });
    check::<mlp!(1500 => 7 Tanh => 300)>(&Case::PLAIN);
    for label_smoothing in [0.0, 0.3] {
        let case = Case { samples: 9, batch: 4, label_smoothing, ..Case::PLAIN };
        check::<mlp!(5 => 1024)>(&case);
        check::<mlp!(5 => 4 Relu => 1025 LeakyRelu)>(&case);
        check::<mlp!(5 => 4 Relu => 2600 LogSoftmax)>(&case);
    }
}

#[test]
fn images_of_every_shape_are_changed_alike() {
    for (flip, shift, erase) in [(true, 0, 0), (false, 2, 0), (false, 0, 3), (true, 255, 255)] {
        let case = Case { augmentation: Augmentation { flip, shift, erase }, ..Case::PLAIN };
        check::<mlp!(105 => 6)>(&Case { image: Some([1, 15, 7]), ..case.clone() });
        check::<mlp!(105 => 6)>(&Case { image: Some([3, 5, 7]), ..case.clone() });
        check::<mlp!(105 => 6)>(&Case { image: Some([1, 1, 105]), ..case.clone() });
        check::<mlp!(105 => 6)>(&case);
    }
}

#[test]
fn more_samples_than_are_evaluated_at_once() {
    check::<mlp!(784 => 10)>(&Case { samples: 700, batch: 350, ..Case::PLAIN });
}

/// The model stays as the last good step left it, on the GPU as on the CPU.
#[test]
fn a_diverged_run_changes_nothing_any_more() {
    for (rules, accumulate) in [(Rules::Sgd(1e30), 1), (Rules::Sgd(1e30), 2)] {
        let case = Case { rules, accumulate, samples: 100, ..Case::PLAIN };
        check::<mlp!(784 => 12 BatchNorm1d Relu => 10)>(&case);
        check::<mlp!(784 => 12 Relu => 10)>(&case);
        let losses = portable::<mlp!(784 => 12 Relu => 10)>(&case).losses;
        assert!(losses.len() < 7 && losses.last().is_some_and(|&loss| !f32::from_bits(loss).is_finite()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(8)))]

    #[test]
    fn any_options(
        samples in 1usize..60,
        batch in 1usize..40,
        accumulate in 1usize..4,
        rules in prop::sample::select(ALL_RULES.to_vec()),
        clip in prop::option::of(0.01f32..3.0),
        dropout in prop_oneof![Just(0.0f32), 0.0f32..0.9],
        label_smoothing in prop_oneof![Just(0.0f32), 0.0f32..0.9],
        (flip, shift, erase) in (any::<bool>(), 0u8..40, 0u8..40),
        decay in prop::option::of(0.0f64..1.0),
        seed: u64,
    ) {
        let augmentation = Augmentation { flip, shift, erase };
        let batch = batch.min(samples);
        let image = Some([1, 28, 28]);
        let case =
            Case { samples, image, batch, accumulate, rules, clip, dropout, label_smoothing, augmentation, decay, seed };
        check::<mlp!(784 => 11 Relu Dropout => 10)>(&case);
        check::<mlp!(784 => 9 BatchNorm1d Gelu => 10)>(&case);
    }
}
