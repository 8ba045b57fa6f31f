use std::collections::{HashMap, hash_map::Entry as Place};

use super::{
    error::Problem,
    pickle::{self, Entry, Storage, Tensor},
    tensors::Tensors,
};
use crate::{
    archive::Archive,
    file_kind::{LEGACY_PTH, PICKLE, pth_folder},
    quote::quoted,
};

const FORMAT: &str = "PyTorch";

/// Reads every tensor of a state dict that PyTorch saved. It is a zip archive with a pickle and a record for each storage. Before PyTorch 1.6,
/// it is pickles and records one after the other. For a checkpoint, `key` names the entry.
pub(super) fn read(bytes: &[u8], key: Option<&str>, tensors: &mut Tensors) -> Result<(), Problem> {
    if bytes.starts_with(LEGACY_PTH) {
        return read_legacy(bytes, key, tensors);
    }
    let mut archive = Archive::open(bytes, FORMAT)?;
    let folder = folder(&archive)?;
    let byte_order = format!("{folder}/byteorder");
    // An older PyTorch says nothing, and is little-endian on any machine that runs it.
    if archive.names()?.contains(&byte_order) && archive.read(&byte_order, 16, false)? != b"little" {
        return Err(Problem::format(FORMAT, "it was saved by a big-endian machine"));
    }
    let pickle = archive.read(&format!("{folder}/{PICKLE}"), pickle::MAX_BYTES as u64, false)?;
    let mut records: HashMap<&str, Vec<u8>> = HashMap::new();
    // Records that overlap could be more than the file.
    let mut left = bytes.len();
    let entries = pickle::read(&pickle, key)?;
    for (name, entry) in &entries {
        push(name, entry, tensors, |storage| {
            let record = match records.entry(storage.key) {
                Place::Occupied(record) => record.into_mut(),
                Place::Vacant(place) => {
                    let record = archive.read(&format!("{folder}/data/{}", storage.key), left as u64, false)?;
                    left -= record.len();
                    place.insert(record)
                }
            };
            Ok(&record[..])
        })?;
    }
    Ok(())
}

fn read_legacy(bytes: &[u8], key: Option<&str>, tensors: &mut Tensors) -> Result<(), Problem> {
    let legacy = pickle::read_legacy(bytes, key)?;
    let mut rest = &bytes[legacy.records..];
    let mut records: HashMap<&str, &[u8]> = HashMap::new();
    let cut = || Problem::format(FORMAT, "it is cut short: a storage is not there");
    for storage in legacy.storages {
        let (len, after) = rest.split_first_chunk::<8>().ok_or_else(cut)?;
        let len = usize::try_from(u64::from_le_bytes(*len)).ok().filter(|&len| len == storage.len).ok_or_else(cut)?;
        let size = len.checked_mul(storage.kind.size).ok_or_else(cut)?;
        let (record, after) = after.split_at_checked(size).ok_or_else(cut)?;
        records.insert(storage.key, record);
        rest = after;
    }
    for (name, entry) in &legacy.entries {
        push(name, entry, tensors, |storage| records.get(storage.key).copied().ok_or_else(cut))?;
    }
    Ok(())
}

/// Adds an entry, with the bytes of its storage.
fn push<'r, 'a>(
    name: &str,
    entry: &Entry<'a>,
    tensors: &mut Tensors,
    record: impl FnOnce(Storage<'a>) -> Result<&'r [u8], Problem>,
) -> Result<(), Problem> {
    let Tensor { storage, offset, shape, strides } = match entry {
        Entry::Tensor(tensor) => tensor,
        Entry::Other(what) => return tensors.push_unread(name, Vec::new(), what),
    };
    let Some(element) = storage.kind.element else {
        return tensors.push_unread(name, shape.clone(), storage.kind.name);
    };
    let record = record(*storage)?;
    if storage.len.checked_mul(element.size()) != Some(record.len()) {
        let reason = format!("the storage of {} has not the bytes of its {} elements", quoted(name), storage.len);
        return Err(Problem::format(FORMAT, reason));
    }
    let part = offset.checked_mul(element.size()).and_then(|start| record.get(start..));
    let part = part.ok_or_else(|| Problem::Outside { name: quoted(name) })?;
    tensors.push_strided(name, shape.clone(), strides, element, part)
}

fn folder(archive: &Archive<'_>) -> Result<String, Problem> {
    let names = archive.names()?;
    let folder = pth_folder(&names).map(str::to_owned);
    folder.ok_or_else(|| Problem::format(FORMAT, format!("the archive has not exactly one {PICKLE}")))
}
