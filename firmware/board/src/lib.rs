//! Boards as data: `firmware/boards/NAME.toml`, and the recipe by which boards train, `firmware/training.toml`. The library contains these
//! files.
//!
//! The firmware's build uses a board's file to place a program in memory. With the same file, xtask runs the
//! program, and `selvedge new` makes a project for the board.

mod memory;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, de::DeserializeOwned};

pub use memory::Memory;

/// The name and the file of each board, sorted by name.
const BOARDS: &[(&str, &str)] = &include!(concat!(env!("OUT_DIR"), "/boards.rs"));

/// The recipe by which boards train.
const TRAINING: &str = include_str!("../../training.toml");

/// The board that is used if the user names none.
pub const DEFAULT: &str = "mps2-an386";

/// A board.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Board {
    /// The file's name without its ending.
    #[serde(skip)]
    pub name: String,
    /// The chip, in words.
    pub description: String,
    /// The compiler's target.
    pub target: String,
    /// The compiler's name of the processor, if the target does not determine its instructions.
    pub cpu: Option<String>,
    /// The model that is built if none is named.
    pub model: String,
    /// The memory that holds the program.
    pub flash: Region,
    /// The memory in which the program works.
    pub ram: Region,
    /// The number of bytes at the start of the RAM that belong to the stack.
    pub stack: u32,
    /// True if the board has enough memory to train.
    #[serde(default)]
    pub trains: bool,
    /// The rate of the emulator's counter in Hz: a tick is 10⁹ / `clock_hz` instructions. The counter is SysTick on ARM, and `minstret` on RISC-V.
    pub clock_hz: u32,
    /// The UART that the program `serve` talks through.
    pub uart: Uart,
    /// The machine in QEMU, if there is one.
    pub emulator: Option<Emulator>,
    /// The real chip, if a debug probe can reach it.
    pub probe: Option<Probe>,
}

/// A memory of the chip.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Region {
    /// The first address of the memory.
    pub origin: u32,
    /// The number of bytes of the memory.
    pub length: u32,
}

/// A UART and its settings.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Uart {
    /// The firmware's driver for it.
    pub driver: Driver,
    /// The address of the UART's first register.
    pub base: u32,
    /// The UART's clock in Hz.
    pub clock_hz: u32,
    /// The number of bits in a second.
    pub baud: u32,
    /// The pin that sends, as the driver numbers it: 16 · port + pin for an STM32 (port A is 0), the pin of P0 for an nRF51, 0 for the others.
    #[serde(default)]
    pub tx: u32,
    /// The pin that receives, with the same numbers.
    #[serde(default)]
    pub rx: u32,
}

/// The driver of a UART. Each variant has the name of its type in the firmware's module `uart`.
#[derive(Clone, Copy, Debug, Deserialize)]
pub enum Driver {
    /// ARM's UART of the MPS boards.
    CmsdkUart,
    /// The USART of an STM32.
    Stm32Usart,
    /// The UART of a Nordic nRF51.
    Nrf51Uart,
    /// A UART like National Semiconductor's NS16550, with registers of bytes.
    Ns16550Uart,
}

impl Driver {
    /// Returns the number of values that `tx` and `rx` may have, from 0. It is 1 for a driver without pins to choose.
    pub const fn pins(self) -> u32 {
        match self {
            Self::CmsdkUart | Self::Ns16550Uart => 1,
            Self::Stm32Usart => 9 * 16,
            Self::Nrf51Uart => 32,
        }
    }
}

/// A machine of QEMU.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Emulator {
    /// The machine's name for QEMU's option `-M`.
    pub machine: String,
    /// The name for QEMU's option `-cpu`, if it is not the machine's default.
    pub cpu: Option<String>,
}

/// A chip of `probe-rs`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Probe {
    /// The chip's name for the option `--chip` of probe-rs.
    pub chip: String,
}

/// A family of processors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Processor {
    /// Arm's Cortex-M.
    CortexM,
    /// RISC-V of 32 bits.
    RiscV,
}

impl Processor {
    /// Both families.
    pub const ALL: [Self; 2] = [Self::CortexM, Self::RiscV];

    /// Returns the program of QEMU that emulates the family.
    pub const fn qemu(self) -> &'static str {
        match self {
            Self::CortexM => "qemu-system-arm",
            Self::RiscV => "qemu-system-riscv32",
        }
    }
}

/// The number of bytes below the RAM to which the programs forbid access, if the chip can do this. A stack overflow would reach them.
const GUARD: u32 = 1 << 24;

impl Board {
    /// Returns the family of the board's processor.
    pub fn processor(&self) -> Processor {
        if self.target.starts_with("riscv32") { Processor::RiscV } else { Processor::CortexM }
    }

    /// Reads and checks a board's file.
    ///
    /// # Errors
    ///
    /// If there is no board with this name, or if the file breaks a rule.
    pub fn named(name: &str) -> Result<Self> {
        let file = BOARDS.iter().find(|(board, _)| *board == name);
        let (_, file) =
            file.with_context(|| format!("there is no board {name}; firmware/boards has {}", names().join(", ")))?;
        let mut board: Self = read(&format!("firmware/boards/{name}.toml"), file)?;
        name.clone_into(&mut board.name);
        board.check().with_context(|| name.to_owned())?;
        Ok(board)
    }

    /// Returns the memory of a program on the board.
    pub fn memory(&self) -> Memory {
        Memory { processor: self.processor(), flash: self.flash, ram: self.ram, stack: self.stack }
    }

    /// Returns the command that emulates the board, without the program: add `-kernel PROGRAM`. Returns `None` if the board has no emulator.
    ///
    /// The program ends the emulator by semihosting, with its own exit code. `serial` is the value of QEMU's option `-serial`, such as `stdio`.
    pub fn emulation(&self, serial: &str) -> Option<Vec<String>> {
        let emulator = self.emulator.as_ref()?;
        let mut command = vec![self.processor().qemu(), "-M", &emulator.machine];
        command.extend(emulator.cpu.iter().flat_map(|cpu| ["-cpu", cpu]));
        if self.processor() == Processor::RiscV {
            // Else it would start a firmware of its own before the program.
            command.extend(["-bios", "none"]);
        }
        command.extend(["-display", "none", "-monitor", "none", "-serial", serial]);
        command.extend(["-semihosting-config", "enable=on,target=native"]);
        Some(command.into_iter().map(str::to_owned).collect())
    }

    fn check(&self) -> Result<()> {
        let Self { flash, ram, stack, uart, .. } = self;
        ensure!(
            stack.is_multiple_of(8) && *stack < ram.length,
            "the stack must be a multiple of 8 bytes and shorter than the RAM"
        );
        ensure!(
            ram.origin.is_multiple_of(GUARD),
            "the RAM must start at a multiple of 16 MiB, because the memory under it is what guards the stack"
        );
        let flash_end = u64::from(flash.origin) + u64::from(flash.length);
        ensure!(
            flash.origin >= ram.origin || flash_end + u64::from(GUARD) <= u64::from(ram.origin),
            "the flash must not lie in the 16 MiB under the RAM, because the programs forbid these"
        );
        ensure!(
            uart.baud > 0 && uart.clock_hz / uart.baud >= 16 && uart.base.is_multiple_of(4),
            "the UART's clock must be 16 times as fast as its baud rate, and its address a multiple of 4"
        );
        ensure!(uart.tx.max(uart.rx) < uart.driver.pins(), "the UART's pins are from 0 to {}", uart.driver.pins() - 1);
        ensure!(self.emulator.is_some() || self.probe.is_some(), "a board needs an emulator or a probe");
        Ok(())
    }
}

/// Returns the names of the boards, sorted.
pub fn names() -> Vec<String> {
    BOARDS.iter().map(|(name, _)| (*name).to_owned()).collect()
}

/// The recipe by which a board trains. The host uses it too.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BoardRecipe {
    /// The seed of the weights and of the samples' orders.
    pub seed: u64,
    /// The number of passes over the samples.
    pub epochs: u64,
    /// The number of samples in a batch.
    pub batch_size: usize,
    /// The learning rate of plain SGD.
    pub learning_rate: f32,
    /// The number of samples, from the first.
    pub samples: u32,
}

impl BoardRecipe {
    /// Reads and checks the recipe's file.
    ///
    /// # Errors
    ///
    /// If the file breaks a rule.
    pub fn read() -> Result<Self> {
        const FILE: &str = "firmware/training.toml";
        let training: Self = read(FILE, TRAINING)?;
        ensure!(
            training.batch_size > 0 && training.samples > 0 && (0.0..=f32::MAX).contains(&training.learning_rate),
            "{FILE}: batch_size and samples are at least 1, learning_rate is a number from 0"
        );
        Ok(training)
    }
}

fn read<T: DeserializeOwned>(path: &str, text: &str) -> Result<T> {
    // A parser's report has several lines; a build script's error has one.
    toml::from_str(text).map_err(|error| anyhow::anyhow!("{path}: {}", error.message()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_board_file_is_read() {
        let names = names();
        assert!(names.iter().any(|name| name == DEFAULT), "{names:?}");
        for name in names {
            let board = Board::named(&name).unwrap();
            assert_eq!(board.name, name);
            let prefix = if board.processor() == Processor::RiscV { "riscv32" } else { "thumb" };
            assert!(board.target.starts_with(prefix), "{board:?}");
            assert!(!board.description.is_empty() && !board.model.is_empty(), "{board:?}");
        }
    }

    #[test]
    fn an_unknown_board_lists_the_known() {
        let error = Board::named("../board").unwrap_err().to_string();
        assert!(error.contains("no board ../board") && error.contains("microbit, mps2-"), "{error}");
    }

    #[test]
    fn a_board_that_breaks_a_rule_is_refused() {
        let good = Board::named(DEFAULT).unwrap();
        good.check().unwrap();
        type Change = fn(&mut Board);
        let broken: [(&str, Change); 6] = [
            ("stack", |board| board.stack = board.ram.length),
            ("RAM must start", |board| board.ram.origin += 4),
            ("flash must not lie", |board| board.flash.origin = board.ram.origin - board.flash.length),
            ("16 times", |board| board.uart.baud = board.uart.clock_hz),
            ("pins are from 0 to 0", |board| board.uart.tx = 1),
            ("emulator or a probe", |board| board.emulator = None),
        ];
        for (words, change) in broken {
            let mut board = good.clone();
            change(&mut board);
            let error = board.check().unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn the_recipe_is_read() {
        BoardRecipe::read().unwrap();
    }
}
