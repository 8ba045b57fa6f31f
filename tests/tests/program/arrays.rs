//! Data sets of NumPy's arrays, IDX files of other types than bytes, and files that are mapped and not read.

#![allow(clippy::unwrap_used, reason = "a test's helper functions are tests too")]

use std::{
    fs,
    io::{Cursor, Write},
    path::Path,
};

use selvedge::shape::InputShape;
use tempfile::TempDir;
use tests::text;
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

const TRAIN: &str = "train --layers 12,20,3 --recipe quickstart --steps 40 --val-split 0.1";

/// A value of SELVEDGE_MAP_FROM, in bytes: files of this size and more are mapped. With MEMORY no test file is mapped, with MAPPED every file
/// is.
const MEMORY: &str = "1000000000";
const MAPPED: &str = "0";

/// Runs a command; returns what it says, and whether it succeeds.
fn run(folder: &Path, arguments: &str, map_from: &str) -> (String, bool) {
    let mut command = tests::selvedge(folder);
    let output = command.args(arguments.split_whitespace()).env("SELVEDGE_MAP_FROM", map_from).output().unwrap();
    let text = text(&output);
    assert!(!text.contains("panicked"), "{arguments}: {text}");
    (text, output.status.success())
}

fn said(folder: &Path, arguments: &str) -> String {
    let (text, succeeds) = run(folder, arguments, MEMORY);
    assert!(succeeds, "{arguments}: {text}");
    text
}

/// The last line of a command's error.
fn error(folder: &Path, arguments: &str) -> String {
    let (text, succeeds) = run(folder, arguments, MEMORY);
    assert!(!succeeds, "{arguments}: {text}");
    text.lines().last().unwrap_or_default().into()
}

/// The hash of the weights that a run ends with.
fn hash(folder: &Path, data: &str, map_from: &str) -> String {
    let (text, succeeds) = run(folder, &format!("{TRAIN} {data} --out w.selvedge"), map_from);
    assert!(succeeds, "{data}: {text}");
    let (_, hash) = text.rsplit_once("SHA-256 ").unwrap();
    hash.trim().into()
}

fn npy(word: &str, shape: &[usize], bytes: &[u8]) -> Vec<u8> {
    let sizes: String = shape.iter().map(|size| format!("{size}, ")).collect();
    let text = format!("{{'descr': '{word}', 'fortran_order': False, 'shape': ({sizes}), }}\n");
    [b"\x93NUMPY\x01\x00", &(text.len() as u16).to_le_bytes()[..], text.as_bytes(), bytes].concat()
}

/// A folder `idx` of bytes, and for each of the four files its values.
fn folder() -> (TempDir, [Vec<u8>; 4]) {
    let folder = tempfile::tempdir().unwrap();
    tests::write_data(&folder.path().join("idx"), InputShape::Features(12), 3, [300, 60]);
    let read = |name: &str, start: usize| fs::read(folder.path().join("idx").join(name)).unwrap()[start..].to_vec();
    let values = [
        read("train-images-idx2-ubyte", 12),
        read("train-labels-idx1-ubyte", 8),
        read("t10k-images-idx2-ubyte", 12),
        read("t10k-labels-idx1-ubyte", 8),
    ];
    (folder, values)
}

/// Writes four arrays as a folder, an archive, and a compressed one.
fn write(folder: &Path, name: &str, arrays: [Vec<u8>; 4]) {
    fs::create_dir_all(folder.join(name)).unwrap();
    for (end, method) in [("", CompressionMethod::Stored), ("-deflated", CompressionMethod::Deflated)] {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for (array, bytes) in ["x_train", "y_train", "x_test", "y_test"].iter().zip(&arrays) {
            fs::write(folder.join(name).join(format!("{array}.npy")), bytes).unwrap();
            zip.start_file(format!("{array}.npy"), SimpleFileOptions::default().compression_method(method)).unwrap();
            zip.write_all(bytes).unwrap();
        }
        fs::write(folder.join(format!("{name}{end}.npz")), zip.finish().unwrap().into_inner()).unwrap();
    }
}

/// Returns four arrays. `become_bytes` makes the element of a sample from each byte. Labels are integers of 64 bits.
fn arrays(values: &[Vec<u8>; 4], word: &str, become_bytes: impl Fn(u8) -> Vec<u8>) -> [Vec<u8>; 4] {
    let samples = |bytes: &[u8]| {
        let values: Vec<u8> = bytes.iter().flat_map(|&byte| become_bytes(byte)).collect();
        npy(word, &[bytes.len() / 12, 12], &values)
    };
    let labels = |bytes: &[u8]| {
        let values: Vec<u8> = bytes.iter().flat_map(|&byte| i64::from(byte).to_le_bytes()).collect();
        npy("<i8", &[bytes.len()], &values)
    };
    [samples(&values[0]), labels(&values[1]), samples(&values[2]), labels(&values[3])]
}

#[test]
fn arrays_train_the_weights_of_the_idx_files_with_their_values() {
    let (folder, values) = folder();
    let folder = folder.path();
    write(folder, "bytes", arrays(&values, "|u1", |byte| vec![byte]));
    let expected = hash(folder, "--data idx", MEMORY);
    let pair = "--data bytes/x_train.npy --labels bytes/y_train.npy";
    for data in [
        "--data bytes",
        "--data bytes.npz",
        "--data bytes-deflated.npz",
        &format!("{pair} --test bytes.npz"),
        &format!("{pair} --test bytes/x_test.npy --test-labels bytes/y_test.npy"),
    ] {
        assert_eq!(hash(folder, data, MEMORY), expected, "{data}");
    }
    // A file that is mapped has the same bits.
    for data in ["--data idx", "--data bytes", pair] {
        assert_eq!(hash(folder, data, MAPPED), hash(folder, data, MEMORY), "{data}");
    }
    // The test part is the same in each command, and another seed's is another.
    let tested = |split: &str| said(folder, &format!("eval w.selvedge {pair} {split}"));
    assert_eq!(tested(""), tested("--test-split 0.2"));
    assert!(tested("").contains("on the 60 test samples of bytes"), "{}", tested(""));
    assert!(tested("--test-split 0.5,seed=3").contains("on the 150 test samples"));
}

#[test]
fn samples_of_other_numbers_are_arrays_or_idx_files() {
    let (folder, values) = folder();
    let folder = folder.path();
    let half = |byte: u8| f32::from(byte) / 2.0 - 60.0;
    let wide = |byte: u8| i16::from(byte) * 100 - 9000;
    write(folder, "floats", arrays(&values, "<f4", |byte| half(byte).to_le_bytes().to_vec()));
    write(folder, "doubles", arrays(&values, ">f8", |byte| f64::from(half(byte)).to_be_bytes().to_vec()));
    write(folder, "shorts", arrays(&values, "<i2", |byte| wide(byte).to_le_bytes().to_vec()));
    write(folder, "longs", arrays(&values, "<i8", |byte| i64::from(wide(byte)).to_le_bytes().to_vec()));
    let idx = |name: &str, kind: u8, become_bytes: &dyn Fn(u8) -> Vec<u8>| {
        fs::create_dir(folder.join(name)).unwrap();
        for (file, slot) in [("train-images-idx2-ubyte", 0), ("t10k-images-idx2-ubyte", 2)] {
            let header = fs::read(folder.join("idx").join(file)).unwrap()[..12].to_vec();
            let bytes: Vec<u8> = values[slot].iter().flat_map(|&byte| become_bytes(byte)).collect();
            fs::write(folder.join(name).join(file), [&[0, 0, kind], &header[3..], &bytes].concat()).unwrap();
        }
        for file in ["train-labels-idx1-ubyte", "t10k-labels-idx1-ubyte"] {
            fs::copy(folder.join("idx").join(file), folder.join(name).join(file)).unwrap();
        }
    };
    idx("idx-floats", 0x0d, &|byte| half(byte).to_be_bytes().to_vec());
    idx("idx-shorts", 0x0b, &|byte| wide(byte).to_be_bytes().to_vec());
    for (same, takes_halves) in [
        (["floats", "floats.npz", "doubles", "idx-floats"], true),
        (["shorts", "shorts.npz", "longs", "idx-shorts"], false),
    ] {
        let hashes = same.map(|data| hash(folder, &format!("--data {data}"), MEMORY));
        assert!(hashes.iter().all(|hash| *hash == hashes[0]), "{same:?}");
        assert_eq!(hash(folder, &format!("--data {}", same[0]), MAPPED), hashes[0]);
        assert!(said(folder, &format!("eval w.selvedge --data {}", same[1])).contains("on the 60 test samples"));
        let file = format!("predict w.selvedge {}/t10k-images-idx2-ubyte", same[3]);
        assert!(said(folder, &file).contains("sample 59"));
        let halves = format!("predict w.selvedge --values 0.5{}", ",0".repeat(11));
        assert_eq!(run(folder, &halves, MEMORY).1, takes_halves);
        said(folder, &format!("quantize w.selvedge --data {} --out q.selvedge", same[0]));
    }
    // Bytes are such numbers too.
    assert!(said(folder, "predict w.selvedge idx/t10k-images-idx2-ubyte").contains("sample 59"));
    assert!(error(folder, "eval w.selvedge --data floats").contains("the network takes values of i16"));
}

#[test]
fn what_is_no_data_set_of_arrays_says_why() {
    let (folder, values) = folder();
    let folder = folder.path();
    write(folder, "bytes", arrays(&values, "|u1", |byte| vec![byte]));
    for (data, expected) in [
        ("--data idx --labels bytes/y_train.npy", "--labels is not for IDX files"),
        ("--data builtin --test-split 0.3", "--test-split is for a source that --data names"),
        ("--test bytes.npz", "--test is for a source that --data names"),
        ("--data bytes --test-split 0.3", "--test-split: bytes has a test part already, in x_test"),
        ("--data bytes --labels bytes/y_train.npy", "--labels: bytes has the labels of its samples already"),
        ("--data bytes/x_train.npy", "bytes/x_train.npy is one array: name its labels' file by --labels"),
        ("--data bytes/x_train.npy --labels bytes/y_test.npy", "has 300 samples, but bytes/y_test.npy has 60 labels"),
        ("--data bytes/x_train.npy --labels bytes/y_train.npy --test nowhere.npz", "cannot read nowhere.npz"),
        ("--data nowhere.npz", "cannot read nowhere.npz"),
    ] {
        let message = error(folder, &format!("{TRAIN} {data}"));
        assert!(message.starts_with("error: ") && message.contains(expected), "{data}: {message}");
    }
    let train = format!("{TRAIN} --data bytes");
    let (text, succeeds) = run(folder, &train, "much");
    assert!(!succeeds && text.contains("SELVEDGE_MAP_FROM is \"much\"; it must be a number of bytes"), "{text}");
    let path = folder.join("bytes/x_train.npy");
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(3000).unwrap();
    for map_from in [MEMORY, MAPPED] {
        let (text, succeeds) = run(folder, &train, map_from);
        assert!(!succeeds && text.contains("x_train.npy: its shape [300, 12] needs another number of bytes"), "{text}");
    }
}
