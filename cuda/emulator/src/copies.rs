//! A thread's asynchronous copies to shared memory.

#![allow(unsafe_code)]

use std::{collections::VecDeque, ptr};

use fastrand::Rng;

/// Copies that have not landed, and what the moment is drawn by at which one does.
///
/// The moment is as early as can be, or as late, or both: read at once and written when the thread waits. So it shows where a thread reads
/// what it did not wait for, and where others still read what is overwritten.
pub(crate) struct Copies {
    random: Rng,
    pending: VecDeque<Pending>,
    /// Groups that are closed.
    committed: usize,
}

struct Pending {
    /// The number of groups that were closed before its own.
    group: usize,
    to: *mut u8,
    from: Source,
    bytes: usize,
}

enum Source {
    /// It is read when the copy lands.
    Address(*const u8),
    /// It was read when the copy was issued.
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
    /// Until the copy is waited for, or these copies are dropped, the bytes at `from` can be read and those at `to` be written.
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

    /// Lands the copies of all groups that are closed, but for the youngest of them, so many.
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
