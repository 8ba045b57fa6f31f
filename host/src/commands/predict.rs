use std::io;

use anyhow::Result;
use clap::Args;
use host::model_file::Predictor;
use selvedge::classification::{probabilities, top_k};

use super::{FileOptions, samples::SampleOptions};

#[derive(Args)]
pub struct Options {
    #[command(flatten)]
    file: FileOptions,
    #[command(flatten)]
    samples: SampleOptions,
}

impl Options {
    pub fn run(self) -> Result<()> {
        let bytes = self.file.read()?;
        let file = self.file.parse(&bytes)?;
        let (shape, classes) = (file.input(), self.file.classes(&file));
        let samples = self.samples.read(shape)?;
        let mut predictor = Predictor::new(&file)?;
        let mut out = io::stdout().lock();
        for sample in &samples {
            let logits: Vec<f32> = predictor.logits(&sample.values)?.values().collect();
            let top = top_k::<3>(probabilities(logits.iter().copied()));
            sample.show(&mut out, shape, &top, &classes)?;
        }
        Ok(())
    }
}
