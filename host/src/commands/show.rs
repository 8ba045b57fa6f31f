use std::io::{self, IsTerminal, Write};

use crate::picture::{self, Captioned};
use anyhow::{Result, bail};
use selvedge::shape::InputShape;

use super::{load, part};

/// Images shown in a terminal, where they are large.
const IN_TERMINAL: usize = 3;

pub fn run(options: &options::commands::Show) -> Result<()> {
    let data = load(&options.data)?;
    let (name, shape, classes) = (data.name.clone(), data.input, data.classes.clone());
    let InputShape::Image { channels: 1, height, width } = shape else {
        bail!("{name}: a sample is {shape}, and only images in shades of grey can be shown");
    };
    let mut split = part(options.split, data);
    split.truncate(options.count as usize);
    let named = |label: &u16| classes.name(usize::from(*label)).into_owned();
    let names: Vec<String> = split.labels().iter().map(named).collect();
    let images: Vec<_> = split.samples().zip(&names).map(|(shades, caption)| Captioned { shades, caption }).collect();
    let mut out = io::stdout().lock();
    if out.is_terminal() {
        for Captioned { shades, caption } in images.iter().take(IN_TERMINAL) {
            writeln!(out, "{caption}\n{}", picture::terminal(shades, width as usize))?;
        }
    }
    picture::save_grid(&options.out, &images, (width, height))?;
    writeln!(out, "Saved {}, {} images with their labels", options.out.display(), images.len())?;
    Ok(())
}
