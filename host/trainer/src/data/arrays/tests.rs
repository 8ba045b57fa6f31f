//! Arrays as NumPy writes them: layouts, types, labels, and files that are not a data set.

use std::{fs, io::Write, path::PathBuf};

use proptest::prelude::*;
use selvedge::shape::InputShape;
use tempfile::TempDir;
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use super::*;

const CLASSES: TaskKind = TaskKind::Classification;

/// Returns an array's file of this type, order and shape.
fn npy(word: &str, is_fortran: bool, shape: &[usize], bytes: &[u8]) -> Vec<u8> {
    let order = if is_fortran { "True" } else { "False" };
    let sizes: String = shape.iter().map(|size| format!("{size},")).collect();
    let text = format!("{{'descr': '{word}', 'fortran_order': {order}, 'shape': ({sizes}), }}\n");
    [npy::MAGIC, &[1, 0], &(text.len() as u16).to_le_bytes(), text.as_bytes(), bytes].concat()
}

fn samples_of(word: &str, is_fortran: bool, shape: &[usize], bytes: &[u8]) -> Result<Samples, String> {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), npy(word, is_fortran, shape, bytes)).unwrap();
    let shown = |error: DataError| error.to_string().replace(&file.path().display().to_string(), "x");
    Array::read(file.path()).and_then(samples::read).map_err(shown)
}

fn values(samples: &Samples) -> Vec<f32> {
    samples.element.values(samples.values.get(0..samples.values.len())).collect()
}

/// Returns the element and the values that a vector of two samples becomes.
fn converted(word: &str, bytes: &[u8]) -> Result<(Element, Vec<f32>), String> {
    let samples = samples_of(word, false, &[2, 1], bytes)?;
    Ok((samples.element, values(&samples)))
}

#[test]
fn numbers_become_the_nearest_element() {
    let both = |little: [&[u8]; 2]| {
        let big = little.map(|bytes| bytes.iter().rev().copied().collect::<Vec<_>>());
        [("<", little.concat()), (">", big.concat())]
    };
    assert_eq!(converted("|u1", &[1, 200]), Ok((Element::U8, vec![1.0, 200.0])));
    assert_eq!(converted("|b1", &[7, 0]), Ok((Element::U8, vec![1.0, 0.0])));
    assert_eq!(converted("|i1", &[1, 200]), Ok((Element::I8, vec![1.0, -56.0])));
    for (kind, little, expected) in [
        ("i2", [&300_i16.to_le_bytes()[..], &(-2_i16).to_le_bytes()], (Element::I16, vec![300.0, -2.0])),
        ("u2", [&300_u16.to_le_bytes(), &65_535_u16.to_le_bytes()], (Element::U16, vec![300.0, 65_535.0])),
        ("f2", [&[0, 0x3e], &[0, 0xc0]], (Element::F32, vec![1.5, -2.0])),
        ("f4", [&1.5_f32.to_le_bytes(), &(-0.1_f32).to_le_bytes()], (Element::F32, vec![1.5, -0.1])),
        ("f8", [&1.5_f64.to_le_bytes(), &0.1_f64.to_le_bytes()], (Element::F32, vec![1.5, 0.1])),
        ("i4", [&5_i32.to_le_bytes(), &(-32_768_i32).to_le_bytes()], (Element::I16, vec![5.0, -32_768.0])),
        ("i8", [&0_i64.to_le_bytes(), &40_000_i64.to_le_bytes()], (Element::U16, vec![0.0, 40_000.0])),
        ("i8", [&(-1_i64).to_le_bytes(), &40_000_i64.to_le_bytes()], (Element::F32, vec![-1.0, 40_000.0])),
        ("u8", [&1_u64.to_le_bytes(), &(1_u64 << 63).to_le_bytes()], (Element::F32, vec![1.0, 2_f32.powi(63)])),
    ] {
        for (order, bytes) in both(little) {
            assert_eq!(converted(&format!("{order}{kind}"), &bytes), Ok(expected.clone()), "{order}{kind}");
        }
    }
}

#[test]
fn values_that_no_element_has_are_named() {
    let error = converted("<f8", &[1.0, 1e39].map(f64::to_le_bytes).concat()).unwrap_err();
    assert!(
        error.starts_with("x: feature 0 of sample 1 (from 0) is 1000000000") && error.contains("beyond"),
        "{error}"
    );
    for (word, bytes) in [
        ("<f8", [f64::NAN, 1.0].map(f64::to_le_bytes).concat()),
        ("<f4", [f32::NAN, 1.0].map(f32::to_le_bytes).concat()),
    ] {
        let error = converted(word, &bytes).unwrap_err();
        assert!(error.starts_with("x: feature 0 of sample 0 (from 0) is NaN, which is no number"), "{error}");
    }
    let error = converted("<i4", &[0, (1 << 24) + 1].map(i32::to_le_bytes).concat()).unwrap_err();
    assert!(error.starts_with("x: feature 0 of sample 1 (from 0) is 16777217, which a float32 does not"), "{error}");
    for word in ["<c8", "<U2", "|O", "<M8[ns]"] {
        let error = converted(word, &[0; 16]).unwrap_err();
        assert!(error.contains(&format!("its type is `{word}`")), "{error}");
    }
    let error = converted("<f8", &[0; 15]).unwrap_err();
    assert_eq!(error, "x: its shape [2, 1] needs another number of bytes than its 15");
}

#[test]
fn any_layout_gives_channels_rows_and_columns() {
    let image = |channels, height, width| InputShape::Image { channels, height, width };
    let bytes: Vec<u8> = (0..24).collect();
    let read = |is_fortran, shape: &[usize]| {
        samples_of("|u1", is_fortran, shape, &bytes[..shape.iter().product()])
            .map(|samples| (samples.shape, values(&samples).iter().map(|&value| value as u8).collect::<Vec<_>>()))
    };
    assert_eq!(read(false, &[4, 6]), Ok((InputShape::Features(6), bytes.clone())));
    assert_eq!(read(false, &[2, 3, 4]), Ok((image(1, 3, 4), bytes.clone())));
    assert_eq!(read(false, &[2, 4, 3, 1]), Ok((image(1, 4, 3), bytes.clone())));
    assert_eq!(read(false, &[2, 1, 3, 4]), Ok((image(1, 3, 4), bytes.clone())));
    assert_eq!(read(false, &[1, 3, 2, 4]), Ok((image(3, 2, 4), bytes.clone())));
    let channels: Vec<u8> = (0..3).flat_map(|channel| (0..8).map(move |pixel| 3 * pixel + channel)).collect();
    assert_eq!(read(false, &[1, 2, 4, 3]), Ok((image(3, 2, 4), channels)));
    assert_eq!(read(true, &[2, 3]), Ok((InputShape::Features(3), vec![0, 2, 4, 1, 3, 5])));
    assert_eq!(read(true, &[3, 1]), Ok((InputShape::Features(1), vec![0, 1, 2])));
    for (shape, advice) in [
        (&[24][..], "save X.reshape(-1, 1)"),
        (&[2, 3, 4, 1, 1], "save X.reshape(len(X), -1)"),
        (&[1, 3, 8, 1], "can both be channels; save X.reshape(len(X), -1)"),
        (&[1, 2, 6, 2], "images have 1 or 3 channels"),
        (&[3, 0], "a sample has no values, or too many"),
        (&[0, 1 << 33], "a sample has no values, or too many"),
    ] {
        let error = read(false, shape).unwrap_err();
        assert!(error.starts_with(&format!("x: its shape is {shape:?}; ")) && error.contains(advice), "{error}");
    }
}

/// A folder, or an archive of the same arrays.
struct Arrays(TempDir);

impl Arrays {
    fn new(arrays: &[(&str, Vec<u8>)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let waves = folder.path().join("waves");
        fs::create_dir(&waves).unwrap();
        for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
            let mut zip = ZipWriter::new(std::io::Cursor::new(Vec::new()));
            for (name, bytes) in arrays {
                fs::write(waves.join(format!("{name}.npy")), bytes).unwrap();
                let options = SimpleFileOptions::default().compression_method(method);
                zip.start_file(format!("{name}.npy"), options).unwrap();
                zip.write_all(bytes).unwrap();
            }
            let name = if method == CompressionMethod::Stored { "plain/waves.npz" } else { "deflated/waves.npz" };
            fs::create_dir_all(folder.path().join(name).parent().unwrap()).unwrap();
            fs::write(folder.path().join(name), zip.finish().unwrap().into_inner()).unwrap();
        }
        Self(folder)
    }

    fn places(&self) -> [PathBuf; 3] {
        ["waves", "plain/waves.npz", "deflated/waves.npz"].map(|name| self.0.path().join(name))
    }

    /// Returns the data, which is the same in each form.
    fn read(&self) -> Dataset {
        let read = self.places().map(|place| {
            assert!(are_at(&place));
            super::read(&place, &SourceOptions::default(), CLASSES, None).unwrap()
        });
        for data in &read {
            assert_eq!((&data.name, data.checksum, &data.test), (&read[0].name, read[0].checksum, &read[0].test));
        }
        let [first, ..] = read;
        first
    }

    /// Returns the error, which is the same in each form, but for the place.
    fn error(&self) -> String {
        let errors = self.places().map(|place| {
            let error = super::read(&place, &SourceOptions::default(), CLASSES, None).unwrap_err().to_string();
            error.replace(&place.display().to_string(), "waves").replace(".npy", "")
        });
        assert!(errors.iter().all(|error| *error == errors[0]), "{errors:?}");
        errors[0].clone()
    }
}

fn bytes(rows: usize) -> Vec<u8> {
    npy("|u1", false, &[rows, 2], &(0..2 * rows as u8).collect::<Vec<_>>())
}

fn numbers(labels: &[i64]) -> Vec<u8> {
    npy("<i8", false, &[labels.len()], &labels.iter().flat_map(|label| label.to_le_bytes()).collect::<Vec<_>>())
}

fn texts(labels: &[&str]) -> Vec<u8> {
    let element = |text: &&str| {
        let characters = text.chars().map(u32::from).chain(std::iter::repeat(0)).take(5);
        characters.flat_map(u32::to_be_bytes).collect::<Vec<_>>()
    };
    npy(">U5", false, &[labels.len(), 1], &labels.iter().flat_map(element).collect::<Vec<_>>())
}

#[test]
fn four_arrays_are_a_data_set() {
    let arrays = Arrays::new(&[
        ("X_train", bytes(3)),
        ("y_train", numbers(&[2, 0, 1])),
        ("x_test", bytes(1)),
        ("y_test", numbers(&[1])),
        ("x_val", bytes(1)),
    ]);
    let data = arrays.read();
    assert_eq!((data.name.as_str(), data.input, data.classes.count()), ("waves", InputShape::Features(2), 3));
    assert_eq!(data.train, Split::new(2, vec![0, 1, 2, 3, 4, 5], vec![2, 0, 1]));
    assert_eq!(data.test, Split::new(2, vec![0, 1], vec![1]));
    assert!(data.notes[0].ends_with("has arrays that are not used: `x_val`"), "{:?}", data.notes);
}

#[test]
fn two_arrays_are_parted_and_texts_name_classes() {
    let labels: Vec<&str> = ["still", "größe"].into_iter().cycle().take(10).collect();
    let data = Arrays::new(&[("X", bytes(10)), ("y", texts(&labels))]).read();
    assert_eq!(data.classes.all().collect::<Vec<_>>(), ["größe", "still"]);
    assert_eq!((data.train.len(), data.test.len()), (8, 2));
    for split in [&data.train, &data.test] {
        assert!(split.samples().zip(split.labels()).all(|(sample, &label)| u16::from(sample[0] / 2 % 2 == 0) == label));
    }
}

#[test]
fn wide_integers_of_both_parts_have_one_element() {
    let wide = |values: [i32; 2]| npy("<i4", false, &[2, 1], &values.map(i32::to_le_bytes).concat());
    let arrays = |test| {
        Arrays::new(&[
            ("x_train", wide([-1, 5])),
            ("y_train", numbers(&[0, 1])),
            ("x_test", test),
            ("y_test", numbers(&[1, 0])),
        ])
    };
    let data = arrays(wide([5, 40_000])).read();
    assert_eq!(data.train.element(), Element::F32);
    assert_eq!(data.train.element().values(&data.train.values()).collect::<Vec<_>>(), [-1.0, 5.0]);
    assert_eq!(data.test.element().values(&data.test.values()).collect::<Vec<_>>(), [5.0, 40_000.0]);
    assert_eq!(arrays(wide([5, 6])).read().test.element(), Element::I16);
    let error = arrays(npy("|u1", false, &[2, 1], &[1, 2])).error();
    assert_eq!(error, "waves/x_test has `|u1`, but waves/x_train has `<i4`; save both as one type");
}

#[test]
fn what_is_no_data_set_says_why() {
    let error = |arrays: &[(&str, Vec<u8>)]| Arrays::new(arrays).error();
    let [x, y] = [bytes(2), numbers(&[0, 1])];
    for (arrays, expected) in [
        (vec![("X", x.clone())], "waves has no array y or labels or target; it has `X`"),
        (
            vec![("X", x.clone()), ("x", x.clone()), ("y", y.clone())],
            "waves has both X and x: which is meant? Keep one",
        ),
        (
            vec![("x_train", x.clone()), ("y_train", y.clone())],
            "waves has no array x_test or X_test; it has `x_train`, `y_train`",
        ),
        (vec![("X", x.clone()), ("y", numbers(&[0]))], "waves/X has 2 samples, but waves/y has 1 labels"),
        (
            vec![("X", x.clone()), ("y", numbers(&[0, -1]))],
            "waves/y: label 1 is -1; labels count classes from 0 to 65535",
        ),
        (
            vec![("X", x.clone()), ("y", numbers(&[0, 1]))],
            "waves/X has 2 samples, too few for a training and a test part; name a test part by --test",
        ),
        (vec![("X", bytes(0)), ("y", numbers(&[]))], "waves/X has no samples"),
    ] {
        assert_eq!(error(&arrays), expected);
    }
    let floats = npy("<f4", false, &[2], &[0; 8]);
    assert!(error(&[("X", x.clone()), ("y", floats)]).starts_with("waves/y: its type is `<f4`; labels are integers"));
    let rows = npy("|u1", false, &[2, 2], &[0, 1, 1, 0]);
    assert!(error(&[("X", x.clone()), ("y", rows)]).contains("y.argmax(axis=1)"));
    let no_character = npy("<U1", false, &[2], &[0xff; 8]);
    assert!(error(&[("X", x.clone()), ("y", no_character)]).contains("label 0 has a character"));
    assert!(error(&[("X", x), ("y", texts(&["a", ""]))]).contains("y: label 1 names no class: "));
}

#[test]
fn a_pair_of_files_has_its_labels_and_its_test_part_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, bytes: &[u8]| {
        fs::write(folder.path().join(name), bytes).unwrap();
        folder.path().join(name)
    };
    let (x, y) = (put("big.npy", &bytes(6)), put("big-labels.npy", &numbers(&[0, 1, 0, 1, 0, 1])));
    let test = Arrays::new(&[("X", bytes(2)), ("y", numbers(&[1, 1]))]);
    let choices = SourceOptions { labels: Some(y.clone()), ..SourceOptions::default() };
    let read = |choices: &SourceOptions, classes: Option<&Path>| {
        super::read(&x, choices, CLASSES, classes).map_err(|error| error.to_string())
    };
    let data = read(&choices, None).unwrap();
    assert_eq!((data.train.len(), data.test.len()), (4, 2));
    let split = SourceOptions { test_split: "0.5,seed=3".parse().ok(), ..choices.clone() };
    assert_eq!(read(&split, None).unwrap().test.len(), 4);
    for place in test.places() {
        let data = read(&SourceOptions { test: Some(place), ..choices.clone() }, None).unwrap();
        assert_eq!((data.train.len(), data.test.labels()), (6, &[1, 1][..]));
    }
    let tested = SourceOptions { test: Some(x.clone()), ..choices.clone() };
    let data = read(&SourceOptions { test_labels: Some(y), ..tested.clone() }, None).unwrap();
    assert_eq!(data.train, data.test);
    let error = read(&SourceOptions::default(), None).unwrap_err();
    assert!(error.ends_with("big.npy is one array: name its labels' file by --labels"), "{error}");
    let error = read(&tested, None).unwrap_err();
    assert!(error.ends_with("big.npy is one array: name its labels' file by --test-labels"), "{error}");
    let error = super::read(&test.places()[1], &choices, CLASSES, None).unwrap_err().to_string();
    assert!(error.starts_with("--labels: ") && error.contains("waves.npz has the labels"), "{error}");
    let error = super::read(&folder.path().join("none.npz"), &choices, CLASSES, None).unwrap_err().to_string();
    assert!(error.starts_with("cannot read"), "{error}");
    let text = put("text.npz", b"<html>");
    assert!(super::read(&text, &choices, CLASSES, None).unwrap_err().to_string().contains("a web page"));
    let names = Some("left,right".as_ref());
    assert_eq!(read(&choices, names).unwrap().classes.name(1), "right");
    let words = put("words.npy", &texts(&["left", "right", "left", "up", "left", "left"]));
    let error = read(&SourceOptions { labels: Some(words), ..choices }, names).unwrap_err();
    assert!(error.ends_with("words.npy: label 3 is `up`, which --classes does not name"), "{error}");
}

proptest! {
    #[test]
    fn no_array_panics(changes in prop::collection::vec((any::<usize>(), any::<u8>()), 1..5), cut in 0_usize..4) {
        let folder = tempfile::tempdir().unwrap();
        for (samples, labels) in [
            (npy("<f8", true, &[2, 3], &[0; 48]), numbers(&[0, 1])),
            (npy(">i4", false, &[2, 1, 3, 2], &[0; 48]), texts(&["a", "b"])),
        ] {
            for changed in 0..2 {
                let mut files = [samples.clone(), labels.clone()];
                let file = &mut files[changed];
                for &(place, value) in &changes {
                    let place = place % file.len();
                    file[place] = value;
                }
                file.truncate(file.len() - cut);
                let paths = ["X.npy", "y.npy"].map(|name| folder.path().join(name));
                paths.iter().zip(&files).for_each(|(path, file)| fs::write(path, file).unwrap());
                let _ = super::read(folder.path(), &SourceOptions::default(), CLASSES, None);
            }
        }
    }
}
