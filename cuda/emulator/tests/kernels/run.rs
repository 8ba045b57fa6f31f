//! A run by the kernels, called on Rust's buffers.

use cases::{Case, Log, Outcome, bits, initialized};
use cuda::{
    memory::{EVALUATED, Memory, SCALARS},
    schedule::{self, Launches, Machine, Training},
    task::{Address, Batch, Changes, Context},
};
use selvedge::{Layer, architecture::Architecture, layers::DropoutRate};

use crate::launch::{address, poison, run_batches, run_phase};

/// By the kernels.
pub fn emulated<M: Layer>(case: &Case, machine: Machine) -> Outcome {
    let network = Architecture::of::<M>();
    let settings = case.settings();
    let Ok(mut memory) = Memory::allocate(&network, &settings, |_, len| Ok::<_, std::convert::Infallible>(poison(len)));
    memory.parameters.copy_from_slice(initialized::<M>(case.seed).as_flat());
    memory.state.iter_mut().for_each(|state| state.fill(0.0));
    memory.kept.iter_mut().for_each(|kept| kept.fill(0.0));
    memory.scalars.copy_from_slice(&[1.0, f32::NAN, 0.0, 1.0, f32::NAN, 0.0]);
    let addresses = memory.map(|buffer| address(buffer));
    let scalar = |index: usize| addresses.scalars + 4 * index as Address;
    assert_eq!(memory.scalars.len(), SCALARS);

    let (values, labels) = case.data::<M>();
    let mut order: Vec<u32> = vec![0; case.samples];
    let (losses, norms) = (poison(case.samples), poison(case.samples));
    let mut context = Context {
        samples: address(&values),
        labels: address(&labels),
        order: address(&order),
        sample_losses: addresses.sample_losses,
        losses: address(&losses),
        norms: address(&norms),
        partial_norms: addresses.partial_norms,
        clip_scale: scalar(0),
        step_loss: scalar(1),
        stopped: scalar(2),
        dropout: DropoutRate::new(case.dropout).into(),
        label_smoothing: case.label_smoothing,
        max_norm: case.clip.unwrap_or(f32::INFINITY),
        changes: Changes::new(case.augmentation, case.input::<M>()),
        ..Context::new(case.seed)
    };
    let mut log = Log::default();
    for epoch in 0..case.epochs {
        order.copy_from_slice(&case.order(epoch));
        let batches = case.batches(epoch);
        context.batches = address(&batches);
        let training = Training::new(&network, &settings, &addresses, &context, machine);
        let seed = case.seed.wrapping_add(epoch << 32);
        if machine.launches == Launches::Persistent {
            run_batches(&context, &training, batches.len() as u32, seed);
        } else {
            for index in 0..batches.len() {
                for (phase, number) in training.of_batch(index).zip(0..) {
                    let seed = seed.wrapping_add(number).wrapping_add((index as u64) << 16);
                    run_phase(&context, phase, index as u32, batches.len() as u32, seed);
                }
            }
        }
        log.add(case, &batches, &losses[..batches.len()], &norms);
        if log.has_diverged() {
            break;
        }
    }

    // The samples once more, as a test.
    let network = network.for_prediction();
    let ranges: Vec<_> = (0..case.samples).step_by(EVALUATED).collect();
    let batch = |&first: &usize| {
        let samples = EVALUATED.min(case.samples - first);
        Batch {
            first: first as u32,
            samples: samples as u32,
            is_first: 1,
            total_weight: samples as f32,
            ..Batch::default()
        }
    };
    let batches: Vec<_> = ranges.iter().map(batch).collect();
    let classes = vec![0xffff_u16; case.samples];
    let test = Context {
        samples: context.samples,
        labels: context.labels,
        batches: address(&batches),
        classes: address(&classes),
        sample_losses: context.sample_losses,
        losses: context.losses,
        step_loss: scalar(4),
        stopped: scalar(5),
        ..Context::new(0)
    };
    let tested = addresses.average.unwrap_or(addresses.parameters);
    for index in 0..batches.len() {
        let phases = schedule::evaluation(&network, EVALUATED, &addresses, &test, machine, tested);
        phases.iter().for_each(|phase| run_phase(&test, phase, index as u32, batches.len() as u32, 3));
    }
    Outcome {
        model: bits(&memory.parameters),
        state: memory.state.iter().map(|state| bits(state)).collect(),
        average: memory.average.as_ref().map(|average| bits(average)),
        log,
        test: (bits(&losses[..batches.len()]), classes),
    }
}
