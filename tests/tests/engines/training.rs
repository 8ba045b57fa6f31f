//! Whole training runs: one weight hash on every engine and any number of threads, and what must change nothing.

#![allow(clippy::unwrap_used, reason = "a test's helper functions are tests too")]

use std::num::NonZero;

use host::{
    data::{Dataset, load},
    engine::{InstructionSet, Simd},
    network::Network,
    training::{EpochSchedule, Length, Optimizer, State, TrainingError, TrainingOptions, train, train_on_engine},
    weights,
};
use proptest::prelude::*;
use selvedge::{
    Chain, Engine, Flat, Layer, Linear, Portable, Relu,
    architecture::Architecture,
    augment::Augmentation,
    fashion_mnist::{CLASSES, PIXELS, Quickstart, Tiny},
    layers,
    loss::CrossEntropy,
    mlp,
    optimizer::Sgd,
    random,
    training::{Batch, StepWorkspace},
};
use tests::Losses;

type Deep = Chain<Linear<PIXELS, 13, Relu>, Chain<Linear<13, 37, Relu>, Linear<37, CLASSES>>>;

fn builtin(train: usize) -> Dataset {
    let mut data = load(Some("builtin".as_ref())).unwrap();
    data.train.truncate(train);
    data.test.truncate(100);
    data
}

const OPTIONS: TrainingOptions =
    TrainingOptions { length: Length::Epochs(2), learning_rate: 0.05, ..TrainingOptions::QUICKSTART };

/// The engine of this machine, or the one that is forced.
fn engine(threads: usize) -> Simd {
    Simd::new(InstructionSet::from_environment().unwrap(), NonZero::new(threads).unwrap()).unwrap()
}

/// The first moment of a run of a network with a type's layers.
fn state<M: Layer>(options: &TrainingOptions) -> State {
    State::initialized(&Architecture::of::<M>(), options).unwrap()
}

/// The weight hash and the losses of a run.
fn run<M: Layer>(threads: usize, data: &Dataset, options: &TrainingOptions) -> (String, Vec<f32>) {
    let mut state = state::<M>(options);
    let mut losses = Losses::default();
    train(&engine(threads), &mut state, data, options, &mut losses).unwrap();
    (weights::hash(state.result().parameters()), losses.0)
}

/// The same run of the type on plain loops, with nothing of the host's.
fn run_portable<M: Layer<Input = [f32; PIXELS]>>(data: &Dataset, options: &TrainingOptions) -> (String, Vec<f32>) {
    let Length::Epochs(epochs) = options.length else { panic!("the plain loop counts epochs") };
    let mut model = Box::new(M::ZERO);
    layers::initialize(&mut *model, options.seed);
    let mut tapes = [vec![0.0; options.batch_size * M::Tape::LEN], vec![0.0; options.batch_size * M::Tape::LEN]];
    let mut order: Vec<u32> = (0..data.train.len() as u32).collect();
    let mut losses = Vec::new();
    for epoch in 0..epochs {
        if options.shuffle {
            random::shuffle(&mut order, options.seed, epoch.into());
        }
        for batch in order.chunks(options.batch_size) {
            let pixels = batch.iter().flat_map(|&index| data.train.sample(index as usize));
            let input: Vec<f32> = pixels.map(|&pixel| f32::from(pixel) / 255.0).collect();
            let targets: Vec<u16> = batch.iter().map(|&index| data.train.labels()[index as usize]).collect();
            let [tape, grad_tape] = &mut tapes;
            let optimizer = Sgd::new(options.learning_rate as f32);
            let mut workspace = StepWorkspace { tape, grad_tape };
            let batch = Batch::new(input.as_chunks().0, &targets);
            let loss = &CrossEntropy::default();
            let loss = workspace.step(&Portable, &optimizer, [], &mut *model, loss, batch).unwrap();
            losses.push(loss);
        }
    }
    (weights::hash(model.as_flat()), losses)
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
    let options = TrainingOptions { length: Length::Epochs(1), ..OPTIONS };
    let expected = run_portable::<Quickstart>(&data, &options);
    for threads in [1, 2, 3, 7] {
        assert_eq!(run::<Quickstart>(threads, &data, &options), expected, "{threads} threads");
    }
}

/// Every layer, with what depends on the batch and on draws.
type Rich = mlp!(784 => 13 BatchNorm1d Relu Dropout => 17 LeakyRelu => 11 Tanh Dropout => 9 Gelu Dropout => 12 Sigmoid => 10 LogSoftmax);

/// A run with every part of the toolkit.
fn rich(optimizer: Optimizer) -> TrainingOptions {
    TrainingOptions {
        optimizer,
        learning_rate: 0.01,
        batch_size: 32,
        accumulate: 3,
        schedule: EpochSchedule::OneCycle { pct_start: 0.3, div_factor: 25.0, final_div_factor: 1e4 },
        clip: Some(0.5),
        dropout: 0.25,
        label_smoothing: 0.1,
        augmentation: Augmentation { flip: true, shift: 2, erase: 6 },
        ema: Some(0.9),
        early_stop: Some(1),
        ..OPTIONS
    }
}

const OPTIMIZERS: [Optimizer; 6] = [
    Optimizer::Sgd { momentum: 0.0, nesterov: false, weight_decay: 0.01 },
    Optimizer::Sgd { momentum: 0.9, nesterov: true, weight_decay: 0.01 },
    Optimizer::Adam { betas: [0.9, 0.99], eps: 1e-8, weight_decay: 0.01, decoupled: false },
    Optimizer::Adam { betas: [0.9, 0.99], eps: 1e-8, weight_decay: 0.01, decoupled: true },
    Optimizer::RmsProp { alpha: 0.9, eps: 1e-3, momentum: 0.0, weight_decay: 0.01 },
    Optimizer::RmsProp { alpha: 0.9, eps: 1e-3, momentum: 0.9, weight_decay: 0.01 },
];

/// The hash of everything that a run keeps, and its losses.
fn kept<M: Layer, E: Engine>(engine: &E, data: &Dataset, options: &TrainingOptions) -> (String, Vec<f32>) {
    let mut state = state::<M>(options);
    let mut losses = Losses::default();
    train_on_engine(engine, &mut state, data, options, &mut losses).unwrap();
    (state.parts().map(weights::hash).collect(), losses.0)
}

#[test]
fn the_whole_toolkit_has_the_plain_loops_bits() {
    let mut data = builtin(300);
    data.hold_out(50, 1);
    for optimizer in OPTIMIZERS {
        let options = rich(optimizer);
        let expected = kept::<Rich, _>(&Portable, &data, &options);
        for threads in [1, 2, 7] {
            assert_eq!(
                kept::<Rich, _>(&engine(threads), &data, &options),
                expected,
                "{optimizer:?}, {threads} threads"
            );
        }
        // A gradient that goes straight to its optimizer, where it can.
        let fused = TrainingOptions { accumulate: 1, clip: None, ..options };
        let expected = kept::<Rich, _>(&Portable, &data, &fused);
        assert_eq!(kept::<Rich, _>(&engine(3), &data, &fused), expected, "{optimizer:?}");
    }
}

#[test]
fn a_gradient_that_is_kept_and_not_clipped_gives_the_fused_runs_bits() {
    let data = builtin(200);
    for optimizer in [OPTIMIZERS[0], OPTIMIZERS[3]] {
        let options = TrainingOptions { optimizer, dropout: 0.0, ..OPTIONS };
        let unclipped = TrainingOptions { clip: Some(f32::MAX), ..options.clone() };
        let fused = kept::<Tiny, _>(&engine(2), &data, &options);
        assert_eq!(kept::<Tiny, _>(&engine(2), &data, &unclipped), fused, "{optimizer:?}");
    }
}

#[test]
fn a_step_over_several_batches_is_one_over_all_their_samples() {
    let data = builtin(192);
    let losses = |batch_size, accumulate| {
        kept::<Tiny, _>(&engine(2), &data, &TrainingOptions { batch_size, accumulate, ..OPTIONS }).1
    };
    let (whole, parts) = (losses(64, 1), losses(16, 4));
    assert_eq!(whole.len(), parts.len());
    for (whole, part) in whole.iter().zip(parts) {
        assert!((whole - part).abs() < 1e-5, "{part}, not {whole}");
    }
}

#[test]
fn early_stopping_keeps_the_best_epochs_weights() {
    let mut data = builtin(200);
    data.hold_out(60, 1);
    // A rate that makes every epoch after some worse.
    let options = TrainingOptions { length: Length::Epochs(60), learning_rate: 0.9, early_stop: Some(3), ..OPTIONS };
    let mut state = state::<Tiny>(&options);
    let last = train(&engine(1), &mut state, &data, &options, &mut Losses::default()).unwrap();
    assert!(last.number < 59, "{}", last.number);
    let progress = state.progress;
    assert_eq!(progress.epochs_since_best, 3);
    let validation = data.validation.as_ref().unwrap();
    let best = host::evaluation::run(&engine(1), state.result(), data.meaning(), validation).unwrap();
    assert_eq!(Some(best.loss), progress.best_loss);
    assert!(last.validation.unwrap().loss >= best.loss);
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
    let mut model = Box::new(Tiny::ZERO);
    layers::initialize(&mut *model, OPTIONS.seed);
    let (hash, _) = run::<Tiny>(2, &data, &TrainingOptions { learning_rate: 0.0, ..OPTIONS });
    assert_eq!(hash, weights::hash(model.as_flat()));
}

#[test]
fn steps_are_a_part_of_the_epochs() {
    let data = builtin(300);
    let (_, all) = run::<Tiny>(1, &data, &OPTIONS);
    let (_, some) = run::<Tiny>(1, &data, &TrainingOptions { length: Length::Steps(7), ..OPTIONS });
    assert_eq!(some, all[..7]);
}

#[test]
fn without_shuffling_the_seed_moves_nothing() {
    let data = builtin(200);
    let order = |seed| {
        let network = Network::initialized(&Architecture::of::<Tiny>(), 1).unwrap();
        let options = TrainingOptions { shuffle: false, seed, ..OPTIONS };
        let mut state = State::new(network, &options).unwrap();
        train(&engine(1), &mut state, &data, &options, &mut Losses::default()).unwrap();
        weights::hash(state.result().parameters())
    };
    assert_eq!(order(1), order(2));
}

#[test]
fn a_diverging_run_stops_with_its_step() {
    let data = builtin(200);
    let options = TrainingOptions { learning_rate: 1e30, ..OPTIONS };
    let mut state = state::<Tiny>(&options);
    let error = train(&engine(1), &mut state, &data, &options, &mut Losses::default()).unwrap_err();
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
        let options = TrainingOptions { length: Length::Epochs(1), batch_size, learning_rate: 0.1, seed, shuffle, ..OPTIONS };
        prop_assert_eq!(run::<Deep>(threads, &data, &options), run_portable::<Deep>(&data, &options));
    }
}
