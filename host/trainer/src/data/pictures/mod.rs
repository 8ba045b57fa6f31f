//! A folder of pictures with a sub-folder for each class, as for torchvision's ImageFolder.

mod error;
mod folder;
mod samples;
#[cfg(feature = "pictures")]
#[cfg(test)]
mod tests;

use std::path::Path;

use options::commands::{Color, Missing, Size, Source};
use selvedge::shape::InputShape;

pub use self::{
    error::FolderError,
    folder::{is_flat, is_one},
};
use self::{
    folder::{DEPTH, File, collect, folders, parts},
    samples::{Problem, Samples},
};
use super::{DataError, Dataset, Gaps, Split, label_texts, labels, names};

/// The options that folders of pictures do not have.
pub const FOREIGN: [&str; 9] =
    ["task", "label", "labels", "test-labels", "features", "window", "stride", "group", "element"];

/// Reads all pictures. Each is a sample of its folder's class.
///
/// # Errors
///
/// [`DataError`], with the name of the folder or the picture.
pub fn read(place: &Path, options: &Source, classes: Option<&Path>, has_network: bool) -> Result<Dataset, DataError> {
    let wrong = |error| DataError::Pictures { folder: place.into(), error };
    if options.missing == Some(Missing::Mean) {
        return Err(wrong(FolderError::Mean));
    }
    let given = classes.map(names::given).transpose()?;
    let [train, own_test] = parts(place)?;
    if let Some(test) = own_test.as_ref().filter(|_| options.test_split.is_some() || options.test.is_some()) {
        let test = test.file_name().unwrap_or_default().to_string_lossy().into_owned();
        return Err(wrong(FolderError::HasTest { test }));
    }
    let other_test = options.test.as_ref().map(|test| match parts(test)? {
        [_, Some(test)] => Ok(test),
        [Some(_), None] | [None, None] => Ok::<_, DataError>(test.clone()),
    });
    let test = own_test.map(Ok).or(other_test).transpose()?;
    let roots = [Some(train.unwrap_or_else(|| place.into())), test];

    let mut files = Vec::new();
    for (part, root) in roots.iter().enumerate() {
        for class in folders(root.as_deref().unwrap_or(Path::new(""))).unwrap_or_default() {
            let name = class.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let mut pictures = Vec::new();
            collect(&class, DEPTH, &mut pictures).map_err(|error| DataError::Unreadable { path: class, error })?;
            files.extend(pictures.into_iter().map(|path| File { path, class: name.clone(), part }));
        }
    }
    let mut texts: Vec<&str> = files.iter().map(|file| file.class.as_str()).collect();
    texts.sort_unstable();
    texts.dedup();
    if texts.len() < 2 && !has_network {
        return Err(wrong(FolderError::OneClass { found: texts.len() }));
    }
    let (classes, map) = label_texts::classes(&texts, given.as_ref()).map_err(|(label, reason)| {
        wrong(FolderError::Class { folder: texts.get(label).copied().unwrap_or_default().into(), reason })
    })?;
    let label_of = |file: &File| texts.binary_search(&file.class.as_str()).map_or(0, |place| map[place]);

    let mut samples = Samples::read(&files, options).map_err(|error| match error {
        Problem::Folder(error) => wrong(error),
        Problem::Picture(error) => DataError::Picture { error },
    })?;
    let channels = options.color.unwrap_or(if samples.are_grey { Color::Grey } else { Color::Rgb }).channels();
    samples.keep_channels(channels);
    let Samples { values, kept, size: Size { width, height }, .. } = samples;
    let input = InputShape::Image { channels, height, width };
    let labels: Vec<u16> = kept.iter().map(|&file| label_of(&files[file])).collect();
    let all = Split::new(input.features(), values, labels);
    let of_part = |part: usize| -> Vec<u32> {
        (0..).zip(&kept).filter(|&(_, &file)| files[file].part == part).map(|(index, _)| index).collect()
    };
    let (training, testing) = match &roots[1] {
        Some(_) => (of_part(0), of_part(1)),
        None => options.test_split.unwrap_or_default().partition(&all.strata(), None),
    };
    if training.is_empty() || testing.is_empty() {
        return Err(wrong(FolderError::NoTest { samples: all.len() }));
    }
    let splits = [all.chosen(&training), all.chosen(&testing)];
    let dropped = files.len() - kept.len();
    let data = Dataset::new(&names::of_data(place, ""), input, classes, splits);
    let mut notes = Vec::new();
    match dropped {
        0 => {}
        1 => notes.push("1 picture that cannot be read is left out".into()),
        _ => notes.push(format!("{dropped} pictures that cannot be read are left out")),
    }
    notes.extend(labels::without_samples(&data));
    let is_parted = roots[1].is_none();
    Ok(Dataset { labels_are_names: given.is_none(), gaps: Gaps { dropped, filled: 0 }, is_parted, notes, ..data })
}
