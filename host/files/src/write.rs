//! Writing whole files.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf, is_separator},
};

use tempfile::NamedTempFile;

/// A file cannot be written; what stood in its place is still there.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}: {error}", path.display())]
pub struct WriteError {
    path: PathBuf,
    error: io::Error,
}

/// Writes a file under a temporary name beside its place, and renames it when all is on disk. Missing folders are made.
///
/// # Errors
///
/// [`WriteError`].
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    let write = || {
        let path = place(path)?;
        let mut file = temporary_beside(&path)?;
        file.write_all(bytes)?;
        if let Ok(there) = fs::metadata(&path) {
            file.as_file().set_permissions(there.permissions())?;
        }
        file.as_file().sync_all()?;
        file.persist(&path).map(drop).map_err(|error| error.error)
    };
    write().map_err(|error| WriteError { path: path.into(), error })
}

/// Checks that a file can be written later: that its folder can be made and written to, and that nothing but a file is in
/// its place (a device would be replaced by the file).
///
/// # Errors
///
/// [`WriteError`].
pub fn check_writable(path: &Path) -> Result<(), WriteError> {
    let check = || temporary_beside(&place(path)?).map(drop);
    check().map_err(|error| WriteError { path: path.into(), error })
}

/// The place where the file itself is or will be: a symbolic link stays, and its target is written.
fn place(path: &Path) -> io::Result<PathBuf> {
    if path.to_string_lossy().ends_with(is_separator) {
        return Err(io::Error::other("this is the name of a folder"));
    }
    match fs::canonicalize(path) {
        Ok(there) if there.is_file() => Ok(there),
        Ok(there) if there.is_dir() => Err(io::Error::other("it is a folder")),
        Ok(_) => Err(io::Error::other("something that is no file is in its place")),
        Err(error) if error.kind() == io::ErrorKind::InvalidFilename => Err(error),
        Err(_) => Ok(path.into()),
    }
}

fn temporary_beside(path: &Path) -> io::Result<NamedTempFile> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    if folder.exists() && !folder.is_dir() {
        return Err(io::Error::other(format!("{} is no folder", folder.display())));
    }
    fs::create_dir_all(folder)?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(".selvedge-");
    // A temporary file is its owner's alone; this one becomes a file like any other, as the umask allows.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder)
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
        for result in [
            write_whole(&path, b""),
            check_writable(&path),
            check_writable(folder.path()),
            write_whole(folder.path(), b""),
            check_writable(&folder.path().join("a/")),
            check_writable(&folder.path().join("long".repeat(100))),
        ] {
            let error = result.unwrap_err().to_string();
            assert!(error.starts_with(&format!("cannot write {}", folder.path().display())), "{error}");
        }
        assert_eq!(fs::read(folder.path().join("file")).unwrap(), b"kept");
    }

    #[cfg(unix)]
    #[test]
    fn links_stay_and_what_is_no_file_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let (target, link, pipe) =
            (folder.path().join("target"), folder.path().join("link"), folder.path().join("pipe"));
        fs::write(&target, b"first").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        write_whole(&link, b"second").unwrap();
        assert!(link.is_symlink());
        assert_eq!(fs::read(&target).unwrap(), b"second");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        assert!(write_whole(&pipe, b"").unwrap_err().to_string().contains("no file is in its place"));
        assert!(check_writable(&pipe).is_err());
    }
}
