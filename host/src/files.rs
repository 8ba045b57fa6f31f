//! Files that are written whole or not at all.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

/// A file cannot be written; what stood in its place is still there.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}: {source}", path.display())]
pub struct WriteError {
    path: PathBuf,
    source: io::Error,
}

/// Writes a file under a temporary name beside its place, and renames it when all is on disk. Missing folders are made.
///
/// # Errors
///
/// [`WriteError`].
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    let write = || {
        let mut file = temporary_beside(path)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        persist(file, path)
    };
    write().map_err(|source| WriteError { path: path.into(), source })
}

/// Checks that a file can be written later: that its folder can be made and written to, and that it is no folder itself.
///
/// # Errors
///
/// [`WriteError`].
pub fn check_writable(path: &Path) -> Result<(), WriteError> {
    let check = || {
        if path.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        temporary_beside(path).map(drop)
    };
    check().map_err(|source| WriteError { path: path.into(), source })
}

fn temporary_beside(path: &Path) -> io::Result<NamedTempFile> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    fs::create_dir_all(folder)?;
    tempfile::Builder::new().prefix(".selvedge-").tempfile_in(folder)
}

/// Renames, with the permissions that a new file has (a temporary file is its owner's alone).
fn persist(file: NamedTempFile, path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        file.as_file().set_permissions(fs::Permissions::from_mode(0o644))?;
    }
    file.persist(path).map(drop).map_err(|error| error.error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_whole_into_new_folders_and_leaves_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/file");
        write_whole(&path, b"first").unwrap();
        write_whole(&path, b"second").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn says_which_file_cannot_be_written() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("file"), b"kept").unwrap();
        let path = folder.path().join("file/below");
        for result in [write_whole(&path, b""), check_writable(&path), check_writable(folder.path())] {
            let error = result.unwrap_err().to_string();
            assert!(error.starts_with(&format!("cannot write {}", folder.path().display())), "{error}");
        }
        assert_eq!(fs::read(folder.path().join("file")).unwrap(), b"kept");
    }
}
