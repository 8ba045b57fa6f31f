//! The kinds of sources that `--data` names: a file's content, or a folder's, tells which.

use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use options::commands::{Source, TaskName};
use selvedge::task::TaskKind;

use super::{
    DataError, Dataset, arrays, files, locate, pictures,
    table::{self, columns::Wanted},
};

/// The kind of source that a path leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A folder of four IDX files, or what is called after their prefix.
    Idx,
    /// A folder with a folder of pictures for each class.
    Pictures,
    /// NumPy's arrays.
    Arrays,
    /// A file with a row a sample.
    Table,
}

/// Everything that says how a source is read.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// The names of the classes, or a file of them, before those that the data has.
    pub classes: Option<PathBuf>,
    /// The options of the kinds of sources.
    pub source: Source,
    /// True where a network is to take the samples.
    pub has_network: bool,
    /// The names of the features that it takes, where they are known.
    pub network_features: Vec<String>,
    /// The meaning of its outputs.
    pub network_task: TaskKind,
    /// The names of its outputs, where they are known.
    pub network_outputs: Vec<String>,
}

impl Reading {
    /// The task that is chosen, or else the network's.
    pub fn task(&self) -> TaskKind {
        self.source.task.map_or(self.network_task, |TaskName(task)| task)
    }
}

/// Reads the source that `--data` names.
///
/// # Errors
///
/// [`DataError`]; an option that such a source does not have is one too.
pub fn read(place: &Path, reading: &Reading) -> Result<Dataset, DataError> {
    let Reading { classes, source, has_network, .. } = reading;
    let (classes, kind) = (classes.as_deref(), kind(place));
    kind.check(place, source)?;
    match kind {
        Kind::Idx => files::read("--data", place, classes),
        Kind::Arrays => arrays::read(place, source, reading.task(), classes),
        Kind::Pictures => pictures::read(place, source, classes, *has_network),
        Kind::Table => {
            let (names, outputs, task) = (&reading.network_features, &reading.network_outputs, reading.task());
            table::read(place, source, classes, Wanted { has_network: *has_network, names, outputs, task })
        }
    }
}

/// Tells the kind of a source. What is neither a file nor a folder that is known is left to the reader of IDX files, whose errors say so.
fn kind(place: &Path) -> Kind {
    match place.is_dir() {
        _ if arrays::are_at(place) => Kind::Arrays,
        true if !locate::holds_any(place) && pictures::is_one(place) => Kind::Pictures,
        false if place.exists() && !is_idx(place) => Kind::Table,
        _ => Kind::Idx,
    }
}

/// Tells one of the four files by its first bytes. A pipe is not looked into: its bytes come once.
fn is_idx(path: &Path) -> bool {
    let mut beginning = Vec::new();
    let mut read = || File::open(path)?.take(3).read_to_end(&mut beginning);
    path.is_file() && read().is_ok() && beginning.starts_with(&[0, 0])
}

impl Kind {
    /// Refuses an option that such a source does not have.
    fn check(self, place: &Path, options: &Source) -> Result<(), DataError> {
        let foreign = |name: &&str| match self {
            Self::Idx => true,
            Self::Arrays => arrays::FOREIGN.contains(name),
            Self::Pictures => pictures::FOREIGN.contains(name),
            Self::Table => table::FOREIGN.contains(name),
        };
        let given = options.given();
        match given.iter().map(|(name, _)| name).find(|name| foreign(name)) {
            Some(option) => Err(DataError::Option { option, place: place.into(), kind: self.name() }),
            None => Ok(()),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Idx => "IDX files",
            Self::Arrays => "NumPy's arrays",
            Self::Pictures => "folders of pictures",
            Self::Table => "tables",
        }
    }
}
