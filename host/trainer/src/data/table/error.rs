//! The errors of a table that cannot be read.

use std::{io, path::PathBuf};

use selvedge::{architecture::MAX_WIDTH, preparation::Element};
use thiserror::Error;

/// The system's variable that names the folder of temporary files.
const TEMPORARY: &str = if cfg!(windows) { "TMP" } else { "TMPDIR" };

/// The error of a table, without its file's name.
#[derive(Debug, Error)]
pub enum TableError {
    /// The operating system, or the unpacker, does not give the bytes.
    #[error("cannot be read: {0}")]
    Unreadable(io::Error),
    /// The file is something else.
    #[error("this is {what}; {advice}")]
    Foreign {
        /// The kind of file.
        what: &'static str,
        /// Advice.
        advice: &'static str,
    },
    /// The file has no bytes but white space.
    #[error("it is empty; it needs a line of column names, and a line for each sample")]
    Empty,
    /// The file has only a line of names.
    #[error("it has column names, but no rows")]
    NoRows,
    /// Every row has a missing value.
    #[error("in each of its {rows} rows a value is missing, so --missing drop leaves none")]
    AllMissing {
        /// The number of rows.
        rows: usize,
    },
    /// The text has another encoding than UTF-8.
    #[error("line {line} is no text in UTF-8; save the file as UTF-8")]
    Encoding {
        /// The line, from 1.
        line: u64,
    },
    /// The text of a row does not end.
    #[error("line {line} goes on for more than {} MB; perhaps a quote is not closed", most >> 20)]
    LongLine {
        /// The line where the row begins.
        line: u64,
        /// The largest number of bytes of a row.
        most: u64,
    },
    /// A gzipped table unpacks to more bytes than a table of its size may.
    #[error("it unpacks to more than {} MB, and from so small a file no more is taken; if that is right, unpack it with gunzip", most >> 20)]
    TooLargeGzip {
        /// The largest number of bytes.
        most: u64,
    },
    /// The values cannot be stored in a temporary file.
    #[error(
        "its values cannot be kept in {}, the folder of temporary files: {error}; name a folder with more room by {TEMPORARY}",
        folder.display()
    )]
    Temporary {
        /// The folder.
        folder: PathBuf,
        /// The system's error.
        error: io::Error,
    },
    /// The samples that are only classified are too many.
    #[error("its samples take more than {} MB of memory; take fewer rows at a time", most >> 20)]
    Memory {
        /// The largest number of bytes.
        most: u64,
    },
    /// There are more rows than 32 bits can number.
    #[error("it has more than {} rows; take fewer", u32::MAX)]
    TooManyRows,
    /// The first line has values, not names.
    #[error("line 1 has numbers alone, but it must name the columns, such as ax,ay,az,label")]
    NoHeader,
    /// Two columns have the same name.
    #[error("line 1: columns {first} and {second} have the same name {name:?}; rename one")]
    Twice {
        /// The name.
        name: String,
        /// The first column, from 1.
        first: usize,
        /// The second column, from 1.
        second: usize,
    },
    /// A named column is not there.
    #[error("{option}: there is no column {name:?}; {hint}")]
    NoColumn {
        /// The option that names the column, or the part of the program that needs it.
        option: &'static str,
        /// The name.
        name: String,
        /// The nearest name, or all names.
        hint: String,
    },
    /// No column is known to be the label.
    #[error(
        "no column is named label, class, target or y; name the column of the classes by --label; there are {columns}"
    )]
    NoLabel {
        /// The names of the columns.
        columns: String,
    },
    /// Several columns were named for one class.
    #[error("--label names {count} columns, and a class stands in one; --task multi-label or regression takes several")]
    SeveralClasses {
        /// The number of columns.
        count: usize,
    },
    /// A label's cell says neither yes nor no.
    #[error("line {line}, column {column}: {text:?} is neither 0 nor 1; a label is there (1) or not (0)")]
    NoLabelValue {
        /// The line.
        line: u64,
        /// The column's name.
        column: String,
        /// The cell.
        text: String,
    },
    /// Several columns may be the label.
    #[error("{found} may be the label; choose by --label; there are {columns}")]
    SeveralLabels {
        /// The columns that may be the label.
        found: String,
        /// The names of the columns.
        columns: String,
    },
    /// A list names one column twice.
    #[error("the column {name:?} is named twice by {by}; name it once")]
    NamedTwice {
        /// The column.
        name: String,
        /// The option, or the network.
        by: &'static str,
    },
    /// One column has two roles.
    #[error("the column {name:?} is {roles}; it can be one of them")]
    Roles {
        /// The column.
        name: String,
        /// The two roles.
        roles: &'static str,
    },
    /// No column is left for features.
    #[error("there is no column of features beside the label and the group")]
    NoFeatures,
    /// A sample has more features than a network takes.
    #[error(
        "a sample has {features} features, and a network takes at most {MAX_WIDTH}; take fewer columns by --features, or a smaller --window"
    )]
    TooManyFeatures {
        /// The number of features.
        features: u64,
    },
    /// A row has more or fewer cells than there are columns.
    #[error("line {line} has {found} values, but line 1 names {expected} columns")]
    Ragged {
        /// The line.
        line: u64,
        /// The number of the row's cells.
        found: usize,
        /// The number of columns.
        expected: usize,
    },
    /// A cell is empty, or has a word for a missing value.
    #[error("line {line}, column {column}: a value is missing; --missing drop leaves such rows out{}", mean(*is_value))]
    Missing {
        /// The line.
        line: u64,
        /// The column's name.
        column: String,
        /// True for a feature, false for a label or a group.
        is_value: bool,
    },
    /// A cell is empty in a sample that is to be predicted.
    #[error("line {line}, column {column}: a value is missing; put one there, or leave out the row")]
    NoValue {
        /// The line.
        line: u64,
        /// The column's name.
        column: String,
    },
    /// A cell has a text that is not a number.
    #[error("line {line}, column {column}: {text:?} is no number{advice}")]
    NoNumber {
        /// The line.
        line: u64,
        /// The column's name.
        column: String,
        /// The cell.
        text: String,
        /// Advice.
        advice: String,
    },
    /// A value that is infinite or too large.
    #[error("line {line}, column {column}: {text:?} is no finite number of 32 bits")]
    Infinite {
        /// The line.
        line: u64,
        /// The column's name.
        column: String,
        /// The cell.
        text: String,
    },
    /// The element cannot hold a value.
    #[error("line {line}, column {column}: {text:?} is no value of {element}{}", range(*element))]
    Value {
        /// The line.
        line: u64,
        /// The column's name.
        column: String,
        /// The cell.
        text: String,
        /// The element.
        element: Element,
    },
    /// A label is not valid as a class's name.
    #[error("line {line}, column {column}: {reason}")]
    Label {
        /// The line.
        line: u64,
        /// The column's name.
        column: String,
        /// The reason.
        reason: String,
    },
    /// All samples have one class.
    #[error("all rows have the label {label:?}, and a network tells at least two classes apart")]
    OneClass {
        /// The label.
        label: String,
    },
    /// No window fits into the rows.
    #[error("no {rows} rows one after the other have the same label{}, so there is no window; the longest such run has {longest}", group(*has_groups))]
    NoWindow {
        /// The number of rows of the window.
        rows: usize,
        /// The number of rows of the longest run.
        longest: usize,
        /// True if windows must also stay in a group.
        has_groups: bool,
    },
    /// A group is in both parts.
    #[error("the group {group:?} is in the training part, too; leave out --group if that is right")]
    SharedGroup {
        /// The group.
        group: String,
    },
    /// A column has only missing values.
    #[error("column {column} has no value in the training part, so it has no mean; leave it out by --features")]
    NoMean {
        /// The column's name.
        column: String,
    },
    /// The samples do not make two parts.
    #[error("{samples} cannot be parted into training and test samples; name test samples by --test, or add more")]
    NoTest {
        /// The samples, in words.
        samples: String,
    },
}

fn mean(is_value: bool) -> &'static str {
    if is_value { ", and --missing mean puts the column's mean there" } else { "" }
}

fn range(element: Element) -> String {
    element.range().map_or_else(String::new, |(least, most)| format!(", a whole number from {least} to {most}"))
}

fn group(has_groups: bool) -> &'static str {
    if has_groups { " and group" } else { "" }
}
