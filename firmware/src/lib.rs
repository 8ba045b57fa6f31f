//! What Selvedge's microcontroller programs share: the logger, the handlers that end a program, and an instruction counter.
//!
//! - `board`: the board's constants, the model's type and `embed!`, all settled by the build script.
//! - `counter`: instructions in the emulator, cycles on a chip.
//! - `network`: the network of the embedded weight file, in the numbers that it has.
//! - `stack`: how deep the stack has gone.
//! - `uart`: the board's UART.
//! - `exit`: a program's end, and its codes.
//! - `fault`: the hard fault handler, and what makes a stack overflow fault.
//!
//! The programs are `src/bin/*.rs`. All of them end with an exit code that the emulator, or `probe-rs run`, hands on: 0,
//! 1 (a reported failure), 101 (a panic) or 102 (a hard fault). On a host this library is empty.

#![no_std]
#![cfg(target_os = "none")]

#[cfg(all(feature = "semihosting", feature = "rtt"))]
compile_error!("there can be one logger: choose the feature `semihosting` (emulator) or `rtt` (debug probe)");

pub mod board;
pub mod counter;
mod exit;
mod failure;
mod fault;
pub mod network;
pub mod stack;
pub mod uart;

pub use exit::{FAILED, FAULTED, PANICKED, exit};
pub use failure::Failure;

#[cfg(feature = "rtt")]
use defmt_rtt as _;
#[cfg(feature = "semihosting")]
use defmt_semihosting as _;

use core::{
    panic::PanicInfo,
    sync::atomic::{AtomicBool, Ordering},
};

use cortex_m::Peripherals;

use counter::Counter;

/// Runs a program once and ends it with exit code 0, or with a report and [`FAILED`].
pub fn run(program: impl FnOnce(&Counter) -> Result<(), Failure>) -> ! {
    let result = Peripherals::take().ok_or(Failure::SecondRun).and_then(|peripherals| {
        fault::guard_stack(&peripherals.MPU);
        program(&Counter::start(peripherals.SYST))
    });
    match result {
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
