//! The network to train and the samples to train it on.

use std::io::{self, Write};

use anyhow::{Result, bail};
use host::data::{self, Dataset};
use options::bench::Subject;
use selvedge::architecture::Architecture;

/// The network for this data.
pub fn architecture(subject: &Subject, data: &Dataset) -> Result<Architecture> {
    Ok(data.architecture(&subject.model, subject.layers.as_ref())?)
}

/// The training samples, and of the test samples one: an epoch ends with a test, which is not measured here.
pub fn data(subject: &Subject) -> Result<Dataset> {
    let mut data = data::load(subject.data.as_deref())?;
    if let Some(notice) = &data.notice {
        // A closed standard error is no reason to fail.
        let _ = writeln!(io::stderr(), "note: {notice}");
    }
    if let Some(samples) = subject.samples {
        let there = data.train.len();
        if samples as usize > there {
            bail!("--samples {samples}: {} has only {there} training samples", data.name);
        }
        data.train.truncate(samples as usize);
    }
    data.test.truncate(1);
    Ok(data)
}
