//! Puts each board's file into the library, so that a program knows the boards without the repository.

use std::{env, fmt::Write as _, fs, io, path::PathBuf};

fn main() -> io::Result<()> {
    let boards = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("../boards");
    println!("cargo::rerun-if-changed={}", boards.display());
    let mut files = fs::read_dir(&boards)?.map(|file| Ok(file?.path())).collect::<io::Result<Vec<_>>>()?;
    files.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    let mut list = String::from("[\n");
    for path in files {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        // Writing to a string cannot fail.
        let _ = writeln!(list, "    ({name:?}, include_str!({:?})),", fs::canonicalize(&path)?.display().to_string());
    }
    fs::write(PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("boards.rs"), list + "]\n")
}
