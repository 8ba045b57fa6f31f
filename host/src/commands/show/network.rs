//! Pictures of a network: its first layer's weights, and saliency maps of images.

use std::{io::Write, path::Path};

use crate::{
    classes::Classes,
    commands::{check_weights, engine, load_for, parse, part},
    model_file::ModelFile,
    network::{Network, Workspace},
    picture::{self, Captioned, Diverging, limit},
    weights,
};
use anyhow::{Context, Result, bail, ensure};
use options::commands::{Part, Show};
use selvedge::{architecture::StageKind, message::Logits, task::TaskKind};

use super::{CAPTION, Shape, check_extension, named, show_in_terminal};

/// The least width of an image whose caption is a class's name and a probability.
const LONG_CAPTION: u32 = 168;

/// Draws the weights of the first layer's units.
pub fn first_layer(options: &Show, path: &Path) -> Result<()> {
    let out = options.out();
    check_extension(&out)?;
    let bytes = weights::read(path)?;
    let (file, shape) = file_of_images(path, &bytes)?;
    let network = network(&file, path)?;
    let Some(stage) = network.stages().iter().find(|stage| stage.kind == StageKind::Linear) else {
        bail!("{}: the network has no linear layer, so there are no weights of pixels", path.display());
    };
    let (units, _) = stage.widths().split(&network.parameters()[stage.values()]);
    let shown = stage.outputs.min(options.count() as usize);
    let units = &units[..shown * stage.inputs];
    let scale = Diverging { limit: limit(units.iter().copied()) };
    let tiles: Vec<_> = units.chunks_exact(stage.inputs).map(|unit| tile(unit, shape, scale)).collect();
    let names: Vec<_> = (0..shown).map(|unit| format!("unit {unit}")).collect();
    let images: Vec<_> = tiles.iter().zip(&names).map(|(shades, caption)| Captioned { shades, caption }).collect();
    show_in_terminal(&images, shape)?;
    picture::save_grid(&out, &images, shape.size, (10, shape.scale_to(CAPTION)))?;
    let limit = scale.limit;
    let colours = match shape.channels {
        1 => format!("blue is -{limit:.3} or less, white 0, orange {limit:.3} or more"),
        _ => format!("a channel is dark at -{limit:.3}, half light at 0, light at {limit:.3}"),
    };
    let (out, all) = (out.display(), stage.outputs);
    writeln!(terminal::stdout(), "Saved {out}: the first layer's weights of {shown} of {all} units; {colours}")?;
    Ok(())
}

/// Draws images, and beside each the gradient of the predicted class's logit.
pub fn saliency(options: &Show, path: &Path) -> Result<()> {
    let out = options.out();
    check_extension(&out)?;
    let bytes = weights::read(path)?;
    let (file, shape) = file_of_images(path, &bytes)?;
    let task = file.signature().task.kind();
    ensure!(
        task == TaskKind::Classification,
        "{}: --saliency is of the predicted class, and this network's task is {task}; leave it out to see the first layer's weights",
        path.display()
    );
    let network = network(&file, path)?;
    let data = load_for(path, &file, &options.data)?;
    Shape::of(&data)?;
    let (classes, preparation) = (file.classes(), file.signature().preparation);
    let names = if classes.are_named() { classes } else { data.classes.extended(network.outputs()) };
    let mut split = part(options.split.unwrap_or(Part::Test), data);
    split.truncate(options.count() as usize);

    let engine = engine(&options.threads)?;
    let mut workspace = Workspace::for_training(network.view(), 1)?;
    let mut input = vec![0.0; network.inputs()];
    let mut grads = vec![0.0; network.inputs()];
    let mut tiles: Vec<(Vec<u8>, String)> = Vec::new();
    for (index, sample) in split.samples().enumerate() {
        preparation.write(sample, &mut input);
        let logits = workspace.predict(&engine, network.view(), &input).to_vec();
        ensure!(
            logits.iter().all(|logit| logit.is_finite()),
            "{}: the logits of sample {index} are no numbers",
            path.display()
        );
        let Some(&(class, probability)) = Logits::float32(&logits).top::<1>().first() else { continue };
        workspace.input_grad(&engine, network.view(), &input, &[class], &mut grads);
        let strongest = strongest(&grads, shape);
        let scale = Diverging { limit: limit(strongest.iter().copied()) };
        tiles.push((sample.to_vec(), truth(&named(&split, &names, index))));
        tiles.push((scale.image(&strongest), predicted(&names, class, 100.0 * probability)));
    }
    let images: Vec<_> = tiles.iter().map(|(shades, caption)| Captioned { shades, caption }).collect();
    show_in_terminal(&images, shape)?;
    picture::save_grid(&out, &images, shape.size, (4, shape.scale_to(LONG_CAPTION)))?;
    writeln!(
        terminal::stdout(),
        "Saved {}: {} images with their true class, each beside the gradient of its predicted class's logit; more light at orange pixels speaks \
         for the class, at blue ones against it",
        out.display(),
        split.len()
    )?;
    Ok(())
}

fn truth(name: &str) -> String {
    format!("true {name}")
}

fn predicted(classes: &Classes, class: usize, percent: f32) -> String {
    format!("{percent:.0}% {}", classes.name(class))
}

/// Returns a network's file and the shape of its inputs, which are images.
fn file_of_images<'a>(path: &Path, bytes: &'a [u8]) -> Result<(ModelFile<'a>, Shape)> {
    let file = parse(path, bytes)?;
    check_weights(path, &file)?;
    let Some(shape) = Shape::of_images(file.input()) else {
        bail!(
            "{}: the network takes {}, but only a network for images of 1 or 3 channels can be drawn; `inspect` shows what the file holds",
            path.display(),
            file.input()
        );
    };
    Ok((file, shape))
}

/// Returns the network of a file with floating-point weights.
fn network(file: &ModelFile<'_>, path: &Path) -> Result<Network> {
    let network = file.network()?;
    network.with_context(|| {
        format!(
            "{}: only floating-point weights can be drawn, and these are {}; name the .selvedge file that was quantised",
            path.display(),
            file.format_name()
        )
    })
}

/// Returns a unit's weights as an image of red, green and blue.
fn tile(weights: &[f32], shape: Shape, scale: Diverging) -> Vec<u8> {
    if shape.channels == 1 { scale.image(weights) } else { scale.channels(weights) }
}

/// Returns, for each pixel, the gradient with the largest absolute value among those of its channels.
fn strongest(grads: &[f32], shape: Shape) -> Vec<f32> {
    let plane = grads.len() / shape.channels;
    let of = |place: usize| grads[place..].iter().step_by(plane).copied();
    (0..plane).map(|place| of(place).max_by(|a, b| a.abs().total_cmp(&b.abs())).unwrap_or_default()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pixel_has_the_gradient_of_its_strongest_channel() {
        let shape = Shape { channels: 3, size: (2, 1) };
        assert_eq!(strongest(&[1.0, -2.0, -3.0, 1.0, 2.0, 0.5], shape), [-3.0, -2.0]);
        assert_eq!(strongest(&[1.0, -2.0], Shape { channels: 1, ..shape }), [1.0, -2.0]);
    }

    #[test]
    fn weights_of_three_channels_are_a_coloured_image() {
        let scale = Diverging { limit: 1.0 };
        let shape = Shape { channels: 3, size: (1, 1) };
        assert_eq!(tile(&[1.0, 0.0, -1.0], shape, scale), [255, 128, 0]);
        assert_eq!(tile(&[0.0], Shape { channels: 1, ..shape }, scale), [255; 3]);
    }
}
