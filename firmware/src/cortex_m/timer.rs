//! The SysTick timer. Almost every Cortex-M has it; a Cortex-M0 may lack it, as the real nRF51 does. In the emulator its resolution is one tick of
//! the emulated clock (40 instructions at 25 MHz). On a chip a tick is a cycle.

use core::sync::atomic::{AtomicU32, Ordering};

use cortex_m::peripheral::{SCB, SYST, syst::SystClkSource};
use cortex_m_rt::exception;

/// SysTick counts down in 24 bits.
const MASK: u32 = 0xff_ffff;

/// The number of times that the timer came to 0.
static WRAPS: AtomicU32 = AtomicU32::new(0);

#[exception]
fn SysTick() {
    // No one else writes it, and a Cortex-M0 has no atomic addition.
    WRAPS.store(WRAPS.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
}

/// The running timer.
pub struct Timer(());

impl Timer {
    /// Starts the timer.
    pub fn start(mut timer: SYST) -> Self {
        timer.set_clock_source(SystClkSource::Core);
        timer.set_reload(MASK);
        timer.clear_current();
        timer.enable_interrupt();
        timer.enable_counter();
        Self(())
    }

    /// Returns this number of ticks in [`UNIT`](crate::counter::UNIT)s. In the emulator, an instruction takes a nanosecond of the timer's clock.
    pub fn units(&self, ticks: u64) -> u64 {
        let hertz = u64::from(crate::board::CLOCK_HZ);
        if cfg!(feature = "rtt") {
            ticks
        } else {
            ticks / hertz * 1_000_000_000 + ticks % hertz * 1_000_000_000 / hertz
        }
    }

    /// Returns the number of ticks since the start.
    pub fn ticks(&self) -> u64 {
        critical_section::with(|_| {
            let mut left = SYST::get_current();
            let mut wraps = WRAPS.load(Ordering::Relaxed);
            // The timer came to 0 and its exception waits for the end of this section.
            if SCB::is_pendst_pending() {
                left = SYST::get_current();
                wraps += 1;
            }
            // 0 begins a round: the timer is then about to be reloaded, and its exception counts as taken.
            (u64::from(wraps) << 24) + u64::from(0_u32.wrapping_sub(left) & MASK)
        })
    }
}
