//! Starts batches, and waits for their results.

use super::{Trained, Trainer};
use crate::{driver::CudaError, task::Batch};

/// The largest number of batches that are started together, as one CUDA graph.
pub const MAX_BATCHES: usize = 100;

/// The largest number of these graphs that wait or run at the same time. While one runs, the host prepares the next.
pub const IN_FLIGHT: usize = 2;

/// Batches that were started together.
#[derive(Debug)]
pub(super) struct Launched {
    /// The number of batches that were started before.
    first: usize,
    /// For each batch, true if its step begins with it.
    is_first: Vec<bool>,
    /// The place of the results of these batches.
    slot: usize,
}

/// Batches that were asked for together.
#[derive(Debug, Default)]
pub(super) struct Job {
    trained: Trained,
    /// The number of the job's launches whose results are not there yet.
    launches: usize,
}

impl Trainer {
    /// Starts these batches after those that were started before, at most [`MAX_BATCHES`] in a graph. It waits only if there would be more than
    /// [`IN_FLIGHT`] graphs at the same time.
    ///
    /// # Errors
    ///
    /// [`CudaError`].
    ///
    /// # Panics
    ///
    /// If a batch has no sample, more samples than the run's [`Settings`](crate::memory::Settings) allow, or one that does not exist; or if its
    /// rule belongs to another optimizer.
    pub fn start(&mut self, batches: &[Batch]) -> Result<(), CudaError> {
        batches.iter().for_each(|batch| self.check_batch(batch));
        self.jobs.push_back(Job::default());
        for batches in batches.chunks(MAX_BATCHES) {
            while self.launched.len() >= IN_FLIGHT {
                self.collect()?;
            }
            let slot = self.launched.back().map_or(0, |launched| (launched.slot + 1) % IN_FLIGHT);
            self.next_batches[slot].send(batches, &mut self.batches)?;
            self.launch(self.started % 2, batches.len())?;
            let count = if self.settings.clips { MAX_BATCHES + batches.len() } else { batches.len() };
            self.answers[slot].start(&self.results, count)?;
            let is_first = batches.iter().map(|batch| batch.is_first == 1).collect();
            self.launched.push_back(Launched { first: self.started, is_first, slot });
            self.started += batches.len();
            if let Some(job) = self.jobs.back_mut() {
                job.launches += 1;
            }
        }
        Ok(())
    }

    /// Waits for the oldest batches that were [started](Self::start) and not waited for, and returns their result. Without such batches, the
    /// result is empty.
    ///
    /// # Errors
    ///
    /// [`CudaError`].
    pub fn finish(&mut self) -> Result<Trained, CudaError> {
        while self.jobs.front().is_some_and(|job| job.launches > 0) {
            self.collect()?;
        }
        Ok(self.jobs.pop_front().map(|job| job.trained).unwrap_or_default())
    }

    pub(super) fn collect_all(&mut self) -> Result<(), CudaError> {
        while !self.launched.is_empty() {
            self.collect()?;
        }
        Ok(())
    }

    /// Waits for the results of the oldest launch.
    fn collect(&mut self) -> Result<(), CudaError> {
        let Some(&Launched { slot, .. }) = self.launched.front() else { return Ok(()) };
        // Where waiting fails, the launch stays, and whoever waits again is told again.
        let answers = self.answers[slot].wait()?;
        let Some(Launched { first, is_first, .. }) = self.launched.pop_front() else { return Ok(()) };
        let (losses, norms) = answers.split_at(is_first.len().min(answers.len()));
        // The kernels add the losses of a step's batches in the same way, and look for one that is no number.
        for (index, (&is_first, &loss)) in is_first.iter().zip(losses).enumerate() {
            self.step_loss = if is_first { loss } else { self.step_loss + loss };
            if !self.step_loss.is_finite() && self.diverged.is_none() {
                self.diverged = Some(first + index);
            }
        }
        if let Some(job) = self.jobs.iter_mut().find(|job| job.launches > 0) {
            job.launches -= 1;
            job.trained.losses.extend_from_slice(losses);
            job.trained.norms.extend(norms.iter().skip(MAX_BATCHES - is_first.len()));
        }
        Ok(())
    }

    fn check_batch(&self, batch: &Batch) {
        let (first, samples) = (batch.first as usize, batch.samples as usize);
        assert!((1..=self.settings.batch).contains(&samples), "a batch of {samples} samples");
        let (end, all) = (first.saturating_add(samples), self.samples.len);
        assert!(end <= all, "a batch of the samples from {first} to {end}, of {all}");
        let (found, expected) = (batch.rule.optimizer(), self.settings.optimizer);
        assert_eq!(found, expected, "the optimizer of a batch, and that of the run");
    }
}
