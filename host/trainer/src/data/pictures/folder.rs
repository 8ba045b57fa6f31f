//! The pictures in a folder's sub-folders, and the folder's training and test parts.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::data::{DataError, locate};

/// The endings of pictures' names.
const ENDINGS: [&str; 8] = ["png", "jpg", "jpeg", "webp", "gif", "bmp", "tif", "tiff"];
/// The folders of the two parts. For the test part, the first name that is there counts.
pub const TRAIN: &str = "train";
pub const TEST: [&str; 4] = ["test", "val", "valid", "validation"];
/// The largest depth of sub-folders that are searched.
pub const DEPTH: usize = 8;

/// A picture's file.
pub struct File {
    pub path: PathBuf,
    /// The picture's class, by its folder.
    pub class: String,
    /// 0 for training, 1 for test.
    pub part: usize,
}

/// Returns true if a folder has pictures in sub-folders.
pub fn is_one(folder: &Path) -> bool {
    let has_pictures = |folder: &Path| {
        folders(folder).unwrap_or_default().iter().any(|below| {
            fs::read_dir(below)
                .is_ok_and(|mut entries| entries.any(|entry| entry.is_ok_and(|entry| is_picture(&entry.path()))))
        })
    };
    has_pictures(folder) || folders(folder).unwrap_or_default().iter().any(|below| has_pictures(below))
}

/// Returns true if a folder has pictures, and none of the four IDX files.
pub fn is_flat(folder: &Path) -> bool {
    let mut entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.any(|entry| is_picture(&entry.path())) && !locate::holds_any(folder)
}

/// Returns the folders of the training and of the test part, if a folder has them.
pub fn parts(place: &Path) -> Result<[Option<PathBuf>; 2], DataError> {
    let below = folders(place).map_err(|error| DataError::Unreadable { path: place.into(), error })?;
    let named = |name: &str| {
        let is_named = |folder: &&PathBuf| folder.file_name().is_some_and(|own| own.eq_ignore_ascii_case(name));
        below.iter().find(is_named).filter(|folder| folders(folder).is_ok_and(|classes| !classes.is_empty()))
    };
    let train = named(TRAIN);
    let test = train.and_then(|_| TEST.iter().find_map(|name| named(name)));
    Ok([train.cloned(), test.cloned()])
}

/// Returns the folders in a folder, sorted, without hidden ones.
pub fn folders(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut all = entries(folder)?;
    all.retain(|path| path.is_dir());
    Ok(all)
}

fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            all.push(entry.path());
        }
    }
    all.sort();
    Ok(all)
}

/// Adds all pictures in a folder and below it to `pictures`.
pub fn collect(folder: &Path, depth: usize, pictures: &mut Vec<PathBuf>) -> io::Result<()> {
    for path in entries(folder)? {
        if path.is_dir() {
            if depth > 1 {
                collect(&path, depth - 1, pictures)?;
            }
        } else if is_picture(&path) {
            pictures.push(path);
        }
    }
    Ok(())
}

fn is_picture(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known)))
}
