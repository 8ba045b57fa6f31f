//! The number of blocks that exist together.

use std::sync::{Mutex, MutexGuard, PoisonError};

use fastrand::Rng;

use crate::launch::Started;

/// The largest number of blocks of a launch that exist together.
const WINDOW: u32 = 4;

/// The largest number of threads of all launches that exist together. Each has a stack. By Linux's default, a process can map some ten
/// thousand stacks, and tests run side by side.
pub(super) const THREADS: u32 = 1536;

/// The largest number of threads if there is much room.
const MANY_THREADS: u32 = 8192;

/// The room for blocks.
///
/// Blocks that wait for the launch before make no room for others. So a launch of many blocks would never let the next one begin early, as it
/// would on a GPU. Therefore some streams have much room, one of them at a time.
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

    /// Returns the number of blocks of `block` threads for which there is room beside the existing threads.
    pub(super) fn blocks(&self, block: u32, threads: u32) -> u32 {
        self.threads.saturating_sub(threads) / block
    }

    /// Draws the number of a launch's blocks that exist together, at most `blocks`.
    pub(super) fn window(&self, blocks: u32, random: &mut Rng) -> u32 {
        if self.is_wide && random.u8(..4) > 0 {
            // The rest is for launches that come.
            (blocks / 2).max(1)
        } else {
            random.u32(1..=blocks.clamp(1, WINDOW))
        }
    }
}
