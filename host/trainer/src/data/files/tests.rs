//! Folders of small files, correct and damaged.

use std::{fs, io::Write};

use flate2::{Compression, write::GzEncoder};
use selvedge::{fashion_mnist, idx};
use tempfile::TempDir;

use super::{locate::NAMES, *};
use crate::classes::{Classes, NAMES_FILE};

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

/// Returns a folder of three training images and two test images, the latter gzipped.
pub fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    put(NAMES[0], &images(3));
    put(NAMES[1], &labels(&[2, 0, 3]));
    put("t10k-images-idx3-ubyte.gz", &gzip(&images(2)));
    put("t10k-labels-idx1-ubyte.gz", &gzip(&labels(&[1, 2])));
    folder
}

/// Replaces a file's bytes and reads the data. Returns the error, without the folder's path.
fn error_with(name: &str, bytes: &[u8]) -> String {
    let folder = folder();
    fs::write(folder.path().join(name), bytes).unwrap();
    let error = read("--data", folder.path(), None).unwrap_err();
    error.to_string().replace(&format!("{}/", folder.path().display()), "")
}

#[test]
fn reads_plain_and_gzipped_files() {
    let folder = folder();
    let data = read("--data", folder.path(), None).unwrap();
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
        let mut file = idx::samples_header(count, InputShape::Features(features), &mut [0; idx::MAX_HEADER]).to_vec();
        file.resize(file.len() + (count * features) as usize, 9);
        file
    };
    put(NAMES[0], &features(3, 12));
    put(NAMES[1], &labels(&[2, 0, 1]));
    put(NAMES[2], &features(1, 12));
    put(NAMES[3], &labels(&[2]));
    let data = read("--data", folder.path(), None).unwrap();
    assert_eq!((data.input, data.classes), (InputShape::Features(12), Classes::numbered(3)));
    put(NAMES_FILE, "left\nright\n up \ndown\n".as_bytes());
    let data = read("--data", folder.path(), None).unwrap();
    assert_eq!(data.classes.all().collect::<Vec<_>>(), ["left", "right", "up", "down"]);

    let error = || {
        let error = read("--data", folder.path(), None).unwrap_err().to_string();
        error.replace(&format!("{}/", folder.path().display()), "")
    };
    put(NAMES_FILE, b"left\nright\n");
    assert_eq!(error(), "train-labels-idx1-ubyte: label 0 is 2, but classes.txt names 2 classes");
    put(NAMES_FILE, "\u{feff}left\nright\nleft".as_bytes());
    assert_eq!(error(), "classes.txt, line 3: another class has the name left too");
    put(NAMES_FILE, b"left\n\nup\n");
    assert!(error().starts_with("classes.txt, line 2: \"\" is no name"), "{}", error());
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
    assert_eq!(read("--data", folder.path(), None).unwrap().classes.count(), 5);
    let other = NAMES[2].replace("idx3", "idx2");
    put(&other, &features(1, 11));
    assert_eq!(error(), format!("both {other} and {} are there: which is meant? Keep one", NAMES[2]));
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
    let error = read("--data", folder.path(), None).unwrap_err();
    assert!(matches!(&error, DataError::Missing { missing, .. } if missing == &[NAMES[1], NAMES[3]]), "{error}");
    let nowhere = folder.path().join("nowhere");
    assert_eq!(
        read("FASHION_MNIST_DIR", &nowhere, None).unwrap_err().to_string(),
        format!("FASHION_MNIST_DIR: there is no folder or file {}", nowhere.display())
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
    // Two bytes tell that a file is gzipped.
    for end in 2..whole.len() {
        let error = error_with(name, &whole[..end]);
        assert!(error.starts_with("t10k-labels-idx1-ubyte.gz is truncated"), "{end}: {error}");
    }
    let mut damaged = whole.clone();
    damaged[whole.len() - 6] ^= 1;
    assert!(error_with(name, &damaged).starts_with("t10k-labels-idx1-ubyte.gz is no sound gzip file"));
    assert!(error_with(name, b"").starts_with("t10k-labels-idx1-ubyte.gz is empty; "));
}

#[test]
fn refuses_no_images() {
    let folder = folder();
    fs::write(folder.path().join(NAMES[0]), images(0)).unwrap();
    fs::write(folder.path().join(NAMES[1]), labels(&[])).unwrap();
    assert!(matches!(read("--data", folder.path(), None), Err(DataError::Empty { .. })));
}

#[test]
fn bytes_tell_what_is_gzipped() {
    let folder = folder();
    let put = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    let expected = read("--data", folder.path(), None).unwrap().checksum;
    put(NAMES[0], &gzip(&images(3)));
    put(NAMES[1], &gzip(&labels(&[2, 0, 3])));
    put("t10k-labels-idx1-ubyte.gz", &labels(&[1, 2]));
    assert_eq!(read("--data", folder.path(), None).unwrap().checksum, expected);
}

#[test]
fn refuses_to_unpack_without_end() {
    let name = "t10k-images-idx3-ubyte.gz";
    let mut zeros = images(2);
    zeros.resize(300_000_000, 0);
    let error = error_with(name, &gzip(&zeros));
    assert_eq!(
        error,
        format!("{name} unpacks to more than the 1584 bytes that its header says; make or fetch it again")
    );
    // A header that claims as much as the stream has.
    zeros[4..8].copy_from_slice(&382_000_u32.to_be_bytes());
    let error = error_with(name, &gzip(&zeros));
    let expected = format!(
        "{name} unpacks to 299488016 bytes by its header, and from so small a file at most 200000000 are taken"
    );
    assert!(error.starts_with(&expected), "{error}");
}

#[test]
fn headers_are_checked_before_any_memory_is_taken() {
    let sizes = |sizes: &[u32]| {
        let sizes: Vec<u8> = sizes.iter().flat_map(|size| size.to_be_bytes()).collect();
        [&[0, 0, 8, (sizes.len() / 4) as u8][..], &sizes].concat()
    };
    for (header, words) in [
        (sizes(&[u32::MAX, 28, 28]), "the file is truncated: 16 of 3367254359296 bytes are there"),
        (sizes(&[u32::MAX; 3]), "the header's sizes make no sample"),
        (sizes(&[u32::MAX; 4]), "the header's sizes make no sample"),
        (sizes(&[3, 0, 28]), "the header's sizes make no sample"),
    ] {
        let error = error_with(NAMES[0], &header);
        assert!(error.contains(words), "{error}");
    }
    let error = error_with(NAMES[0], &gzip(&sizes(&[u32::MAX, 28, 28])));
    assert!(error.contains("unpacks to 3367254359296 bytes by its header"), "{error}");
    let error = error_with(NAMES[0], &gzip(&sizes(&[3, 28, 28])));
    assert!(error.contains("the file is truncated: 16 of 2368 bytes"), "{error}");
}

#[test]
fn says_what_lies_in_the_place_of_data() {
    for (bytes, words) in [
        (&b"<!DOCTYPE html><html>"[..], "is a web page and not the file itself; fetch it by the link"),
        (b"\n <html lang=en>", "is a web page"),
        (b"{\"message\": \"Not Found\"}", "is a text of JSON"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:",
            "is a Git LFS pointer and not the file itself; `git lfs pull` fetches that",
        ),
        (b"PK\x03\x04\x14", "is a zip archive; unpack it"),
        (b"\x93NUMPY\x01\x00", "is a NumPy array"),
        (b"", "is empty; "),
        (b"abcdefgh", "this is no IDX file: it begins with 0x61626364"),
        (b"\0\0", "the file is truncated: 2 of 8 bytes"),
    ] {
        for name in &NAMES[..2] {
            let error = error_with(name, bytes);
            assert!(error.starts_with(name) && error.contains(words), "{error}");
        }
    }
    let twice = gzip(&gzip(&images(3)));
    assert!(error_with(NAMES[0], &twice).contains("is gzipped twice; unpack it once with gunzip"));
    let labels = [&labels(&[2, 0, 3])[..], &[0; 5]].concat();
    let error = error_with(NAMES[1], &labels);
    assert!(error.ends_with("the file is too long: 16 bytes instead of 11"), "{error}");
}

#[cfg(unix)]
#[test]
fn devices_are_no_data() {
    let folder = folder();
    let path = folder.path().join(NAMES[0]);
    fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink("/dev/zero", &path).unwrap();
    let error = read("--data", folder.path(), None).unwrap_err().to_string();
    assert!(error.contains("it is a device, not a file"), "{error}");
}

#[test]
fn given_names_come_before_the_folders_own_and_must_fit() {
    let folder = folder();
    let put = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    let read = |classes: &str| read("--data", folder.path(), Some(classes.as_ref()));
    put(NAMES_FILE, b"left\n");
    let data = read("a,b,c,d").unwrap();
    assert_eq!(data.classes, Classes::named(["a", "b", "c", "d"]).unwrap());
    assert_eq!(data.notes.len(), 1);
    assert!(data.notes[0].starts_with("class 1 (b) of "), "{}", data.notes[0]);
    let error = read("a,b,c").unwrap_err().to_string();
    assert!(error.ends_with("label 2 is 3, but --classes names 3 classes"), "{error}");
    put(NAMES[1], &labels(&[2, 1, 3]));
    let note = &read("a,b,c,d").unwrap().notes[0];
    assert!(note.starts_with("the training labels of ") && note.contains("begin at 1: class 0 (a)"), "{note}");
    let note = &read("a,b,c,d,e,f,g,h,i,j").unwrap().notes[0];
    assert!(
        note.starts_with("7 of the 10 classes of ") && note.ends_with("0 (a), 4 (e), 5 (f), 6 (g), 7 (h) and 2 more"),
        "{note}"
    );
}

#[test]
fn a_folder_is_no_file() {
    let folder = folder();
    fs::remove_file(folder.path().join(NAMES[0])).unwrap();
    fs::create_dir(folder.path().join(NAMES[0])).unwrap();
    assert!(matches!(read("--data", folder.path(), None), Err(DataError::File(_))));
}
