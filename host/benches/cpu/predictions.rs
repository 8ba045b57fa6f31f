//! Passes of predictions, timed.

use std::{hint::black_box, time::Instant};

use anyhow::{Result, ensure};
use host::{
    data::Dataset,
    engine::Simd,
    network::{Network, Predictor, Workspace},
};
use selvedge::{Engine, architecture::Architecture};

/// A network as it is before training, and the test samples as its inputs.
pub struct Predictions {
    network: Network,
    /// `[samples][inputs]`.
    input: Vec<f32>,
    batch_size: usize,
}

impl Predictions {
    /// Returns predictions of whole batches of the test samples. Samples that do not fill a batch are left out.
    pub fn new(architecture: &Architecture, data: &Dataset, batch_size: usize) -> Result<Self> {
        let there = data.test.len();
        ensure!(batch_size <= there, "--batch-size {batch_size}: {} has only {there} test samples", data.name);
        let inputs = architecture.inputs();
        let mut input = vec![0.0; there / batch_size * batch_size * inputs];
        for (index, input) in input.chunks_exact_mut(inputs).enumerate() {
            data.preparation.get().write(data.test.sample(index), input);
        }
        Ok(Self { network: Network::initialized(architecture, 42)?, input, batch_size })
    }

    fn batches(&self) -> impl Iterator<Item = &[f32]> {
        self.input.chunks_exact(self.batch_size * self.network.inputs())
    }

    /// Returns each pass's seconds, after a pass that is not measured.
    pub fn passes(&self, engine: &Simd, passes: u32) -> Result<Vec<f64>> {
        let mut predictor = Predictor::new(self.network.view(), self.batch_size)?;
        let mut pass = || {
            let started = Instant::now();
            for input in self.batches() {
                black_box(predictor.predict(engine, input));
            }
            started.elapsed().as_secs_f64()
        };
        pass();
        Ok((0..passes).map(|_| pass()).collect())
    }

    /// A pass on any engine.
    pub fn run(&self, engine: &impl Engine) -> Result<()> {
        let mut workspace = Workspace::for_prediction(self.network.view(), self.batch_size)?;
        for input in self.batches() {
            workspace.predict(engine, self.network.view(), input);
        }
        Ok(())
    }
}
