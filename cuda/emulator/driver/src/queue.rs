//! Streams. The work that is put into a stream runs only when something waits for it.
//!
//! A program that does not wait finds the old values, or ones.

#![allow(unsafe_code)]

use std::{collections::VecDeque, mem, ops::Range, ptr, slice};

use crate::{
    driver::Driver,
    launch::{Graph, Launch},
    result::Code,
};

#[derive(Default)]
pub(crate) struct Stream {
    /// The launches that the stream captures, if it captures.
    pub(crate) capture: Option<Vec<Launch>>,
    queue: VecDeque<Work>,
}

/// One piece of a stream's work. Addresses are those of bytes that are allocated here: on the device, or pinned.
pub(crate) enum Work {
    Launch(Launch),
    Graph(Graph),
    Set { to: u64, byte: u8, count: usize },
    Copy { to: u64, from: u64, count: usize },
    Record(Mark),
}

/// The place where an event was recorded. Each record has a number of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    stream: usize,
    event: usize,
    number: u64,
}

/// An event: the number of times that it was recorded, and the last place.
#[derive(Debug, Default)]
pub(crate) struct Event {
    records: u64,
    last: Option<Mark>,
}

fn range(address: u64, count: usize) -> Range<u64> {
    address..address + count as u64
}

impl Driver {
    /// Returns the stream. It is an error if the stream captures.
    fn open(&mut self, stream: usize) -> Result<&mut Stream, Code> {
        let stream = self.streams.get(stream)?;
        if stream.capture.is_some() { Err(Code::STREAM_CAPTURE_UNSUPPORTED) } else { Ok(stream) }
    }

    /// Puts work into a stream's queue. If the stream captures, only launches are allowed.
    pub(crate) fn enqueue(&mut self, stream: usize, work: Work) -> Result<(), Code> {
        self.open(stream)?.queue.push_back(work);
        Ok(())
    }

    /// Copies from the host to the device. Memory that is not pinned is copied at once, after all work of the stream.
    ///
    /// # Safety
    ///
    /// The host has this number of bytes at this address.
    pub(crate) unsafe fn copy_to_device(
        &mut self,
        to: u64,
        from: *const u8,
        count: usize,
        stream: usize,
    ) -> Result<(), Code> {
        self.open(stream)?;
        let device = self.memory.bytes(to, count)?;
        if self.pinned.holds(from as u64, count)? {
            return self.enqueue(stream, Work::Copy { to, from: from as u64, count });
        }
        self.wait(stream)?;
        // SAFETY: both have these bytes. It may be one and the same memory.
        unsafe { ptr::copy(from, device, count) };
        Ok(())
    }

    /// Copies from the device to the host. Until the copy is made, pinned bytes are ones.
    ///
    /// # Safety
    ///
    /// The conditions of `copy_to_device`.
    pub(crate) unsafe fn copy_to_host(
        &mut self,
        to: *mut u8,
        from: u64,
        count: usize,
        stream: usize,
    ) -> Result<(), Code> {
        self.open(stream)?;
        let device = self.memory.bytes(from, count)?;
        if !self.pinned.holds(to as u64, count)? {
            self.wait(stream)?;
            // SAFETY: as above.
            unsafe { ptr::copy(device, to, count) };
            return Ok(());
        }
        let place = range(to as u64, count);
        // The stream still reads there before this copy, so the bytes must stay.
        let is_read = |work: &Work| match work {
            &Work::Copy { from, count, .. } => from < place.end && place.start < range(from, count).end,
            _ => false,
        };
        if !self.open(stream)?.queue.iter().any(is_read) {
            // SAFETY: the bytes are pinned ones.
            unsafe { to.write_bytes(0xFF, count) };
        }
        self.enqueue(stream, Work::Copy { to: to as u64, from, count })
    }

    /// Puts a mark into a stream's queue.
    pub(crate) fn record(&mut self, event: usize, stream: usize) -> Result<(), Code> {
        self.open(stream)?;
        let found = self.events.get(event)?;
        found.records += 1;
        let mark = Mark { stream, event, number: found.records };
        found.last = Some(mark);
        self.enqueue(stream, Work::Record(mark))
    }

    /// Runs all work in a stream's queue.
    pub(crate) fn wait(&mut self, stream: usize) -> Result<(), Code> {
        self.open(stream)?;
        self.run(stream, None)
    }

    /// Runs all work in a stream's queue before the place where the event was last recorded.
    pub(crate) fn wait_for_event(&mut self, event: usize) -> Result<(), Code> {
        // Where it never was, or its stream is gone, there is nothing to wait for.
        let Some(mark) = self.events.get(event)?.last else { return Ok(()) };
        let is_mark = |work: &Work| matches!(work, Work::Record(found) if *found == mark);
        match self.streams.get(mark.stream) {
            Ok(stream) if stream.queue.iter().any(is_mark) => self.run(mark.stream, Some(mark)),
            _ => Ok(()),
        }
    }

    /// Runs all work in all queues.
    pub(crate) fn wait_for_all(&mut self) -> Result<(), Code> {
        self.streams.handles().into_iter().try_for_each(|stream| self.run(stream, None))
    }

    fn run(&mut self, stream: usize, until: Option<Mark>) -> Result<(), Code> {
        let mut queue = mem::take(&mut self.streams.get(stream)?.queue);
        while let Some(work) = queue.pop_front() {
            match work {
                Work::Launch(first) => {
                    let mut launches = vec![first];
                    while let Some(Work::Launch(next)) = queue.pop_front_if(|work| matches!(work, Work::Launch(_))) {
                        launches.push(next);
                    }
                    self.run_in_order(&launches);
                }
                Work::Graph(launches) => self.run_in_order(&launches),
                // SAFETY: these bytes are allocated, as nothing is given back before all queues have run.
                Work::Set { to, byte, count } => unsafe { slice::from_raw_parts_mut(to as *mut u8, count) }.fill(byte),
                // SAFETY: as above.
                Work::Copy { to, from, count } => unsafe { ptr::copy(from as *const u8, to as *mut u8, count) },
                Work::Record(mark) if until == Some(mark) => break,
                Work::Record(_) => {}
            }
            // After a fault nothing runs any more.
            self.intact()?;
        }
        self.streams.get(stream)?.queue = queue;
        Ok(())
    }
}
