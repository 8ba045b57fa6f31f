//! The options of `new`, and the hardware that they name.

use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use board::{Board, Memory, Processor, Region};
use clap::{Args, ValueEnum, builder::PossibleValuesParser};

use super::{Data, FormatOption, groups::whole};
use crate::package_name::PackageName;

/// The targets of Arm's Cortex-M.
const TARGETS: [&str; 7] = [
    "thumbv6m-none-eabi",
    "thumbv7m-none-eabi",
    "thumbv7em-none-eabi",
    "thumbv7em-none-eabihf",
    "thumbv8m.base-none-eabi",
    "thumbv8m.main-none-eabi",
    "thumbv8m.main-none-eabihf",
];

/// Options of `new`.
#[derive(Args, Debug)]
pub struct New {
    /// The folder to make; its last part is the package's name
    #[arg(value_name = "NAME")]
    pub folder: PathBuf,

    /// The network's file
    #[arg(long, value_name = "FILE")]
    pub weights: PathBuf,

    /// The board.
    #[arg(long, help = boards(), required_unless_present = "chip", conflicts_with = "chip", value_parser = Board::named)]
    pub board: Option<Board>,

    /// The firmware's program: predict, or continue the training of the file's weights with samples of --data
    #[arg(long, value_enum, default_value = "predict")]
    pub program: Program,

    /// Quantise the weights to this format, with samples of --data [default: the format of the file]
    #[arg(long, value_enum)]
    pub format: Option<FormatOption>,

    /// The number of samples in the project [default: 4; 50 for --program train]
    ///
    /// The samples are spread evenly over the test samples of --data; with --program train, over its training samples. Without --data, a project that
    /// predicts has one sample of zeros, and --count is an error. A project that trains then takes Fashion-MNIST, if the network fits it.
    #[arg(long, value_parser = whole::<u32>(1..=1000))]
    pub count: Option<u32>,

    /// The place of the library: a folder with Selvedge's repository, or the URL of a Git repository
    ///
    /// [default: the repository that this program was built from]
    #[arg(long, value_name = "DIR|URL")]
    pub library: Option<String>,

    /// The samples.
    #[command(flatten)]
    pub data: Data,

    /// Any other Cortex-M.
    #[command(flatten)]
    pub chip: Chip,
}

/// A chip that is not a board of this project.
#[derive(Args, Debug)]
#[command(next_help_heading = "Chip")]
pub struct Chip {
    /// A Cortex-M, by its name in probe-rs (`probe-rs chip list`); `cargo run` loads the program into it
    #[arg(long, value_name = "CHIP", requires_all = ["target", "flash", "ram"])]
    pub chip: Option<String>,

    /// The compiler's target
    #[arg(long, requires = "chip", value_parser = PossibleValuesParser::new(TARGETS))]
    pub target: Option<String>,

    /// The compiler's name of the processor, such as cortex-m33; it allows instructions beyond the target's, such as the DSP extension
    #[arg(long, requires = "chip", value_parser = processor)]
    pub cpu: Option<String>,

    /// The size of the flash in bytes, such as 512K
    #[arg(long, value_name = "SIZE", requires = "chip", value_parser = bytes)]
    pub flash: Option<u32>,

    /// The size of the RAM in bytes, such as 128K
    #[arg(long, value_name = "SIZE", requires = "chip", value_parser = bytes)]
    pub ram: Option<u32>,

    /// The first address of the flash [default: 0x08000000 if the chip's name begins with STM32, else 0]
    #[arg(long, value_name = "ADDRESS", requires = "chip", value_parser = bytes)]
    pub flash_origin: Option<u32>,

    /// The first address of the RAM
    #[arg(long, value_name = "ADDRESS", requires = "chip", default_value = "0x20000000", value_parser = bytes)]
    pub ram_origin: u32,

    /// The size of the stack in bytes; the stack is a part of the RAM [default: half of the RAM; a quarter with --program train]
    #[arg(long, value_name = "SIZE", requires = "chip", value_parser = bytes)]
    pub stack: Option<u32>,
}

/// The work of a firmware program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Program {
    /// It predicts.
    Predict,
    /// It trains.
    Train,
}

/// Returns the help of `--board`.
fn boards() -> String {
    format!("The board, which `cargo run` emulates: {}", board::names().join(", "))
}

/// Returns a number of bytes or an address: `4096`, `0x1000`, `4K` or `1M`.
fn bytes(text: &str) -> Result<u32, String> {
    let (digits, unit) = match text.char_indices().next_back() {
        Some((end, 'K' | 'k')) => (&text[..end], 1 << 10),
        Some((end, 'M' | 'm')) => (&text[..end], 1 << 20),
        _ => (text, 1),
    };
    let number = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => digits.parse(),
    };
    let number = number.ok().filter(|_| !digits.contains('+')).and_then(|number| number.checked_mul(unit));
    number.ok_or_else(|| "must be bytes, such as 65536, 0x10000, 64K or 1M, below 4 GiB".to_owned())
}

/// Returns a processor's name, which becomes a part of the compiler's options.
fn processor(text: &str) -> Result<String, String> {
    let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    match !text.is_empty() && text.chars().all(is_name) {
        true => Ok(text.to_owned()),
        false => Err("must be a processor's name, such as cortex-m33".to_owned()),
    }
}

/// The hardware that a firmware runs on.
#[derive(Clone, Debug)]
pub struct Hardware {
    /// The board's or the chip's name.
    pub name: String,
    /// The compiler's target.
    pub target: String,
    /// The compiler's name of the processor, if the target does not determine its instructions.
    pub cpu: Option<String>,
    /// The memory.
    pub memory: Memory,
    /// The command that `cargo run` puts in front of a program's name.
    pub runner: Vec<String>,
}

impl New {
    /// Returns the package's name, which is the name of the folder.
    ///
    /// # Errors
    ///
    /// If the folder's name is not a valid package name.
    pub fn name(&self) -> Result<PackageName> {
        let folder = || format!("NAME {}", self.folder.display());
        let name = self.folder.file_name().with_context(folder)?;
        name.to_str().unwrap_or_default().parse().with_context(folder)
    }

    /// Returns the hardware on which the firmware runs.
    ///
    /// # Errors
    ///
    /// If the memory is invalid, or the board cannot run the program.
    pub fn hardware(&self) -> Result<Hardware> {
        let trains = self.program == Program::Train;
        let Some(board) = &self.board else { return self.chip.hardware(trains) };
        if trains && !board.trains {
            let boards = board::names().into_iter();
            let able: Vec<_> = boards.filter(|name| Board::named(name).is_ok_and(|board| board.trains)).collect();
            bail!("--program train: {} has not the memory to train; {} have", board.name, able.join(", "));
        }
        let probe = || board.probe.iter().map(|probe| probe_rs(&probe.chip)).next();
        let mut emulation = board.emulation("none");
        emulation.iter_mut().for_each(|command| command.push("-kernel".into()));
        Ok(Hardware {
            name: board.name.clone(),
            target: board.target.clone(),
            cpu: board.cpu.clone(),
            memory: board.memory(),
            runner: emulation.or_else(probe).unwrap_or_default(),
        })
    }

    /// Checks the options that need no file.
    ///
    /// # Errors
    ///
    /// The errors of [`name`](Self::name) and [`hardware`](Self::hardware).
    pub fn check(&self) -> Result<()> {
        self.name()?;
        self.hardware().map(drop)
    }
}

impl Chip {
    fn hardware(&self, trains: bool) -> Result<Hardware> {
        let Self { chip: Some(chip), target: Some(target), flash: Some(flash), ram: Some(ram), cpu, .. } = self else {
            bail!("name a board by --board, or a chip by --chip, --target, --flash and --ram");
        };
        let is_stm32 = chip.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("STM32"));
        let flash_origin = self.flash_origin.unwrap_or(if is_stm32 { 0x0800_0000 } else { 0 });
        let stack = self.stack.unwrap_or(ram / if trains { 4 } else { 2 } / 8 * 8);
        let flash = region("flash", flash_origin, *flash)?;
        let ram = region("ram", self.ram_origin, *ram)?;
        ensure!(
            stack.is_multiple_of(8) && 0 < stack && stack < ram.length,
            "--stack {stack}: it must be a multiple of 8 bytes, at least 8, and less than the RAM's {}",
            ram.length
        );
        let [flash_end, ram_end] = [flash, ram].map(|region| u64::from(region.origin) + u64::from(region.length));
        ensure!(
            flash_end <= ram.origin.into() || ram_end <= flash.origin.into(),
            "the flash, from {:#x} to {flash_end:#x}, and the RAM, from {:#x} to {ram_end:#x}, overlap: name their first addresses by \
             --flash-origin and --ram-origin",
            flash.origin,
            ram.origin
        );
        Ok(Hardware {
            name: chip.clone(),
            target: target.clone(),
            cpu: cpu.clone(),
            memory: Memory { processor: Processor::CortexM, flash, ram, stack },
            runner: probe_rs(chip),
        })
    }
}

/// Returns a memory of a chip.
fn region(name: &str, origin: u32, length: u32) -> Result<Region> {
    ensure!(length > 0, "--{name} 0: there must be some bytes");
    ensure!(
        origin.is_multiple_of(8) && u64::from(origin) + u64::from(length) <= 1 << 32,
        "--{name}-origin {origin:#x}: it must be a multiple of 8, and the memory's {length} bytes end at 4 GiB at the latest"
    );
    Ok(Region { origin, length })
}

/// Returns the command that runs a program on a chip behind a debug probe.
fn probe_rs(chip: &str) -> Vec<String> {
    ["probe-rs", "run", "--chip", chip].map(str::to_owned).into()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        new: New,
    }

    fn parse(line: &str) -> Result<New, String> {
        let program = Program::try_parse_from(["new"].into_iter().chain(line.split_whitespace()));
        program.map(|program| program.new).map_err(|error| error.to_string())
    }

    fn hardware(line: &str) -> Result<Hardware, String> {
        parse(line)?.hardware().map_err(|error| error.to_string())
    }

    #[test]
    fn bytes_have_units() {
        for (text, expected) in
            [("0", 0), ("4096", 4096), ("0x1000", 4096), ("4K", 4096), ("4k", 4096), ("2M", 2 << 20)]
        {
            assert_eq!(bytes(text), Ok(expected), "{text}");
        }
        for text in ["", "K", "-1", "+1", "1.5K", "0x", "4G", "4096M", "4294967296", "é"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_board_runs_in_its_emulator() {
        for name in board::names() {
            let hardware = hardware(&format!("a --weights x --board {name}")).unwrap();
            let qemu = if hardware.target.starts_with("riscv") { "qemu-system-riscv32" } else { "qemu-system-arm" };
            assert_eq!(
                [hardware.runner.first(), hardware.runner.last()],
                [Some(&qemu.into()), Some(&"-kernel".into())]
            );
        }
    }

    #[test]
    fn a_chips_memory_has_defaults() {
        let line = "a --weights x --target thumbv7em-none-eabihf --flash 512K --ram 128K --chip";
        let Hardware { memory, runner, .. } = hardware(&format!("{line} STM32F407VG")).unwrap();
        assert_eq!((memory.flash.origin, memory.flash.length), (0x0800_0000, 512 << 10));
        assert_eq!((memory.ram.origin, memory.ram.length, memory.stack), (0x2000_0000, 128 << 10, 64 << 10));
        assert_eq!(runner, ["probe-rs", "run", "--chip", "STM32F407VG"]);
        let memory = hardware(&format!("{line} nRF52840_xxAA --program train")).unwrap().memory;
        assert_eq!((memory.flash.origin, memory.stack), (0, 32 << 10));
        let memory =
            hardware(&format!("{line} x --flash-origin 0x10000100 --ram-origin 0x10080100 --stack 4K")).unwrap();
        assert_eq!(
            (memory.memory.flash.origin, memory.memory.ram.origin, memory.memory.stack),
            (0x1000_0100, 0x1008_0100, 4096)
        );
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let chip = "a --weights x --chip c --target thumbv6m-none-eabi --flash 64K --ram 16K";
        for (line, words) in [
            ("a --weights x", "--board"),
            ("a --weights x --board none", "there is no board none; firmware/boards has microbit, "),
            ("a --weights x --chip c --target thumbv6m-none-eabi --ram 16K", "--flash"),
            ("a --weights x --chip c --target x86 --flash 1K --ram 1K", "thumbv7em-none-eabihf"),
            ("a --weights x --board microbit --flash 1K", "--flash"),
            ("a --weights x --board microbit --program train", "microbit has not the memory to train; mps2-an386, "),
            (
                &format!("{chip} --stack 16K"),
                "--stack 16384: it must be a multiple of 8 bytes, at least 8, and less than",
            ),
            (&format!("{chip} --stack 12"), "multiple of 8"),
            (
                &format!("{chip} --ram-origin 0x8000"),
                "from 0x0 to 0x10000, and the RAM, from 0x8000 to 0xc000, overlap",
            ),
            (&format!("{chip} --flash-origin 0xffffff00"), "end at 4 GiB at the latest"),
            (&format!("{chip} --cpu a'b"), "must be a processor's name"),
            (&format!("{chip} --count 0"), "1 to 1000"),
        ] {
            let error = hardware(line).unwrap_err();
            assert!(error.contains(words), "{line}: {error}");
        }
        for (folder, words) in [("..", "NAME .."), ("a/9", "begins with one of"), ("core", "take core-firmware")] {
            let error =
                format!("{:#}", parse(&format!("{folder} --weights x --board microbit")).unwrap().check().unwrap_err());
            assert!(error.contains(words), "{folder}: {error}");
        }
        assert!(parse("../a/gesture --weights x --board microbit").unwrap().check().is_ok());
    }
}
