//! The samples of a pack: Fashion-MNIST's four files, or a few made-up ones for a rehearsal.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

use crate::doctor;

/// Fashion-MNIST as it is downloaded.
const FILES: [&str; 4] = [
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
];
/// The numbers of samples of a rehearsal, for training and for test.
const MADE_UP: [(&str, u32); 2] = [("train", 260), ("t10k", 40)];
/// The number of pixels at a side of Fashion-MNIST's images. The second constant is the number of classes.
const SIDE: u32 = 28;
const CLASSES: u32 = 10;

/// Returns the folder with the four files: the named one, or the first folder with them of those that `selvedge` searches.
pub fn find(named: Option<&Path>) -> Result<PathBuf> {
    let missing = |folder: &Path| FILES.into_iter().find(|file| !folder.join(file).is_file());
    if let Some(folder) = named {
        return match missing(folder) {
            None => Ok(folder.to_owned()),
            Some(file) => bail!("--data {}: it has no {file}, one of Fashion-MNIST's four files", folder.display()),
        };
    }
    doctor::data_folders().find(|folder| missing(folder).is_none()).with_context(|| {
        format!(
            "Fashion-MNIST's four files ({}) are nowhere here: name their folder by --data or FASHION_MNIST_DIR, or let \
             `cargo xtask train --steps 1` download them",
            FILES.join(", ")
        )
    })
}

/// Copies the four files.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot make {}", to.display()))?;
    for file in FILES {
        fs::copy(from.join(file), to.join(file))
            .with_context(|| format!("cannot copy {}", from.join(file).display()))?;
    }
    Ok(())
}

/// Writes images of noise that is brighter in the rows of their class.
pub fn make_up(to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot make {}", to.display()))?;
    let mut state = 1_u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state >> 25
    };
    for (part, count) in MADE_UP {
        let class = |sample: u32| (7 * sample + sample / CLASSES) % CLASSES;
        let header = |numbers: &[u32]| numbers.iter().flat_map(|number| number.to_be_bytes()).collect::<Vec<_>>();
        let mut images = header(&[0x0803, count, SIDE, SIDE]);
        for sample in 0..count {
            for pixel in 0..SIDE * SIDE {
                let is_bright = pixel / SIDE / 3 == class(sample);
                images.push((noise() + if is_bright { 128 } else { 0 }) as u8);
            }
        }
        let mut labels = header(&[0x0801, count]);
        labels.extend((0..count).map(|sample| class(sample) as u8));
        for (file, bytes) in [("images-idx3", images), ("labels-idx1", labels)] {
            let file = to.join(format!("{part}-{file}-ubyte"));
            fs::write(&file, bytes).with_context(|| format!("cannot write {}", file.display()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_without_a_file_is_refused_by_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().to_owned();
        FILES.iter().take(3).for_each(|file| fs::write(folder.join(file), file).unwrap());
        let error = find(Some(&folder)).unwrap_err().to_string();
        assert!(error.starts_with("--data ") && error.contains("t10k-labels-idx1-ubyte.gz"), "{error}");
        fs::write(folder.join(FILES[3]), FILES[3]).unwrap();
        assert_eq!(find(Some(&folder)).unwrap(), folder);
        copy(&folder, &folder.join("copied")).unwrap();
        assert_eq!(fs::read_to_string(folder.join("copied").join(FILES[3])).unwrap(), FILES[3]);
    }

    #[test]
    fn made_up_images_have_every_class() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("data");
        make_up(&folder).unwrap();
        let labels = fs::read(folder.join("train-labels-idx1-ubyte")).unwrap();
        assert_eq!(labels.len(), 8 + 260);
        assert!((0..10).all(|class| labels[8..].contains(&class)));
        assert_eq!(fs::read(folder.join("t10k-images-idx3-ubyte")).unwrap().len(), 16 + 40 * 784);
    }
}
