use std::{
    io::{self, IsTerminal, Write},
    path::PathBuf,
};

use anyhow::{Result, bail};
use clap::Args;
use host::picture::{self, Captioned};
use selvedge::shape::InputShape;

use super::{DataOptions, Part};

/// Images shown in a terminal, where they are large.
const IN_TERMINAL: usize = 3;

#[derive(Args)]
pub struct Options {
    #[command(flatten)]
    data: DataOptions,

    /// The samples to show
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
        let data = self.data.load()?;
        let (name, shape, classes) = (data.name.clone(), data.input, data.classes.clone());
        let InputShape::Image { channels: 1, height, width } = shape else {
            bail!("{name}: a sample is {shape}, and only images in shades of grey can be shown");
        };
        let mut split = self.split.of(data);
        split.truncate(self.count as usize);
        let named = |label: &u16| classes.name(usize::from(*label)).into_owned();
        let names: Vec<String> = split.labels().iter().map(named).collect();
        let images: Vec<_> =
            split.samples().zip(&names).map(|(shades, caption)| Captioned { shades, caption }).collect();
        let mut out = io::stdout().lock();
        if out.is_terminal() {
            for Captioned { shades, caption } in images.iter().take(IN_TERMINAL) {
                writeln!(out, "{caption}\n{}", picture::terminal(shades, width as usize))?;
            }
        }
        picture::save_grid(&self.out, &images, (width, height))?;
        writeln!(out, "Saved {}, {} images with their labels", self.out.display(), images.len())?;
        Ok(())
    }
}
