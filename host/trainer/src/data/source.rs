//! The kinds of sources that `--data` names. The content of the file or folder tells the kind.

use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use options::commands::{Color, Size, Source, TaskName};
use selvedge::{shape::InputShape, task::TaskKind};

use super::{
    DataError, Dataset, FolderError, Recorded, arrays, files, locate, pictures,
    table::{self, columns::Wanted},
};

/// The kind of source that a path leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A folder of four IDX files, or the prefix of their names.
    Idx,
    /// A folder with a folder of pictures for each class.
    Pictures,
    /// NumPy's arrays.
    Arrays,
    /// A file with a sample in each row.
    Table,
}

/// Everything that says how a source is read.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// The names of the classes, or a file of them. They replace the names that the data has.
    pub classes: Option<PathBuf>,
    /// The options of the kinds of sources.
    pub source: Source,
    /// True if a network's file is given. The fields `network_…` then describe the network.
    pub has_network: bool,
    /// The names of the network's features, if they are known.
    pub network_features: Vec<String>,
    /// The meaning of the network's outputs.
    pub network_task: TaskKind,
    /// The names of the network's outputs, if they are known.
    pub network_outputs: Vec<String>,
    /// The way in which the network's samples were read.
    pub network_reading: Recorded,
    /// The shape of the network's samples, if it is known.
    pub network_input: Option<InputShape>,
}

impl Reading {
    /// Returns the task that is chosen, or else the network's.
    pub fn task(&self) -> TaskKind {
        self.source.task.map_or(self.network_task, |TaskName(task)| task)
    }
}

/// Reads the source that `--data` names.
///
/// # Errors
///
/// [`DataError`] if the source cannot be read, or if it does not have an option that was chosen.
pub fn read(place: &Path, reading: &Reading) -> Result<Dataset, DataError> {
    let Reading { classes, source, has_network, .. } = reading;
    let (classes, kind) = (classes.as_deref(), kind(place));
    if kind == Kind::Idx && pictures::is_flat(place) {
        return Err(DataError::Pictures { folder: place.into(), error: FolderError::Flat });
    }
    kind.check(place, source)?;
    let mut filled = source.clone();
    if *has_network && kind != Kind::Idx {
        reading.network_reading.fill(&mut filled);
    }
    if let (Kind::Pictures, true, Some(InputShape::Image { channels, height, width })) =
        (kind, reading.network_reading.are_pictures, reading.network_input)
    {
        filled.size = filled.size.or(Some(Size { width, height }));
        filled.color = filled.color.or(Some(if channels == 1 { Color::Grey } else { Color::Rgb }));
    }
    let source = &filled;
    let data = match kind {
        Kind::Idx => files::read("--data", place, classes),
        Kind::Arrays => arrays::read(place, source, reading.task(), classes),
        Kind::Pictures => pictures::read(place, source, classes, *has_network),
        Kind::Table => {
            let (names, outputs, task) = (&reading.network_features, &reading.network_outputs, reading.task());
            let Recorded { label, group, .. } = &reading.network_reading;
            let (label, group) = (label.as_deref(), group.as_deref());
            table::read(
                place,
                source,
                classes,
                Wanted { has_network: *has_network, names, outputs, task, label, group },
            )
        }
    }?;
    Ok(match kind {
        Kind::Idx => data,
        _ => Dataset { recorded: Recorded::of(source, kind == Kind::Pictures), ..data },
    })
}

/// Returns the kind of a source. A path of no known kind counts as IDX files, because their reader has the right errors.
fn kind(place: &Path) -> Kind {
    match place.is_dir() {
        _ if arrays::are_at(place) => Kind::Arrays,
        true if !locate::holds_any(place) && pictures::is_one(place) => Kind::Pictures,
        false if place.exists() && !is_idx(place) => Kind::Table,
        _ => Kind::Idx,
    }
}

/// Returns true if the first bytes are those of one of the four files. A pipe is not looked into, because its bytes come only once.
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
        if let (Self::Idx, false) = (self, given.is_empty()) {
            // A place that is not there is the error before its options are.
            files::find("--data", place)?;
        }
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
