//! What is trained, on which images.

use std::{
    io::{self, Write},
    path::PathBuf,
};

use anyhow::{Result, bail};
use clap::{Args, builder::PossibleValuesParser};
use host::data::{self, Dataset};
use selvedge::{
    architecture::Architecture,
    models::{self, NAMES},
};

/// Options of every benchmark of training.
#[derive(Args, Debug)]
pub struct Subject {
    /// A named model: quickstart (784-512-512-10, PyTorch's), small (784-128-10) or tiny (784-16-10)
    #[arg(long, default_value = "quickstart", value_parser = PossibleValuesParser::new(NAMES))]
    model: String,

    /// Any other topology: widths, such as 784,256,64,10, or layers, such as '784 => 256 Gelu => 10'
    #[arg(long, conflicts_with = "model", value_parser = models::classifier)]
    layers: Option<Architecture>,

    /// Folder with Fashion-MNIST's four files, or `builtin` for the built-in set [default: as `cargo xtask train`]
    #[arg(long, value_name = "DIR|builtin")]
    data: Option<PathBuf>,

    /// Train on the first images only
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    samples: Option<u32>,
}

impl Subject {
    pub fn architecture(&self) -> Architecture {
        let layers = self.layers.clone().or_else(|| models::named(&self.model));
        layers.expect("the parser admits named models only")
    }

    /// The training images, and of the test images one: an epoch ends with a test, which is not measured here.
    pub fn data(&self) -> Result<Dataset> {
        let mut data = data::load(self.data.as_deref())?;
        if let Some(notice) = &data.notice {
            // A closed standard error is no reason to fail.
            let _ = writeln!(io::stderr(), "note: {notice}");
        }
        if let Some(samples) = self.samples {
            let there = data.train.labels.len();
            if samples as usize > there {
                bail!("--samples {samples}: {} has only {there} training images", data.name);
            }
            data.train.images.truncate(samples as usize);
            data.train.labels.truncate(samples as usize);
        }
        data.test.images.truncate(1);
        data.test.labels.truncate(1);
        Ok(data)
    }
}
