//! A data set from its four IDX files, checked: samples and labels fit each other, and labels their classes.

#[cfg(test)]
pub mod tests;

use std::path::{Path, PathBuf};

use selvedge::{idx, shape::InputShape};

use super::{
    DataError, Dataset, Split,
    contents::{self, Contents},
    known::{self, Known},
    locate, names,
};

/// One of the four files as it was found.
struct Part {
    path: PathBuf,
    /// The published set that it is of.
    known: Option<&'static Known>,
}

/// Reads the training and test data that `place` names; `origin` says in errors who named it, and `classes` names the classes.
pub fn read(origin: &'static str, place: &Path, classes: Option<&Path>) -> Result<Dataset, DataError> {
    let place = locate::find(origin, place)?;
    let [train_images, train_labels, test_images, test_labels] = place.paths;
    let (input, train, mut parts) = split(train_images, train_labels, 0)?;
    let (found, test, more) = split(test_images, test_labels, 2)?;
    parts.extend(more);
    if found != input {
        let [train, test] = [0, 2].map(|part: usize| parts[part].path.clone());
        return Err(DataError::Shapes { train, expected: input, test, found });
    }
    let known = parts[0].known.filter(|&known| parts.iter().all(|part| part.known == Some(known)));
    let labels = [(&parts[1].path, &train), (&parts[3].path, &test)];
    let named = names::choose(classes, &place.folder)?;
    let named = names::resolve(named, known, || count(labels))?;
    for (path, split) in labels {
        let mut labels = split.labels().iter().enumerate();
        if let Some((index, &label)) = labels.find(|&(_, &label)| usize::from(label) >= named.classes.count()) {
            let classes = named.classes.count();
            return Err(DataError::Label { path: path.clone(), index, label, names: named.source, classes });
        }
    }
    let name = known.map_or_else(|| names::of_data(&place.folder, &place.prefix), |known| known.name.into());
    let mut data = Dataset::new(&name, input, named.classes, [train, test]);
    data.notes.extend(known.is_none().then(|| resembles(&name, &parts)).flatten());
    data.notes.extend(without_samples(&data));
    Ok(data)
}

/// Returns the number of classes: the labels must use each number from the least to the greatest.
fn count(splits: [(&PathBuf, &Split); 2]) -> Result<usize, DataError> {
    let labels = || splits.into_iter().flat_map(|(_, split)| split.labels()).map(|&label| usize::from(label));
    let count = labels().max().map_or(0, |label| label + 1);
    let mut is_there = vec![false; count];
    labels().for_each(|label| is_there[label] = true);
    let least = labels().min().unwrap_or(0);
    let Some(missing) = (least..count).find(|&label| !is_there[label]) else { return Ok(count) };
    for (path, split) in splits {
        let mut labels = split.labels().iter().enumerate();
        if let Some((index, &label)) = labels.find(|&(_, &label)| usize::from(label) > missing) {
            return Err(DataError::Gap { path: path.clone(), index, label, missing });
        }
    }
    Ok(count)
}

/// The note for data that mixes files of a published set with others.
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

/// The note for classes without a training sample.
pub fn without_samples(data: &Dataset) -> Option<String> {
    const SHOWN: usize = 5;
    let mut is_there = vec![false; data.classes.count()];
    data.train.labels().iter().for_each(|&label| is_there[usize::from(label)] = true);
    let missing: Vec<usize> = (0..is_there.len()).filter(|&class| !is_there[class]).collect();
    let (count, name) = (missing.len(), &data.name);
    let shown = |&class: &usize| match data.classes.are_named() {
        true => format!("{class} ({})", data.classes.name(class)),
        false => class.to_string(),
    };
    let mut list = missing.iter().take(SHOWN).map(shown).collect::<Vec<_>>().join(", ");
    if count > SHOWN {
        list += &format!(" and {} more", count - SHOWN);
    }
    match missing[..] {
        [] => None,
        [0] => Some(format!(
            "the training labels of {name} begin at 1: class {list} has no sample, and a network's output for it learns nothing"
        )),
        [_] => Some(format!("class {list} of {name} has no training sample, so a network cannot learn it")),
        _ => Some(format!(
            "{count} of the {} classes of {name} have no training sample, so a network cannot learn them: {list}",
            is_there.len()
        )),
    }
}

/// Reads a part of the data from its two files, of which the first is at `slot` among the four.
fn split(
    samples_path: PathBuf,
    labels_path: PathBuf,
    slot: usize,
) -> Result<(InputShape, Split, Vec<Part>), DataError> {
    let samples = contents::read(&samples_path, idx::samples_len)?;
    let known_samples = known::of(slot, &samples);
    let (shape, values) = values(&samples_path, samples)?;
    let labels = contents::read(&labels_path, idx::labels_len)?;
    let known_labels = known::of(slot + 1, &labels);
    let labels = idx::labels(&labels.bytes).map_err(|error| DataError::Idx { path: labels_path.clone(), error })?;
    let count = values.len() / shape.features();
    if count != labels.len() {
        let labels = labels.len();
        return Err(DataError::Counts { samples_path, samples: count, labels_path, labels });
    }
    if count == 0 {
        return Err(DataError::Empty { path: samples_path });
    }
    let labels = labels.iter().map(|&label| label.into()).collect();
    let parts =
        vec![Part { path: samples_path, known: known_samples }, Part { path: labels_path, known: known_labels }];
    Ok((shape, Split::new(shape.features(), values, labels), parts))
}

/// Reads a file of samples: their shape, and all values.
pub fn samples(path: &Path) -> Result<(InputShape, Vec<u8>), DataError> {
    values(path, contents::read(path, idx::samples_len)?)
}

/// The same of a file's bytes; `path` is its name in errors.
pub fn samples_in(path: &Path, bytes: Vec<u8>) -> Result<(InputShape, Vec<u8>), DataError> {
    values(path, contents::of_bytes(path, bytes, idx::samples_len)?)
}

fn values(path: &Path, contents: Contents) -> Result<(InputShape, Vec<u8>), DataError> {
    let mut bytes = contents.bytes;
    let samples = idx::samples(&bytes).map_err(|error| DataError::Idx { path: path.into(), error })?;
    let (shape, header) = (samples.shape(), bytes.len() - samples.bytes().len());
    bytes.drain(..header);
    Ok((shape, bytes))
}
