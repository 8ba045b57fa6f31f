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
            return Err(Problem::format(FORMAT, format!("it has the entry {}, which is no array", quoted(&entry))));
        };
        let limit = tensors.bytes_left() + npy::MAX_HEADER as u64;
        let bytes = archive.read(&entry, limit, true)?;
        let (header, data) = npy::parse(&bytes)
            .map_err(|reason| Problem::format(FORMAT, format!("the array {}: {reason}", quoted(name))))?;
        tensors.push(name, header.shape, header.element, data)?;
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
