//! Whole training runs: one weight hash on every engine and any number of threads, and what must change nothing.

#![allow(clippy::unwrap_used, reason = "a test's helper functions are tests too")]

use std::num::NonZero;

use host::{
    data::{Dataset, load},
    engine::{InstructionSet, Simd},
    models::{Boxed, Model},
    training::{Epoch, Length, Observer, Options, Step, TrainingError, train},
    weights,
};
use proptest::prelude::*;
use selvedge::{
    Chain, Flat, Linear, Portable, Relu,
    models::{CLASSES, PIXELS, Quickstart, Tiny},
    optimizer::Sgd,
    random,
    training::Workspace,
};

type Deep = Chain<Linear<PIXELS, 13, Relu>, Chain<Linear<13, 37, Relu>, Linear<37, CLASSES>>>;

/// Keeps the losses.
#[derive(Default)]
struct Losses(Vec<f32>);

impl Observer for Losses {
    type Error = TrainingError;

    fn epoch_begins(&mut self, _epoch: u32) -> Result<(), TrainingError> {
        Ok(())
    }

    fn step(&mut self, step: &Step) -> Result<(), TrainingError> {
        self.0.push(step.loss);
        Ok(())
    }

    fn epoch_ends(&mut self, _epoch: &Epoch) -> Result<(), TrainingError> {
        Ok(())
    }
}

fn builtin(train: usize) -> Dataset {
    let mut data = load(Some("builtin".as_ref())).unwrap();
    data.train.images.truncate(train);
    data.train.labels.truncate(train);
    data.test.images.truncate(100);
    data.test.labels.truncate(100);
    data
}

const OPTIONS: Options =
    Options { length: Length::Epochs(2), batch_size: 64, learning_rate: 0.05, seed: 42, shuffle: true };

/// The engine of this machine, or the one that is forced.
fn engine(threads: usize) -> Simd {
    Simd::new(InstructionSet::from_environment().unwrap(), NonZero::new(threads).unwrap()).unwrap()
}

/// The weight hash and the losses of a run.
fn run<M: Model>(threads: usize, data: &Dataset, options: &Options) -> (String, Vec<f32>) {
    let mut model = Boxed::<M>::zeroed();
    random::initialize(&mut *model, options.seed);
    let mut losses = Losses::default();
    train(&engine(threads), &mut *model, data, options, &mut losses).unwrap();
    (weights::hash(&*model), losses.0)
}

/// The same run on plain loops, with nothing of the host's.
fn run_portable<M: Model>(data: &Dataset, options: &Options) -> (String, Vec<f32>) {
    let Length::Epochs(epochs) = options.length else { panic!("the plain loop counts epochs") };
    let mut model = Boxed::<M>::zeroed();
    random::initialize(&mut *model, options.seed);
    let mut tapes = [vec![0.0; options.batch_size * M::Tape::LEN], vec![0.0; options.batch_size * M::Tape::LEN]];
    let mut order: Vec<u32> = (0..data.train.labels.len() as u32).collect();
    let mut losses = Vec::new();
    for epoch in 0..epochs {
        if options.shuffle {
            random::shuffle(&mut order, options.seed, epoch.into());
        }
        for batch in order.chunks(options.batch_size) {
            let pixels = |&index: &u32| data.train.images[index as usize].map(|pixel| f32::from(pixel) / 255.0);
            let input: Vec<[f32; PIXELS]> = batch.iter().map(pixels).collect();
            let targets: Vec<u8> = batch.iter().map(|&index| data.train.labels[index as usize]).collect();
            let [tape, grad_tape] = &mut tapes;
            let optimizer = Sgd { learning_rate: options.learning_rate };
            let mut workspace = Workspace { tape, grad_tape };
            let loss = workspace.step(&Portable, &optimizer, [], &mut *model, &input, &targets).unwrap();
            losses.push(loss);
        }
    }
    (weights::hash(&*model), losses)
}

#[test]
fn every_number_of_threads_gives_the_plain_loops_hash() {
    // 300 samples: the last batch has 44.
    let data = builtin(300);
    let expected = run_portable::<Deep>(&data, &OPTIONS);
    for threads in [1, 2, 3, 7] {
        assert_eq!(run::<Deep>(threads, &data, &OPTIONS), expected, "{threads} threads");
    }
    assert_eq!(run::<Tiny>(3, &data, &OPTIONS), run_portable::<Tiny>(&data, &OPTIONS));
}

#[test]
fn the_quickstarts_model_has_one_hash_too() {
    let data = builtin(96);
    let options = Options { length: Length::Epochs(1), ..OPTIONS };
    let expected = run_portable::<Quickstart>(&data, &options);
    for threads in [1, 2, 3, 7] {
        assert_eq!(run::<Quickstart>(threads, &data, &options), expected, "{threads} threads");
    }
}

/// These figures are the arithmetic: they change only when the contract, the generator or the built-in set does.
#[test]
fn the_hash_of_a_run_is_pinned() {
    let (hash, losses) = run::<Tiny>(2, &builtin(300), &OPTIONS);
    assert_eq!(hash, "0e2d5e4a3461e4e95b527763522e62d1960d575bbc81b00f9a27d08936f9370b");
    assert_eq!(losses.len(), 10);
}

#[test]
fn learning_rate_zero_changes_no_bit() {
    let data = builtin(100);
    let mut model = Boxed::<Tiny>::zeroed();
    random::initialize(&mut *model, OPTIONS.seed);
    let (hash, _) = run::<Tiny>(2, &data, &Options { learning_rate: 0.0, ..OPTIONS });
    assert_eq!(hash, weights::hash(&*model));
}

#[test]
fn steps_are_a_part_of_the_epochs() {
    let data = builtin(300);
    let (_, all) = run::<Tiny>(1, &data, &OPTIONS);
    let (_, some) = run::<Tiny>(1, &data, &Options { length: Length::Steps(7), ..OPTIONS });
    assert_eq!(some, all[..7]);
}

#[test]
fn without_shuffling_the_seed_moves_nothing() {
    let data = builtin(200);
    let order = |seed| {
        let mut model = Boxed::<Tiny>::zeroed();
        random::initialize(&mut *model, 1);
        let options = Options { shuffle: false, seed, ..OPTIONS };
        train(&engine(1), &mut *model, &data, &options, &mut Losses::default()).unwrap();
        weights::hash(&*model)
    };
    assert_eq!(order(1), order(2));
}

#[test]
fn a_diverging_run_stops_with_its_step() {
    let data = builtin(200);
    let mut model = Boxed::<Tiny>::zeroed();
    random::initialize(&mut *model, 1);
    let options = Options { learning_rate: 1e30, ..OPTIONS };
    let error = train(&engine(1), &mut *model, &data, &options, &mut Losses::default()).unwrap_err();
    assert!(matches!(error, TrainingError::Diverged { step: 2.., .. }), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn any_run_has_the_plain_loops_hash(
        samples in 1usize..150,
        batch_size in 1usize..80,
        threads in 1usize..9,
        seed: u64,
        shuffle: bool,
    ) {
        let data = builtin(samples);
        let options = Options { length: Length::Epochs(1), batch_size, learning_rate: 0.1, seed, shuffle };
        prop_assert_eq!(run::<Deep>(threads, &data, &options), run_portable::<Deep>(&data, &options));
    }
}
