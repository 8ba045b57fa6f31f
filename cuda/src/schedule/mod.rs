//! The launches of a batch: its tasks, and the choice of those that run side by side.
//!
//! - `tasks`: a batch's tasks, layer by layer.
//! - `launches`: puts tasks that do not depend on each other into one launch, if a kernel can do both.

mod launches;
mod tasks;
#[cfg(test)]
mod tests;

use selvedge::architecture::{Architecture, Stage};

use self::tasks::Maker;
use crate::{
    kernel::Kernel,
    memory::{Memory, Scalar, Settings},
    task::{Address, Context, Phase},
};

/// A kernel, and the tasks that it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Launch {
    /// The kernel.
    pub kernel: Kernel,
    /// The kernel's tasks.
    pub phase: Phase,
}

/// A launch among those of several batches.
#[derive(Clone, Copy, Debug)]
pub struct Placed<'a> {
    /// The place of the launch's batch among these batches.
    pub index: u32,
    /// The launch.
    pub launch: &'a Launch,
    /// True if the launch may begin before the one before it is complete.
    pub overlaps: bool,
}

/// The launches of training, one after the other. There are two input buffers ([`Memory::input`]). Even batches use one, and odd batches use the
/// other. The parameters have one or two [versions](crate::memory::Versions). A batch's *parity* is 0 for an even batch, and 1 for an odd one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrainingLaunches {
    /// The launch before the first of several batches. It loads the samples of a batch of this parity.
    pub first: [Launch; 2],
    /// The launches of a batch of this parity. They also load the next batch's samples.
    pub batches: [Vec<Launch>; 2],
}

impl TrainingLaunches {
    /// Returns the launches of a network's training on a GPU with this number of multiprocessors.
    pub fn new(
        network: &Architecture,
        settings: &Settings,
        memory: &Memory<Address>,
        context: &Context,
        multiprocessors: u32,
    ) -> Self {
        let stages: Vec<Stage> = network.stages().collect();
        let makers = [0, 1].map(|parity| Maker {
            stages: &stages,
            memory,
            parameters: *memory.parameters.read_by(parity),
            parity,
            multiprocessors,
            loss: context.loss,
            samples: settings.batch,
            training: Some(*settings),
        });
        let [even, odd] = &makers;
        let batch = |maker: &Maker<'_>, next: &Maker<'_>| {
            let mut tasks = maker.training();
            tasks.push(next.load(1));
            launches::of_tasks(&tasks, context, settings.batch)
        };
        let first = makers.each_ref().map(|maker| launches::of_task(maker.load(0)));
        let mut training = Self { first, batches: [batch(even, odd), batch(odd, even)] };
        launches::settle(&mut training, context, settings.batch);
        training
    }

    /// Returns the launches of `count` batches, of which the first has this parity.
    pub fn of_batches(&self, parity: usize, count: usize) -> impl Iterator<Item = Placed<'_>> {
        let of_batch = move |index: usize| {
            let launches = self.batches[(parity + index) % 2].iter();
            launches.map(move |launch| (index as u32, launch))
        };
        let first = (count > 0).then_some((0, &self.first[parity % 2]));
        let launches = first.into_iter().chain((0..count).flat_map(of_batch));
        // The first batch's first launch takes samples that have just been loaded; other batches' were loaded long before.
        launches.enumerate().map(|(place, (index, launch))| Placed { index, launch, overlaps: place >= 2 })
    }

    /// Returns all launches.
    pub fn all(&self) -> impl Iterator<Item = &Launch> {
        self.first.iter().chain(self.batches.iter().flatten())
    }
}

/// Returns the launches of a batch of an evaluation with these parameters. The results are losses, and classes or outputs. `network` has
/// to be the architecture without dropout ([`Architecture::for_prediction`]).
pub fn evaluation(
    network: &Architecture,
    samples: usize,
    memory: &Memory<Address>,
    context: &Context,
    multiprocessors: u32,
    parameters: Address,
) -> Vec<Launch> {
    let stages: Vec<Stage> = network.stages().collect();
    let loss = context.loss;
    let maker =
        Maker { stages: &stages, memory, parameters, parity: 0, multiprocessors, loss, samples, training: None };
    launches::of_tasks(&maker.evaluation(), context, samples)
}

/// Returns the address of the word that tells batches of a parity whether nothing may change any more.
fn stopped(memory: &Memory<Address>, parity: usize) -> Address {
    Scalar::stops(parity).at(memory)
}
