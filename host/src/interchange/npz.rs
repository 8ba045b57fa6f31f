use std::io::{Cursor, Write};

use selvedge::{architecture::Parameter, flat::as_bytes};
use zip::{CompressionMethod, DateTime, ZipWriter, write::SimpleFileOptions};

use super::{
    archive::Archive,
    error::Problem,
    npy,
    quote::quoted,
    tensors::{Tensors, sizes},
};

const FORMAT: &str = "npz";

/// Reads every array of NumPy's archive, compressed or not.
pub(super) fn read(bytes: &[u8], tensors: &mut Tensors) -> Result<(), Problem> {
    let mut archive = Archive::open(bytes, FORMAT)?;
    for entry in archive.names()? {
        let Some(name) = entry.strip_suffix(".npy") else {
            tensors.push_unread(&entry, Vec::new(), "no array")?;
            continue;
        };
        let limit = tensors.bytes_left() + npy::MAX_HEADER as u64;
        let bytes = archive.read(&entry, limit, true)?;
        let (header, data) = npy::parse(&bytes)
            .map_err(|reason| Problem::format(FORMAT, format!("the array {}: {reason}", quoted(name))))?;
        let strides = header.strides();
        match header.element {
            Ok(element) => {
                let elements = header.shape.iter().try_fold(1_usize, |product, &size| product.checked_mul(size));
                if elements.and_then(|elements| elements.checked_mul(element.size())) != Some(data.len()) {
                    return Err(Problem::Bytes { name: name.into(), shape: header.shape, found: data.len() });
                }
                tensors.push_strided(name, header.shape, &strides, element, data)?;
            }
            Err(found) => tensors.push_unread(name, header.shape, &found)?,
        }
    }
    Ok(())
}

/// What `numpy.savez` writes for these arrays; the same bytes each time.
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
