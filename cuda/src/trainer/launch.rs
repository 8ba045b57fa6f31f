//! The launches of a run.
//!
//! Every launch uses a [`Trainer`]'s own memory. [`check`] makes sure that its tasks reach nothing else. Its batches, order and targets were
//! checked before they were copied to the GPU. The trainer has all buffers that its contexts name.

#![allow(unsafe_code)]

use std::rc::Rc;

use super::{Test, Trainer};
use crate::{
    access::Accesses,
    driver::{After, Allocation, Buffer, CudaError, Graph},
    memory::{EVALUATED, Memory},
    schedule::{self, Launch, Placed},
    task::{Address, Context},
};

/// The largest number of graphs that are stored. A run has few: for its longest launch and an epoch's last one, with either parity.
const GRAPHS: usize = 8;

/// The graphs of launches, by the number of their batches and the parity of the first one. The one that was used last is at the end.
#[derive(Debug, Default)]
pub(super) struct Graphs(Vec<((usize, usize), Graph)>);

impl Graphs {
    /// Returns the graph for a key. If it is not there, `capture` makes it.
    fn get(
        &mut self,
        key: (usize, usize),
        capture: impl FnOnce() -> Result<Graph, CudaError>,
    ) -> Result<Option<&Graph>, CudaError> {
        let found = self.0.iter().position(|(found, _)| *found == key);
        let entry = match found {
            Some(place) => self.0.remove(place),
            None => (key, capture()?),
        };
        if self.0.len() >= GRAPHS {
            self.0.remove(0);
        }
        self.0.push(entry);
        Ok(self.0.last().map(|(_, graph)| graph))
    }
}

/// Checks that a run's tasks reach nothing but the run's memory. `samples` is the largest number of samples of a batch.
///
/// # Panics
///
/// If a task reaches other memory.
pub(super) fn check<'a>(
    launches: impl IntoIterator<Item = &'a Launch>,
    context: &Context,
    samples: usize,
    memory: &Memory<Buffer<f32>>,
) {
    let mut ranges = Vec::new();
    memory.map(|buffer| ranges.push(buffer.memory().range()));
    for task in launches.into_iter().flat_map(|launch| launch.phase.tasks()) {
        assert!(
            Accesses::of(task, context, samples).are_within(&ranges),
            "{task:?} reaches other memory than the run's"
        );
    }
}

impl Trainer {
    /// Starts this number of the batches that were copied to the GPU. The first one has this parity.
    pub(super) fn launch(&mut self, parity: usize, batches: usize) -> Result<(), CudaError> {
        let mut graphs = std::mem::take(&mut self.graphs);
        let graph = graphs.get((batches, parity), || {
            Graph::capture(&self.gpu, self.used(), || self.launch_one_by_one(parity, batches))
        });
        // SAFETY: the module's documentation says why, also for a graph that is started again: it holds the memory that the launches use.
        let started = graph.and_then(|graph| graph.map_or(Ok(()), |graph| unsafe { graph.launch() }));
        self.graphs = graphs;
        started
    }

    /// Starts each launch. If the stream captures, each is put into the graph instead.
    fn launch_one_by_one(&self, parity: usize, batches: usize) -> Result<(), CudaError> {
        for Placed { index, launch, overlaps } in self.training.of_batches(parity, batches) {
            let after = if overlaps { After::Begun } else { After::Done };
            // SAFETY: the module's documentation says why. What a task brings early is not written by the launch before: `schedule` saw to it.
            unsafe { self.gpu.run(&self.context, launch, (index, batches as u32), after) }?;
        }
        Ok(())
    }

    /// Starts the evaluation of a test with these parameters.
    pub(super) fn start_test(&self, test: &Test, parameters: Address) -> Result<(), CudaError> {
        let addresses = self.memory.map(Buffer::address);
        let Context { scales, values, loss, .. } = self.context;
        let context = test.context(Context { scales, values, loss, ..addresses.evaluation_context() });
        let multiprocessors = self.gpu.multiprocessors();
        let launches =
            schedule::evaluation(&self.predicting, EVALUATED, &addresses, &context, multiprocessors, parameters);
        check(&launches, &context, EVALUATED, &self.memory);
        let batches = test.batches.len() as u32;
        for index in 0..batches {
            for launch in &launches {
                // SAFETY: the module's documentation says why; the batches are the test's own.
                unsafe { self.gpu.run(&context, launch, (index, batches), After::Done) }?;
            }
        }
        Ok(())
    }

    /// Returns all memory that a launch of training uses.
    fn used(&self) -> Vec<Rc<Allocation>> {
        let Self { scales, class_weights, samples, order, batches, results, .. } = self;
        let mut used =
            vec![samples.values.memory(), samples.targets.memory(), order.memory(), batches.memory(), results.memory()];
        used.extend(scales.memory());
        used.extend(class_weights.as_ref().map(Buffer::memory));
        self.memory.map(|buffer| used.push(buffer.memory()));
        used
    }
}
