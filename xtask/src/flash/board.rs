//! Boards as data: `firmware/boards/<name>.toml`. The firmware's own build lays its memory out by them.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::workspace;

/// The board of a user who names none.
pub const DEFAULT: &str = "mps2-an386";

/// What running a program on a board takes.
#[derive(Debug, Deserialize)]
pub struct Board {
    /// The file's name without its ending.
    #[serde(skip)]
    pub name: String,
    /// The chip, in words.
    pub description: String,
    /// The compiler's target.
    pub target: String,
    /// The model that fits it, taken unless another is asked for.
    pub model: String,
    /// What holds the program.
    pub flash: Region,
    /// What it works in.
    pub ram: Region,
    /// Bytes at the RAM's start that are the stack's.
    pub stack: u64,
    /// What the program `serve` talks through.
    pub uart: Uart,
    /// The machine in QEMU, where there is one.
    pub emulator: Option<Emulator>,
    /// The real chip, where a probe can reach it.
    pub probe: Option<Probe>,
}

/// A memory of the chip's.
#[derive(Debug, Deserialize)]
pub struct Region {
    /// Its first address.
    pub origin: u64,
    /// Its bytes.
    pub length: u64,
}

/// A UART, as far as its other end must know it.
#[derive(Debug, Deserialize)]
pub struct Uart {
    /// Bits in a second.
    pub baud: u32,
}

/// A machine of `qemu-system-arm`.
#[derive(Debug, Deserialize)]
pub struct Emulator {
    /// Its `-M` name.
    pub machine: String,
}

/// A chip of `probe-rs`.
#[derive(Debug, Deserialize)]
pub struct Probe {
    /// Its `--chip` name.
    pub chip: String,
}

impl Board {
    /// Reads a board's file.
    pub fn named(name: &str) -> Result<Self> {
        let known = names()?;
        if !known.iter().any(|board| board == name) {
            bail!("there is no board {name}; firmware/boards has {}", known.join(", "));
        }
        let path = folder().join(format!("{name}.toml"));
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let board = toml::from_str(&text).with_context(|| format!("{} is no board file", path.display()))?;
        Ok(Self { name: name.to_owned(), ..board })
    }
}

/// The boards that have a file, sorted.
pub fn names() -> Result<Vec<String>> {
    let folder = folder();
    let files = fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let files = files.flatten().map(|file| file.path());
    let boards = files.filter(|path| path.extension().is_some_and(|extension| extension == "toml"));
    let mut names: Vec<_> = boards.filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned())).collect();
    names.sort();
    Ok(names)
}

fn folder() -> PathBuf {
    workspace::root().join("firmware/boards")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::toolchain;

    #[test]
    fn every_board_file_is_read() {
        let names = names().unwrap();
        assert!(names.iter().any(|name| name == "mps2-an386"), "{names:?}");
        for name in names {
            let board = Board::named(&name).unwrap();
            assert_eq!(board.name, name);
            assert!(toolchain::targets().unwrap().contains(&board.target), "{board:?}");
            assert!(board.emulator.is_some() || board.probe.is_some(), "{board:?}");
            assert!(!board.description.is_empty() && !board.model.is_empty(), "{board:?}");
        }
    }

    #[test]
    fn an_unknown_board_lists_the_known() {
        let error = Board::named("../board").unwrap_err().to_string();
        assert!(error.contains("no board ../board") && error.contains("microbit, mps2-an386"), "{error}");
    }
}
