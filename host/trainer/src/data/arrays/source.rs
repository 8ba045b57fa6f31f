//! The places of arrays: an archive, a folder, or a single file.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::ArrayError;
use crate::{
    archive::Archive,
    data::{
        DataError, Store,
        contents::{self, LIMIT},
        mapping,
    },
    files,
    npy::{self, Header},
    quote::quoted,
    stray,
};

/// The end of an array's file.
const NPY: &str = ".npy";
/// The first bytes of an archive.
const ZIP: &[u8] = b"PK";

/// A place with arrays: several with names, or one without a name.
pub enum Source {
    /// An archive's bytes, and its arrays' names.
    Archive { path: PathBuf, bytes: Vec<u8>, names: Vec<String> },
    /// A folder, and the names of its arrays' files, without the ends.
    Folder { path: PathBuf, names: Vec<String> },
    /// A file of one array.
    File(PathBuf),
}

/// An array as it lies in its file.
pub struct Array {
    /// The file, or the archive and the name in it.
    pub path: PathBuf,
    /// The description.
    pub header: Header,
    data: Data,
}

/// The elements of an array.
enum Data {
    Read(Vec<u8>),
    /// The bytes of the array's own file. The elements begin at this byte.
    Plain(usize),
}

/// Returns the names of the arrays in a folder.
pub fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| Some(entry.file_name().to_str()?.strip_suffix(NPY)?.to_owned()));
    let mut names: Vec<_> = names.collect();
    names.sort_unstable();
    names
}

impl Source {
    /// Tells the kind of a place, and lists what is there.
    pub fn open(path: &Path) -> Result<Self, DataError> {
        if path.is_dir() {
            return Ok(Self::Folder { path: path.into(), names: names_in(path) });
        }
        let is_array = path.is_file() && contents::begin(path, 6)?.0 == npy::MAGIC;
        if is_array || !path.is_file() && path.extension().is_some_and(|extension| extension == "npy") {
            return Ok(Self::File(path.into()));
        }
        Self::archive(path, files::read(path, LIMIT)?)
    }

    /// Returns an archive of these bytes.
    pub fn archive(path: &Path, bytes: Vec<u8>) -> Result<Self, DataError> {
        if !bytes.starts_with(ZIP) {
            return Err(no_array(path, &bytes));
        }
        let names = Archive::open(&bytes, "npz").and_then(|archive| archive.names());
        let names = names.map_err(|error| format(path, error))?;
        let names = names.iter().filter_map(|name| name.strip_suffix(NPY)).map(str::to_owned).collect();
        Ok(Self::Archive { path: path.into(), bytes, names })
    }

    /// Returns the place.
    pub fn path(&self) -> &Path {
        match self {
            Self::Archive { path, .. } | Self::Folder { path, .. } | Self::File(path) => path,
        }
    }

    /// Returns the arrays' names. A single file has no name.
    pub fn names(&self) -> &[String] {
        match self {
            Self::Archive { names, .. } | Self::Folder { names, .. } => names,
            Self::File(_) => &[],
        }
    }

    /// Returns the only array that has one of these names, or `None` if there is no such array.
    pub fn find<'a>(&self, wanted: &[&'a str]) -> Result<Option<&'a str>, ArrayError> {
        let mut found = wanted.iter().filter(|&&wanted| self.names().iter().any(|name| name == wanted));
        let (one, other) = (found.next(), found.next());
        match (one, other) {
            (Some(&one), Some(&other)) => {
                Err(ArrayError::Ambiguous { path: self.path().into(), one: one.into(), other: other.into() })
            }
            _ => Ok(one.copied()),
        }
    }

    /// Returns the only array that has one of these names. It is an error if there is none.
    pub fn need<'a>(&self, wanted: &[&'a str]) -> Result<&'a str, ArrayError> {
        self.find(wanted)?.ok_or_else(|| ArrayError::Missing {
            path: self.path().into(),
            wanted: wanted.join(" or "),
            there: self.names().iter().map(|name| quoted(name)).collect(),
        })
    }

    /// Returns the array with this name. For a single file, the name is ignored.
    pub fn array(&self, name: &str) -> Result<Array, DataError> {
        match self {
            Self::Folder { path, .. } => Array::read(&path.join(format!("{name}{NPY}"))),
            Self::File(path) => Array::read(path),
            Self::Archive { path, bytes, .. } => Ok(Array::unpack(path, bytes, name)?),
        }
    }
}

impl Array {
    /// Reads a file with one array. It reads only the header of a plain file, because the elements may be mapped.
    pub fn read(path: &Path) -> Result<Self, DataError> {
        if !path.is_file() {
            return Self::parse(path, &files::read(path, LIMIT)?);
        }
        let (beginning, len) = contents::begin(path, npy::MAX_START)?;
        let mut array = Self::parse_beginning(path, &beginning, len)?;
        if let Data::Read(data) = &array.data {
            array.data = Data::Plain(beginning.len() - data.len());
        }
        Ok(array)
    }

    /// Returns the array of a file with these bytes.
    pub fn parse(path: &Path, bytes: &[u8]) -> Result<Self, DataError> {
        Self::parse_beginning(path, bytes, bytes.len() as u64)
    }

    /// Returns the array of a file of `len` bytes that begins with `beginning`, with as many elements as are there.
    fn parse_beginning(path: &Path, beginning: &[u8], len: u64) -> Result<Self, DataError> {
        if !beginning.starts_with(npy::MAGIC) {
            return Err(no_array(path, beginning));
        }
        let (header, data) = npy::parse(beginning).map_err(|error| format(path, error))?;
        let start = beginning.len() - data.len();
        check_bytes(path, &header, len - start as u64)?;
        Ok(Self { path: path.into(), header, data: Data::Read(data.to_vec()) })
    }

    /// Unpacks an array of an archive.
    fn unpack(archive_path: &Path, bytes: &[u8], name: &str) -> Result<Self, ArrayError> {
        let path = archive_path.join(name);
        let wrong = |error| format(archive_path, error);
        let entry = format!("{name}{NPY}");
        let mut archive = Archive::open(bytes, "npz").map_err(wrong)?;
        // The header says how much there is to unpack.
        let (start, size) = archive.start(&entry, npy::MAX_START as u64, true).map_err(wrong)?;
        let (header, data) = npy::parse(&start).map_err(|error| format(&path, error))?;
        let before = start.len() - data.len();
        check_bytes(&path, &header, size.saturating_sub(before as u64))?;
        let limit = contents::most_unpacked(bytes.len());
        if size > limit {
            return Err(ArrayError::TooLarge { path, expected: size, limit });
        }
        let mut data = archive.read(&entry, size, true).map_err(wrong)?;
        data.drain(..before);
        Ok(Self { path, header, data: Data::Read(data) })
    }

    /// Returns the elements' bytes as they are.
    pub fn bytes(&mut self) -> Result<Vec<u8>, DataError> {
        match &mut self.data {
            Data::Read(bytes) => Ok(std::mem::take(bytes)),
            Data::Plain(start) => {
                let mut bytes = files::read(&self.path, LIMIT)?;
                // It may have changed since its header was read.
                bytes.drain(..bytes.len().min(*start));
                check_bytes(&self.path, &self.header, bytes.len() as u64)?;
                Ok(bytes)
            }
        }
    }

    /// Returns the elements as a mapped part of their file, if the file is large.
    pub fn mapped(&self) -> Result<Option<Store>, DataError> {
        let Data::Plain(start) = self.data else { return Ok(None) };
        let size = (start + self.header.bytes().unwrap_or_default()) as u64;
        if size < mapping::least_size()? {
            return Ok(None);
        }
        Ok(Some(contents::map(&self.path, size)?.skip(start)))
    }
}

/// Checks that an array has as many bytes as its shape needs. For a type that cannot be read, it checks nothing.
fn check_bytes(path: &Path, header: &Header, found: u64) -> Result<(), ArrayError> {
    if header.number.is_none() || header.bytes().is_some_and(|bytes| bytes as u64 == found) {
        return Ok(());
    }
    Err(format(path, format_args!("its shape {:?} needs another number of bytes than its {found}", header.shape)))
}

/// Returns the error of a file that is neither an array nor an archive of arrays.
fn no_array(path: &Path, bytes: &[u8]) -> DataError {
    match stray::find(bytes) {
        Some((what, advice)) => DataError::Foreign { path: path.into(), what, advice },
        None => format(path, "it is neither a NumPy array (.npy) nor an archive of some (.npz)").into(),
    }
}

fn format(path: &Path, reason: impl ToString) -> ArrayError {
    ArrayError::Format { path: path.into(), reason: reason.to_string() }
}
