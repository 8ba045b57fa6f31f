use std::{io::Write, path::Path};

use crate::{
    picture::{self, Captioned},
    task::Targets,
};
use anyhow::{Result, bail};
use selvedge::shape::InputShape;

use super::{load, part};

/// Images shown in a terminal, where they are large.
const IN_TERMINAL: usize = 3;

pub fn run(options: &options::commands::Show) -> Result<()> {
    let path = options.out();
    if options.plain && options.count > 1 {
        check_folder(&path)?;
    } else {
        check_extension(&path)?;
    }
    let data = load(&options.data)?;
    let (name, shape, classes) = (data.name.clone(), data.input, data.classes.clone());
    let InputShape::Image { channels: 1, height, width } = shape else {
        bail!("{name}: a sample is {shape}, and only images in shades of grey can be shown; `data` shows others");
    };
    let mut split = part(options.split, data);
    split.truncate(options.count as usize);
    let named = |index| match split.targets() {
        Targets::Classes(labels) => classes.name(usize::from(labels[index])).into_owned(),
        Targets::Labels(rows) => {
            let there = classes.all().zip(rows.row(index)).filter(|(_, label)| **label > 0.0);
            there.map(|(name, _)| name.into_owned()).collect::<Vec<_>>().join(", ")
        }
        Targets::Values(rows) => rows.row(index).iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    };
    let names: Vec<String> = (0..split.len()).map(named).collect();
    let images: Vec<_> = split.samples().zip(&names).map(|(shades, caption)| Captioned { shades, caption }).collect();
    let mut out = terminal::stdout();
    if out.is_terminal() {
        for Captioned { shades, caption } in images.iter().take(IN_TERMINAL) {
            writeln!(out, "{caption}")?;
            out.write_drawing(&picture::terminal(shades, width as usize))?;
            writeln!(out)?;
        }
    }
    match (options.plain, options.count) {
        (false, _) => {
            picture::save_grid(&path, &images, (width, height))?;
            writeln!(out, "Saved {}, {} images with their labels", path.display(), images.len())?;
        }
        (true, 1) => {
            for Captioned { shades, caption } in images {
                picture::save_sample(&path, shades, (width, height))?;
                writeln!(out, "Saved {}: {caption}", path.display())?;
            }
        }
        (true, _) => {
            let digits = images.len().saturating_sub(1).to_string().len();
            for (index, Captioned { shades, caption }) in images.iter().enumerate() {
                let name = format!("{index:0digits$}-{}.png", as_file_name(caption));
                picture::save_sample(&path.join(name), shades, (width, height))?;
            }
            writeln!(out, "Saved {} pictures in {}, a sample each", images.len(), path.display())?;
        }
    }
    Ok(())
}

/// A file's name says what is in it.
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

/// A folder is not named as a picture.
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

/// A class's name in letters and digits that any file system takes.
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
