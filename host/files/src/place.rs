//! The place of a file, after the symbolic links in its name are followed.

use std::{
    fs, io,
    path::{Component, Path, PathBuf, is_separator},
};

/// The largest number of links in a row: Linux has the same limit.
const MAX_LINKS: usize = 40;

/// Returns the place of the file itself. A symbolic link stays, and its target is written.
pub fn place(path: &Path) -> io::Result<PathBuf> {
    let name = path.to_string_lossy();
    let last = name.rsplit(is_separator).next().unwrap_or_default();
    if matches!(last, "" | "." | "..") {
        return Err(io::Error::other("this is the name of a folder"));
    }
    match fs::canonicalize(path) {
        Ok(there) if there.is_file() => Ok(there),
        Ok(there) if there.is_dir() => Err(io::Error::other("it is a folder")),
        Ok(_) => Err(io::Error::other("something that is no file is in its place")),
        Err(error) if error.kind() == io::ErrorKind::InvalidFilename => Err(error),
        Err(_) => behind_links(path),
    }
}

/// Follows links to a place where nothing is yet.
fn behind_links(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        let Ok(target) = fs::read_link(&path) else { return Ok(path) };
        path = path.parent().unwrap_or(Path::new("")).join(target);
    }
    Err(io::Error::other("its links lead in a circle"))
}

/// Returns the folder of a place.
pub fn folder_of(place: &Path) -> &Path {
    match place.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

/// Returns true if two names mean one file: `./x` is `x`, and a link is its target. The file need not exist yet.
pub fn is_same(one: &Path, other: &Path) -> bool {
    let whole = |path: &Path| Some(whole(&place(path).ok()?));
    one == other || matches!((whole(one), whole(other)), (Some(one), Some(other)) if one == other)
}

/// One file is given for two purposes.
#[derive(Debug, thiserror::Error)]
#[error("{one} and {other} are the same file, {}", path.display())]
pub struct SameFile {
    one: String,
    other: String,
    path: PathBuf,
}

/// Checks that no two of these files are the same. Each comes with the name of its option, for the error.
///
/// # Errors
///
/// [`SameFile`].
pub fn check_distinct(files: &[(&str, &Path)]) -> Result<(), SameFile> {
    for (index, (one, path)) in files.iter().enumerate() {
        if let Some((other, _)) = files[..index].iter().find(|(_, before)| is_same(before, path)) {
            return Err(SameFile { one: (*one).into(), other: (*other).into(), path: path.into() });
        }
    }
    Ok(())
}

/// Returns the one name of a place: the canonical name of the part that exists, and the rest below it.
fn whole(path: &Path) -> PathBuf {
    if let Ok(path) = fs::canonicalize(path) {
        return path;
    }
    let path = std::path::absolute(path).unwrap_or_else(|_| path.into());
    let Some(folder) = path.parent() else { return path };
    let mut whole = whole(folder);
    match path.components().next_back() {
        Some(Component::ParentDir) => drop(whole.pop()),
        Some(last) => whole.push(last),
        None => {}
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_file_has_many_names() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let path = |name: &str| folder.join(name);
        for (one, other, expected) in [
            ("x", "./x", true),
            ("x", "a/../x", true),
            ("a/b/x", "a/./b//x", true),
            ("x", "y", false),
            ("a/x", "b/x", false),
        ] {
            assert_eq!(is_same(&path(one), &path(other)), expected, "{one}, {other}");
        }
        #[cfg(unix)]
        {
            fs::create_dir(path("a")).unwrap();
            std::os::unix::fs::symlink("a", path("link")).unwrap();
            std::os::unix::fs::symlink("a/x", path("dangling")).unwrap();
            std::os::unix::fs::symlink("circle", path("circle")).unwrap();
            assert!(is_same(&path("a/x"), &path("link/x")));
            assert!(is_same(&path("a/x"), &path("dangling")));
            assert!(!is_same(&path("a/x"), &path("circle")));
            let [x, same] = [path("a/x"), path("link/x")];
            let error = check_distinct(&[("--out", &x), ("FILE", &path("y")), ("--metrics", &same)]).unwrap_err();
            assert_eq!(error.to_string(), format!("--metrics and --out are the same file, {}", same.display()));
            assert!(place(&path("circle")).unwrap_err().to_string().contains("circle"));
        }
    }
}
