//! The files that the fuzzers start from and kept, for what only a host reads: no file of them ends the program.

#![allow(clippy::unwrap_used, reason = "a test's helper functions are tests too")]

use std::{fs, path::Path};

use host::{
    interchange::{Reading, StateDict},
    training::checkpoint::Checkpoint,
};
use tests::workspace;

#[path = "../../../fuzz/src/data.rs"]
mod data;
#[path = "../../../fuzz/src/runs.rs"]
mod runs;
#[path = "../../../fuzz/src/interchange.rs"]
mod targets;

fn replay(target: &str, mut run: impl FnMut(&[u8])) -> usize {
    let folder = workspace().join("fuzz/corpus").join(target);
    let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    files.map(|file| run(&fs::read(file.unwrap().path()).unwrap())).count()
}

#[test]
fn the_readers_take_what_the_fuzzer_starts_from() {
    assert!(replay("weights", targets::weights) >= 3);
    assert!(replay("pth", targets::pth) >= 5);
    assert!(replay("npz", targets::npz) >= 4);
    assert!(replay("safetensors", targets::safetensors) >= 3);
    assert!(replay("onnx", targets::onnx) >= 5);
    assert!(replay("idx_file", data::idx_file) >= 14);
    assert!(replay("arrays", data::arrays) >= 6);
    assert!(replay("table", data::table) >= 13);
    assert!(replay("checkpoint", runs::checkpoint) >= 2);
    assert!(replay("metrics", runs::metrics) >= 2);
    assert!(replay("record", runs::record) >= 2);
}

/// Each format's corpus has a complete file that is accepted. Without one, a fuzzer would hardly get past a file's beginning.
#[test]
fn the_first_files_are_read() {
    for target in ["weights", "pth", "npz", "safetensors", "onnx"] {
        let mut read = 0;
        replay(target, |bytes| {
            read += usize::from(StateDict::parse(Path::new(target), bytes, &Reading::default()).is_ok());
        });
        assert!(read >= 1, "{target}");
    }
    let mut read = 0;
    replay("checkpoint", |body| {
        read += usize::from(Checkpoint::parse(Path::new("file"), &runs::framed(body)).is_ok());
    });
    assert!(read >= 2);
    let mut read = 0;
    replay("table", |bytes| {
        read += usize::from(host::data::parse_table(Path::new("file"), bytes, &Default::default()).is_ok());
    });
    assert!(read >= 3);
}
