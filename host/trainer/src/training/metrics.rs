//! The file with a run's numbers, with a JSON object in each line. This module decides which lines a resumed run keeps.

use serde_json::Value;

use super::Progress;

/// Returns the lines that a resumed run keeps: those of steps and epochs that are done, and the user's own lines.
pub fn kept(text: &[u8], progress: &Progress) -> Vec<u8> {
    let mut kept = Vec::with_capacity(text.len());
    for line in text.split_inclusive(|&byte| byte == b'\n') {
        let is_whole = line.ends_with(b"\n");
        let is_kept = match serde_json::from_slice::<Value>(line) {
            Ok(object) => !is_ahead(&object, progress),
            // The run was killed while it wrote its last line.
            Err(_) => is_whole || !line.starts_with(b"{"),
        };
        if is_kept {
            kept.extend_from_slice(line);
            if !is_whole {
                kept.push(b'\n');
            }
        }
    }
    kept
}

/// Returns true if a line belongs to a step or an epoch that the run will repeat.
fn is_ahead(object: &Value, progress: &Progress) -> bool {
    let is_after = |key: &str, done: u64| object[key].as_u64().is_some_and(|number| number > done);
    is_after("step", progress.steps) || is_after("epoch", progress.epochs.into())
}
