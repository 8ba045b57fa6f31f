//! Tables: CSV files of measurements. A row is a sample, or one time of a time series.
//!
//! [`lines`] opens a file within limits, [`columns`] gives its columns their meaning, [`rows`] reads cells, [`windows`] cuts time series,
//! [`values`] fills gaps and writes elements. [`storage`] keeps the values, in memory or in a temporary file.

pub mod columns;
mod error;
mod lines;
mod rows;
mod storage;
#[cfg(test)]
mod tests;
mod values;
mod windows;

use std::path::Path;

use options::commands::{ElementName, Missing, Source, TaskName};
use selvedge::{preparation::Element, shape::InputShape, task::TaskKind};

use super::{
    DataError, Dataset, Gaps, Split, Store, label_texts, labels,
    names::{self, Named},
};
use crate::{
    classes::Classes,
    task::{TargetRows, Targets},
};
use columns::{Column, NO_UNIT, Roles, Wanted};
use lines::Lines;
use rows::Names;
use storage::Storage;
use windows::Samples;

pub use error::TableError;
pub use lines::is_table;

/// The options that tables do not have.
pub const FOREIGN: [&str; 4] = ["labels", "test-labels", "size", "color"];

/// The largest number of bytes of samples that are only classified: they are all in memory.
const MOST: u64 = 1 << 32;

/// Reads the training and test samples of a table. If `--test` names a second table, the test samples come from it.
///
/// `wanted` is what a network takes, if there is a network.
///
/// # Errors
///
/// [`DataError`], with the file's name.
pub fn read(path: &Path, options: &Source, classes: Option<&Path>, wanted: Wanted<'_>) -> Result<Dataset, DataError> {
    let given = classes.map(names::given).transpose()?;
    let opened = |path: &Path| Lines::open(path).map_err(|error| wrong(path, error));
    let files = [Some(opened(path)?), options.test.as_deref().map(opened).transpose()?];
    assemble(path, files, options, given.as_ref(), wanted, &Storage::from_environment()?)
}

/// Reads a table's text. `path` is its name in errors.
///
/// # Errors
///
/// [`DataError`] if the text is not a table of samples.
pub fn parse(path: &Path, bytes: &[u8], options: &Source) -> Result<Dataset, DataError> {
    let lines = Lines::of_bytes(bytes).map_err(|error| wrong(path, error))?;
    let task = options.task.map_or(TaskKind::Classification, |TaskName(task)| task);
    let wanted = Wanted { task, ..Wanted::default() };
    assemble(path, [Some(lines), None], options, None, wanted, &Storage::from_environment()?)
}

/// Reads samples that are only classified, for a network that takes this element. Each comes with the number of its first line.
///
/// # Errors
///
/// [`DataError`].
pub fn read_samples(path: &Path, wanted: Wanted<'_>, element: Element) -> Result<Vec<(u32, Vec<u8>)>, DataError> {
    let options = Source { element: Some(ElementName(element)), ..Source::default() };
    let storage = Storage::from_environment()?;
    let read = || {
        let mut lines = Lines::open(path)?;
        let columns = columns::parse(&lines.header)?;
        let roles = columns::roles_to_classify(&columns, wanted)?;
        let read = (&options, TaskKind::Classification);
        let rows = rows::read(&mut lines, &columns, &roles, read, &mut Names::default(), &storage)?;
        let Samples { values, lines, .. } = match roles.window {
            1 => windows::each_row(rows),
            window => windows::cut(&rows, window, window, &storage)?,
        };
        if values.len() as u64 > MOST {
            return Err(TableError::Memory { most: MOST });
        }
        let len = values.len() / lines.len();
        let encoded = |sample: usize| {
            let mut values = values.get(sample * len..(sample + 1) * len).to_vec();
            values::encode_in_place(&mut values, element);
            values
        };
        Ok(lines.iter().enumerate().map(|(sample, &line)| (line, encoded(sample))).collect())
    };
    read().map_err(|error| match error {
        TableError::Missing { line, column, .. } => wrong(path, TableError::NoValue { line, column }),
        error => wrong(path, error),
    })
}

fn wrong(path: &Path, error: TableError) -> DataError {
    DataError::Table { path: path.into(), error }
}

/// The samples of one file, before they are divided.
struct Part {
    samples: Samples,
    dropped: usize,
    /// The features that only rise.
    rising: Vec<usize>,
}

fn assemble(
    path: &Path,
    [train, test]: [Option<Lines<'_>>; 2],
    options: &Source,
    given: Option<&Named>,
    wanted: Wanted<'_>,
    storage: &Storage,
) -> Result<Dataset, DataError> {
    let paths = [path, options.test.as_deref().unwrap_or(path)];
    let in_file = |file: usize| move |error| wrong(paths[file], error);
    let mut names = Names::default();
    let Some(mut lines) = train else { return Err(wrong(path, TableError::Empty)) };
    let columns = columns::parse(&lines.header).map_err(in_file(0))?;
    let roles = columns::roles(&columns, options, wanted).map_err(in_file(0))?;
    let read = (options, wanted.task, storage);
    let mut train = part(&mut lines, &columns, &roles, read, &mut names).map_err(in_file(0))?;
    drop(lines);
    let mut notes = remarks(&columns, &roles, options, wanted, &train);
    let train_groups = names.groups.all.len();
    let mut test = match test {
        Some(mut lines) => {
            let columns_there = columns::parse(&lines.header).map_err(in_file(1))?;
            let same = roles.in_table(&columns, &columns_there).map_err(in_file(1))?;
            Some(part(&mut lines, &columns_there, &same, read, &mut names).map_err(in_file(1))?)
        }
        None => None,
    };

    let named: Vec<&Column> = roles.labels.iter().map(|&place| &columns[place]).collect();
    let has_classes = wanted.task == TaskKind::Classification;
    let (classes, map) = match has_classes {
        true => {
            let texts: Vec<&str> = names.labels.all.iter().map(|(text, ..)| text.as_str()).collect();
            if let ([text], false) = (&texts[..], wanted.has_network) {
                return Err(wrong(path, TableError::OneClass { label: (*text).into() }));
            }
            label_texts::classes(&texts, given).map_err(|(label, reason)| {
                let (_, file, line) = names.labels.all[label];
                let column = named.first().map_or_else(String::new, |column| column.name.clone());
                wrong(paths[file], TableError::Label { line, column, reason })
            })?
        }
        false => (output_names(path, &named, given)?, Vec::new()),
    };
    let targets = |part: &Part| -> Targets {
        let rows = || TargetRows::new(named.len(), part.samples.targets.clone());
        match wanted.task {
            TaskKind::MultiLabel => Targets::Labels(rows()),
            TaskKind::Regression => Targets::Values(rows()),
            TaskKind::Classification => {
                Targets::Classes(part.samples.labels.iter().map(|&label| map[label as usize]).collect())
            }
        }
    };
    let train_targets = targets(&train);
    let test_targets = test.as_ref().map(targets);

    let features = roles.features.len() * roles.window;
    let parted = match &test {
        Some(test) => {
            let shared = test.samples.groups.iter().find(|&&group| (group as usize) < train_groups);
            if let Some(&group) = shared {
                let group = names.groups.all[group as usize].0.clone();
                return Err(wrong(paths[1], TableError::SharedGroup { group }));
            }
            None
        }
        None => Some(parted(&train.samples, &train_targets, options).map_err(in_file(0))?),
    };

    let element = options.element.map(|ElementName(element)| element);
    let mut gaps = Gaps { dropped: train.dropped + test.as_ref().map_or(0, |test| test.dropped), filled: 0 };
    let mut none = Store::default();
    let test_values = test.as_mut().map_or(&mut none, |test| &mut test.samples.values);
    if options.missing == Some(Missing::Mean) {
        let all: Vec<u32> = (0..train_targets.len() as u32).collect();
        let training = parted.as_ref().map_or(&all, |(training, _)| training);
        let names: Vec<&str> = roles.features.iter().map(|&place| columns[place].name.as_str()).collect();
        let values = [&mut train.samples.values, &mut *test_values];
        gaps.filled = values::fill(values, training, &names, features, element, storage).map_err(in_file(0))?;
    }
    let element = element.unwrap_or_else(|| values::smallest_element([&train.samples.values, test_values]));
    let split = |values: Store, targets: Targets, file: usize| -> Result<Split, DataError> {
        let values = values::encoded(values, element, storage).map_err(in_file(file))?;
        Ok(Split::of(features, element, values, targets))
    };
    let is_parted = parted.is_some();
    let train = split(train.samples.values, train_targets, 0)?.with_groups(train.samples.groups);
    let splits = match (parted, test.zip(test_targets)) {
        (Some((training, testing)), _) => [train.chosen(&training), train.chosen(&testing)],
        (None, Some((test, targets))) => [train, split(test.samples.values, targets, 1)?],
        (None, None) => [train.clone(), train],
    };
    let input = InputShape::Features(features as u32);
    let (feature_names, units) = roles.names(&columns);
    notes.extend(gaps.notes());
    let data = Dataset::new(&names::of_file(path), input, classes, splits);
    notes.extend(labels::without_samples(&data));
    let target_units = if wanted.task == TaskKind::Regression { units_of(&named) } else { Vec::new() };
    let labels_are_names = given.is_none() && has_classes;
    Ok(Dataset { feature_names, units, target_units, labels_are_names, gaps, is_parted, notes, ..data })
}

/// Returns the names of labels or targets: those that are given, or else the names of their columns.
fn output_names(path: &Path, columns: &[&Column], given: Option<&Named>) -> Result<Classes, DataError> {
    let Some(given) = given else {
        return Ok(Classes::named(columns.iter().map(|column| column.name.clone())).expect("a column's name is one"));
    };
    names::check_count(given, &path.display().to_string(), columns.len())?;
    Ok(given.classes.clone())
}

/// Returns the columns' units, if any has one.
fn units_of(columns: &[&Column]) -> Vec<String> {
    match columns.iter().any(|column| column.unit != NO_UNIT) {
        true => columns.iter().map(|column| column.unit.clone()).collect(),
        false => Vec::new(),
    }
}

/// Reads a file's samples.
fn part(
    lines: &mut Lines<'_>,
    columns: &[Column],
    roles: &Roles,
    (options, task, storage): (&Source, TaskKind, &Storage),
    names: &mut Names,
) -> Result<Part, TableError> {
    let rows = rows::read(lines, columns, roles, (options, task), names, storage)?;
    let (dropped, rising) = (rows.dropped, rows.rising.clone());
    let is_series = options.window.is_some() || roles.window > 1;
    let samples = if is_series {
        windows::cut(&rows, roles.window, options.stride.map_or(roles.window, |stride| stride as usize), storage)?
    } else {
        windows::each_row(rows)
    };
    Ok(Part { samples, dropped, rising })
}

/// Returns the training and the test samples of one file. Groups that only a network's file names are ignored if all samples are in one
/// group.
fn parted(samples: &Samples, targets: &Targets, options: &Source) -> Result<(Vec<u32>, Vec<u32>), TableError> {
    let (strata, split) = (targets.strata(), options.test_split.unwrap_or_default());
    let groups = (!samples.groups.is_empty()).then_some(&samples.groups[..]);
    let (mut training, mut testing) = split.partition(&strata, groups);
    if testing.is_empty() && options.group.is_none() {
        (training, testing) = split.partition(&strata, None);
    }
    if training.is_empty() || testing.is_empty() {
        let kind = if groups.is_some() { "in one group" } else { "with one sample of each class" };
        return Err(TableError::NoTest { samples: format!("{} samples {kind}", targets.len()) });
    }
    Ok((training, testing))
}

/// Returns the notes on the first file.
fn remarks(columns: &[Column], roles: &Roles, options: &Source, wanted: Wanted<'_>, part: &Part) -> Vec<String> {
    let mut notes = Vec::new();
    let unnamed: Vec<_> =
        (1..).zip(columns).filter(|(_, column)| column.header.is_empty()).map(|(place, _)| place).collect();
    if let [first, ..] = unnamed[..] {
        notes.push(format!("column {first} has no name and is left out, as the index that pandas writes"));
    }
    if let (Some(&first), true) = (part.rising.first(), options.features.is_empty() && !wanted.has_network) {
        let name = &columns[roles.features[first]].name;
        notes.push(format!(
            "column {name} only rises, as a time or a row's number does, and is a feature; --features names those that are to be learned from"
        ));
    }
    if part.samples.unused > 0 {
        let unused = part.samples.unused;
        let runs = if part.samples.labels.is_empty() { "rows without a gap" } else { "one label" };
        notes.push(format!("{unused} rows at the ends of runs of {runs} are in no window"));
    }
    let overlap = options.stride.is_some_and(|stride| (stride as usize) < roles.window);
    if overlap && options.test.is_none() && options.group.is_none() {
        notes.push(
            "windows overlap, so test windows share rows with training windows; --group or --test keeps them apart"
                .into(),
        );
    }
    notes
}

impl Roles {
    /// Returns the columns of another table with the same names.
    fn in_table(&self, columns: &[Column], there: &[Column]) -> Result<Self, TableError> {
        let place = |&place: &usize| columns::find(there, "the columns of --data", &columns[place].name);
        Ok(Self {
            features: self.features.iter().map(place).collect::<Result<_, _>>()?,
            labels: self.labels.iter().map(place).collect::<Result<_, _>>()?,
            group: self.group.as_ref().map(place).transpose()?,
            window: self.window,
        })
    }

    /// Returns the features' names, and their units if any has one.
    fn names(&self, columns: &[Column]) -> (Vec<String>, Vec<String>) {
        let features = || self.features.iter().map(|&place| &columns[place]);
        let names = match self.window {
            1 => features().map(|column| column.name.clone()).collect(),
            rows => {
                (0..rows).flat_map(|row| features().map(move |column| columns::in_window(&column.name, row))).collect()
            }
        };
        let units = vec![units_of(&features().collect::<Vec<_>>()); self.window].concat();
        (names, units)
    }
}
