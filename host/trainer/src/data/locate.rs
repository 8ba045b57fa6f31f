//! Finds the files of a data set, by the names that MNIST, its mirrors, EMNIST and torchvision give them.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use super::DataError;

/// The files' usual names, without `.gz`: the training images and labels, then the test images and labels.
pub const NAMES: [&str; 4] =
    ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"];

/// The sub-folders where torchvision and EMNIST's archive store the files.
const BELOW: [&str; 6] = ["raw", "gzip", "FashionMNIST/raw", "MNIST/raw", "KMNIST/raw", "EMNIST/raw"];

/// The files of one data set.
pub struct Place {
    /// The files in the order of [`NAMES`].
    pub paths: [PathBuf; 4],
    /// The folder that holds them.
    pub folder: PathBuf,
    /// The part of the files' names before `train-` and `test-`, such as `emnist-letters-`. It is often empty.
    pub prefix: String,
}

/// A file that may be one of the four.
struct Candidate {
    path: PathBuf,
    /// The part (training or test) and the dimensions, by the file's name. Both must be known.
    meaning: (&'static str, &'static str),
    /// The rank for the choice: a folder comes last, a plain file before a gzipped one, the usual name before one with a dot.
    rank: (bool, bool, bool),
}

/// The candidates for each of the four files. All names begin with the same prefix.
type Set = [Vec<Candidate>; 4];

/// Finds the files of the only data set in a folder, or in a sub-folder that torchvision uses. The last part of `place` may be the prefix of
/// the files' names (`raw/emnist-letters`). `origin` is the option or variable that named the place, for errors.
pub fn find(origin: &'static str, place: &Path) -> Result<Place, DataError> {
    let mut sets = Vec::new();
    if place.is_dir() {
        sets = all(place)?;
        if let Some(index) = sets.iter().position(|(_, prefix, set)| prefix.is_empty() && is_whole(set)) {
            return chosen(sets.swap_remove(index));
        }
        if sets.is_empty() {
            for folder in BELOW.map(|below| place.join(below)).into_iter().filter(|folder| folder.is_dir()) {
                sets.extend(all(&folder)?);
            }
        }
    } else if let (Some(parent), Some(name)) = (place.parent(), place.file_name().and_then(|name| name.to_str())) {
        let parent = if parent == Path::new("") { Path::new(".") } else { parent };
        if parent.is_dir() {
            sets = all(parent)?;
            sets.retain(|(_, prefix, _)| prefix.strip_suffix('-') == Some(name));
        }
        if sets.is_empty() {
            return Err(DataError::NoFolder { origin, folder: place.into() });
        }
    } else {
        return Err(DataError::NoFolder { origin, folder: place.into() });
    }
    if sets.iter().any(|(_, _, set)| is_whole(set)) {
        sets.retain(|(_, _, set)| is_whole(set));
    }
    if sets.len() > 1 {
        let name = |(folder, prefix, _): &(PathBuf, String, Set)| match prefix.trim_end_matches('-') {
            "" => folder.clone(),
            prefix => folder.join(prefix),
        };
        let names = sets.iter().map(name).collect();
        return Err(DataError::Several { origin, folder: place.into(), names });
    }
    match sets.pop() {
        Some((folder, prefix, set)) if !is_whole(&set) => {
            let missing = NAMES.into_iter().zip(&set).filter(|(_, files)| files.is_empty());
            let missing = missing.map(|(name, _)| with_prefix(name, &prefix)).collect();
            Err(DataError::Missing { origin, folder, missing })
        }
        Some(set) => chosen(set),
        None => Err(DataError::Missing { origin, folder: place.into(), missing: NAMES.map(String::from).into() }),
    }
}

/// Returns true if a folder, or a sub-folder that torchvision uses, has any of the files.
pub fn holds_any(folder: &Path) -> bool {
    let is_there = |folder: &Path| all(folder).is_ok_and(|sets| !sets.is_empty());
    is_there(folder) || BELOW.iter().any(|below| is_there(&folder.join(below)))
}

/// Returns the usual names of the files that a folder does not have.
pub fn missing(folder: &Path) -> Vec<&'static str> {
    let sets = all(folder).unwrap_or_default();
    let set = sets.iter().find(|(_, prefix, _)| prefix.is_empty());
    let is_there = |slot: usize| set.is_some_and(|(_, _, set)| !set[slot].is_empty());
    NAMES.into_iter().enumerate().filter(|&(slot, _)| !is_there(slot)).map(|(_, name)| name).collect()
}

/// Returns a usual name with a prefix. Files with a prefix have `test` instead of `t10k`.
fn with_prefix(name: &str, prefix: &str) -> String {
    if prefix.is_empty() { name.into() } else { prefix.to_owned() + &name.replace("t10k", "test") }
}

fn is_whole(set: &Set) -> bool {
    set.iter().all(|files| !files.is_empty())
}

/// Returns all sets of a folder, whole or not.
fn all(folder: &Path) -> Result<Vec<(PathBuf, String, Set)>, DataError> {
    let unreadable = |error: io::Error| DataError::Unreadable { path: folder.into(), error };
    let mut sets = BTreeMap::<String, Set>::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name();
        if let Some((prefix, slot, mut candidate)) = name.to_str().and_then(parse)
            && entry.path().exists()
        {
            candidate.path = entry.path();
            candidate.rank.0 = candidate.path.is_dir();
            sets.entry(prefix.into()).or_default()[slot].push(candidate);
        }
    }
    Ok(sets.into_iter().map(|(prefix, set)| (folder.into(), prefix, set)).collect())
}

/// Returns a file's place among the four, by its name.
fn parse(name: &str) -> Option<(&str, usize, Candidate)> {
    let plain = name.strip_suffix(".gz");
    let stem = plain.unwrap_or(name).strip_suffix("-ubyte")?;
    let (stem, dimensions) = stem.split_at_checked(stem.len().checked_sub("-idx3".len())?)?;
    let is_dotted = dimensions.starts_with('.');
    let dimensions = dimensions.strip_prefix(['-', '.'])?;
    let (stem, labels) = match stem.strip_suffix("-labels") {
        Some(stem) => (stem, 1),
        None => (stem.strip_suffix("-images")?, 0),
    };
    let expected = [&["idx2", "idx3", "idx4"][..], &["idx1"]][labels];
    let dimensions = *expected.iter().find(|&&expected| expected == dimensions)?;
    let parts = [("train", 0), ("t10k", 2), ("test", 2)];
    let (part, slot, prefix) =
        parts.into_iter().find_map(|(part, slot)| Some((part, slot, stem.strip_suffix(part)?)))?;
    if !prefix.is_empty() && !prefix.ends_with('-') {
        return None;
    }
    let rank = (false, plain.is_some(), is_dotted);
    Some((prefix, slot + labels, Candidate { path: PathBuf::new(), meaning: (part, dimensions), rank }))
}

/// Returns the best file of each kind. Files whose names contradict each other are an error.
fn chosen((folder, prefix, set): (PathBuf, String, Set)) -> Result<Place, DataError> {
    let mut paths = [const { PathBuf::new() }; 4];
    for (path, mut files) in paths.iter_mut().zip(set) {
        files.sort_by(|a, b| a.rank.cmp(&b.rank).then_with(|| a.path.cmp(&b.path)));
        let mut files = files.into_iter();
        let Some(best) = files.next() else { continue };
        if let Some(other) = files.find(|other| !other.rank.0 && other.meaning != best.meaning) {
            return Err(DataError::Ambiguous { path: best.path, other: other.path });
        }
        *path = best.path;
    }
    Ok(Place { paths, folder, prefix })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        folder
    }

    /// Returns the found files or the error, without the folder's path.
    fn found(folder: &tempfile::TempDir, place: &str) -> Result<Vec<String>, String> {
        let own = format!("{}/", folder.path().display());
        let shown = |text: String| text.replace(&own, "");
        let place = find("--data", &folder.path().join(place)).map_err(|error| shown(error.to_string()))?;
        Ok(place.paths.iter().map(|path| shown(path.display().to_string())).collect())
    }

    fn set(folder: &str, prefix: &str) -> Vec<String> {
        NAMES.map(|name| folder.to_owned() + &with_prefix(name, prefix)).into()
    }

    fn names(sets: &[(&str, &str)]) -> tempfile::TempDir {
        let names: Vec<String> = sets.iter().flat_map(|(folder, prefix)| set(folder, prefix)).collect();
        folder(&names.iter().map(String::as_str).collect::<Vec<_>>())
    }

    #[test]
    fn torchvisions_folders_are_found() {
        for below in BELOW {
            let below = format!("{below}/");
            assert_eq!(found(&names(&[(&below, "")]), ""), Ok(set(&below, "")));
        }
        let two = names(&[("FashionMNIST/raw/", ""), ("MNIST/raw/", "")]);
        assert_eq!(found(&two, "MNIST"), Ok(set("MNIST/raw/", "")));
        let error = found(&two, "").unwrap_err();
        assert!(error.contains("several data sets; name one: FashionMNIST/raw, MNIST/raw"), "{error}");
        let both = names(&[("", ""), ("MNIST/raw/", "")]);
        assert_eq!(found(&both, ""), Ok(set("", "")));
    }

    #[test]
    fn a_split_of_emnist_is_named_by_its_prefix() {
        let one = names(&[("", "emnist-balanced-")]);
        assert_eq!(found(&one, ""), Ok(set("", "emnist-balanced-")));
        let two = names(&[("EMNIST/raw/", "emnist-balanced-"), ("EMNIST/raw/", "emnist-letters-")]);
        let error = found(&two, "").unwrap_err();
        assert!(error.contains("name one: EMNIST/raw/emnist-balanced, EMNIST/raw/emnist-letters"), "{error}");
        assert_eq!(found(&two, "EMNIST/raw/emnist-letters"), Ok(set("EMNIST/raw/", "emnist-letters-")));
        assert!(found(&two, "EMNIST/raw/emnist-digits").unwrap_err().contains("there is no folder"));
        fs::remove_file(one.path().join("emnist-balanced-test-labels-idx1-ubyte")).unwrap();
        assert!(found(&one, "").unwrap_err().contains("lacks emnist-balanced-test-labels-idx1-ubyte ("));
    }

    #[test]
    fn names_of_mirrors_are_known_and_plain_files_come_first() {
        let dotted = NAMES.map(|name| name.replace("-idx", ".idx"));
        let folder = folder(&dotted.each_ref().map(String::as_str));
        assert_eq!(found(&folder, ""), Ok(dotted.to_vec()));
        // Some archives unpack to a folder for each file.
        fs::create_dir(folder.path().join(NAMES[0])).unwrap();
        assert_eq!(found(&folder, ""), Ok(dotted.to_vec()));
        for (added, best) in [
            ("train-labels.idx1-ubyte.gz", "train-labels.idx1-ubyte"),
            ("train-labels-idx1-ubyte.gz", "train-labels.idx1-ubyte"),
            ("train-labels-idx1-ubyte", "train-labels-idx1-ubyte"),
        ] {
            fs::write(folder.path().join(added), "").unwrap();
            assert_eq!(found(&folder, "").unwrap()[1], best);
        }
        for other in ["test-images-idx3-ubyte", "t10k-images-idx4-ubyte"] {
            fs::write(folder.path().join(other), "").unwrap();
            assert!(found(&folder, "").unwrap_err().contains("which is meant?"), "{other}");
            fs::remove_file(folder.path().join(other)).unwrap();
        }
        for name in ["train-images-idx1-ubyte", "mytrain-images-idx3-ubyte", "-ubyte", "ä-ubyte", "train-images-idx3"]
        {
            assert!(parse(name).is_none(), "{name}");
        }
    }
}
