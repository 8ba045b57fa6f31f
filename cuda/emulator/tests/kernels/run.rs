//! A run by the kernels, called on Rust's buffers.

use cases::{Case, Log, Model, Outcome, Targets, Tested, bits};
use cuda::{
    memory::{EVALUATED, Memory, Scalar, Versions},
    schedule::{self, Launch, Placed, TrainingLaunches},
    task::{self, Batch, Changes, Context, Loss, Phase},
};
use selvedge::layers::DropoutRate;

use crate::launch::{address, poison, run};

/// A way to run the launches of a schedule.
#[derive(Clone, Copy, Debug)]
pub struct Way {
    /// Multiprocessors of the GPU, by which tiles are chosen.
    pub multiprocessors: u32,
    /// Each task is a separate launch, which begins when the one before it is done.
    pub is_plain: bool,
}

/// Runs the launches of this number of batches, of which the first has this parity.
fn run_batches(way: Way, context: &Context, training: &TrainingLaunches, parity: usize, count: usize, seed: u64) {
    if !way.is_plain {
        return run(context, training.of_batches(parity, count), count as u32, seed);
    }
    for placed in training.of_batches(parity, count) {
        for task in placed.launch.phase.tasks() {
            let launch = &Launch { phase: Phase::new(&[*task]), ..*placed.launch };
            run(context, [Placed { launch, overlaps: false, ..placed }], count as u32, seed);
        }
    }
}

/// By the kernels.
pub fn emulated(model: Model, case: &Case, way: Way) -> Outcome {
    let network = model.architecture();
    let settings = case.settings();
    let Ok(mut memory) = Memory::allocate(&network, &settings, |_, len| Ok::<_, std::convert::Infallible>(poison(len)));
    memory.parameters.read_by_mut(0).copy_from_slice(&model.initialized(case.seed));
    memory.state.iter_mut().flat_map(Versions::all_mut).for_each(|state| state.fill(0.0));
    memory.kept.iter_mut().for_each(|kept| kept.fill(0.0));
    // It stays so where the first step has no loss, such as that of a sample whose class weighs nothing.
    memory.average.iter_mut().for_each(|average| average.fill(0.0));
    memory.scalars.copy_from_slice(&Scalar::AT_FIRST);
    // A first batch reads no loss of a step so far.
    memory.scalars[Scalar::StepLoss as usize] = f32::NAN;
    let addresses = memory.map(|buffer| address(buffer));

    let values = case.samples(network.inputs());
    let targets = case.targets(network.outputs());
    let (labels, numbers) = match &targets {
        Targets::Classes(labels) => (address(labels), 0),
        Targets::Numbers(numbers) => (0, address(numbers)),
    };
    let class_weights = case.class_weights(network.outputs());
    let table = case.values.table(network.inputs());
    let scales: Vec<f32> = table.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    let mut order: Vec<u32> = vec![0; case.samples];
    let (losses, norms) = (poison(case.samples), poison(case.samples));
    let mut context = Context {
        samples: address(&values),
        labels,
        targets: numbers,
        scales: if scales.is_empty() { 0 } else { address(&scales) },
        class_weights: class_weights.as_deref().map_or(0, address),
        loss: case.loss,
        values: task::Values::new(case.values.element(), &table),
        order: address(&order),
        losses: address(&losses),
        norms: address(&norms),
        dropout: DropoutRate::new(case.dropout).into(),
        label_smoothing: case.label_smoothing,
        max_norm: case.clip.unwrap_or(f32::INFINITY),
        changes: Changes::new(case.augmentation, case.input(network.inputs())),
        ..addresses.training_context(case.seed)
    };
    let mut started = 0;
    let mut log = Log::default();
    for epoch in 0..case.epochs {
        order.copy_from_slice(&case.order(epoch));
        let batches = case.batches(epoch, network.outputs());
        let before = log.losses.len();
        context.batches = address(&batches);
        let training = TrainingLaunches::new(&network, &settings, &addresses, &context, way.multiprocessors);
        let seed = case.seed.wrapping_add(epoch << 32);
        run_batches(way, &context, &training, started % 2, batches.len(), seed);
        log.add(case, &batches, &losses[..batches.len()], &norms);
        let bad = log.has_diverged().then(|| log.losses.len() - 1 - before);
        started += bad.unwrap_or(batches.len());
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
            total_weight: case.loss.total_weight(samples, network.outputs()),
            ..Batch::default()
        }
    };
    let batches: Vec<_> = ranges.iter().map(batch).collect();
    let is_of_classes = case.loss == Loss::CrossEntropy;
    let classes = vec![0xffff_u16; if is_of_classes { case.samples } else { 0 }];
    let outputs = poison(if is_of_classes { 0 } else { case.samples * network.outputs() });
    let test = Context {
        samples: context.samples,
        labels: context.labels,
        targets: context.targets,
        loss: context.loss,
        scales: context.scales,
        values: context.values,
        batches: address(&batches),
        classes: if is_of_classes { address(&classes) } else { 0 },
        outputs: if is_of_classes { 0 } else { address(&outputs) },
        losses: context.losses,
        ..addresses.evaluation_context()
    };
    let tested = addresses.average.unwrap_or(*addresses.parameters.read_by(started));
    let launches = schedule::evaluation(&network, EVALUATED, &addresses, &test, way.multiprocessors, tested);
    for index in 0..batches.len() as u32 {
        let placed = launches.iter().map(|launch| Placed { index, launch, overlaps: false });
        run(&test, placed, batches.len() as u32, 3);
    }
    Outcome {
        model: bits(memory.parameters.read_by(started)),
        state: memory.state.iter().map(|state| bits(state.read_by(started))).collect(),
        average: memory.average.as_ref().map(|average| bits(average)),
        log,
        test: Tested { losses: bits(&losses[..batches.len()]), classes, outputs: bits(&outputs) },
    }
}
