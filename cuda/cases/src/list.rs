//! The cases: every layer, every optimizer, every way to make a step.

use cuda::task::Loss;
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use selvedge::{augment::Augmentation, fashion_mnist::Tiny, mlp, preparation::Element};

use crate::{ALL_RULES, Case, Check, Model, Rules, Values};

/// Every optimizer, in steps of one batch, and of two batches with a gradient that is clipped.
pub fn every_optimizer(by: &dyn Check) {
    for rules in ALL_RULES {
        by.check::<Tiny>(&Case { rules, ..Case::PLAIN });
        by.check::<Tiny>(&Case { rules, accumulate: 2, clip: Some(0.5), ..Case::PLAIN });
    }
}

/// Every activation, and every layer by itself.
pub fn every_layer(by: &dyn Check) {
    for rules in [Rules::Sgd(0.1), Rules::Adam { learning_rate: 1e-2, decoupled: true }] {
        let case = Case { rules, dropout: 0.3, ..Case::PLAIN };
        by.check::<mlp!(784 => 10)>(&case);
        by.check::<mlp!(784 => 19 LeakyRelu => 10 Relu)>(&case);
        by.check::<mlp!(784 => 33 Tanh Dropout => 17 Sigmoid Dropout => 10)>(&case);
        by.check::<mlp!(784 => 12 Gelu Dropout => 10 LogSoftmax)>(&case);
        by.check::<mlp!(784 => 12 BatchNorm1d Relu => 9 BatchNorm1d => 10 BatchNorm1d Tanh)>(&case);
    }
}

/// Batch sizes for which the kernels choose different ways: a batch of one, batches that do not fill a tile, one that is all samples.
pub fn every_size_of_batch(by: &dyn Check) {
    for batch in [1, 7, 16, 33, 40] {
        by.check::<mlp!(784 => 20 Relu => 18 Relu => 10)>(&Case { batch, ..Case::PLAIN });
    }
    by.check::<mlp!(784 => 12 BatchNorm1d Relu => 10)>(&Case { batch: 13, ..Case::PLAIN });
    // Of one layer, whose last launch still reads its samples when the one after that may begin, which loads others in their place.
    for seed in 0..4 {
        by.check::<mlp!(8 => 3)>(&Case { samples: 350, batch: 70, epochs: 1, seed, ..Case::PLAIN });
    }
}

/// Inputs of a few features, of one, and of a wide image; one class, and more than a block has room for.
pub fn every_number_of_inputs_and_outputs(by: &dyn Check) {
    by.check::<mlp!(12 => 40 Relu => 3)>(&Case::PLAIN);
    by.check::<mlp!(1 => 1)>(&Case::PLAIN);
    by.check::<mlp!(1 => 5 Relu => 1)>(&Case { label_smoothing: 0.2, ..Case::PLAIN });
    by.check::<mlp!(1500 => 7 Tanh => 300)>(&Case::PLAIN);
    for label_smoothing in [0.0, 0.3] {
        let case = Case { samples: 9, batch: 4, label_smoothing, ..Case::PLAIN };
        by.check::<mlp!(5 => 1024)>(&case);
        by.check::<mlp!(5 => 4 Relu => 1025 LeakyRelu)>(&case);
        by.check::<mlp!(5 => 4 Relu => 2600 LogSoftmax)>(&case);
    }
}

/// Classes with different weights, with and without label smoothing: with the last layer in the loss's kernel, and without.
pub fn class_weights(by: &dyn Check) {
    for (label_smoothing, accumulate) in [(0.0, 1), (0.2, 1), (0.2, 3)] {
        let case = Case { weighs_classes: true, label_smoothing, accumulate, ..Case::PLAIN };
        by.check::<mlp!(12 => 9 Relu => 10)>(&case);
        by.check::<mlp!(12 => 40 Tanh)>(&case);
        by.check::<mlp!(5 => 7 Gelu => 10 LogSoftmax)>(&case);
        by.check::<mlp!(5 => 1100)>(&Case { samples: 9, batch: 4, ..case });
    }
}

/// Several labels of a sample, and numbers: every layer, ways to make a step, one output and many, samples that are evaluated in two parts.
pub fn labels_and_numbers(by: &dyn Check) {
    for loss in [Loss::BceWithLogits, Loss::Mse] {
        let case = Case { loss, values: Values::Scaled(Element::F32), ..Case::PLAIN };
        by.check::<mlp!(6 => 9 Relu => 3)>(&case);
        by.check::<mlp!(6 => 1)>(&Case { batch: 7, ..case.clone() });
        by.check::<mlp!(6 => 12 BatchNorm1d Relu Dropout => 5 Tanh)>(&Case { dropout: 0.3, ..case.clone() });
        by.check::<mlp!(6 => 8 Gelu => 40 LeakyRelu)>(&Case {
            rules: Rules::Adam { learning_rate: 1e-2, decoupled: true },
            accumulate: 2,
            clip: Some(0.5),
            decay: Some(0.9),
            ..case.clone()
        });
        by.check::<mlp!(5 => 1100)>(&Case { samples: 9, batch: 4, ..case.clone() });
        by.check::<mlp!(5 => 3 LogSoftmax)>(&Case { samples: 700, batch: 350, ..case.clone() });
        // Logits of any size, and a run that diverges.
        by.check::<mlp!(6 => 2)>(&Case { rules: Rules::Sgd(300.0), ..case.clone() });
        by.check::<mlp!(6 => 4 => 2)>(&Case { rules: Rules::Sgd(1e30), samples: 100, ..case });
    }
}

/// Images that are flipped, shifted and erased: with one channel, with several, and images of one row.
pub fn images_of_every_shape(by: &dyn Check) {
    for (flip, shift, erase) in [(true, 0, 0), (false, 2, 0), (false, 0, 3), (true, 255, 255)] {
        let case = Case { augmentation: Augmentation { flip, shift, erase }, ..Case::PLAIN };
        by.check::<mlp!(105 => 6)>(&Case { image: Some([1, 15, 7]), ..case.clone() });
        by.check::<mlp!(105 => 6)>(&Case { image: Some([3, 5, 7]), ..case.clone() });
        by.check::<mlp!(105 => 6)>(&Case { image: Some([1, 1, 105]), ..case.clone() });
        by.check::<mlp!(105 => 6)>(&case);
    }
}

/// Values of every element, with a scale for all features and with one for each.
pub fn values_of_every_element(by: &dyn Check) {
    for element in Element::ALL {
        for values in [Values::ScaledAlike(element), Values::Scaled(element)] {
            let case = Case { values, ..Case::PLAIN };
            by.check::<mlp!(7 => 5 Tanh => 3)>(&case);
            by.check::<mlp!(300 => 6)>(&case);
            // An image is a sample like any other where it is not changed.
            by.check::<mlp!(105 => 6)>(&Case { image: Some([3, 5, 7]), ..case });
        }
    }
    let values = Values::Scaled(Element::F32);
    by.check::<mlp!(3 => 4 Relu => 2)>(&Case { values, samples: 700, batch: 350, ..Case::PLAIN });
}

/// Two batches of an evaluation.
pub fn more_samples_than_are_evaluated_at_once(by: &dyn Check) {
    by.check::<mlp!(784 => 10)>(&Case { samples: 700, batch: 350, ..Case::PLAIN });
}

/// The model, what the optimizer keeps and the average stay as the last good step left them.
///
/// # Panics
///
/// If core's run does not diverge, or diverges only at its end.
pub fn diverged_runs(by: &dyn Check) {
    let momentum = Rules::Momentum { learning_rate: 1e30, nesterov: false };
    let adam = Rules::Adam { learning_rate: 1e30, decoupled: false };
    for (rules, accumulate, clip, decay) in [
        (Rules::Sgd(1e30), 1, None, None),
        (Rules::Sgd(1e30), 2, None, None),
        (momentum, 1, None, Some(0.5)),
        (adam, 2, Some(0.5), Some(0.5)),
    ] {
        let case = Case { rules, accumulate, clip, decay, samples: 100, ..Case::PLAIN };
        by.check::<mlp!(784 => 12 BatchNorm1d Relu => 10)>(&case);
        by.check::<mlp!(784 => 12 Relu => 10)>(&case);
        let log = Model::of::<mlp!(784 => 12 Relu => 10)>().portable(&case).log;
        assert!(log.has_diverged() && log.losses.len() < 7, "{case:?}: {log:?}");
    }
    // A loss that is infinite for one class alone: batches that come later have one that is a number, and are to change nothing.
    for (seed, accumulate) in [(0, 1), (1, 1), (2, 1), (0, 2), (1, 2), (2, 2), (3, 2)] {
        let (samples, batch, epochs, decay) = (24, 1, 1, Some(0.5));
        let case = Case { rules: Rules::Sgd(2e38), accumulate, decay, samples, batch, epochs, seed, ..Case::PLAIN };
        by.check::<mlp!(3 => 2)>(&case);
    }
}

/// Sizes that fill a GPU, for this number of steps: several tiles each way, widths that are not a multiple of a fast path's size, a batch of one.
pub fn sizes_of_a_gpu(by: &dyn Check, steps: usize) {
    let case = |batch: usize| Case { samples: steps * batch, epochs: 1, batch, ..Case::PLAIN };
    by.check::<mlp!(784 => 512 Relu => 512 Relu => 10)>(&case(64));
    let adam = Rules::Adam { learning_rate: 1e-3, decoupled: true };
    by.check::<mlp!(784 => 512 Relu => 512 Relu => 10)>(&Case { rules: adam, clip: Some(1.0), ..case(63) });
    by.check::<mlp!(783 => 129 Relu Dropout => 67 Tanh => 33)>(&Case { dropout: 0.2, ..case(50) });
    by.check::<mlp!(784 => 130 Relu => 33)>(&case(1));
    // Sizes that fill tiles exactly; then one more and one fewer.
    by.check::<mlp!(64 => 128 Relu => 32 => 16)>(&case(128));
    by.check::<mlp!(65 => 127 Relu => 33 => 31)>(&case(129));
    let momentum = Rules::Momentum { learning_rate: 0.01, nesterov: true };
    by.check::<mlp!(301 => 203 Relu => 150 BatchNorm1d Relu => 33)>(&Case {
        rules: momentum,
        decay: Some(0.9),
        ..case(300)
    });
}

/// This number of cases with options that are drawn.
///
/// # Panics
///
/// If a case fails. The message is that of the smallest failing case.
pub fn any_options(by: &dyn Check, cases: u32) {
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let result = runner.run(&any_case(), |case| {
        by.check::<mlp!(784 => 11 Relu Dropout => 10)>(&case);
        by.check::<mlp!(784 => 9 BatchNorm1d Gelu => 10)>(&case);
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}

/// Images of 28 × 28 pixels, with any options.
pub fn any_case() -> impl Strategy<Value = Case> {
    let sizes = (1usize..60, 1usize..40, 1usize..4);
    let rules = prop::sample::select(ALL_RULES.to_vec());
    let part = || prop_oneof![Just(0.0f32), 0.0f32..0.9];
    // Plain bytes may be changed as images.
    let changes =
        (any::<bool>(), 0u8..40, 0u8..40).prop_map(|(flip, shift, erase)| Augmentation { flip, shift, erase });
    let scaled = prop::sample::select(Element::ALL.to_vec()).prop_map(Values::Scaled);
    let values = prop_oneof![
        changes.prop_map(|augmentation| (Values::Plain, augmentation)),
        scaled.prop_map(|values| (values, Augmentation::default())),
    ];
    let (clip, decay) = (prop::option::of(0.01f32..3.0), prop::option::of(0.0f64..1.0));
    let losses = prop_oneof![
        (Just(Loss::CrossEntropy), part(), any::<bool>()),
        prop::sample::select(vec![Loss::BceWithLogits, Loss::Mse]).prop_map(|loss| (loss, 0.0, false)),
    ];
    (sizes, rules, clip, part(), losses, values, decay, any::<u64>()).prop_map(
        |(
            (samples, batch, accumulate),
            rules,
            clip,
            dropout,
            (loss, label_smoothing, weighs_classes),
            (values, augmentation),
            decay,
            seed,
        )| {
            Case {
                samples,
                values,
                loss,
                image: Some([1, 28, 28]),
                epochs: 2,
                batch: batch.min(samples),
                accumulate,
                rules,
                clip,
                dropout,
                label_smoothing,
                weighs_classes,
                augmentation,
                decay,
                seed,
            }
        },
    )
}
