//! Functions for tests in which other programs read the files that Selvedge converted.

use std::{fs, io::Write, num::NonZero, path::Path, process::Command};

use host::{
    data::{Split, load},
    engine::{InstructionSet, Simd},
    network::{Network, Workspace},
};
use selvedge::{augment::normalize_all, flat::as_bytes};
use serde_json::Value;

use crate::{fashion_mnist, selvedge, text};

/// Runs `selvedge convert` with these words, and returns what it prints.
///
/// # Errors
///
/// The error's single line, if the command refuses.
///
/// # Panics
///
/// If the command ends in any other way.
pub fn convert(folder: &Path, arguments: &[&str]) -> Result<String, String> {
    let output = selvedge(folder).arg("convert").args(arguments).output().expect("`selvedge` starts");
    let text = text(&output);
    if output.status.success() {
        return Ok(text);
    }
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {text}");
    assert!(text.starts_with("error: ") && text.lines().count() == 1, "{arguments:?}: {text}");
    Err(text)
}

/// Returns the JSON that a program prints.
///
/// # Panics
///
/// If the program fails, or prints anything else.
pub fn json(program: &mut Command) -> Value {
    let output = program.output().expect("the program starts");
    assert!(output.status.success(), "{}", text(&output));
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", text(&output)))
}

/// Returns Fashion-MNIST's test images. If they are missing, it returns those of the built-in set.
///
/// # Panics
///
/// If the images cannot be read.
pub fn test_images() -> Split {
    let folder = fashion_mnist("interchange on Fashion-MNIST's test images").unwrap_or("builtin".into());
    load(Some(&folder)).expect("a data set").test
}

/// Returns a network's logits for all images.
///
/// # Panics
///
/// If the processor lacks the instruction set that `SELVEDGE_ENGINE` names, or if there is not enough memory.
pub fn logits(network: &Network, images: &Split) -> Vec<f32> {
    let instructions = InstructionSet::from_environment().expect("an engine");
    let engine = Simd::new(instructions, NonZero::<usize>::MIN).expect("an engine");
    let mut input = vec![0.0; images.values().len()];
    normalize_all(&images.values(), &mut input);
    let mut workspace = Workspace::for_prediction(network.view(), images.len()).expect("there is room");
    workspace.predict(&engine, network.view(), &input).to_vec()
}

/// Writes images and a network's logits for them as NumPy's archive.
///
/// # Panics
///
/// If the file cannot be written.
pub fn write_archive(path: &Path, images: &Split, logits: &[f32]) {
    let mut input = vec![0.0; images.values().len()];
    normalize_all(&images.values(), &mut input);
    write_arrays(path, images.len(), &[("input", &input), ("logits", logits)]);
}

/// Writes arrays of this number of rows as NumPy's archive, by hand, so that what is tested does not write what it is tested with.
///
/// # Panics
///
/// If the file cannot be written.
pub fn write_arrays(path: &Path, rows: usize, arrays: &[(&str, &[f32])]) {
    let mut zip = zip::ZipWriter::new(fs::File::create(path).expect("a file"));
    let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, values) in arrays {
        let columns = values.len() / rows;
        let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {columns})}}");
        let header = format!("{header:117}\n");
        let array = [&b"\x93NUMPY\x01\x00\x76\x00"[..], header.as_bytes(), as_bytes(values)].concat();
        zip.start_file(format!("{name}.npy"), options).expect("an entry");
        zip.write_all(&array).expect("an entry");
    }
    zip.finish().expect("an archive");
}
