//! The number of blocks that are there together.

use std::sync::{Mutex, MutexGuard, PoisonError};

use fastrand::Rng;

use crate::launch::Started;

/// Blocks of a launch that are there together, at most.
const WINDOW: u32 = 4;

/// Threads of all launches that are there together, at most. Each has a stack, of which a process can map some ten thousands by Linux's
/// default, and tests run side by side.
pub(super) const THREADS: u32 = 1536;

/// The same where there is much room.
const MANY_THREADS: u32 = 8192;

/// Room for blocks.
///
/// Blocks that wait for the launch before make no room for others, so that a launch of many blocks never lets the next one begin early. On
/// a GPU it would. So some streams have much room, one of them at a time.
pub(super) struct Room {
    threads: u32,
    is_wide: bool,
    _only: Option<MutexGuard<'static, ()>>,
}

impl Room {
    pub(super) fn new(launches: &[Started<'_>], random: &mut Rng) -> Self {
        static ONLY: Mutex<()> = Mutex::new(());
        let is_wide = launches.iter().any(|launch| launch.programmatic) && random.u8(..3) == 0;
        let only = is_wide.then(|| ONLY.lock().unwrap_or_else(PoisonError::into_inner));
        Self { threads: if is_wide { MANY_THREADS } else { THREADS }, is_wide, _only: only }
    }

    /// Returns the number of blocks of this number of threads that fit beside the threads that are there.
    pub(super) fn blocks(&self, block: u32, threads: u32) -> u32 {
        self.threads.saturating_sub(threads) / block
    }

    /// Draws the number of a launch's blocks that are there together, up to so many.
    pub(super) fn window(&self, blocks: u32, random: &mut Rng) -> u32 {
        if self.is_wide && random.u8(..4) > 0 {
            // The rest is for launches that come.
            (blocks / 2).max(1)
        } else {
            random.u32(1..=blocks.clamp(1, WINDOW))
        }
    }
}
