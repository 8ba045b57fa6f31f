//! A table's rows: numbers, labels and groups.

use std::collections::HashMap;

use options::commands::{Missing, Source};
use selvedge::{architecture::MAX_WIDTH, preparation::Element, task::TaskKind};

use super::{
    TableError,
    columns::{Column, Roles},
    lines::Lines,
    storage::Storage,
};
use crate::data::{Store, encode};

/// The rows of a table.
#[derive(Debug, Default)]
pub struct Rows {
    /// The features' values, row after row, each an f32 of four bytes, little-endian. NaN is a missing value.
    pub values: Store,
    /// The number of each row's class, or set of labels, among [`Texts`]. Empty if the targets are numbers.
    pub labels: Vec<u32>,
    /// The labels of each row as 1 or 0, or the numbers of each row. Empty if a row has a class.
    pub targets: Vec<f32>,
    /// The number of each row's group. Empty if no groups were asked for.
    pub groups: Vec<u32>,
    /// The rows directly after a row that was left out.
    pub breaks: Vec<u32>,
    /// The line of each row in the file.
    pub lines: Vec<u32>,
    /// The number of rows that were left out.
    pub dropped: usize,
    /// The features that never fall from row to row, such as a time, by their places among the features. Empty if there are few rows.
    pub rising: Vec<usize>,
}

/// Different texts. Their numbers are in the order in which they first came.
#[derive(Debug, Default)]
pub struct Texts {
    numbers: HashMap<String, u32>,
    /// Each text, and the file and the line where it first came.
    pub all: Vec<(String, usize, u64)>,
}

impl Texts {
    fn number(&mut self, text: &str, file: usize, line: u64) -> u32 {
        if let Some(&number) = self.numbers.get(text) {
            return number;
        }
        let number = self.all.len() as u32;
        self.numbers.insert(text.into(), number);
        self.all.push((text.into(), file, line));
        number
    }
}

/// The labels and groups of all files.
#[derive(Debug, Default)]
pub struct Names {
    /// The labels' texts.
    pub labels: Texts,
    /// The groups' texts.
    pub groups: Texts,
    /// The files that were read.
    files: usize,
}

/// Reads all rows.
///
/// # Errors
///
/// [`TableError`], with the line and the column.
pub fn read(
    lines: &mut Lines<'_>,
    columns: &[Column],
    roles: &Roles,
    (options, task): (&Source, TaskKind),
    names: &mut Names,
    storage: &Storage,
) -> Result<Rows, TableError> {
    let expected = columns.len();
    let (mut rows, mut values, mut row) = (Rows::default(), storage.writer(), Vec::new());
    let mut rise = Rise::default();
    let file = names.files;
    names.files += 1;
    let mut is_after_gap = false;
    while let Some((line, cells)) = lines.next()? {
        if cells.len() != expected {
            return Err(TableError::Ragged { line, found: cells.len(), expected });
        }
        let is_missing = |&column: &usize| is_missing(cells.get(column).unwrap_or_default());
        let others = || roles.labels.iter().chain(&roles.group);
        let gap = match options.missing {
            Some(Missing::Drop) => roles.features.iter().chain(others()).find(|column| is_missing(column)),
            _ => None,
        };
        if gap.is_some() {
            rows.dropped += 1;
            is_after_gap = true;
            continue;
        }
        if let Some(&column) = others().find(|column| is_missing(column)) {
            return Err(TableError::Missing { line, column: columns[column].name.clone(), is_value: false });
        }
        if rows.lines.len() == u32::MAX as usize {
            return Err(TableError::TooManyRows);
        }
        let cell =
            |column: usize| Cell { text: cells.get(column).unwrap_or_default().trim(), line, column: &columns[column] };
        row.clear();
        for &column in &roles.features {
            row.extend(cell(column).value(options)?.to_le_bytes());
        }
        rise.add(Element::F32.values(&row));
        values.write(&row)?;
        if is_after_gap && !rows.lines.is_empty() {
            rows.breaks.push(rows.lines.len() as u32);
        }
        is_after_gap = false;
        rows.lines.push(u32::try_from(line).unwrap_or(u32::MAX));
        let first = rows.targets.len();
        match (task, &roles.labels[..]) {
            (TaskKind::Classification, &[label]) => {
                rows.labels.push(names.labels.number(cell(label).text, file, line));
                if names.labels.all.len() > MAX_WIDTH as usize {
                    let reason =
                        format!("more than {MAX_WIDTH} labels; is this the column of the classes? --label names it");
                    return Err(TableError::Label { line, column: columns[label].name.clone(), reason });
                }
            }
            (TaskKind::Classification, _) => {}
            (TaskKind::MultiLabel, labels) => {
                for &label in labels {
                    rows.targets.push(cell(label).label()?);
                }
                let set: String =
                    rows.targets[first..].iter().map(|&label| if label > 0.0 { '1' } else { '0' }).collect();
                rows.labels.push(names.labels.number(&set, file, line));
            }
            (TaskKind::Regression, labels) => {
                for &label in labels {
                    rows.targets.push(cell(label).number("; --label names the columns of numbers")?);
                }
            }
        }
        if let Some(group) = roles.group {
            rows.groups.push(names.groups.number(cells.get(group).unwrap_or_default().trim(), file, line));
        }
    }
    match (rows.lines.len(), rows.dropped) {
        (0, 0) => Err(TableError::NoRows),
        (0, _) => Err(TableError::AllMissing { rows: rows.dropped }),
        _ => Ok(Rows { values: values.finish()?, rising: rise.rising(), ..rows }),
    }
}

/// Finds features that never fall.
#[derive(Default)]
struct Rise {
    rows: usize,
    /// For each feature: the first value, the last value, and true if no value was below the one before it.
    features: Vec<(f32, f32, bool)>,
}

impl Rise {
    /// The smallest number of rows for which a rise means something.
    const LEAST: usize = 50;

    fn add(&mut self, values: impl Iterator<Item = f32>) {
        if self.rows == 0 {
            self.features = values.map(|value| (value, value, true)).collect();
        } else {
            for ((_, last, rises), value) in self.features.iter_mut().zip(values) {
                *rises &= value >= *last;
                *last = value;
            }
        }
        self.rows += 1;
    }

    fn rising(&self) -> Vec<usize> {
        let is_one = |(first, last, rises): &(f32, f32, bool)| *rises && last > first && self.rows >= Self::LEAST;
        self.features.iter().enumerate().filter(|(_, feature)| is_one(feature)).map(|(place, _)| place).collect()
    }
}

/// Returns true if a text is a word for a missing value.
fn is_missing(text: &str) -> bool {
    let text = text.trim();
    text.is_empty() || ["na", "nan", "null", "n/a"].iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// A cell of a feature.
struct Cell<'a> {
    text: &'a str,
    line: u64,
    column: &'a Column,
}

impl Cell<'_> {
    /// Returns the cell's number, or NaN if it has none and that is allowed.
    fn value(&self, options: &Source) -> Result<f32, TableError> {
        let (line, column) = (self.line, || self.column.name.clone());
        if is_missing(self.text) {
            return match options.missing {
                Some(Missing::Mean) => Ok(f32::NAN),
                _ => Err(TableError::Missing { line, column: column(), is_value: true }),
            };
        }
        let value = self.number(
            "; if this column is no feature, --features names those that are, and --group a person's or a recording's",
        )?;
        if let Some(options::commands::ElementName(element)) = options.element
            && encode(value, element, &mut Vec::new()).is_none()
        {
            return Err(TableError::Value { line, column: column(), text: self.shown(), element });
        }
        Ok(value)
    }

    /// Returns the cell's finite number. `advice` ends the error for a text that is not a number.
    fn number(&self, advice: &str) -> Result<f32, TableError> {
        let (line, column) = (self.line, || self.column.name.clone());
        let Ok(value) = self.text.parse::<f32>() else {
            let is_comma = self.text.replace(',', ".").parse::<f32>().is_ok();
            let advice = if is_comma { "; write numbers with a point, such as 0.5" } else { advice };
            return Err(TableError::NoNumber { line, column: column(), text: self.shown(), advice: advice.into() });
        };
        match value.is_finite() {
            true => Ok(value),
            false => Err(TableError::Infinite { line, column: column(), text: self.shown() }),
        }
    }

    /// Returns a label that is there or not, as 1 or 0.
    fn label(&self) -> Result<f32, TableError> {
        let is = |word: &str| self.text.eq_ignore_ascii_case(word);
        match self.text.parse::<f32>() {
            Ok(1.0) => Ok(1.0),
            Ok(0.0) => Ok(0.0),
            _ if is("true") => Ok(1.0),
            _ if is("false") => Ok(0.0),
            _ => {
                let (line, column, text) = (self.line, self.column.name.clone(), self.shown());
                Err(TableError::NoLabelValue { line, column, text })
            }
        }
    }

    /// Returns the first letters of the cell's text.
    fn shown(&self) -> String {
        const LONGEST: usize = 40;
        match self.text.char_indices().nth(LONGEST) {
            Some((end, _)) => format!("{}…", &self.text[..end]),
            None => self.text.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use options::commands::{ElementName, TaskName};
    use selvedge::preparation::Element;

    use super::*;
    use crate::data::table::columns::{self, Wanted};

    fn memory() -> Storage {
        Storage::new(u64::MAX, "".into())
    }

    fn rows(text: &str, options: &Source) -> Result<(Rows, Names), String> {
        let task = options.task.map_or(TaskKind::Classification, |TaskName(task)| task);
        let wanted = Wanted { task, ..Wanted::default() };
        let read = || {
            let mut lines = Lines::of_bytes(text.as_bytes())?;
            let columns = columns::parse(&lines.header)?;
            let roles = columns::roles(&columns, options, wanted)?;
            let mut names = Names::default();
            let rows = read(&mut lines, &columns, &roles, (options, wanted.task), &mut names, &memory())?;
            Ok((rows, names))
        };
        read().map_err(|error: TableError| error.to_string())
    }

    fn all(rows: &Rows) -> &[u8] {
        rows.values.get(0..rows.values.len())
    }

    fn bytes(values: &[f32]) -> Vec<u8> {
        values.iter().flat_map(|value| value.to_le_bytes()).collect()
    }

    #[test]
    fn cells_become_numbers_labels_and_groups() {
        let options = Source { group: Some("who".into()), ..Source::default() };
        let (rows, names) = rows("a,label,b,who\n1, walk ,2.5,x\n-3,run,1e2,y\n+4,walk,.5,x\n", &options).unwrap();
        assert_eq!(all(&rows), bytes(&[1.0, 2.5, -3.0, 100.0, 4.0, 0.5]));
        assert_eq!(
            (&rows.labels[..], &rows.groups[..], &rows.lines[..]),
            (&[0, 1, 0][..], &[0, 1, 0][..], &[2, 3, 4][..])
        );
        assert_eq!(names.labels.all, [("walk".into(), 0, 2), ("run".into(), 0, 3)]);
    }

    #[test]
    fn cells_become_labels_and_numbers() {
        let of = |task, label: &[&str]| Source {
            task: Some(TaskName(task)),
            label: label.iter().map(|name| (*name).into()).collect(),
            ..Source::default()
        };
        let text = "a,walks,talks\n1,1,0\n2,true,FALSE\n3,0,1.0\n";
        let (found, _) = rows(text, &of(TaskKind::MultiLabel, &["walks", "talks"])).unwrap();
        assert_eq!((found.targets, found.labels), (vec![1.0, 0.0, 1.0, 0.0, 0.0, 1.0], vec![0, 0, 1]));
        let (found, _) = rows("a,t\n1,-2.5\n2,1e3\n", &of(TaskKind::Regression, &["t"])).unwrap();
        assert_eq!((found.targets, found.labels.len()), (vec![-2.5, 1000.0], 0));
        for (task, cell, expected) in [
            (TaskKind::MultiLabel, "2", "line 2, column t: \"2\" is neither 0 nor 1; a label is there (1) or not (0)"),
            (TaskKind::MultiLabel, "", "line 2, column t: a value is missing; --missing drop leaves such rows out"),
            (
                TaskKind::Regression,
                "warm",
                "line 2, column t: \"warm\" is no number; --label names the columns of numbers",
            ),
            (TaskKind::Regression, "inf", "line 2, column t: \"inf\" is no finite number of 32 bits"),
        ] {
            assert_eq!(rows(&format!("a,t\n1,{cell}\n"), &of(task, &["t"])).unwrap_err(), expected);
        }
    }

    #[test]
    fn a_time_rises() {
        let rows_of = |count: usize| -> String {
            let row = |index: usize| format!("{},{},{},x\n", index / 2, index % 3, 7);
            "t,a,c,label\n".to_owned() + &(0..count).map(row).collect::<String>()
        };
        assert_eq!(rows(&rows_of(50), &Source::default()).unwrap().0.rising, [0]);
        assert_eq!(rows(&rows_of(49), &Source::default()).unwrap().0.rising, [0; 0]);
    }

    #[test]
    fn missing_values_are_left_out_or_kept_for_a_mean() {
        let text = "a,b,label\n,1,x\n1,2,x\nNA,3,x\n4,null,y\n5,6,y\n";
        let with = |missing| Source { missing: Some(missing), ..Source::default() };
        let (dropped, _) = rows(text, &with(Missing::Drop)).unwrap();
        assert_eq!(
            (all(&dropped), dropped.dropped, &dropped.breaks[..]),
            (&bytes(&[1.0, 2.0, 5.0, 6.0])[..], 3, &[1][..])
        );
        let (kept, _) = rows(text, &with(Missing::Mean)).unwrap();
        let is_missing: Vec<bool> = Element::F32.values(all(&kept)).map(f32::is_nan).collect();
        assert_eq!(is_missing, [true, false, false, false, true, false, false, true, false, false]);
    }

    #[test]
    fn a_wrong_cell_is_named_by_line_and_column() {
        let asked = |element| Source { element: Some(ElementName(element)), ..Source::default() };
        for (text, options, expected) in [
            (
                "a,label\n1,x\n\n,y",
                Source::default(),
                "line 4, column a: a value is missing; --missing drop leaves such rows out, and",
            ),
            (
                "a,label\n1,",
                Source::default(),
                "line 2, column label: a value is missing; --missing drop leaves such rows out",
            ),
            ("a (g),label\nNaN,x", Source::default(), "line 2, column a: a value is missing"),
            (
                "a,label\nten,x",
                Source::default(),
                "line 2, column a: \"ten\" is no number; if this column is no feature",
            ),
            ("a;label\n0,5;x", Source::default(), "line 2, column a: \"0,5\" is no number; write numbers with a point"),
            ("a,label\n1e99,x", Source::default(), "line 2, column a: \"1e99\" is no finite number of 32 bits"),
            ("a,label\n-inf,x", Source::default(), "line 2, column a: \"-inf\" is no finite number"),
            ("a,label\n1,x\n1,x,2\n", Source::default(), "line 3 has 3 values, but line 1 names 2 columns"),
            ("a,label\n1\n", Source::default(), "line 2 has 1 values, but"),
            ("a,label\n", Source::default(), "it has column names, but no rows"),
            (
                "a,label\n300,x",
                asked(Element::U8),
                "line 2, column a: \"300\" is no value of u8, a whole number from 0 to 255",
            ),
            ("a,label\n0.5,x", asked(Element::I16), "line 2, column a: \"0.5\" is no value of i16"),
        ] {
            let error = rows(text, &options).unwrap_err();
            assert!(error.starts_with(expected), "{text:?}: {error}");
        }
        let drop = Source { missing: Some(Missing::Drop), ..Source::default() };
        assert_eq!(
            rows("a,label\n,x\n", &drop).unwrap_err(),
            "in each of its 1 rows a value is missing, so --missing drop leaves none"
        );
        let mut many = String::from("a,label\n");
        (0..=MAX_WIDTH).for_each(|number| many += &format!("1,{number}\n"));
        assert!(rows(&many, &Source::default()).unwrap_err().contains("more than 65536 labels; is this the column"));
    }
}
