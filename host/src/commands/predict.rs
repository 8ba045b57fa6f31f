use std::io;

use anyhow::Result;
use clap::Args;
use selvedge::Portable;

use super::{FileOptions, samples::SampleOptions};

#[derive(Args)]
#[command(override_usage = "selvedge predict <FILE> <INPUTS|--values <V,V,…>>")]
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
        let values: Vec<u8> = samples.iter().flat_map(|sample| &sample.values).copied().collect();
        let all = file.logits(&Portable, &values)?;
        let mut out = io::stdout().lock();
        for (sample, logits) in samples.iter().zip(all.iter()) {
            sample.show(&mut out, shape, &logits.top::<3>(), &classes)?;
        }
        Ok(())
    }
}
