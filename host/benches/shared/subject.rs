//! The network to train and the samples to train it on.

use std::{
    io::{self, Write},
    path::PathBuf,
};

use anyhow::{Result, bail};
use clap::{Args, builder::PossibleValuesParser};
use host::data::{self, Dataset};
use selvedge::{architecture::Architecture, models::NAMES};

/// Options of every benchmark of training.
#[derive(Args, Debug)]
pub struct Subject {
    /// A named model: quickstart (two hidden layers of 512 units, PyTorch's), small (one of 128) or tiny (one of 16)
    #[arg(long, default_value = "quickstart", value_parser = PossibleValuesParser::new(NAMES))]
    model: String,

    /// Any other network: widths, such as 784,256,64,10, or layers, such as '784 => 256 Gelu => 10'
    #[arg(long, conflicts_with = "model")]
    layers: Option<Architecture>,

    /// Folder with four IDX files, or `builtin` for the built-in set [default: as `cargo xtask train`]
    #[arg(long, value_name = "DIR|builtin")]
    data: Option<PathBuf>,

    /// Train on the first samples only
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    samples: Option<u32>,
}

impl Subject {
    /// The network for this data.
    pub fn architecture(&self, data: &Dataset) -> Result<Architecture> {
        Ok(data.architecture(&self.model, self.layers.as_ref())?)
    }

    /// The training samples, and of the test samples one: an epoch ends with a test, which is not measured here.
    pub fn data(&self) -> Result<Dataset> {
        let mut data = data::load(self.data.as_deref())?;
        if let Some(notice) = &data.notice {
            // A closed standard error is no reason to fail.
            let _ = writeln!(io::stderr(), "note: {notice}");
        }
        if let Some(samples) = self.samples {
            let there = data.train.len();
            if samples as usize > there {
                bail!("--samples {samples}: {} has only {there} training samples", data.name);
            }
            data.train.truncate(samples as usize);
        }
        data.test.truncate(1);
        Ok(data)
    }
}
