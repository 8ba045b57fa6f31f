//! Embassy's time by the SysTick timer, which most Cortex-M chips have. A HAL for your chip has its own driver: use that instead.

use core::{cell::RefCell, task::Waker};

use cortex_m::{Peripherals, peripheral::syst::SystClkSource};
use cortex_m_rt::exception;
use critical_section::Mutex;
use embassy_time_driver::{Driver, TICK_HZ};
use embassy_time_queue_utils::Queue;

/// The board's clock in Hz.
const CLOCK: u32 = 25_000_000;

/// The number of ticks since the start, and the queue of tasks that wait for a tick.
struct SysTickDriver(Mutex<RefCell<(u64, Queue)>>);

embassy_time_driver::time_driver_impl!(static DRIVER: SysTickDriver = SysTickDriver(Mutex::new(RefCell::new((0, Queue::new())))));

impl Driver for SysTickDriver {
    fn now(&self) -> u64 {
        critical_section::with(|section| self.0.borrow_ref(section).0)
    }

    fn schedule_wake(&self, at: u64, waker: &Waker) {
        // Every tick looks at the queue, so there is no alarm to set.
        critical_section::with(|section| self.0.borrow_ref_mut(section).1.schedule_wake(at, waker));
    }
}

/// Starts the timer: an exception for each of embassy's ticks.
pub fn start() {
    let Some(Peripherals { SYST: mut timer, .. }) = Peripherals::take() else { return };
    timer.set_clock_source(SystClkSource::Core);
    timer.set_reload(CLOCK / TICK_HZ as u32 - 1);
    timer.clear_current();
    timer.enable_interrupt();
    timer.enable_counter();
}

#[exception]
fn SysTick() {
    critical_section::with(|section| {
        let (now, queue) = &mut *DRIVER.0.borrow_ref_mut(section);
        *now += 1;
        queue.next_expiration(*now);
    });
}
