//! Temporary files. If a killed program leaves one, the next writer in that folder removes it.

use std::{
    fs::{self, File, TryLockError},
    io,
    path::Path,
};

use tempfile::NamedTempFile;

use crate::place::folder_of;

/// A temporary name is PREFIX, random letters and SUFFIX. A killed process leaves such a file; the next writer in that folder removes it.
const PREFIX: &str = ".selvedge-";
const RANDOM: usize = 12;
const SUFFIX: &str = ".tmp";

/// Makes a locked file with its own name beside this place. The lock shows that its process lives.
pub fn temporary_beside(place: &Path) -> io::Result<NamedTempFile> {
    let folder = folder_of(place);
    if folder.exists() && !folder.is_dir() {
        return Err(io::Error::other(format!("{} is no folder", folder.display())));
    }
    fs::create_dir_all(folder)?;
    remove_stale(folder);
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX).rand_bytes(RANDOM).suffix(SUFFIX);
    // A temporary file is its owner's alone, as a private file must be while it is written. A new one becomes a file like any other, as
    // the umask allows.
    #[cfg(unix)]
    if !place.exists() {
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    }
    loop {
        // The library's message names the temporary file, which the user does not know.
        let file = builder.tempfile_in(folder).map_err(|error| io::Error::from(error.kind()))?;
        // Another process may have taken it for a stale one before it was locked.
        match file.as_file().try_lock() {
            Err(TryLockError::WouldBlock) => {}
            _ if file.path().exists() => return Ok(file),
            _ => {}
        }
    }
}

/// Removes temporary files that no process has locked: theirs were killed.
fn remove_stale(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        if entry.file_name().to_str().is_some_and(is_temporary)
            && entry.file_type().is_ok_and(|kind| kind.is_file())
            && let Ok(file) = File::options().write(true).open(entry.path())
            && file.try_lock().is_ok()
        {
            // What cannot be removed harms nobody.
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn is_temporary(name: &str) -> bool {
    let random = name.strip_prefix(PREFIX).and_then(|rest| rest.strip_suffix(SUFFIX));
    random.is_some_and(|random| random.len() == RANDOM && random.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::write_whole;

    #[test]
    fn the_next_writer_removes_what_a_killed_one_left_and_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let names = [".selvedge-0123456789ab.tmp", ".selvedge-notes", ".selvedge-0123456789a_.tmp"];
        let paths = names.map(|name| folder.path().join(name));
        paths.iter().for_each(|path| fs::write(path, b"").unwrap());
        let living = temporary_beside(&folder.path().join("living")).unwrap();
        write_whole(&folder.path().join("file"), b"").unwrap();
        assert_eq!(paths.map(|path| path.exists()), [false, true, true]);
        assert!(living.path().exists());
    }
}
