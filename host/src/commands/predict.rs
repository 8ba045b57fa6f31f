use std::io;

use crate::weights;
use anyhow::Result;
use selvedge::Portable;

use super::{check_weights, classes, parse, samples};

pub fn run(options: &options::commands::Predict) -> Result<()> {
    let bytes = weights::read(&options.file.path)?;
    let file = parse(&options.file.path, &bytes)?;
    check_weights(&options.file.path, &file)?;
    let (shape, classes) = (file.input(), classes(&options.file, &file));
    let samples = samples::read(&options.samples, shape)?;
    let values: Vec<u8> = samples.iter().flat_map(|sample| &sample.values).copied().collect();
    let all = file.logits(&Portable, &values)?;
    let mut out = io::stdout().lock();
    for (sample, logits) in samples.iter().zip(all.iter()) {
        sample.show(&mut out, shape, &logits.top::<3>(), &classes)?;
    }
    Ok(())
}
