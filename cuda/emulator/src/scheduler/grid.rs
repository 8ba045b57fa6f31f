//! A launch that has begun. Some of its blocks exist at a time.

#![allow(unsafe_code)]

use std::rc::Rc;

use fastrand::Rng;

use super::{block::Block, thread::CudaThread};
use crate::{
    launch::{Fault, Started},
    shared::SharedMemory,
    thread::{Stop, Thread},
};

pub(super) struct Grid<'a> {
    launch: &'a Started<'a>,
    /// The launch's place among the launches.
    pub(super) index: usize,
    /// The blocks that have not begun.
    left: Vec<u32>,
    blocks: Vec<Block>,
    /// The threads that have not begun, or can continue.
    pub(super) runnable: Vec<CudaThread>,
    /// The threads that wait for the launch before.
    dependents: Vec<CudaThread>,
    /// The number of blocks that have not ended, and of which no thread has let the next launch begin.
    pub(super) untriggered: u32,
    /// The number of blocks that have not ended.
    pub(super) unended: u32,
    /// True if a block lets the next launch begin as soon as one of its threads no longer waits for the launch before. On a GPU, a block that
    /// does not say when does so by its end; but what it wrote need not be visible to those that do not wait for it.
    is_open: bool,
}

/// The result of a thread's turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Perhaps nothing: the thread only let others run first.
    Passed,
    /// A thread waits for others of its warp, which may do that again and again.
    Warp,
    /// Threads wait, or a thread has returned.
    Progress,
}

impl<'a> Grid<'a> {
    /// Begins the first blocks of a launch. At most `window` blocks exist together.
    pub(super) fn begin(launch: &'a Started<'a>, index: usize, window: u32, random: &mut Rng) -> Self {
        let mut left: Vec<u32> = (0..launch.grid).collect();
        random.shuffle(&mut left);
        let (blocks, runnable, dependents) = (Vec::new(), Vec::new(), Vec::new());
        let (untriggered, unended) = (launch.grid, launch.grid);
        let is_open = random.bool();
        let mut grid = Self { launch, index, left, blocks, runnable, dependents, untriggered, unended, is_open };
        while grid.blocks.len() < window as usize
            && let Some(index) = grid.left.pop()
        {
            let place = grid.blocks.len();
            let block = grid.begin_block(index, place, random);
            grid.blocks.push(block);
        }
        grid
    }

    /// Adds a block's threads to those that can run.
    fn begin_block(&mut self, index: u32, place: usize, random: &mut Rng) -> Block {
        let memory = Rc::new(SharedMemory::default());
        let &Started { grid, block, .. } = self.launch;
        let threads = (0..block).map(|thread| {
            let thread = Thread::new(thread, index, [block, grid], memory.clone(), random.u64(..));
            CudaThread::new(place, thread)
        });
        self.runnable.extend(threads);
        Block::new(index, block)
    }

    /// Runs the thread at this place of those that can run, until it stops. `is_after` is true if the launch before still runs.
    ///
    /// # Safety
    ///
    /// The launch's arguments are right for its kernel, and the memory that it reaches by them exists.
    pub(super) unsafe fn turn(&mut self, place: usize, is_after: bool, random: &mut Rng) -> Result<Turn, Fault> {
        let mut thread = self.runnable.swap_remove(place);
        // SAFETY: the caller's promise.
        let stop = unsafe { thread.resume(self.launch.kernel, self.launch.arguments) }?;
        match stop {
            Some(Stop::Yield) => self.runnable.push(thread),
            Some(Stop::Barrier(site)) => {
                self.blocks[thread.place].barrier(thread, site, &mut self.runnable)?;
                return Ok(Turn::Progress);
            }
            Some(Stop::Warp(site)) => {
                self.blocks[thread.place].warp(thread, site, &mut self.runnable)?;
                return Ok(Turn::Warp);
            }
            Some(Stop::Trigger) => self.trigger(thread),
            Some(Stop::WaitBefore) if is_after && self.launch.programmatic => self.dependents.push(thread),
            Some(Stop::WaitBefore) => self.go_on_with(thread),
            Some(Stop::Wrong(what)) => return Err(self.blocks[thread.place].wrong(&thread, what)),
            None => {
                self.end(&thread, random)?;
                return Ok(Turn::Progress);
            }
        }
        Ok(Turn::Passed)
    }

    fn trigger(&mut self, thread: CudaThread) {
        let block = &mut self.blocks[thread.place];
        self.untriggered -= u32::from(!block.is_triggered);
        block.is_triggered = true;
        self.runnable.push(thread);
    }

    /// Lets a thread that waited for the launch before continue.
    fn go_on_with(&mut self, thread: CudaThread) {
        if self.is_open { self.trigger(thread) } else { self.runnable.push(thread) }
    }

    /// Notes that a thread has returned. The last thread of a block makes room for another block.
    fn end(&mut self, thread: &CudaThread, random: &mut Rng) -> Result<(), Fault> {
        let place = thread.place;
        let block = &mut self.blocks[place];
        if block.end(thread.thread.warp())? {
            self.unended -= 1;
            self.untriggered -= u32::from(!block.is_triggered);
            if let Some(index) = self.left.pop() {
                self.blocks[place] = self.begin_block(index, place, random);
            }
        }
        Ok(())
    }

    /// Returns the number of threads of the blocks that exist together.
    pub(super) fn threads(&self) -> u32 {
        self.blocks.len() as u32 * self.launch.block
    }

    /// Notes that the launch before is complete.
    pub(super) fn go_on(&mut self) {
        for thread in std::mem::take(&mut self.dependents) {
            self.go_on_with(thread);
        }
    }
}
