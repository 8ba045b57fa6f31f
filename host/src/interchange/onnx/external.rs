//! Numbers that lie in a file beside the graph: external data, as `torch.onnx.export` writes them by default.

use std::{
    collections::HashMap,
    path::{Component, Path},
};

use super::messages::Tensor;
use crate::{files, quote::quoted};

/// The value of `TensorProto.DataLocation.EXTERNAL`.
const EXTERNAL: i32 = 1;
/// The largest number of bytes of all files beside a graph.
const MAX_BYTES: u64 = 1 << 30;

/// The files beside a graph, each read once.
pub(super) struct Beside<'a> {
    folder: Option<&'a Path>,
    read: HashMap<String, Vec<u8>>,
    /// The number of bytes that tensors may still take. Together they take no more than the files have.
    left: usize,
    /// The number of bytes of all files.
    pub bytes: usize,
}

impl<'a> Beside<'a> {
    /// Returns the files of a graph in this folder. Without a folder, no file is read.
    pub(super) fn new(folder: Option<&'a Path>) -> Self {
        Self { folder, read: HashMap::new(), left: 0, bytes: 0 }
    }

    /// Copies a tensor's numbers into it, if they lie in another file.
    pub(super) fn fill(&mut self, tensor: &mut Tensor) -> Result<(), String> {
        if tensor.data_location != EXTERNAL {
            return Ok(());
        }
        let entry = |key: &str| tensor.external_data.iter().find(|entry| entry.key == key).map(|entry| &*entry.value);
        let number = |key| match entry(key) {
            None => Ok(None),
            Some(text) => {
                text.parse::<usize>().map(Some).map_err(|_| format!("has no number as the {key} of its numbers"))
            }
        };
        let name = entry("location").ok_or("has its numbers in another file, which it does not name")?;
        let (start, len) = (number("offset")?.unwrap_or(0), number("length")?);
        if !self.read.contains_key(name) {
            let bytes = self.open(name)?;
            (self.left, self.bytes) = (self.left + bytes.len(), self.bytes + bytes.len());
            self.read.insert(name.to_owned(), bytes);
        }
        let rest = self.read.get(name).and_then(|bytes| bytes.get(start..));
        let numbers = rest.and_then(|rest| rest.get(..len.unwrap_or(rest.len())));
        let numbers = numbers.ok_or_else(|| {
            format!("has numbers beyond the end of {}; that file is another or cut short", quoted(name))
        })?;
        self.left = self.left.checked_sub(numbers.len()).ok_or("takes numbers that other tensors take too")?;
        tensor.raw_data = numbers.to_vec();
        tensor.data_location = 0;
        Ok(())
    }

    fn open(&self, name: &str) -> Result<Vec<u8>, String> {
        const ADVICE: &str = "export it as one file, by torch.onnx.export(…, external_data=False)";
        let mut parts = Path::new(name).components();
        let is_plain = matches!((parts.next(), parts.next()), (Some(Component::Normal(part)), None) if part == name);
        if !is_plain || name.contains(|c: char| c.is_control() || matches!(c, '/' | '\\' | ':')) {
            return Err(format!(
                "has its numbers in {}, which is no plain name of a file beside it; {ADVICE}",
                quoted(name)
            ));
        }
        let folder = self.folder.ok_or_else(|| format!("has its numbers in another file; {ADVICE}"))?;
        let limit = MAX_BYTES.saturating_sub(self.bytes as u64);
        files::read(&folder.join(name), limit).map_err(|error| {
            format!("has its numbers in {} beside it: {error}; put that file there, or {ADVICE}", quoted(name))
        })
    }
}
