//! `selvedge show`: samples, what augmentation makes of them, and what a network has learned of them.

mod augmented;
mod network;

use std::{
    io::{self, Write},
    path::Path,
};

use crate::{
    classes::Classes,
    data::{Dataset, Split},
    picture::{self, Captioned},
    task::Targets,
};
use anyhow::{Result, bail, ensure};
use options::commands::{Part, Show};
use selvedge::{preparation::Element, shape::InputShape};

use super::{load, part};

/// Images shown in a terminal, where they are large.
const IN_TERMINAL: usize = 3;
/// Images in a row of a sheet of samples, and the number of the sheet's pixels along each pixel of an image.
const GRID: (u32, u32) = (10, 3);
/// The least width, in pixels, of an image whose caption is a class's name.
const CAPTION: u32 = 84;

pub fn run(options: &Show) -> Result<()> {
    if options.augment.is_some() {
        return augmented::run(options);
    }
    match &options.weights {
        Some(path) if options.saliency => network::saliency(options, path),
        Some(path) => network::first_layer(options, path),
        None => samples(options),
    }
}

fn samples(options: &Show) -> Result<()> {
    let (path, count) = (options.out(), options.count());
    if options.plain && count > 1 {
        check_folder(&path)?;
    } else {
        check_extension(&path)?;
    }
    let data = load(&options.data)?;
    let (shape, classes) = (Shape::of(&data)?, data.classes.clone());
    ensure!(
        !options.plain || shape.channels == 1,
        "{}: --plain saves images in shades of grey, and these have 3 channels; leave it out for a sheet of them",
        data.name
    );
    let mut split = part(options.split.unwrap_or(Part::Train), data);
    split.truncate(count as usize);
    let names: Vec<String> = (0..split.len()).map(|index| named(&split, &classes, index)).collect();
    let images: Vec<_> = split.samples().zip(&names).map(|(shades, caption)| Captioned { shades, caption }).collect();
    show_in_terminal(&images, shape)?;
    let mut out = terminal::stdout();
    match (options.plain, count) {
        (false, _) => {
            picture::save_grid(&path, &images, shape.size, GRID)?;
            writeln!(out, "Saved {}, {} images with their labels", path.display(), images.len())?;
        }
        (true, 1) => {
            for Captioned { shades, caption } in images {
                picture::save_sample(&path, shades, shape.size)?;
                writeln!(out, "Saved {}: {caption}", path.display())?;
            }
        }
        (true, _) => {
            let digits = images.len().saturating_sub(1).to_string().len();
            for (index, Captioned { shades, caption }) in images.iter().enumerate() {
                let name = format!("{index:0digits$}-{}.png", as_file_name(caption));
                picture::save_sample(&path.join(name), shades, shape.size)?;
            }
            writeln!(out, "Saved {} pictures in {}, a sample each", images.len(), path.display())?;
        }
    }
    Ok(())
}

/// The shape of images that can be shown.
#[derive(Clone, Copy)]
struct Shape {
    /// 1 or 3.
    channels: usize,
    /// Columns and rows.
    size: (u32, u32),
}

impl Shape {
    /// Returns the shape of data whose samples are images of bytes.
    fn of(data: &Dataset) -> Result<Self> {
        let (name, element) = (&data.name, data.train.element());
        let Some(shape) = Self::of_images(data.input) else {
            let sample = data.input;
            bail!("{name}: a sample is {sample}, and only images of 1 or 3 channels can be shown; `data` shows others");
        };
        ensure!(
            element == Element::U8,
            "{name}: the images' values are {element}, and only bytes can be shown; `data` shows others"
        );
        Ok(shape)
    }

    fn of_images(input: InputShape) -> Option<Self> {
        match input {
            InputShape::Image { channels: channels @ (1 | 3), height, width } => {
                Some(Self { channels: channels as usize, size: (width, height) })
            }
            _ => None,
        }
    }

    /// Returns the scale at which an image is at least this number of pixels wide.
    fn scale_to(self, width: u32) -> u32 {
        width.div_ceil(self.size.0.max(1)).clamp(1, 16)
    }
}

/// Returns a sample's class, labels or numbers.
fn named(split: &Split, classes: &Classes, index: usize) -> String {
    match split.targets() {
        Targets::Classes(labels) => classes.name(usize::from(labels[index])).into_owned(),
        Targets::Labels(rows) => {
            let there = classes.all().zip(rows.row(index)).filter(|(_, label)| **label > 0.0);
            there.map(|(name, _)| name.into_owned()).collect::<Vec<_>>().join(", ")
        }
        Targets::Values(rows) => rows.row(index).iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    }
}

/// Draws the first images, where standard output is a terminal. An image of one plane is grey.
fn show_in_terminal(images: &[Captioned<'_>], shape: Shape) -> io::Result<()> {
    let mut out = terminal::stdout();
    if !out.is_terminal() {
        return Ok(());
    }
    let (width, height) = (shape.size.0 as usize, shape.size.1 as usize);
    for Captioned { shades, caption } in images.iter().take(IN_TERMINAL) {
        writeln!(out, "{caption}")?;
        let is_grey = shades.len() <= width * height;
        let drawn =
            if is_grey { picture::terminal(shades, width) } else { picture::terminal_in_colours(shades, width) };
        out.write_drawing(&drawn)?;
        writeln!(out)?;
    }
    Ok(())
}

/// Checks the extension of a file's name, which tells its content.
fn check_extension(path: &Path) -> Result<()> {
    match path.extension() {
        Some(extension) if extension.eq_ignore_ascii_case("png") => Ok(()),
        _ => {
            bail!(
                "--out {}: a picture is saved as PNG; name it {}",
                path.display(),
                path.with_extension("png").display()
            )
        }
    }
}

/// Checks that a folder does not have the name of a picture.
fn check_folder(path: &Path) -> Result<()> {
    match path.extension() {
        Some(extension) if extension.eq_ignore_ascii_case("png") => {
            bail!(
                "--out {}: --plain saves more than one picture, so this is a folder; name it without an ending, such as {}",
                path.display(),
                path.with_extension("").display()
            )
        }
        _ => Ok(()),
    }
}

/// Returns a class's name in letters and digits that any file system takes.
fn as_file_name(name: &str) -> String {
    const LONGEST: usize = 40;
    name.chars().take(LONGEST).map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_named_as_what_it_is() {
        for name in ["a.png", "a.PNG", "b.jpg/a.png"] {
            assert!(check_extension(name.as_ref()).is_ok(), "{name}");
        }
        for (name, right) in
            [("a", "a.png"), ("s.jpg", "s.png"), ("a.png.webp", "a.png.png"), ("x/model.pth", "x/model.png")]
        {
            let error = check_extension(name.as_ref()).unwrap_err().to_string();
            assert_eq!(error, format!("--out {name}: a picture is saved as PNG; name it {right}"));
        }
    }

    #[test]
    fn a_folder_is_not_named_as_a_picture() {
        assert!(check_folder("pictures".as_ref()).is_ok() && check_folder("v1.2".as_ref()).is_ok());
        let error = check_folder("d.png".as_ref()).unwrap_err().to_string();
        assert!(error.ends_with("name it without an ending, such as d"), "{error}");
    }

    #[test]
    fn a_class_makes_a_file_name() {
        assert_eq!(as_file_name("T-shirt/top"), "T-shirt-top");
        assert_eq!(as_file_name("../größer"), "---gr--er");
        assert_eq!(as_file_name(&"x".repeat(500)).len(), 40);
    }
}
