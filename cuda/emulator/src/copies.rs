//! A thread's asynchronous copies to shared memory.

#![allow(unsafe_code)]

use std::{collections::VecDeque, ptr};

use fastrand::Rng;

/// The copies that have not landed, and the random numbers that decide when one lands.
///
/// A copy lands as early as possible, or as late as possible, or both: it is read at once, and written when the thread waits. This shows if a
/// thread reads data for which it did not wait, or if others still read data that is overwritten.
pub(crate) struct Copies {
    random: Rng,
    pending: VecDeque<Pending>,
    /// The number of groups that are closed.
    committed: usize,
}

struct Pending {
    /// The number of groups that were closed before the copy's own group.
    group: usize,
    to: *mut u8,
    from: Source,
    bytes: usize,
}

enum Source {
    /// The copy is read when it lands.
    Address(*const u8),
    /// The copy was read when it was issued.
    Bytes([u8; 16]),
}

impl Copies {
    pub(crate) fn new(seed: u64) -> Self {
        Self { random: Rng::with_seed(seed), pending: VecDeque::new(), committed: 0 }
    }

    /// Begins a copy, of 16 bytes at most.
    ///
    /// # Safety
    ///
    /// Until the copy is waited for, or these copies are dropped, the bytes at `from` can be read and the bytes at `to` can be written.
    pub(crate) unsafe fn issue(&mut self, to: *mut u8, from: *const u8, bytes: usize) {
        let from = match self.random.u8(..3) {
            0 => {
                // SAFETY: the caller's promise.
                unsafe { ptr::copy(from, to, bytes) };
                return;
            }
            1 => {
                let mut read = [0; 16];
                // SAFETY: as above; so many bytes have room.
                unsafe { ptr::copy(from, read.as_mut_ptr(), bytes) };
                Source::Bytes(read)
            }
            _ => Source::Address(from),
        };
        self.pending.push_back(Pending { group: self.committed, to, from, bytes });
    }

    /// Closes a group of copies.
    pub(crate) fn commit(&mut self) {
        self.committed += 1;
    }

    /// Lands the copies of all closed groups, except the youngest `prior` groups.
    pub(crate) fn wait_prior(&mut self, prior: usize) {
        let complete = self.committed.saturating_sub(prior);
        while let Some(copy) = self.pending.pop_front_if(|copy| copy.group < complete) {
            let from = match &copy.from {
                Source::Address(from) => *from,
                Source::Bytes(bytes) => bytes.as_ptr(),
            };
            // SAFETY: `issue` was promised that both places are there until now.
            unsafe { ptr::copy(from, copy.to, copy.bytes) };
        }
    }
}
