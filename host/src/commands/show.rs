use std::{
    io::{self, IsTerminal, Write},
    path::PathBuf,
};

use anyhow::Result;
use clap::Args;
use host::picture;
use selvedge::models::CLASS_NAMES;

use super::{DataOptions, Part};

/// Images shown in a terminal, where they are large.
const IN_TERMINAL: usize = 3;

#[derive(Args)]
pub struct Options {
    #[command(flatten)]
    data: DataOptions,

    /// Which images
    #[arg(long, value_enum, default_value = "train")]
    split: Part,

    /// How many images the picture shows
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=2000))]
    count: u32,

    /// Where the picture goes
    #[arg(long, value_name = "FILE.png", default_value = "samples.png")]
    out: PathBuf,
}

impl Options {
    pub fn run(self) -> Result<()> {
        let split = self.split.of(self.data.load()?);
        let count = split.images.len().min(self.count as usize);
        let (images, labels) = (&split.images[..count], &split.labels[..count]);
        let mut out = io::stdout().lock();
        if out.is_terminal() {
            for (image, &label) in images.iter().zip(labels).take(IN_TERMINAL) {
                writeln!(out, "{}\n{}", CLASS_NAMES[usize::from(label)], picture::terminal(image))?;
            }
        }
        picture::save_grid(&self.out, images, labels)?;
        writeln!(out, "Saved {}, {count} images with their labels", self.out.display())?;
        Ok(())
    }
}
