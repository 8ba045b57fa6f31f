//! Turns tasks into launches. Tasks that do not depend on each other share a launch.

use std::ops::Range;

use super::{Launch, TrainingLaunches, tasks::Planned};
use crate::{
    access::{Accesses, operands},
    kernel::Kernel,
    task::{Address, Context, Kind, MAX_TASKS, Phase, Task},
};

/// A launch that is being filled.
struct Open {
    kernel: Kernel,
    tasks: Vec<Task>,
}

impl Open {
    /// Returns the kernel that can do the launch's tasks and this one, if there is one.
    fn kernel_with(&self, kernel: Kernel, task: &Task) -> Option<Kernel> {
        use Kernel::{LinearBackward, LinearHead, LoadSamples, SampleLosses, Update};
        let is_input_grad = |task: &Task| task.kind == Kind::LinearInputGrad;
        match (self.kernel, kernel) {
            _ if self.tasks.len() >= MAX_TASKS => None,
            (LoadSamples, LinearHead | SampleLosses) => Some(kernel),
            (LinearHead | SampleLosses, LoadSamples) | (Update, Update) => Some(self.kernel),
            // The gradient before a layer alone asks for a tile.
            (LinearBackward(..), LinearBackward(..)) if !is_input_grad(task) => Some(self.kernel),
            (LinearBackward(..), LinearBackward(..)) if !self.tasks.iter().any(is_input_grad) => Some(kernel),
            (LinearBackward(..), LinearBackward(..)) if self.kernel == kernel => Some(kernel),
            _ => None,
        }
    }

    /// Returns the launch. The tasks whose blocks take longest come first.
    fn close(mut self) -> Launch {
        self.tasks.sort_by_key(|task| match task.kind {
            Kind::LinearInputGrad | Kind::Head | Kind::Loss => 0,
            Kind::LinearUpdate => 1,
            _ => 2,
        });
        Launch { kernel: self.kernel, phase: Phase::new(&self.tasks) }
    }
}

/// Returns the launch of one task.
pub(super) fn of_task((kernel, task): Planned) -> Launch {
    Launch { kernel, phase: Phase::new(&[task]) }
}

/// Puts each task into the first launch that comes after all tasks on which it depends, and whose kernel can do it. The given tasks are in an
/// order in which each comes after those on which it depends.
pub(super) fn of_tasks(tasks: &[Planned], context: &Context, samples: usize) -> Vec<Launch> {
    let accesses: Vec<_> = tasks.iter().map(|(_, task)| Accesses::of(task, context, samples)).collect();
    let mut places = vec![0_usize; tasks.len()];
    let mut launches: Vec<Open> = Vec::new();
    for (index, &(kernel, task)) in tasks.iter().enumerate() {
        let depends_on = |other: &usize| accesses[*other].conflict_with(&accesses[index]);
        let earliest = (0..index).filter(depends_on).map(|other| places[other] + 1).max().unwrap_or(0);
        let shared = launches.iter_mut().enumerate().skip(earliest);
        let shared = shared.filter_map(|(place, launch)| Some((place, launch.kernel_with(kernel, &task)?, launch)));
        if let Some((place, kernel, launch)) = { shared }.next() {
            launch.kernel = kernel;
            launch.tasks.push(task);
            places[index] = place;
        } else {
            places[index] = launches.len();
            launches.push(Open { kernel, tasks: vec![task] });
        }
    }
    launches.into_iter().map(Open::close).collect()
}

/// Notes the operands that each task may load while the previous launch still runs: those that no task of that launch writes.
pub(super) fn settle(training: &mut TrainingLaunches, context: &Context, samples: usize) {
    let writers = |launch: &Launch| -> Vec<Accesses> {
        launch.phase.tasks().iter().map(|task| Accesses::of(task, context, samples)).collect()
    };
    let lasts = training.batches.each_ref().map(|launches| launches.last().map(writers).unwrap_or_default());
    for (parity, launches) in training.batches.iter_mut().enumerate() {
        // A batch follows one of the other parity. Where it is the first, its first launch does not overlap.
        let mut before = lasts[1 - parity].clone();
        for launch in launches {
            let of_launch = writers(launch);
            let is_settled = |operand: &Range<Address>| !before.iter().any(|task| task.write_operand(operand));
            let settled = |task: &Task| -> u32 {
                let settled = operands(task, samples).into_iter().filter(|(_, operand)| is_settled(operand));
                settled.map(|(bit, _)| bit).sum()
            };
            let tasks: Vec<_> =
                launch.phase.tasks().iter().map(|task| Task { settled: settled(task), ..*task }).collect();
            launch.phase = Phase::new(&tasks);
            before = of_launch;
        }
    }
}
