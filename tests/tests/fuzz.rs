//! What the fuzzers kept: bytes that once took a new way through what a device reads.

use std::{fs, path::Path};

use selvedge::quantized::QuantizedFile;

#[path = "../../fuzz/src/targets.rs"]
mod targets;

fn replay(target: &str, run: impl Fn(&[u8])) -> usize {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
    let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    files.map(|file| run(&fs::read(file.expect("the folder is read").path()).expect("the file is read"))).count()
}

#[test]
fn the_int8_loader_takes_what_the_fuzzer_kept() {
    assert!(replay("int8_file", targets::int8_file) >= 4);
}

/// The fuzzer starts from bodies that become whole files: else it would never come to a prediction.
#[test]
fn the_first_bodies_are_networks() {
    let taken = std::cell::Cell::new(0);
    replay("int8_file", |body| {
        if QuantizedFile::parse(&targets::framed(body)).is_ok() {
            taken.set(taken.get() + 1);
        }
    });
    assert!(taken.get() >= 4, "{}", taken.get());
}
