//! Counts instructions in the emulator and cycles on a chip, with the SysTick timer that every Cortex-M has.
//!
//! Under QEMU's `-icount shift=0` an instruction takes one nanosecond of virtual time, so the count is the same on every
//! run; its resolution is one tick of the emulated clock (40 instructions at 25 MHz). On a chip a tick is a cycle.

use core::sync::atomic::{AtomicU32, Ordering};

use cortex_m::peripheral::{SCB, SYST, syst::SystClkSource};
use cortex_m_rt::exception;

/// What is counted.
pub const UNIT: &str = if cfg!(feature = "rtt") { "cycles" } else { "instructions" };

/// SysTick counts down in 24 bits.
const MASK: u32 = 0xff_ffff;

/// How often the timer came to 0.
static WRAPS: AtomicU32 = AtomicU32::new(0);

#[exception]
fn SysTick() {
    // No one else writes it, and a Cortex-M0 has no atomic addition.
    WRAPS.store(WRAPS.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
}

/// A moment.
#[derive(Clone, Copy)]
pub struct Ticks(u64);

/// The running counter.
pub struct Counter(());

/// In the emulator an instruction is a nanosecond of the timer's clock.
fn instructions(ticks: u64) -> u64 {
    let hertz = u64::from(crate::board::CLOCK_HZ);
    ticks / hertz * 1_000_000_000 + ticks % hertz * 1_000_000_000 / hertz
}

impl Counter {
    /// Starts the timer.
    pub fn start(mut timer: SYST) -> Self {
        timer.set_clock_source(SystClkSource::Core);
        timer.set_reload(MASK);
        timer.clear_current();
        timer.enable_interrupt();
        timer.enable_counter();
        Self(())
    }

    /// What `work` returns, and the [`UNIT`]s that it took.
    pub fn measure<T>(&self, work: impl FnOnce() -> T) -> (T, u64) {
        let start = self.now();
        let result = work();
        (result, self.between(start, self.now()))
    }

    /// The [`UNIT`]s between two moments.
    pub fn between(&self, start: Ticks, end: Ticks) -> u64 {
        let ticks = end.0 - start.0;
        if cfg!(feature = "rtt") { ticks } else { instructions(ticks) }
    }

    /// This moment.
    pub fn now(&self) -> Ticks {
        critical_section::with(|_| {
            let mut left = SYST::get_current();
            let mut wraps = WRAPS.load(Ordering::Relaxed);
            // The timer came to 0 and its exception waits for the end of this section.
            if SCB::is_pendst_pending() {
                left = SYST::get_current();
                wraps += 1;
            }
            // 0 begins a round: the timer is then about to be reloaded, and its exception counts as taken.
            Ticks((u64::from(wraps) << 24) + u64::from(0_u32.wrapping_sub(left) & MASK))
        })
    }
}
