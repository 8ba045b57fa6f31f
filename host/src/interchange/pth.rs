use std::collections::{HashMap, hash_map::Entry};

use super::{
    archive::Archive,
    error::Problem,
    pickle::{self, Tensor},
    quote::quoted,
    tensors::Tensors,
};

const FORMAT: &str = "PyTorch";
/// The pickle's record, in the archive's one folder.
const PICKLE: &str = "data.pkl";

/// Reads every tensor of a state dict that PyTorch saved: a zip archive with a pickle, and a record for each storage.
pub(super) fn read(bytes: &[u8], tensors: &mut Tensors) -> Result<(), Problem> {
    // Before its archives, PyTorch saved bare pickles.
    if bytes.starts_with(b"\x80") {
        return Err(Problem::Legacy);
    }
    let mut archive = Archive::open(bytes, FORMAT)?;
    let folder = folder(&archive)?;
    let byte_order = format!("{folder}/byteorder");
    // An older PyTorch says nothing, and is little-endian on any machine that runs it.
    if archive.names()?.contains(&byte_order) && archive.read(&byte_order, 16, false)? != b"little" {
        return Err(Problem::format(FORMAT, "it was saved by a big-endian machine"));
    }
    let pickle = archive.read(&format!("{folder}/{PICKLE}"), pickle::MAX_BYTES, false)?;
    let mut records: HashMap<&str, Vec<u8>> = HashMap::new();
    // Records that overlap could be more than the file.
    let mut left = bytes.len();
    for (name, tensor) in pickle::read(&pickle)? {
        let storage = tensor.storage;
        let record = match records.entry(storage.key) {
            Entry::Occupied(record) => record.into_mut(),
            Entry::Vacant(place) => {
                let record = archive.read(&format!("{folder}/data/{}", storage.key), left as u64, false)?;
                left -= record.len();
                place.insert(record)
            }
        };
        if storage.len.checked_mul(storage.element.size()) != Some(record.len()) {
            let reason = format!("the storage of {} has not the bytes of its {} elements", quoted(name), storage.len);
            return Err(Problem::format(FORMAT, reason));
        }
        if !is_row_major(&tensor) {
            return Err(Problem::Strides { name: quoted(name) });
        }
        let part = part_of(record, &tensor)
            .ok_or_else(|| Problem::format(FORMAT, format!("{} lies outside its storage", quoted(name))))?;
        tensors.push(name, tensor.shape.clone(), storage.element, part)?;
    }
    Ok(())
}

/// Whether a zip archive is PyTorch's, and not NumPy's.
pub(super) fn is_saved_by_torch(bytes: &[u8]) -> bool {
    Archive::open(bytes, FORMAT).and_then(|archive| folder(&archive)).is_ok()
}

fn folder(archive: &Archive<'_>) -> Result<String, Problem> {
    let folders: Vec<_> = archive
        .names()?
        .iter()
        .filter_map(|name| Some(name.strip_suffix(PICKLE)?.strip_suffix('/')?.to_owned()))
        .filter(|folder| !folder.contains('/'))
        .collect();
    match <[String; 1]>::try_from(folders) {
        Ok([folder]) => Ok(folder),
        Err(_) => Err(Problem::format(FORMAT, format!("the archive has not exactly one {PICKLE}"))),
    }
}

/// Whether the elements follow each other; the stride of a single one does not matter.
fn is_row_major(tensor: &Tensor<'_>) -> bool {
    let mut expected = 1_usize;
    tensor.shape.iter().zip(&tensor.strides).rev().all(|(&size, &stride)| {
        let follows = size == 1 || stride == expected;
        expected = expected.saturating_mul(size);
        follows
    })
}

fn part_of<'a>(record: &'a [u8], tensor: &Tensor<'_>) -> Option<&'a [u8]> {
    let size = tensor.storage.element.size();
    let elements = tensor.shape.iter().try_fold(1_usize, |product, &size| product.checked_mul(size))?;
    record.get(tensor.offset.checked_mul(size)?..)?.get(..elements.checked_mul(size)?)
}
