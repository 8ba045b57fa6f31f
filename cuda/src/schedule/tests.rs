use std::convert::Infallible;

use selvedge::{
    Layer,
    fashion_mnist::{Quickstart, Tiny},
    mlp,
};

use super::*;
use crate::{
    access::{Accesses, operands},
    kernel::Tile,
    memory::EVALUATED,
    task::{Kind, Loss, Optimizer, Task, settled},
};

const SETTINGS: Settings = Settings {
    batch: 64,
    loss: Loss::CrossEntropy,
    optimizer: Optimizer::Sgd,
    accumulates: false,
    clips: false,
    averages: false,
};

/// The number of multiprocessors of an H100.
const MULTIPROCESSORS: u32 = 132;

type Deep = mlp!(784 => 20 BatchNorm1d Relu Dropout => 19 Gelu => 18 Tanh => 17 Relu => 16 => 15 Relu => 10 LogSoftmax);

/// Returns buffers that lie one after the other, as addresses.
fn memory(network: &Architecture, settings: &Settings) -> Memory<Address> {
    let mut end = 1 << 20;
    let Ok(memory) = Memory::allocate(network, settings, |_, len| {
        let start = end;
        end += 4 * len as Address;
        Ok::<_, Infallible>(start)
    });
    memory
}

struct Planned {
    training: TrainingLaunches,
    context: Context,
    samples: usize,
}

fn planned<M: Layer>(settings: &Settings) -> Planned {
    let network = Architecture::of::<M>();
    let memory = memory(&network, settings);
    let context = Context { loss: settings.loss, ..memory.training_context(0) };
    let training = TrainingLaunches::new(&network, settings, &memory, &context, MULTIPROCESSORS);
    Planned { training, context, samples: settings.batch }
}

impl Planned {
    fn accesses(&self, task: &Task) -> Accesses {
        Accesses::of(task, &self.context, self.samples)
    }
}

fn kinds(launches: &[Launch]) -> Vec<Vec<Kind>> {
    launches.iter().map(|launch| launch.phase.tasks().iter().map(|task| task.kind).collect()).collect()
}

#[test]
fn the_quickstarts_step_is_five_launches() {
    use Kind::*;
    let Planned { training, .. } = planned::<Quickstart>(&SETTINGS);
    let sgd = Some(Optimizer::Sgd);
    let kernels = [
        Kernel::LinearForward(Tile::Latency),
        Kernel::LinearForward(Tile::Latency),
        Kernel::LinearHead,
        Kernel::LinearBackward(Tile::Latency, sgd),
        Kernel::LinearBackward(Tile::Throughput, sgd),
    ];
    let expected = [
        vec![LinearForward],
        vec![LinearForward],
        vec![Head, Load],
        vec![LinearInputGrad, LinearUpdate, LinearUpdate, BatchLoss],
        vec![LinearUpdate],
    ];
    for launches in &training.batches {
        assert_eq!(kinds(launches), expected);
        assert_eq!(launches.iter().map(|launch| launch.kernel).collect::<Vec<_>>(), kernels);
        let blocks: Vec<_> = launches.iter().map(|launch| launch.phase.blocks()).collect();
        assert_eq!(blocks, [128, 128, 128, 128 + 8 + 64 + 1, 104]);
        let settled: Vec<Vec<_>> =
            launches.iter().map(|launch| launch.phase.tasks().iter().map(|task| task.settled).collect()).collect();
        let [input, grad_output, parameters] = [settled::INPUT, settled::GRAD_OUTPUT, settled::PARAMETERS];
        // The first layer's weights are the last that a step changes; its input was loaded three launches before.
        assert_eq!(settled[0][0] & (input | parameters), input);
        assert_eq!(settled[1][0] & (input | parameters), parameters);
        assert_eq!(settled[2][0] & (input | parameters), parameters);
        // The head has just made both gradients; the second layer's input is older.
        assert_eq!(settled[3][0] & (grad_output | parameters), parameters);
        assert_eq!(settled[3][1] & (grad_output | input), input);
        assert_eq!(settled[4][0] & (grad_output | input), input);
    }
}

/// A loss of numbers has a separate launch, and its terms are the outputs of all samples.
#[test]
fn numbers_are_compared_after_the_last_layer() {
    use Kind::{BatchLoss, LinearForward, LinearInputGrad, LinearUpdate, Load};
    let settings = Settings { loss: Loss::Mse, ..SETTINGS };
    let planned = planned::<Tiny>(&settings);
    let expected = [
        vec![LinearForward],
        vec![LinearForward],
        vec![Kind::Loss, Load],
        vec![LinearInputGrad, LinearUpdate, BatchLoss],
        vec![LinearUpdate],
    ];
    assert_eq!(kinds(&planned.training.batches[0]), expected);
    let network = Architecture::of::<Tiny>();
    let terms = memory(&network, &settings).loss_terms;
    let samples = EVALUATED as Address;
    let all = terms..terms + 4 * samples * network.outputs() as Address;
    let launch = &planned.training.batches[0][2];
    let accesses = Accesses::of(&launch.phase.tasks()[0], &planned.context, EVALUATED);
    assert!(accesses.write_operand(&(all.end - 4..all.end)) && !accesses.write_operand(&(all.end..all.end + 4)));
}

#[test]
fn a_gradient_that_is_kept_waits_for_the_loss() {
    use Kind::*;
    let settings = Settings { clips: true, averages: true, ..SETTINGS };
    let Planned { training, .. } = planned::<Tiny>(&settings);
    let expected = [
        vec![LinearForward],
        vec![Head, Load],
        vec![BatchLoss],
        vec![LinearUpdate, LinearUpdate],
        vec![NormBlocks],
        vec![NormTotal],
        vec![Update, Update],
        vec![Average],
    ];
    assert_eq!(kinds(&training.batches[0]), expected);
    assert_eq!(training.batches[0][3].kernel, Kernel::LinearBackward(Tile::Throughput, None));
}

/// Large batches have large tiles.
#[test]
fn tiles_are_as_large_as_keeps_the_gpu_busy() {
    let kernels = |batch| {
        let Planned { training, .. } = planned::<Quickstart>(&Settings { batch, ..SETTINGS });
        training.batches[0].iter().map(|launch| launch.kernel).collect::<Vec<_>>()
    };
    assert_eq!(kernels(256)[0], Kernel::LinearForward(Tile::Latency));
    assert_eq!(kernels(1024)[0], Kernel::LinearForward(Tile::Throughput));
    assert_eq!(kernels(1024)[3], Kernel::LinearBackward(Tile::Throughput, Some(Optimizer::Sgd)));
}

/// The tasks of a launch do not depend on each other; what depends on another task comes in a later launch.
#[test]
fn launches_keep_what_tasks_depend_on() {
    for settings in [
        Settings { optimizer: Optimizer::Adam, ..SETTINGS },
        Settings { optimizer: Optimizer::Momentum, accumulates: true, clips: true, averages: true, ..SETTINGS },
    ] {
        let network = Architecture::of::<Deep>();
        let memory = memory(&network, &settings);
        let planned = planned::<Deep>(&settings);
        let stages: Vec<Stage> = network.stages().collect();
        let maker = Maker {
            stages: &stages,
            memory: &memory,
            parameters: *memory.parameters.read_by(1),
            parity: 1,
            multiprocessors: MULTIPROCESSORS,
            loss: settings.loss,
            samples: settings.batch,
            training: Some(settings),
        };
        let tasks: Vec<Task> = maker.training().into_iter().map(|(_, task)| task).collect();
        let launches = &planned.training.batches[1];
        let same = |a: &Task, b: &Task| Task { settled: 0, ..*a } == Task { settled: 0, ..*b };
        let place =
            |task: &Task| launches.iter().position(|launch| launch.phase.tasks().iter().any(|other| same(task, other)));
        assert!(launches.len() < tasks.len());
        for (index, second) in tasks.iter().enumerate() {
            assert!(place(second).is_some(), "{second:?}");
            for first in &tasks[..index] {
                if planned.accesses(first).conflict_with(&planned.accesses(second)) {
                    assert!(place(first) < place(second), "{first:?} and {second:?}");
                }
            }
        }
        for launch in launches {
            for (index, task) in launch.phase.tasks().iter().enumerate() {
                let accesses = planned.accesses(task);
                let others = launch.phase.tasks()[..index].iter();
                assert!(!others.map(|other| planned.accesses(other)).any(|other| other.conflict_with(&accesses)));
            }
        }
    }
}

/// Whatever comes before it in a run, an operand that is said to be settled is not written by the launch before.
#[test]
fn settled_operands_are_not_written_by_the_launch_before() {
    for settings in [
        Settings { optimizer: Optimizer::Adam, ..SETTINGS },
        Settings { accumulates: true, clips: true, averages: true, ..SETTINGS },
    ] {
        let planned = planned::<Deep>(&settings);
        for parity in [0, 1] {
            let launches: Vec<_> = planned.training.of_batches(parity, 3).collect();
            let mut is_any = false;
            for pair in launches.windows(2).filter(|pair| pair[1].overlaps) {
                for task in pair[1].launch.phase.tasks() {
                    for (bit, operand) in operands(task, settings.batch) {
                        let mut writers = pair[0].launch.phase.tasks().iter().map(|task| planned.accesses(task));
                        let is_settled = task.settled & bit != 0;
                        assert!(!is_settled || !writers.any(|writer| writer.write_operand(&operand)), "{task:?}");
                        is_any |= is_settled;
                    }
                }
            }
            assert!(is_any);
        }
    }
}
