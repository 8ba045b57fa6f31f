//! Ends a program with an exit code.

/// Exit code of a program that reported a [`Failure`](crate::Failure).
pub const FAILED: i32 = 1;
/// Exit code after a panic.
pub const PANICKED: i32 = 101;
/// Exit code after a fault of the processor.
pub const FAULTED: i32 = 102;

/// Transfers the log and ends the program, by semihosting.
///
/// Without an emulator or a debug probe, nothing ends the program: the core stops in a fault.
pub fn exit(code: i32) -> ! {
    defmt::flush();
    semihosting::process::exit(code)
}
