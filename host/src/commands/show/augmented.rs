//! Augmented images: each one beside its changes in the first epochs.

use std::io::Write;

use crate::{
    commands::{load, train::check_values},
    picture::{self, Captioned},
};
use anyhow::{Result, ensure};
use options::commands::Show;
use selvedge::random::{Generator, Purpose};

use super::{CAPTION, Shape, check_extension, named, show_in_terminal};

pub fn run(options: &Show) -> Result<()> {
    let path = options.out();
    check_extension(&path)?;
    let recipe = options.changes()?;
    let with = recipe.resolve()?;
    ensure!(
        !with.augmentation.is_none(),
        "--augment: the recipe changes no image; name changes, such as --augment flip,shift=2,erase=8, or another --recipe"
    );
    let mut data = load(&options.data)?;
    let shape = Shape::of(&data)?;
    with.check_augmentation(data.input)?;
    // An image's changes depend on its place among the samples that are trained on.
    let held_out = recipe.val_split.map_or(Ok(0), |split| split.count(data.train.len()))?;
    if held_out > 0 {
        data.hold_out_for_validation(held_out, with.seed)?;
    }
    data.standardize(with.standardize);
    check_values(&data, &with)?;
    let mut split = data.train;
    split.truncate(options.count() as usize);

    let mut input = vec![0.0; split.features()];
    let mut tiles: Vec<(Vec<u8>, String)> = Vec::new();
    for (index, sample) in split.samples().enumerate() {
        tiles.push((sample.to_vec(), named(&split, &data.classes, index)));
        for epoch in 0..options.epochs {
            let generator = Generator::new(with.seed, Purpose::Augmentation, epoch.into());
            with.augmentation.write(&generator, index as u64, data.input, sample, &mut input);
            let shades = input.iter().map(|&x| (255.0 * x).round() as u8).collect();
            tiles.push((shades, format!("epoch {}", epoch + 1)));
        }
    }
    let images: Vec<_> = tiles.iter().map(|(shades, caption)| Captioned { shades, caption }).collect();
    show_in_terminal(&images, shape)?;
    picture::save_grid(&path, &images, shape.size, (1 + options.epochs, shape.scale_to(CAPTION)))?;
    let (count, epochs, seed) = (split.len(), options.epochs, with.seed);
    writeln!(
        terminal::stdout(),
        "Saved {}: {count} images, and what {epochs} epochs with seed {seed} make of each",
        path.display()
    )?;
    Ok(())
}
