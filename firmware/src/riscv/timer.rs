//! The counters that every RISC-V core has: of instructions in the emulator, of cycles on a chip. Both begin with the program.

use riscv::register::{mcycle, minstret};

/// The running counter.
pub struct Timer(pub(super) ());

impl Timer {
    /// Returns this number of ticks in [`UNIT`](crate::counter::UNIT)s. A tick is one unit.
    pub fn units(&self, ticks: u64) -> u64 {
        ticks
    }

    /// Returns the number of ticks since the start.
    pub fn ticks(&self) -> u64 {
        if cfg!(feature = "rtt") { mcycle::read64() } else { minstret::read64() }
    }
}
