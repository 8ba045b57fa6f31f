//! Builds programs of the firmware for a board, with a model and samples inside them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use board::Board;
use selvedge::architecture::Architecture;

use super::{Program, device::Device, fit};
use crate::{toolchain::Toolchain, workspace};

/// The firmware for a board.
pub struct Firmware<'a> {
    /// The board: target and memory map.
    pub board: &'a Board,
    /// The device on which the firmware will run.
    pub device: Device,
    /// The model's layers, if no weights are embedded. Without layers, the build uses the board's own model.
    pub layers: Option<&'a Architecture>,
    /// The folder of the embedded files: weights, samples, labels.
    pub embed: &'a Path,
}

impl Firmware<'_> {
    /// Returns the command that builds some programs, or with `clippy` checks their lints.
    pub fn cargo(&self, toolchain: &Toolchain, subcommand: &str, programs: &[Program]) -> Command {
        let mut cargo = toolchain.cargo(subcommand, &self.board.target, self.board.cpu.as_deref());
        cargo.args(["--profile", "firmware", "--package", "firmware", "--features", self.device.feature()]);
        cargo.args(programs.iter().flat_map(|program| ["--bin", program.name()]));
        cargo.env("SELVEDGE_BOARD", &self.board.name).env("SELVEDGE_EMBED", self.embed);
        // What is too large is refused once it is linked, with all the numbers.
        cargo.env("SELVEDGE_ANY_SIZE", "1");
        match self.layers {
            Some(layers) => cargo.env("SELVEDGE_LAYERS", format!("{:#}", layers.expression())),
            None => cargo.env_remove("SELVEDGE_LAYERS"),
        };
        cargo
    }

    /// Builds a program, checks that it fits the board, and returns its path.
    pub fn build(&self, toolchain: &Toolchain, program: Program) -> Result<PathBuf> {
        let name = program.name();
        let mut cargo = self.cargo(toolchain, "build", &[program]);
        if self.device == Device::Probe {
            // probe-rs looks there for each message's place in the source.
            cargo.env("CARGO_PROFILE_FIRMWARE_DEBUG", "full");
        }
        let command = workspace::shown(&cargo);
        let status = launch::run_shown(&mut cargo).with_context(|| format!("cannot start `{command}`"))?;
        ensure!(status.success(), "the firmware was not built: `{command}` failed, see above");
        let elf = workspace::target_dir()?.join(&self.board.target).join("firmware").join(name);
        let bytes = fs::read(&elf).with_context(|| format!("cannot read {}", elf.display()))?;
        let fits = fit::check(&bytes, name, self.board)?;
        say!("Fits: {fits}");
        Ok(elf)
    }
}
