//! The names of the classes: from the command line, from a file with one name in each line, or from a published set.

use std::{
    collections::HashSet,
    io,
    path::{Path, PathBuf},
};

use super::{DataError, known::Known};
use crate::{
    classes::{Classes, NAMES_FILE},
    files,
};

/// A file of names has at most this number of bytes.
const LIMIT: u64 = 1 << 20;

/// Classes with names from the user.
#[derive(Debug)]
pub struct Named {
    /// The source of the names, for errors: a file, or `--classes`.
    pub source: String,
    /// The classes.
    pub classes: Classes,
}

/// Returns the names that are given (`a,b,c`, or a file), or else those of the folder's own file of names, if it has one.
pub fn choose(given: Option<&Path>, folder: &Path) -> Result<Option<Named>, DataError> {
    match given {
        Some(given) => self::given(given).map(Some),
        None => of_folder(folder),
    }
}

/// Returns the names in `--classes`.
pub fn given(text: &Path) -> Result<Named, DataError> {
    if let Some(list) = text.to_str().filter(|text| text.contains(',')) {
        let classes =
            unique(list.split(',').map(str::trim)).map_err(|(place, reason)| DataError::GivenName { place, reason })?;
        return Ok(Named { source: "--classes".into(), classes });
    }
    match read(text)? {
        Some(named) => Ok(named),
        None => Err(DataError::NoNames { path: text.into() }),
    }
}

/// Returns the names in the folder's own file of names, if it has one.
fn of_folder(folder: &Path) -> Result<Option<Named>, DataError> {
    match read(&folder.join(NAMES_FILE)) {
        Err(DataError::File(error)) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        named => named,
    }
}

/// Returns the names in a file, one in each line, or `None` if the file is empty.
fn read(path: &Path) -> Result<Option<Named>, DataError> {
    let bytes = files::read(path, LIMIT)?;
    let text = String::from_utf8(bytes).map_err(|_| DataError::NoText { path: path.into() })?;
    // Some editors begin a file with a byte order mark.
    let lines = text.trim_start_matches('\u{feff}').lines().map(str::trim);
    let classes = unique(lines).map_err(|(line, reason)| DataError::ClassName { path: path.into(), line, reason })?;
    Ok((classes.count() > 0).then(|| Named { source: path.display().to_string(), classes }))
}

/// Returns classes with these names. The error is the place, from 1, of a name that is not valid or that comes twice.
fn unique<'a>(names: impl Iterator<Item = &'a str> + Clone) -> Result<Classes, (usize, String)> {
    let mut seen = HashSet::new();
    for (name, place) in names.clone().zip(1..) {
        Classes::named([name]).map_err(|error| (place, error.to_string()))?;
        if !seen.insert(name) {
            return Err((place, format!("another class has the name {name} too")));
        }
    }
    Classes::named(names).map_err(|error| (0, error.to_string()))
}

/// Returns the classes of data: those that are `named`, or those of the published set `known`, or else as many numbered classes as `count`
/// says.
pub fn resolve(
    named: Option<Named>,
    known: Option<&Known>,
    count: impl FnOnce() -> Result<usize, DataError>,
) -> Result<Named, DataError> {
    match (named, known) {
        (Some(named), Some(known)) => {
            check_count(&named, known.name, known.classes.len())?;
            Ok(named)
        }
        (Some(named), None) => Ok(named),
        (None, Some(known)) => {
            let classes = Classes::named(known.classes).expect("each is a name");
            Ok(Named { source: known.name.into(), classes })
        }
        (None, None) => Ok(Named { source: String::new(), classes: Classes::numbered(count()?) }),
    }
}

/// Checks that there are as many names as a set has classes.
pub fn check_count(named: &Named, data: &str, expected: usize) -> Result<(), DataError> {
    let found = named.classes.count();
    match found == expected {
        true => Ok(()),
        false => Err(DataError::NameCount { names: named.source.clone(), found, data: data.into(), expected }),
    }
}

/// Returns the name of a data set that is found in a folder, for a training record: printable, not too long, and never the name of a published
/// set.
pub fn of_data(folder: &Path, prefix: &str) -> String {
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.into());
    let last = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    let own = last(&folder).unwrap_or_else(|| folder.display().to_string());
    let name = match own.as_str() {
        _ if !prefix.is_empty() => prefix.trim_end_matches('-').to_owned(),
        // Of torchvision's and EMNIST's folders the one above has the name.
        "raw" | "gzip" => folder.parent().map(PathBuf::from).and_then(|above| last(&above)).unwrap_or(own),
        _ => own,
    };
    as_record(&name, "folder")
}

/// Returns the name of a data set in a file: the file's name up to its first dot.
pub fn of_file(path: &Path) -> String {
    let name = path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned());
    let stem = name.split_once('.').map_or(&*name, |(stem, _)| stem);
    as_record(if stem.is_empty() { &name } else { stem }, "file")
}

/// Returns a name for a training record. If another set has the name, `kind` is put before it.
fn as_record(name: &str, kind: &str) -> String {
    const LONGEST: usize = 100;
    let mut name = name.replace(char::is_control, "\u{fffd}");
    if name.chars().count() > LONGEST {
        name = name.chars().take(LONGEST - 1).chain(['…']).collect();
    }
    if super::known::is_taken(&name) { format!("{kind} {name}") } else { name }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn names_come_from_a_list_or_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let names = |text: &Path| given(text).map(|named| named.classes.all().map(String::from).collect::<Vec<_>>());
        assert_eq!(names("left, right ,größer".as_ref()).unwrap(), ["left", "right", "größer"]);
        let file = folder.path().join("names");
        fs::write(&file, "\u{feff}left\r\nright\n").unwrap();
        assert_eq!(names(&file).unwrap(), ["left", "right"]);
        let error = |text: &Path| names(text).unwrap_err().to_string();
        assert!(error("a,b,a".as_ref()).starts_with("--classes, name 3: another class has the name a too"));
        assert!(error("a,,b".as_ref()).starts_with("--classes, name 2: \"\" is no name"));
        assert!(error("nowhere".as_ref()).contains("cannot read nowhere"));
        fs::write(&file, b"\xff\xfe").unwrap();
        assert!(error(&file).contains("is no text in UTF-8"));
        fs::write(&file, "").unwrap();
        assert!(error(&file).contains("names no classes"));
        fs::write(&file, vec![b'a'; 1 << 20 | 1]).unwrap();
        assert!(error(&file).contains("at most 1048576 are read"));
        // A shorter name fits as it is.
        let many: String = (0..130_000).map(|index| format!("{index}\n")).collect();
        fs::write(&file, many).unwrap();
        assert_eq!(names(&file).unwrap().len(), 130_000);
        assert_eq!(given(folder.path()).unwrap_err().to_string().matches("cannot read").count(), 1);
    }

    #[test]
    fn a_folder_gives_a_name_that_a_record_takes() {
        let root = tempfile::tempdir().unwrap();
        let named = |folder: &str, prefix| {
            let folder = root.path().join(folder);
            fs::create_dir_all(&folder).unwrap();
            of_data(&folder, prefix)
        };
        assert_eq!(named("waves", ""), "waves");
        assert_eq!(named("digits/raw", ""), "digits");
        assert_eq!(named("EMNIST/raw", "emnist-letters-"), "emnist-letters");
        assert_eq!(named("bell\u{7}\u{1b}[2J", ""), "bell\u{fffd}\u{fffd}[2J");
        for taken in ["Fashion-MNIST", "fashion_mnist", "FashionMNIST/raw", "builtin"] {
            assert!(named(taken, "").starts_with("folder "), "{taken}");
        }
        assert_eq!(named(&"ä".repeat(120), "").chars().count(), 100);
        assert_eq!(of_data("/".as_ref(), ""), "/");
        let files = ["a/waves.csv.gz", "waves", ".csv", "mnist.csv"].map(|path| of_file(path.as_ref()));
        assert_eq!(files, ["waves", "waves", ".csv", "file mnist"]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_folders_bytes_need_be_no_text() {
        use std::{ffi::OsStr, os::unix::ffi::OsStrExt};
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join(OsStr::from_bytes(b"a\xff\n"));
        fs::create_dir(&folder).unwrap();
        assert_eq!(of_data(&folder, ""), "a\u{fffd}\u{fffd}");
    }
}
