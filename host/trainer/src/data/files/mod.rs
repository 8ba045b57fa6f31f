//! A data set from its four IDX files. It is checked that samples and labels fit each other, and that each label is a class.

#[cfg(test)]
pub mod tests;

use std::path::{Path, PathBuf};

use selvedge::shape::InputShape;

use super::{
    ArrayError, DataError, Dataset, Split,
    contents::{self, Contents},
    idx,
    known::{self, Known},
    labels, locate, names,
};

/// One of the four files, after it was found.
struct Part {
    path: PathBuf,
    /// The published set to which the file belongs.
    known: Option<&'static Known>,
}

/// Checks that `place` names four files. `origin` is the option or variable that named it, for errors.
pub fn find(origin: &'static str, place: &Path) -> Result<(), DataError> {
    locate::find(origin, place).map(drop)
}

/// Reads the training and test data that `place` names. `origin` is the option or variable that named it, for errors. `classes` names the
/// classes.
pub fn read(origin: &'static str, place: &Path, classes: Option<&Path>) -> Result<Dataset, DataError> {
    let place = locate::find(origin, place)?;
    let [train_images, train_labels, test_images, test_labels] = place.paths;
    let (input, train, mut parts) = split(train_images, train_labels, 0)?;
    let (found, test, more) = split(test_images, test_labels, 2)?;
    parts.extend(more);
    if train.element() != test.element() {
        let [train_path, test_path] = [0, 2].map(|part: usize| parts[part].path.clone());
        let [expected, found] = [&train, &test].map(|split| split.element().name().into());
        return Err(ArrayError::Types { train: train_path, expected, test: test_path, found }.into());
    }
    if found != input {
        let [train, test] = [0, 2].map(|part: usize| parts[part].path.clone());
        return Err(DataError::Shapes { train, expected: input, test, found });
    }
    let known = parts[0].known.filter(|&known| parts.iter().all(|part| part.known == Some(known)));
    let named = names::choose(classes, &place.folder)?;
    let all = [(&*parts[1].path, train.labels()), (&*parts[3].path, test.labels())];
    let classes = labels::classes(named, known, &all)?;
    let name = known.map_or_else(|| names::of_data(&place.folder, &place.prefix), |known| known.name.into());
    let mut data = Dataset::new(&name, input, classes, [train, test]);
    data.notes.extend(known.is_none().then(|| resembles(&name, &parts)).flatten());
    data.notes.extend(labels::without_samples(&data));
    Ok(data)
}

/// Returns a note if the data mixes files of a published set with others.
fn resembles(name: &str, parts: &[Part]) -> Option<String> {
    let known = parts.iter().find_map(|part| part.known)?;
    let others = parts.iter().filter(|part| part.known != Some(known));
    let others: Vec<String> = others.map(|part| part.path.display().to_string()).collect();
    Some(format!(
        "this is not the published {}, of which only some files are here: {} differ from it; it is called {name}",
        known.name,
        others.join(" and ")
    ))
}

/// Reads a part of the data from its two files. `slot` is the place of the first one among the four.
fn split(
    samples_path: PathBuf,
    labels_path: PathBuf,
    slot: usize,
) -> Result<(InputShape, Split, Vec<Part>), DataError> {
    let samples = contents::read(&samples_path, &idx::SAMPLES)?;
    let known_samples = known::of(slot, &samples);
    let (shape, element, values) = idx::samples(&samples_path, samples.bytes)?;
    let labels = contents::read(&labels_path, &idx::LABELS)?;
    let known_labels = known::of(slot + 1, &labels);
    let labels = idx::labels(&labels_path, labels.bytes.get(0..labels.bytes.len()))?;
    let count = values.len() / (shape.features() * element.size());
    if count != labels.len() {
        let labels = labels.len();
        return Err(DataError::Counts { samples_path, samples: count, labels_path, labels });
    }
    if count == 0 {
        return Err(DataError::Empty { path: samples_path });
    }
    let parts =
        vec![Part { path: samples_path, known: known_samples }, Part { path: labels_path, known: known_labels }];
    Ok((shape, Split::of(shape.features(), element, values, labels), parts))
}

/// Reads a file of samples. All labels are 0.
pub fn samples(path: &Path) -> Result<(InputShape, Split), DataError> {
    unlabelled(path, contents::read(path, &idx::SAMPLES)?)
}

/// Reads samples from a file's bytes. All labels are 0. `path` is the file's name in errors.
pub fn samples_in(path: &Path, bytes: Vec<u8>) -> Result<(InputShape, Split), DataError> {
    unlabelled(path, contents::of_bytes(path, bytes, &idx::SAMPLES)?)
}

fn unlabelled(path: &Path, contents: Contents) -> Result<(InputShape, Split), DataError> {
    let (shape, element, values) = idx::samples(path, contents.bytes)?;
    let count = values.len() / (shape.features() * element.size());
    Ok((shape, Split::of(shape.features(), element, values, vec![0; count])))
}
