//! The four IDX files of a folder, plain or gzipped, and the names of its classes.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use flate2::read::MultiGzDecoder;
use selvedge::{idx, shape::InputShape};

use super::{DataError, Dataset, Split};
use crate::classes::{Classes, NAMES_FILE};

/// The files' names, without `.gz`: the training images and labels, then the test images and labels.
pub const NAMES: [&str; 4] =
    ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"];

/// A file has at most so many bytes.
const LIMIT: u64 = 1 << 32;
/// A gzipped file has at most so many, unpacked: four times Fashion-MNIST's largest. A small one could hold any amount.
const GZIP_LIMIT: u64 = 200_000_000;

/// The dimensions in the names of files of samples: 3 of images, 2 of other features, 4 of images of several channels.
const DIMENSIONS: [&str; 3] = ["idx3", "idx2", "idx4"];

/// The place where a folder has a file: plain, or else gzipped.
fn locate(folder: &Path, name: &str) -> Result<Option<PathBuf>, DataError> {
    let found = |name: String| {
        let paths = [folder.join(&name), folder.join(name + ".gz")];
        paths.into_iter().find(|path| path.exists())
    };
    if !name.contains(DIMENSIONS[0]) {
        return Ok(found(name.into()));
    }
    let mut paths = DIMENSIONS.iter().filter_map(|dimensions| found(name.replace(DIMENSIONS[0], dimensions)));
    match (paths.next(), paths.next()) {
        (Some(path), Some(other)) => Err(DataError::Ambiguous { path, other }),
        (path, _) => Ok(path),
    }
}

/// The files that a folder lacks.
pub fn missing(folder: &Path) -> Vec<&'static str> {
    NAMES.into_iter().filter(|name| matches!(locate(folder, name), Ok(None))).collect()
}

/// Reads a folder's training and test data; `origin` says in errors who named the folder.
pub fn read(origin: &'static str, folder: &Path) -> Result<Dataset, DataError> {
    if !folder.is_dir() {
        return Err(DataError::NoFolder { origin, folder: folder.into() });
    }
    let [train_path, train_labels, test_path, test_labels] = NAMES.map(|name| locate(folder, name));
    let paths = [train_path?, train_labels?, test_path?, test_labels?];
    let [Some(train_path), Some(train_labels), Some(test_path), Some(test_labels)] = paths else {
        return Err(DataError::Missing { origin, folder: folder.into(), missing: missing(folder) });
    };
    let (input, train) = split(&train_path, &train_labels)?;
    let (found, test) = split(&test_path, &test_labels)?;
    if found != input {
        return Err(DataError::Shapes { train: train_path, expected: input, test: test_path, found });
    }
    let splits = [(&train_labels, &train), (&test_labels, &test)];
    let names = folder.join(NAMES_FILE);
    let classes = match class_names(&names)? {
        Some(classes) => classes,
        None => Classes::numbered(check_labels(splits)?),
    };
    for (path, split) in splits {
        let mut labels = split.labels().iter().enumerate();
        if let Some((index, &label)) = labels.find(|&(_, &label)| usize::from(label) >= classes.count()) {
            return Err(DataError::Label { path: path.clone(), index, label, names, classes: classes.count() });
        }
    }
    Ok(Dataset::new("", input, classes, [train, test]))
}

/// The number of classes that labels count, of which none is left out between the least and the greatest.
fn check_labels(splits: [(&PathBuf, &Split); 2]) -> Result<usize, DataError> {
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

/// The names of the classes, one a line, where a folder has the file.
fn class_names(path: &Path) -> Result<Option<Classes>, DataError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(DataError::Unreadable { path: path.into(), error }),
    };
    let mut names = Vec::new();
    // Some editors begin a file with a byte order mark.
    for (name, line) in text.trim_start_matches('\u{feff}').lines().map(str::trim).zip(1..) {
        Classes::named([name]).map_err(|error| DataError::ClassName { path: path.into(), line, error })?;
        if names.contains(&name) {
            return Err(DataError::RepeatedName { path: path.into(), line, name: name.into() });
        }
        names.push(name);
    }
    // Each name was checked.
    Ok(Classes::named(names).ok().filter(|classes| classes.count() > 0))
}

fn split(samples_path: &Path, labels_path: &Path) -> Result<(InputShape, Split), DataError> {
    let (shape, values) = samples(samples_path)?;
    let labels = contents(labels_path)?;
    let labels = idx::labels(&labels).map_err(|error| DataError::Idx { path: labels_path.into(), error })?;
    let count = values.len() / shape.features();
    if count != labels.len() {
        let (samples_path, labels_path) = (samples_path.into(), labels_path.into());
        return Err(DataError::Counts { samples_path, samples: count, labels_path, labels: labels.len() });
    }
    if count == 0 {
        return Err(DataError::Empty { path: samples_path.into() });
    }
    let labels = labels.iter().map(|&label| label.into()).collect();
    Ok((shape, Split::new(shape.features(), values, labels)))
}

/// Reads a file of samples: their shape, and all values.
pub fn samples(path: &Path) -> Result<(InputShape, Vec<u8>), DataError> {
    let mut file = contents(path)?;
    let samples = idx::samples(&file).map_err(|error| DataError::Idx { path: path.into(), error })?;
    let (shape, header) = (samples.shape(), file.len() - samples.bytes().len());
    file.drain(..header);
    Ok((shape, file))
}

/// A file's bytes, unpacked where it is gzipped.
fn contents(path: &Path) -> Result<Vec<u8>, DataError> {
    let unreadable = |error| DataError::Unreadable { path: path.into(), error };
    let file = File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    let is_gzipped = path.extension().is_some_and(|extension| extension == "gz");
    let limit = if is_gzipped { GZIP_LIMIT } else { LIMIT };
    if is_gzipped {
        MultiGzDecoder::new(file).take(limit + 1).read_to_end(&mut bytes).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => DataError::Truncated { path: path.into() },
            io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => DataError::Gzip { path: path.into(), error },
            _ => unreadable(error),
        })?;
    } else {
        file.take(limit + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    }
    match bytes.len() as u64 > limit {
        false => Ok(bytes),
        true if is_gzipped => Err(DataError::TooLargeGzip { path: path.into(), limit }),
        true => Err(DataError::TooLarge { path: path.into(), limit }),
    }
}

#[cfg(test)]
pub mod tests {
    use std::{fs, io::Write};

    use flate2::{Compression, write::GzEncoder};
    use selvedge::fashion_mnist;
    use tempfile::TempDir;

    use super::*;

    fn images(count: u8) -> Vec<u8> {
        let pixels = (0..count).flat_map(|shade| [shade; 784]);
        let mut buffer = [0; idx::MAX_HEADER];
        idx::samples_header(count.into(), fashion_mnist::SHAPE, &mut buffer).iter().copied().chain(pixels).collect()
    }

    fn labels(labels: &[u8]) -> Vec<u8> {
        idx::labels_header(labels.len() as u32).into_iter().chain(labels.iter().copied()).collect()
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    /// A folder of three training images and two test images, the latter gzipped.
    pub fn folder() -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
        put(NAMES[0], &images(3));
        put(NAMES[1], &labels(&[2, 0, 3]));
        put("t10k-images-idx3-ubyte.gz", &gzip(&images(2)));
        put("t10k-labels-idx1-ubyte.gz", &gzip(&labels(&[1, 2])));
        folder
    }

    /// What reading says once a file has other bytes, with the folder's path left out.
    fn error_with(name: &str, bytes: &[u8]) -> String {
        let folder = folder();
        fs::write(folder.path().join(name), bytes).unwrap();
        let error = read("--data", folder.path()).unwrap_err();
        error.to_string().replace(&format!("{}/", folder.path().display()), "")
    }

    #[test]
    fn reads_plain_and_gzipped_files() {
        let folder = folder();
        let data = read("--data", folder.path()).unwrap();
        let values = |count: u8| (0..count).flat_map(|shade| [shade; 784]).collect();
        assert_eq!(data.train, Split::new(784, values(3), vec![2, 0, 3]));
        assert_eq!(data.test, Split::new(784, values(2), vec![1, 2]));
        assert_eq!((data.input, data.classes), (fashion_mnist::SHAPE, Classes::numbered(4)));
    }

    #[test]
    fn the_files_decide_features_classes_and_names() {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
        let features = |count: u32, features: u32| {
            let mut file =
                idx::samples_header(count, InputShape::Features(features), &mut [0; idx::MAX_HEADER]).to_vec();
            file.resize(file.len() + (count * features) as usize, 9);
            file
        };
        put(NAMES[0], &features(3, 12));
        put(NAMES[1], &labels(&[2, 0, 1]));
        put(NAMES[2], &features(1, 12));
        put(NAMES[3], &labels(&[2]));
        let data = read("--data", folder.path()).unwrap();
        assert_eq!((data.input, data.classes), (InputShape::Features(12), Classes::numbered(3)));
        put(NAMES_FILE, "left\nright\n up \ndown\n".as_bytes());
        let data = read("--data", folder.path()).unwrap();
        assert_eq!(data.classes.all().collect::<Vec<_>>(), ["left", "right", "up", "down"]);

        let error = || {
            let error = read("--data", folder.path()).unwrap_err().to_string();
            error.replace(&format!("{}/", folder.path().display()), "")
        };
        put(NAMES_FILE, b"left\nright\n");
        assert_eq!(error(), "train-labels-idx1-ubyte: label 0 is 2, but classes.txt names 2 classes");
        put(NAMES_FILE, "\u{feff}left\nright\nleft".as_bytes());
        assert_eq!(error(), "classes.txt, line 3: another line has the name left too");
        put(NAMES_FILE, b"left\n\nup\n");
        assert!(error().starts_with("classes.txt, line 2: \"\" is no name of a class"), "{}", error());
        fs::remove_file(folder.path().join(NAMES_FILE)).unwrap();
        put(NAMES[3], &labels(&[4]));
        assert!(
            error().starts_with("t10k-labels-idx1-ubyte: label 0 is 4, but no sample has the label 3; "),
            "{}",
            error()
        );
        // Labels that count from 1.
        put(NAMES[1], &labels(&[2, 3, 1]));
        put(NAMES[3], &labels(&[4]));
        assert_eq!(read("--data", folder.path()).unwrap().classes.count(), 5);
        let other = NAMES[2].replace("idx3", "idx2");
        put(&other, &features(1, 11));
        assert_eq!(error(), format!("both {} and {other} are there: which is meant? Keep one", NAMES[2]));
        fs::remove_file(folder.path().join(other)).unwrap();
        put(NAMES[2], &features(1, 11));
        assert_eq!(
            error(),
            "a sample of t10k-images-idx3-ubyte is 11 features, but one of train-images-idx3-ubyte is 12 features"
        );
    }

    #[test]
    fn says_what_is_missing() {
        let folder = folder();
        fs::remove_file(folder.path().join(NAMES[1])).unwrap();
        fs::remove_file(folder.path().join("t10k-labels-idx1-ubyte.gz")).unwrap();
        let error = read("--data", folder.path()).unwrap_err();
        assert!(matches!(&error, DataError::Missing { missing, .. } if missing == &[NAMES[1], NAMES[3]]), "{error}");
        let nowhere = folder.path().join("nowhere");
        assert_eq!(
            read("FASHION_MNIST_DIR", &nowhere).unwrap_err().to_string(),
            format!("FASHION_MNIST_DIR: there is no folder {}", nowhere.display())
        );
    }

    #[test]
    fn says_what_is_wrong_with_a_file() {
        assert_eq!(
            error_with(NAMES[0], &images(3)[..2_000]),
            "train-images-idx3-ubyte: the file is truncated: 2000 of 2368 bytes are there"
        );
        assert_eq!(
            error_with(NAMES[1], &labels(&[2, 0])),
            "train-images-idx3-ubyte has 3 samples, but train-labels-idx1-ubyte has 2 labels"
        );
        assert_eq!(
            error_with(NAMES[1], &images(1)),
            "train-labels-idx1-ubyte: it has 3 dimensions, but a file of its kind has 1"
        );
    }

    #[test]
    fn refuses_a_damaged_gzip_file() {
        let name = "t10k-labels-idx1-ubyte.gz";
        let whole = gzip(&labels(&[1, 2]));
        for end in 0..whole.len() {
            let error = error_with(name, &whole[..end]);
            assert!(error.starts_with("t10k-labels-idx1-ubyte.gz is truncated"), "{end}: {error}");
        }
        let mut damaged = whole.clone();
        damaged[whole.len() - 6] ^= 1;
        assert!(error_with(name, &damaged).starts_with("t10k-labels-idx1-ubyte.gz is no sound gzip file"));
        assert!(error_with(name, b"not gzip at all").starts_with("t10k-labels-idx1-ubyte.gz is no sound gzip file"));
    }

    #[test]
    fn refuses_no_images() {
        let folder = folder();
        fs::write(folder.path().join(NAMES[0]), images(0)).unwrap();
        fs::write(folder.path().join(NAMES[1]), labels(&[])).unwrap();
        assert!(matches!(read("--data", folder.path()), Err(DataError::Empty { .. })));
    }

    #[test]
    fn refuses_to_unpack_without_end() {
        let zeros = gzip(&vec![0; GZIP_LIMIT as usize + 1]);
        assert!(zeros.len() < 1_000_000);
        assert_eq!(
            error_with("t10k-images-idx3-ubyte.gz", &zeros),
            "t10k-images-idx3-ubyte.gz holds more than 200000000 bytes; unpack it with gunzip, as a plain file may have more"
        );
    }

    #[test]
    fn a_folder_is_no_file() {
        let folder = folder();
        fs::remove_file(folder.path().join(NAMES[0])).unwrap();
        fs::create_dir(folder.path().join(NAMES[0])).unwrap();
        assert!(matches!(read("--data", folder.path()), Err(DataError::Unreadable { .. })));
    }
}
