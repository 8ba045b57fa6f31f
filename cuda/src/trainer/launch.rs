//! The launches of a run, in each of the ways.
//!
//! Every launch is of a [`Trainer`]'s own memory. Its tasks reach nothing else, by [`check`]; its batches, order and labels were checked
//! before they were brought to the GPU. The trainer holds all buffers that its contexts name.

#![allow(unsafe_code)]

use std::rc::Rc;

use super::{Test, Trainer};
use crate::{
    access::Accesses,
    driver::{Allocation, Buffer, CudaError, Gpu, Graph, Phases},
    memory::{EVALUATED, Memory},
    schedule::{self, Launches, Training},
    task::{Address, Context, Phase},
};

/// The one launch of many batches.
pub(super) struct Persistent {
    phases: Phases,
    arrivals: Buffer<u32>,
    blocks: u32,
}

impl Persistent {
    pub(super) fn new(gpu: &Gpu, training: &Training) -> Result<Self, CudaError> {
        let [even, odd] = &training.batches;
        assert_eq!(even.len(), odd.len(), "batches have the same phases");
        let phases = training.all();
        let (first, of_batch) = (training.first.len() as u32, even.len() as u32);
        let mut all = Buffer::allocate(gpu, phases.len(), "the phases")?;
        all.upload(&phases)?;
        let most = phases.iter().map(Phase::blocks).max().unwrap_or(1);
        let blocks = most.min(gpu.resident_blocks()?);
        let arrivals = Buffer::allocate(gpu, 1, "a barrier")?;
        Ok(Self { phases: Phases { all, first, of_batch }, arrivals, blocks })
    }
}

/// Checks that a run's tasks, on so many samples at most, reach nothing but its memory.
///
/// # Panics
///
/// Where one does.
pub(super) fn check(phases: &[Phase], context: &Context, samples: usize, memory: &Memory<Buffer<f32>>) {
    let mut ranges = Vec::new();
    memory.map(|buffer| ranges.push(buffer.memory().range()));
    for task in phases.iter().flat_map(Phase::tasks) {
        assert!(
            Accesses::of(task, context, samples).are_within(&ranges),
            "{task:?} reaches other memory than the run's"
        );
    }
}

impl Trainer {
    /// Starts as many of the batches that were brought.
    pub(super) fn launch(&mut self, batches: usize) -> Result<(), CudaError> {
        if let Some(Persistent { phases, arrivals, blocks }) = &mut self.persistent {
            arrivals.zero()?;
            // SAFETY: the module's documentation says why; the phases are those of `training`.
            return unsafe { self.gpu.run_batches(&self.context, phases, batches as u32, arrivals, *blocks) };
        }
        if self.machine.launches != Launches::Graph {
            return self.start_phases(batches);
        }
        if !self.graphs.contains_key(&batches) {
            let graph = Graph::capture(&self.gpu, self.used(), || self.start_phases(batches))?;
            self.graphs.insert(batches, graph);
        }
        // SAFETY: the module's documentation says why, also for a graph that is started again: it holds the memory that the launches use.
        self.graphs.get(&batches).map_or(Ok(()), |graph| unsafe { graph.launch() })
    }

    /// Starts, or captures, each phase.
    fn start_phases(&self, batches: usize) -> Result<(), CudaError> {
        for index in 0..batches {
            for phase in self.training.of_batch(index) {
                // SAFETY: the module's documentation says why.
                unsafe { self.gpu.run_phase(&self.context, phase, index as u32, batches as u32) }?;
            }
        }
        Ok(())
    }

    /// Starts the evaluation of a test by these parameters.
    pub(super) fn start_test(&self, test: &Test, parameters: Address) -> Result<(), CudaError> {
        let addresses = self.memory.map(Buffer::address);
        let context = test.context(super::evaluation_context(&addresses));
        let phases = schedule::evaluation(&self.predicting, EVALUATED, &addresses, &context, self.machine, parameters);
        check(&phases, &context, EVALUATED, &self.memory);
        let batches = test.batches.len() as u32;
        for index in 0..batches {
            for phase in &phases {
                // SAFETY: the module's documentation says why; the batches are the test's own.
                unsafe { self.gpu.run_phase(&context, phase, index, batches) }?;
            }
        }
        Ok(())
    }

    /// All memory that a launch of training uses.
    fn used(&self) -> Vec<Rc<Allocation>> {
        let Self { samples, order, batches, losses, norms, .. } = self;
        let mut used =
            vec![samples.values.memory(), samples.labels.memory(), order.memory(), batches.memory(), losses.memory()];
        used.push(norms.memory());
        self.memory.map(|buffer| used.push(buffer.memory()));
        used
    }
}
