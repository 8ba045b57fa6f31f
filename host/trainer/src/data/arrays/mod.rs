//! Data sets of NumPy's arrays: an archive (`.npz`), a folder of arrays (`.npy`), or a file of samples and one of labels.

mod error;
mod labels;
mod samples;
mod source;
mod targets;
#[cfg(test)]
mod tests;

use std::path::Path;

use options::commands::Source as SourceOptions;
use selvedge::{preparation::Element, task::TaskKind};

use super::{
    DataError, Dataset, Split, TestSplit, contents, labels as numbering, locate,
    names::{self, Named},
};
use crate::{npy, quote::quoted, task::Targets};

use samples::Samples;
use source::{Array, Source};
use targets::Found;

pub use error::ArrayError;
pub use samples::check_finite;

/// The names of arrays: those of the training part, of the test part, and of samples that come in one part. For each, the names of the samples
/// come first, then those of the labels.
const TRAIN: [&[&str]; 2] = [&["x_train", "X_train"], &["y_train"]];
const TEST: [&[&str]; 2] = [&["x_test", "X_test"], &["y_test"]];
const WHOLE: [&[&str]; 2] = [&["X", "x", "data", "features"], &["y", "labels", "target"]];

/// The options that arrays do not have.
pub const FOREIGN: [&str; 9] =
    ["label", "features", "window", "stride", "group", "missing", "element", "size", "color"];

/// Returns true if a place has arrays. A file tells by its bytes or its name, and a folder by its files, if there are no IDX files.
pub fn are_at(path: &Path) -> bool {
    if path.is_dir() {
        let names = source::names_in(path);
        let known = [TRAIN, TEST, WHOLE];
        let is_known = |name: &String| known.as_flattened().iter().any(|names| names.contains(&name.as_str()));
        return names.iter().any(is_known) && locate::missing(path).len() == locate::NAMES.len();
    }
    let extension = path.extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase);
    let begins = |magic: &[u8]| contents::begin(path, magic.len()).is_ok_and(|(beginning, _)| beginning == magic);
    matches!(extension.as_deref(), Some("npz" | "npy"))
        || path.is_file() && (begins(npy::MAGIC) || begins(b"PK\x03\x04"))
}

/// Reads a data set; `classes` names the classes.
///
/// # Errors
///
/// [`DataError`], mostly [`ArrayError`].
pub fn read(
    path: &Path,
    options: &SourceOptions,
    task: TaskKind,
    classes: Option<&Path>,
) -> Result<Dataset, DataError> {
    of_source(Source::open(path)?, options, task, classes)
}

/// Reads the bytes of an archive, or those of an array of samples and of an array of labels. `path` is their name in errors.
///
/// # Errors
///
/// The errors of [`read`].
pub fn parse(path: &Path, samples: &[u8], labels: Option<&[u8]>, task: TaskKind) -> Result<Dataset, DataError> {
    let Some(labels) = labels else {
        return of_source(Source::archive(path, samples.to_vec())?, &SourceOptions::default(), task, None);
    };
    let pair = (Array::parse(path, samples)?, Array::parse(path, labels)?);
    parted(&names::of_data(path, ""), pair, TestSplit::default(), task, None)
}

fn of_source(
    source: Source,
    options: &SourceOptions,
    task: TaskKind,
    classes: Option<&Path>,
) -> Result<Dataset, DataError> {
    let path = source.path().to_owned();
    let names = match source.find(TRAIN[0])? {
        Some(_) => TRAIN,
        None => WHOLE,
    };
    let train = pair(&source, names, options.labels.as_deref(), "--labels")?;
    let own_test = source.find(TEST[0])?;
    let test = match (&options.test, options.test_split) {
        (Some(test), _) => Some(test_part(test, options.test_labels.as_deref())?),
        (None, Some(_)) if let Some(found) = own_test => {
            return Err(ArrayError::TwoTests { path, found: found.into(), option: "--test-split" }.into());
        }
        // Samples that come in one part are parted below.
        (None, _) if own_test.is_none() && (names == WHOLE || options.test_split.is_some()) => None,
        (None, _) => Some(pair(&source, TEST, None, "--test-labels")?),
    };
    let unused = unused(&source, names, options.test.is_none());
    let folder = match &source {
        Source::Folder { path, .. } => path.clone(),
        Source::Archive { path, .. } | Source::File(path) => {
            path.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new(".")).into()
        }
    };
    let name = match &source {
        Source::Archive { path, .. } => names::of_data(&path.with_extension(""), ""),
        Source::Folder { .. } | Source::File(_) => names::of_data(&folder, ""),
    };
    let named = names::choose(classes, &folder)?;
    drop(source);
    let mut data = match test {
        Some(test) => parts(&name, train, test, task, named)?,
        None => parted(&name, train, options.test_split.unwrap_or_default(), task, named)?,
    };
    data.notes.extend(unused.map(|unused| format!("{} has arrays that are not used: {unused}", path.display())));
    data.notes.extend(numbering::without_samples(&data));
    Ok(data)
}

/// Returns the samples and the labels of a part.
fn pair(
    source: &Source,
    [samples, labels]: [&[&str]; 2],
    given: Option<&Path>,
    option: &'static str,
) -> Result<(Array, Array), DataError> {
    match (source, given) {
        (Source::File(path), Some(given)) => Ok((Array::read(path)?, Array::read(given)?)),
        (Source::File(path), None) => Err(ArrayError::NoLabels { path: path.clone(), option }.into()),
        (_, Some(_)) => Err(ArrayError::TwoLabels { path: source.path().into(), option }.into()),
        (_, None) => Ok((source.array(source.need(samples)?)?, source.array(source.need(labels)?)?)),
    }
}

/// Returns the samples and the labels of a test part that has its own place.
fn test_part(path: &Path, labels: Option<&Path>) -> Result<(Array, Array), DataError> {
    let source = Source::open(path)?;
    let names = if source.find(TEST[0])?.is_some() { TEST } else { WHOLE };
    pair(&source, names, labels, "--test-labels")
}

/// Returns a note on the arrays that are not used, if there are any.
fn unused(source: &Source, names: [&[&str]; 2], has_own_test: bool) -> Option<String> {
    let test = if has_own_test { TEST } else { [&[][..]; 2] };
    let used = |name: &str| names.iter().chain(&test).any(|names| names.contains(&name));
    let unused = source.names().iter().filter(|name| !used(name)).take(12);
    let unused: Vec<_> = unused.map(|name| quoted(name)).collect();
    (!unused.is_empty()).then(|| unused.join(", "))
}

/// Reads samples. Each has a target.
fn labelled(array: Array, targets: &Found) -> Result<Samples, DataError> {
    let samples_path = array.path.clone();
    let samples = samples::read(array)?;
    if samples.count != targets.len() {
        let (samples, labels_path, labels) = (samples.count, targets.path().clone(), targets.len());
        return Err(DataError::Counts { samples_path, samples, labels_path, labels });
    }
    if samples.count == 0 {
        return Err(DataError::Empty { path: samples_path });
    }
    Ok(samples)
}

fn split(samples: Samples, targets: Targets) -> Split {
    Split::of(samples.shape.features(), samples.element, samples.values, targets)
}

/// Makes a data set from a training part and a test part.
fn parts(
    name: &str,
    (train, train_labels): (Array, Array),
    (test, test_labels): (Array, Array),
    task: TaskKind,
    named: Option<Named>,
) -> Result<Dataset, DataError> {
    let [train_path, test_path] = [&train, &test].map(|array| array.path.clone());
    let [expected, found] = [&train, &test].map(|array| array.header.description.clone());
    let (train_targets, test_targets) = (Found::read(train_labels, task)?, Found::read(test_labels, task)?);
    let (train, test) = (labelled(train, &train_targets)?, labelled(test, &test_targets)?);
    let are_chosen = train.is_chosen && test.is_chosen;
    if train.is_chosen != test.is_chosen || train.element != test.element && !are_chosen {
        return Err(ArrayError::Types { train: train_path, expected, test: test_path, found }.into());
    }
    if train.shape != test.shape {
        return Err(DataError::Shapes { train: train_path, expected: train.shape, test: test_path, found: test.shape });
    }
    let (classes, targets) = targets::resolve(vec![train_targets, test_targets], task, named, name)?;
    let shape = train.shape;
    let mut targets = targets.into_iter();
    let mut splits = [train, test].map(|part| split(part, targets.next().expect("each part has its targets")));
    if splits[0].element() != splits[1].element() {
        // Each was chosen for its part's values, and a float32 has both elements' values.
        splits = splits.map(|split| split.converted(Element::F32).unwrap_or(split));
    }
    Ok(Dataset::new(name, shape, classes, splits))
}

/// Makes a data set from one part, of which a test part is held out.
fn parted(
    name: &str,
    (samples, labels): (Array, Array),
    test_split: TestSplit,
    task: TaskKind,
    named: Option<Named>,
) -> Result<Dataset, DataError> {
    let path = samples.path.clone();
    let found = Found::read(labels, task)?;
    let samples = labelled(samples, &found)?;
    let (classes, targets) = targets::resolve(vec![found], task, named, name)?;
    let targets = targets.into_iter().next().expect("the part has its targets");
    let (train, test) = test_split.partition(&targets.strata(), None);
    if train.is_empty() || test.is_empty() {
        return Err(ArrayError::TooFew { path, count: targets.len() }.into());
    }
    let shape = samples.shape;
    let all = split(samples, targets);
    Ok(Dataset { is_parted: true, ..Dataset::new(name, shape, classes, [all.chosen(&train), all.chosen(&test)]) })
}
