//! Writing whole files.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use fs4::FileExt;
use tempfile::NamedTempFile;

use crate::{
    place::{folder_of, place},
    temporary::temporary_beside,
};

/// A file cannot be written. The old file is still in its place, except in one case: the new file has its name, but the folder could not be written
/// to the disk.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}: {error}", path.display())]
pub struct WriteError {
    path: PathBuf,
    error: io::Error,
}

impl WriteError {
    fn of(path: &Path) -> impl Fn(io::Error) -> Self + '_ {
        |error| Self { path: path.into(), error }
    }
}

/// Writes a file under a temporary name beside its place, and renames it when all is on disk. Missing folders are made.
///
/// # Errors
///
/// [`WriteError`].
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    write_with(path, |file| file.write_all(bytes))
}

/// Does the same as [`write_whole`] with the bytes that `write` writes.
///
/// # Errors
///
/// [`WriteError`], also for an error of `write`.
pub fn write_with(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), WriteError> {
    let replace = || {
        let place = place(path)?;
        let file = filled(&place, write)?;
        file.persist(&place).map_err(|error| error.error)?;
        sync_folder(&place)
    };
    replace().map_err(WriteError::of(path))
}

/// Does the same as [`write_with`], but only if the file does not exist. Returns whether it wrote.
///
/// # Errors
///
/// The errors of [`write_with`].
pub fn write_new(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<bool, WriteError> {
    let create = || {
        let place = place(path)?;
        if place.exists() {
            return Ok(false);
        }
        match filled(&place, write)?.persist_noclobber(&place) {
            Ok(_) => sync_folder(&place).map(|()| true),
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error.error),
        }
    };
    create().map_err(WriteError::of(path))
}

/// Checks that a file can be written later: its folder can be written to, and its place is empty or has a regular file (a device would be replaced by
/// the file). Missing folders are made, and they stay.
///
/// # Errors
///
/// [`WriteError`].
pub fn check_writable(path: &Path) -> Result<(), WriteError> {
    check_room(&[(path, 0)])
}

/// Checks that several files can be written later, and that the disk has room for all of them. Each comes with its size in bytes.
///
/// # Errors
///
/// [`WriteError`], for the first file that cannot be written or has no room.
pub fn check_room(files: &[(&Path, u64)]) -> Result<(), WriteError> {
    let reserve = |&(path, bytes): &(&Path, u64)| {
        let reserve = || {
            let file = temporary_beside(&place(path)?)?;
            match file.as_file().allocate(bytes) {
                Err(error) if bytes > 0 && is_full(&error) => {
                    Err(io::Error::new(error.kind(), format!("there is no room for its {bytes} bytes ({error})")))
                }
                // Some file systems cannot reserve; there the write itself fails.
                _ => Ok(file),
            }
        };
        reserve().map_err(WriteError::of(path))
    };
    files.iter().map(reserve).collect::<Result<Vec<_>, _>>().map(drop)
}

fn is_full(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge)
}

/// Writes a temporary file beside this place, to the disk. It gets the permissions of the file that it will replace.
fn filled(place: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<NamedTempFile> {
    let file = temporary_beside(place)?;
    let mut writer = BufWriter::new(file.as_file());
    write(&mut writer)?;
    writer.flush()?;
    drop(writer);
    if let Ok(there) = fs::metadata(place) {
        file.as_file().set_permissions(there.permissions())?;
    }
    file.as_file().sync_all()?;
    Ok(file)
}

/// Writes the folder of a place to the disk. Before that, a power failure can undo a renaming.
fn sync_folder(place: &Path) -> io::Result<()> {
    if cfg!(unix) {
        match File::open(folder_of(place))?.sync_all() {
            // Some file systems cannot.
            Err(error) if !matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => {
                return Err(error);
            }
            _ => {}
        }
    }
    Ok(())
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
            check_writable(&folder.path().join("a/.")),
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

    #[cfg(unix)]
    #[test]
    fn a_dangling_link_stays_one_and_its_target_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("below/target", &link).unwrap();
        write_whole(&link, b"bytes").unwrap();
        assert!(link.is_symlink());
        assert_eq!(fs::read(folder.path().join("below/target")).unwrap(), b"bytes");
    }

    #[cfg(unix)]
    #[test]
    fn a_private_file_is_private_while_it_is_written() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, b"first").unwrap();
        fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
        let modes = || {
            let entries = fs::read_dir(folder.path()).unwrap();
            entries.map(|entry| entry.unwrap().metadata().unwrap().permissions().mode() & 0o777).collect::<Vec<_>>()
        };
        write_with(&path, |file| {
            assert!(modes().contains(&0o600), "{:?}", modes());
            file.write_all(b"second")
        })
        .unwrap();
        assert_eq!(modes(), [0o640]);
    }

    #[test]
    fn what_is_there_is_kept_where_a_file_is_to_be_new() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        assert!(write_new(&path, |file| file.write_all(b"first")).unwrap());
        assert!(!write_new(&path, |file| file.write_all(b"second")).unwrap());
        assert_eq!(fs::read(&path).unwrap(), b"first");
    }

    #[test]
    fn an_error_while_it_is_written_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let error = write_with(&folder.path().join("file"), |_| Err(io::Error::other("stop"))).unwrap_err();
        assert!(error.to_string().ends_with("file: stop"), "{error}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn room_is_checked_for_all_files_together() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        check_room(&[(&path, 1 << 20), (&path, 1)]).unwrap();
        // More than any disk has.
        let error = check_room(&[(&path, 1), (&path, 1 << 62)]).unwrap_err().to_string();
        assert!(error.contains("there is no room for its 4611686018427387904 bytes"), "{error}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
