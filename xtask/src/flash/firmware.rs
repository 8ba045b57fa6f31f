//! Builds a firmware program for a board, with a model and images inside it.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Result, bail};

use super::{Program, board::Board, device::Device};
use crate::{toolchain::Toolchain, workspace};

/// One build of the firmware.
pub struct Firmware<'a> {
    /// The board: target and memory map.
    pub board: &'a Board,
    /// The program.
    pub program: Program,
    /// Where it will run.
    pub device: Device,
    /// The model's widths, `784,128,10`; the build takes the board's own model where there are none.
    pub layers: Option<&'a str>,
    /// The folder of what is embedded: weights, images, labels.
    pub embed: &'a Path,
}

impl Firmware<'_> {
    /// The build, or with `clippy` the lints, as a command.
    pub fn cargo(&self, toolchain: &Toolchain, subcommand: &str) -> Command {
        let mut cargo = toolchain.cargo(subcommand, &self.board.target);
        cargo.args(["--profile", "firmware", "--package", "firmware", "--features", self.device.feature(), "--bin"]);
        cargo.arg(self.program.name());
        cargo.env("SELVEDGE_BOARD", &self.board.name).env("SELVEDGE_EMBED", self.embed);
        match self.layers {
            Some(layers) => cargo.env("SELVEDGE_LAYERS", layers),
            None => cargo.env_remove("SELVEDGE_LAYERS"),
        };
        cargo
    }

    /// Builds the program and returns its path.
    pub fn build(&self, toolchain: &Toolchain) -> Result<PathBuf> {
        match workspace::build(&mut self.cargo(toolchain, "build"), self.program.name())? {
            Ok(elf) => Ok(elf),
            Err(failure) => match does_not_fit(&failure.messages) {
                Some(numbers) => bail!("the program does not fit the board: {numbers}"),
                None => bail!("the firmware was not built: `{}` failed, see above", failure.command),
            },
        }
    }
}

/// What the firmware's assertions on its sizes say, or the linker, of a memory that is too small.
fn does_not_fit(messages: &[String]) -> Option<&str> {
    messages.iter().find_map(|line| match line.split_once("evaluation panicked: ") {
        Some((_, numbers)) => Some(numbers.trim()),
        None => line.contains("will not fit in region").then(|| line.trim()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_with_the_numbers_is_found() {
        let compiler =
            ["   Compiling firmware", "error[E0080]: evaluation panicked: the weights (2 bytes) do not fit", "x"];
        let linker = ["rust-lld: error: section '.bss' will not fit in region 'RAM': overflowed by 8 bytes"];
        assert_eq!(does_not_fit(&compiler.map(String::from)), Some("the weights (2 bytes) do not fit"));
        assert_eq!(does_not_fit(&linker.map(String::from)), Some(linker[0]));
        assert_eq!(does_not_fit(&["error: no board".to_owned()]), None);
    }
}
