use std::{
    io::{self, Write},
    path::PathBuf,
};

use anyhow::{Context, Result};
use clap::Args;
use host::picture;

use super::{super::predict::show, ConnectOptions};

#[derive(Args)]
pub struct Options {
    #[command(flatten)]
    connect: ConnectOptions,

    /// Pictures of a garment, PNG or JPEG, of any size, on a plain dark or light ground
    #[arg(required = true)]
    images: Vec<PathBuf>,
}

impl Options {
    pub fn run(self) -> Result<()> {
        let images: Vec<_> = self.images.iter().map(|path| picture::read(path)).collect::<Result<_, _>>()?;
        let mut board = self.connect.greet()?;
        let mut out = io::stdout().lock();
        for (path, image) in self.images.iter().zip(&images) {
            let prediction = board.predict(image).with_context(|| path.display().to_string())?;
            let top = prediction.top.iter().map(|candidate| (usize::from(candidate.class), candidate.probability));
            show(&mut out, path, image, &top.collect::<Vec<_>>())?;
            writeln!(out, "  {} {}", prediction.instructions, board.about().unit)?;
        }
        Ok(())
    }
}
