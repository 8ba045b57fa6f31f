use std::io::{Cursor, Write};

use selvedge::{architecture::Parameter, flat::as_bytes};
use zip::{CompressionMethod, DateTime, ZipWriter, write::SimpleFileOptions};

use super::{
    element::Element,
    error::Problem,
    tensors::{Tensors, sizes},
};
use crate::{archive::Archive, npy, quote::quoted};

const FORMAT: &str = "npz";

/// Reads every array of a NumPy archive, compressed or not.
pub(super) fn read(bytes: &[u8], tensors: &mut Tensors) -> Result<(), Problem> {
    let mut archive = Archive::open(bytes, FORMAT)?;
    for entry in archive.names()? {
        let Some(name) = entry.strip_suffix(".npy") else {
            tensors.push_unread(&entry, Vec::new(), "no array")?;
            continue;
        };
        let wrong = |reason: String| Problem::format(FORMAT, format!("the array {}: {reason}", quoted(name)));
        // The header says how much there is to unpack.
        let (start, size) = archive.start(&entry, npy::MAX_START as u64, true)?;
        let (header, data) = npy::parse(&start).map_err(wrong)?;
        let before = (start.len() - data.len()) as u64;
        let Some(element) = header.number.and_then(Element::of_number) else {
            tensors.push_unread(name, header.shape, &header.description)?;
            continue;
        };
        let found = usize::try_from(size.saturating_sub(before)).unwrap_or(usize::MAX);
        if header.bytes() != Some(found) {
            return Err(Problem::Bytes { name: quoted(name), shape: header.shape, found });
        }
        tensors.check_room(found / element.size())?;
        let mut bytes = archive.read(&entry, size, true)?;
        header.reorder(&mut bytes[before as usize..]);
        let strides = header.strides();
        tensors.push_strided(name, header.shape, &strides, element, &bytes[before as usize..])?;
    }
    Ok(())
}

/// Returns the archive that `numpy.savez` writes for these arrays. The bytes are the same each time.
pub(super) fn write(parameters: &[(Parameter, &[f32])]) -> Result<Vec<u8>, Problem> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::default());
    for (parameter, values) in parameters {
        zip.start_file(format!("{}.npy", parameter.name), options).map_err(encode)?;
        let array = [npy::header(&sizes(parameter)).as_slice(), as_bytes(values)].concat();
        zip.write_all(&array).map_err(encode)?;
    }
    Ok(zip.finish().map_err(encode)?.into_inner())
}

fn encode(error: impl ToString) -> Problem {
    Problem::Encode(error.to_string())
}
