//! Hostile bytes as what a run keeps: its checkpoint, its record, and its metrics when it is resumed.

use std::path::Path;

use host::{
    recipe::RecipeOptions,
    record::Record,
    report::{Run, page},
    training::{
        Progress,
        checkpoint::{self, Checkpoint},
        metrics,
    },
};
use selvedge::architecture::Architecture;
use sha2::{Digest, Sha256};

/// The largest number of parameters of a network that is built. A small file can claim any size.
const MOST_PARAMETERS: usize = 1 << 16;

/// Reads the bytes as a checkpoint, and as the body of one with a sound magic, length and checksum. A sound one is resumed, and starts a new run.
pub fn checkpoint(bytes: &[u8]) {
    for file in [bytes, &framed(bytes)] {
        let read = || Checkpoint::parse(Path::new("run.checkpoint"), file).ok();
        let Some(checkpoint) = read() else { continue };
        let description = checkpoint.description.clone();
        let Ok(layers) = description.layers.parse::<Architecture>() else { continue };
        if layers.parameter_count().is_none_or(|count| count > MOST_PARAMETERS) {
            continue;
        }
        let recipe = RecipeOptions::parse(&description.recipe, checkpoint.path());
        if let Some(with) = recipe.ok().and_then(|recipe| recipe.resolve().ok())
            && let Ok(state) = checkpoint.into_state(&layers, &with)
        {
            assert!(state.result().parameters().iter().all(|weight| weight.is_finite()));
            state.progress.is_of(description.samples as usize, true, &with);
            assert!(checkpoint::max_len(&state, &description) >= file.len() as u64);
        }
        if let Some(checkpoint) = read() {
            // Another run's layers are an error.
            let _ = checkpoint.into_network(&layers);
        }
    }
}

/// Puts magic and length before a body, and the checksum after it.
pub fn framed(body: &[u8]) -> Vec<u8> {
    let length = (16 + body.len() + 32) as u64;
    let mut file = [&b"SELVCKPT"[..], &length.to_le_bytes(), body].concat();
    let checksum = Sha256::digest(&file);
    file.extend(checksum);
    file
}

/// Filters the bytes as the metrics of a resumed run. A second pass must change nothing.
pub fn metrics(bytes: &[u8]) {
    for steps in [0, 1, 1000] {
        let progress = Progress { steps, epochs: (steps / 10) as u32, ..Progress::default() };
        let kept = metrics::kept(bytes, &progress);
        assert!(kept.len() <= bytes.len() + 1);
        assert_eq!(metrics::kept(&kept, &progress), kept);
    }
}

/// Reads the bytes as a run's record. A sound one is written again as it was, is thinned, goes on, and has a page.
pub fn record(bytes: &[u8]) {
    let Ok(mut record) = Record::parse(bytes) else { return };
    let written = |record: &Record| {
        let mut bytes = Vec::new();
        record.write(&mut bytes).expect("memory takes it");
        bytes
    };
    assert_eq!(Record::parse(&written(&record)).expect("it was read"), record);
    let run = Run { record: Some(record.clone()), ..Run::new("run".into()) };
    assert!(page(&[run.clone(), run]).ends_with("</html>"));
    record.thin(u64::MAX);
    record.truncate(&Progress { steps: 2, epochs: 1, ..Progress::default() });
    assert_eq!(Record::parse(&written(&record)).expect("it was thinned"), record);
}
