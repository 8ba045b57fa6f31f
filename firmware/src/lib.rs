//! The parts that Selvedge's microcontroller programs share: the logger, the handlers that end a program, and an instruction counter.
//!
//! - `board`: the board's constants, the model's type and `embed!`. The build script decides all of them.
//! - `counter`: counts instructions in the emulator, cycles on a chip.
//! - `network`: the network of the embedded weight file, in the file's number format.
//! - `stack`: the deepest use of the stack.
//! - `uart`: the board's UART.
//! - `exit`: a program's end, and its codes.
//! - `processor`: the timer, the fault handler and the guard against stack overflow: for Cortex-M in `cortex_m`, for RISC-V in `riscv`.
//! - `entry`: the attribute of a program's `main`.
//!
//! The programs are `src/bin/*.rs`. A program ends with an exit code that the emulator or `probe-rs run` passes on: 0, 1 (a reported failure),
//! 101 (a panic) or 102 (a fault). `serve` ends only with a failure. `bare` does not use these handlers: it ends with 0 or 1, without a report.
//! On a host this library is empty.

#![no_std]
#![cfg(target_os = "none")]

#[cfg(all(feature = "semihosting", feature = "rtt"))]
compile_error!("there can be one logger: choose the feature `semihosting` (emulator) or `rtt` (debug probe)");

pub mod board;
pub mod counter;
mod entry;
mod exit;
mod failure;
pub mod network;
#[cfg_attr(target_arch = "arm", path = "cortex_m/mod.rs")]
#[cfg_attr(target_arch = "riscv32", path = "riscv/mod.rs")]
mod processor;
pub mod stack;
pub mod uart;

pub use entry::entry;
pub use exit::{FAILED, FAULTED, PANICKED, exit};
pub use failure::Failure;
pub use processor::illegal_instruction;

#[cfg(feature = "rtt")]
use defmt_rtt as _;
#[cfg(feature = "semihosting")]
use defmt_semihosting as _;

use core::{
    panic::PanicInfo,
    sync::atomic::{AtomicBool, Ordering},
};

use counter::Counter;

/// Runs a program once and ends it with exit code 0, or with a report and [`FAILED`].
pub fn run(program: impl FnOnce(&Counter) -> Result<(), Failure>) -> ! {
    let timer = processor::start().ok_or(Failure::SecondRun);
    match timer.and_then(|timer| program(&Counter::new(timer))) {
        Ok(()) => exit(0),
        Err(failure) => {
            defmt::error!("{}", failure);
            exit(FAILED)
        }
    }
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    static REPORTED: AtomicBool = AtomicBool::new(false);
    // The report itself may panic, in the logger.
    if !REPORTED.load(Ordering::Relaxed) {
        REPORTED.store(true, Ordering::Relaxed);
        defmt::error!("{}", defmt::Display2Format(info));
    }
    exit(PANICKED)
}
