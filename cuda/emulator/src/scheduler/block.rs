//! A block that has begun, with its barrier and its warps.

use super::thread::CudaThread;
use crate::{
    launch::Fault,
    thread::{Exchange, LANES, Site},
};

pub(super) struct Block {
    index: u32,
    /// The number of the block's threads.
    size: u32,
    /// The number of threads that have returned.
    returned: u32,
    /// True if a thread has let the next launch begin.
    pub(super) is_triggered: bool,
    /// The threads at the barrier.
    waiting: Vec<CudaThread>,
    /// The place of the barrier in the source.
    barrier: Option<Site>,
    warps: Vec<Warp>,
}

#[derive(Default)]
struct Warp {
    /// The number of threads that have returned.
    returned: u32,
    /// The number of threads at the block's barrier.
    at_barrier: u32,
    /// The threads at an operation of the warp.
    waiting: Vec<CudaThread>,
    /// The place of the operation in the source.
    operation: Option<Site>,
}

impl Block {
    pub(super) fn new(index: u32, size: u32) -> Self {
        let warps = (0..size.div_ceil(LANES)).map(|_| Warp::default()).collect();
        Self { index, size, returned: 0, is_triggered: false, waiting: Vec::new(), barrier: None, warps }
    }

    /// Takes a thread that has come to a barrier. The last thread opens the barrier, and all of them can run.
    pub(super) fn barrier(
        &mut self,
        thread: CudaThread,
        site: Site,
        runnable: &mut Vec<CudaThread>,
    ) -> Result<(), Fault> {
        let index = thread.thread.warp();
        let barrier = *self.barrier.get_or_insert(site);
        if barrier != site {
            return Err(self.divergent(barrier, format!("waits at {site}")));
        }
        if self.returned > 0 {
            return Err(self.divergent(barrier, "has returned".into()));
        }
        let warp = &mut self.warps[index];
        warp.at_barrier += 1;
        if let Some(operation) = warp.operation {
            return Err(self.divergent_warp(index, operation, format!("waits at {site}")));
        }
        self.waiting.push(thread);
        if self.waiting.len() == self.size as usize {
            self.barrier = None;
            self.warps.iter_mut().for_each(|warp| warp.at_barrier = 0);
            runnable.append(&mut self.waiting);
        }
        Ok(())
    }

    /// Takes a thread that has come to an operation of its warp. With the last thread, they exchange their values, and all of them can run.
    pub(super) fn warp(&mut self, thread: CudaThread, site: Site, runnable: &mut Vec<CudaThread>) -> Result<(), Fault> {
        let index = thread.thread.warp();
        if (index as u32 + 1) * LANES > self.size {
            let other = format!("is not there, as the block has {} threads", self.size);
            return Err(self.divergent_warp(index, site, other));
        }
        let warp = &mut self.warps[index];
        let operation = *warp.operation.get_or_insert(site);
        if operation != site {
            return Err(self.divergent_warp(index, operation, format!("waits at {site}")));
        }
        if warp.returned > 0 {
            return Err(self.divergent_warp(index, operation, "has returned".into()));
        }
        if warp.at_barrier > 0
            && let Some(barrier) = self.barrier
        {
            return Err(self.divergent_warp(index, operation, format!("waits at {barrier}")));
        }
        warp.waiting.push(thread);
        if warp.waiting.len() == LANES as usize {
            warp.operation = None;
            exchange(&warp.waiting);
            runnable.append(&mut warp.waiting);
        }
        Ok(())
    }

    /// Notes that a thread of a warp has returned. Returns true if it was the last thread of the block.
    pub(super) fn end(&mut self, index: usize) -> Result<bool, Fault> {
        self.returned += 1;
        let warp = &mut self.warps[index];
        warp.returned += 1;
        if let Some(operation) = warp.operation {
            return Err(self.divergent_warp(index, operation, "has returned".into()));
        }
        if let Some(barrier) = self.barrier {
            return Err(self.divergent(barrier, "has returned".into()));
        }
        Ok(self.returned == self.size)
    }

    /// Returns the fault of a thread that called a function in a wrong way.
    pub(super) fn wrong(&self, thread: &CudaThread, what: String) -> Fault {
        Fault::Call { block: self.index, thread: thread.thread.index(), what }
    }

    fn divergent(&self, barrier: Site, other: String) -> Fault {
        Fault::DivergentBarrier { block: self.index, barrier: barrier.to_string(), other }
    }

    fn divergent_warp(&self, index: usize, operation: Site, other: String) -> Fault {
        Fault::DivergentWarp { block: self.index, warp: index as u32, operation: operation.to_string(), other }
    }
}

/// Gives each thread of a warp the value of the lane that the thread named.
fn exchange(threads: &[CudaThread]) {
    let mut values = [0; LANES as usize];
    for CudaThread { thread, .. } in threads {
        values[thread.lane()] = thread.exchange.get().value;
    }
    for CudaThread { thread, .. } in threads {
        let Exchange { source, .. } = thread.exchange.get();
        thread.exchange.set(Exchange { value: values[source as usize], source });
    }
}
