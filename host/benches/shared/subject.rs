//! The network to train and the samples to train it on.

use std::io::{self, Write};

use anyhow::{Result, bail};
use host::data::{self, Dataset, Split};
use options::bench::Subject;
use selvedge::architecture::Architecture;

/// Returns the network for this data.
pub fn architecture(subject: &Subject, data: &Dataset) -> Result<Architecture> {
    Ok(data.architecture(&subject.model, subject.layers.as_ref())?)
}

/// Returns the training samples, and of the test samples one: an epoch ends with a test, which is not measured here.
pub fn data(subject: &Subject) -> Result<Dataset> {
    let mut data = load(subject)?;
    limit(subject, &data.name, "training", &mut data.train)?;
    data.test.truncate(1);
    Ok(data)
}

/// Returns the test samples.
pub fn test_samples(subject: &Subject) -> Result<Dataset> {
    let mut data = load(subject)?;
    limit(subject, &data.name, "test", &mut data.test)?;
    Ok(data)
}

fn load(subject: &Subject) -> Result<Dataset> {
    let data = data::load(subject.data.as_deref())?;
    if let Some(notice) = &data.notice {
        // A closed standard error is no reason to fail.
        let _ = writeln!(io::stderr(), "note: {notice}");
    }
    Ok(data)
}

fn limit(subject: &Subject, name: &str, part: &str, split: &mut Split) -> Result<()> {
    if let Some(samples) = subject.samples {
        let there = split.len();
        if samples as usize > there {
            bail!("--samples {samples}: {name} has only {there} {part} samples");
        }
        split.truncate(samples as usize);
    }
    Ok(())
}
