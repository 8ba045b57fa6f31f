//! The four IDX files of a folder, plain or gzipped.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use flate2::read::MultiGzDecoder;
use selvedge::idx::{self, IdxError};

use super::{DataError, Split};

/// The files' names, without `.gz`: the training images and labels, then the test images and labels.
pub const NAMES: [&str; 4] =
    ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"];

/// No file may be larger, unpacked: four times Fashion-MNIST's largest. A small gzip file can hold any amount.
const LIMIT: u64 = 200_000_000;

/// Where a folder has a file: plain, or else gzipped.
fn locate(folder: &Path, name: &str) -> Option<PathBuf> {
    [folder.join(name), folder.join(format!("{name}.gz"))].into_iter().find(|path| path.exists())
}

/// Which files a folder lacks.
pub fn missing(folder: &Path) -> Vec<&'static str> {
    NAMES.into_iter().filter(|name| locate(folder, name).is_none()).collect()
}

/// Reads a folder's training and test data; `origin` says in errors who named the folder.
pub fn read(origin: &'static str, folder: &Path) -> Result<[Split; 2], DataError> {
    if !folder.is_dir() {
        return Err(DataError::NoFolder { origin, folder: folder.into() });
    }
    let paths = NAMES.map(|name| locate(folder, name));
    let [Some(train_images), Some(train_labels), Some(test_images), Some(test_labels)] = paths else {
        return Err(DataError::Missing { origin, folder: folder.into(), missing: missing(folder) });
    };
    Ok([split(train_images, train_labels)?, split(test_images, test_labels)?])
}

fn split(images_path: PathBuf, labels_path: PathBuf) -> Result<Split, DataError> {
    let images = parse(&images_path, idx::images)?;
    let labels = parse(&labels_path, idx::labels)?;
    if images.len() != labels.len() {
        let (images, labels) = (images.len(), labels.len());
        return Err(DataError::Counts { images_path, images, labels_path, labels });
    }
    if images.is_empty() {
        return Err(DataError::Empty { path: images_path });
    }
    Ok(Split { images, labels })
}

fn parse<T: Copy>(path: &Path, parser: fn(&[u8]) -> Result<&[T], IdxError>) -> Result<Vec<T>, DataError> {
    let bytes = contents(path)?;
    parser(&bytes).map(<[T]>::to_vec).map_err(|error| DataError::Idx { path: path.into(), error })
}

/// A file's bytes, unpacked where it is gzipped.
fn contents(path: &Path) -> Result<Vec<u8>, DataError> {
    let unreadable = |error| DataError::Unreadable { path: path.into(), error };
    let file = File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    if path.extension().is_some_and(|extension| extension == "gz") {
        MultiGzDecoder::new(file).take(LIMIT + 1).read_to_end(&mut bytes).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => DataError::Truncated { path: path.into() },
            io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => DataError::Gzip { path: path.into(), error },
            _ => unreadable(error),
        })?;
    } else {
        file.take(LIMIT + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    }
    if bytes.len() as u64 > LIMIT {
        return Err(DataError::TooLarge { path: path.into(), limit: LIMIT });
    }
    Ok(bytes)
}

#[cfg(test)]
pub mod tests {
    use std::{fs, io::Write};

    use flate2::{Compression, write::GzEncoder};
    use tempfile::TempDir;

    use super::*;

    fn images(count: u8) -> Vec<u8> {
        let pixels = (0..count).flat_map(|shade| [shade; 784]);
        idx::images_header(count.into()).into_iter().chain(pixels).collect()
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
        put(NAMES[1], &labels(&[7, 0, 9]));
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
        let [train, test] = read("--data", folder.path()).unwrap();
        assert_eq!(train, Split { images: vec![[0; 784], [1; 784], [2; 784]], labels: vec![7, 0, 9] });
        assert_eq!(test, Split { images: vec![[0; 784], [1; 784]], labels: vec![1, 2] });
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
            error_with(NAMES[1], &labels(&[7, 0])),
            "train-images-idx3-ubyte has 3 images, but train-labels-idx1-ubyte has 2 labels"
        );
        assert_eq!(
            error_with(NAMES[1], &labels(&[7, 200, 1])),
            "train-labels-idx1-ubyte: label 1 is 200, but the classes are 0 to 9"
        );
        assert_eq!(
            error_with(NAMES[1], &images(1)),
            "train-labels-idx1-ubyte: the magic number is 0x00000803, not 0x00000801: this is another kind of file"
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
        let zeros = gzip(&vec![0; LIMIT as usize + 1]);
        assert!(zeros.len() < 1_000_000);
        assert_eq!(
            error_with("t10k-images-idx3-ubyte.gz", &zeros),
            "t10k-images-idx3-ubyte.gz holds more than 200000000 bytes: that is no Fashion-MNIST file"
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
