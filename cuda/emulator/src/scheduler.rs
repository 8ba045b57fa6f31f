//! A launch: which thread runs next.

#![allow(unsafe_code)]

use std::{cell::RefCell, ffi::c_void, io, mem, rc::Rc};

use corosensei::{Coroutine, CoroutineResult, stack::DefaultStack};
use fastrand::Rng;

use crate::{
    module::{Kernel, Site, Stop, Thread},
    shared::SharedMemory,
};

/// The shape of a launch, and its schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Launch {
    /// Blocks.
    pub grid: u32,
    /// Threads of each.
    pub block: u32,
    /// Whether all blocks are there together, so that they can wait for each other; else some at a time, in any order.
    pub cooperative: bool,
    /// What the order of threads and blocks is drawn by.
    pub seed: u64,
}

/// What a kernel did wrong, or who launched it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// No grid or block has this size.
    #[error("{grid} blocks of {block} threads: a launch has at least one block, of 1 to 1024 threads")]
    Shape {
        /// Blocks.
        grid: u32,
        /// Threads of each.
        block: u32,
    },
    /// More or fewer arguments than the kernel has parameters.
    #[error("{given} arguments for a kernel of {taken} parameters")]
    Arguments {
        /// Arguments that were given.
        given: usize,
        /// Parameters that the kernel has.
        taken: usize,
    },
    /// Some of a block's threads wait at a barrier that another does not reach.
    #[error("block {block}: not all threads reach the barrier at {barrier}; one {other}")]
    DivergentBarrier {
        /// The block's index.
        block: u32,
        /// File and line of the barrier.
        barrier: String,
        /// What another thread does.
        other: String,
    },
    /// Threads wait for something that does not come, in a loop.
    #[error("{waiting} threads wait in a loop, and no thread gets on; do they wait for a block that is not there?")]
    Deadlock {
        /// Threads that do.
        waiting: usize,
    },
    /// There is no memory for a thread's stack.
    #[error("no memory for a thread's stack: {0}")]
    Stack(#[from] io::Error),
}

/// Bytes of a thread's stack, of which only those that are touched take memory; AddressSanitizer's frames are large.
const STACK: usize = 256 * 1024;

/// How often a thread may let others run, on average, while none of them returns and no barrier opens.
const PATIENCE: usize = 100_000;

/// Blocks that are there together at most, in a launch that is not cooperative.
const WINDOW: usize = 4;

/// Runs a kernel to its end.
///
/// # Errors
///
/// [`Fault`]. Memory that the kernel wrote has any contents then.
///
/// # Safety
///
/// `arguments` are the addresses of values of the kernel's parameters' types, and whatever it reaches by them exists and is used by
/// nobody else.
pub unsafe fn launch(kernel: Kernel, shape: &Launch, arguments: &[*mut c_void]) -> Result<(), Fault> {
    let (given, taken) = (arguments.len(), kernel.param_sizes().len());
    if given != taken {
        return Err(Fault::Arguments { given, taken });
    }
    if shape.grid == 0 || !(1..=1024).contains(&shape.block) {
        return Err(Fault::Shape { grid: shape.grid, block: shape.block });
    }
    let mut random = Rng::with_seed(shape.seed);
    let mut left: Vec<u32> = (0..shape.grid).collect();
    random.shuffle(&mut left);
    let window = if shape.cooperative { left.len() } else { random.usize(1..=WINDOW) };
    let grid = Grid { kernel, shape, arguments, left, window, blocks: Vec::new(), runnable: Vec::new() };
    grid.run(&mut random)
}

struct Grid<'a> {
    kernel: Kernel,
    shape: &'a Launch,
    arguments: &'a [*mut c_void],
    /// Blocks that have not begun.
    left: Vec<u32>,
    /// Places for blocks that are there together.
    window: usize,
    blocks: Vec<Block>,
    /// Threads that have not begun, or have let others run.
    runnable: Vec<CudaThread>,
}

/// A block that has begun.
struct Block {
    index: u32,
    /// Threads that have returned.
    returned: usize,
    /// Threads at the barrier.
    waiting: Vec<CudaThread>,
    /// Where that is.
    barrier: Option<Site>,
}

impl Block {
    fn divergent(&self, barrier: Site, other: String) -> Fault {
        Fault::DivergentBarrier { block: self.index, barrier: barrier.to_string(), other }
    }
}

impl Grid<'_> {
    fn run(mut self, random: &mut Rng) -> Result<(), Fault> {
        while self.blocks.len() < self.window
            && let Some(index) = self.left.pop()
        {
            let place = self.blocks.len();
            let block = self.begin(index, place);
            self.blocks.push(block);
        }
        let mut turns = 0;
        while !self.runnable.is_empty() {
            let mut thread = self.runnable.swap_remove(random.usize(..self.runnable.len()));
            let place = thread.place;
            match thread.resume(self.kernel, self.arguments)? {
                Some(Stop::Yield) => {
                    self.runnable.push(thread);
                    turns += 1;
                    if turns / PATIENCE > self.runnable.len() {
                        return Err(Fault::Deadlock { waiting: self.runnable.len() });
                    }
                }
                Some(Stop::Barrier(site)) => {
                    self.wait(thread, site)?;
                    turns = 0;
                }
                None => {
                    self.end(place)?;
                    turns = 0;
                }
            }
        }
        Ok(())
    }

    /// Puts a block's threads among those that can run.
    fn begin(&mut self, index: u32, place: usize) -> Block {
        let memory = Rc::new(SharedMemory::default());
        let Launch { grid, block, .. } = *self.shape;
        let thread = |thread| Box::new(Thread::new(thread, index, block, grid, memory.clone()));
        let threads = (0..block).map(|index| CudaThread { place, thread: thread(index), coroutine: None });
        self.runnable.extend(threads);
        Block { index, returned: 0, waiting: Vec::new(), barrier: None }
    }

    /// A thread has come to a barrier; the last one opens it.
    fn wait(&mut self, thread: CudaThread, site: Site) -> Result<(), Fault> {
        let block = &mut self.blocks[thread.place];
        let barrier = *block.barrier.get_or_insert(site);
        block.waiting.push(thread);
        if barrier != site {
            return Err(block.divergent(barrier, format!("waits at {site}")));
        }
        if block.returned > 0 {
            return Err(block.divergent(barrier, "has returned".into()));
        }
        if block.waiting.len() == self.shape.block as usize {
            block.barrier = None;
            self.runnable.append(&mut block.waiting);
        }
        Ok(())
    }

    /// A thread of the block in `place` has returned; the last one makes room for another block.
    fn end(&mut self, place: usize) -> Result<(), Fault> {
        let block = &mut self.blocks[place];
        block.returned += 1;
        if let Some(barrier) = block.barrier {
            return Err(block.divergent(barrier, "has returned".into()));
        }
        if block.returned == self.shape.block as usize
            && let Some(index) = self.left.pop()
        {
            self.blocks[place] = self.begin(index, place);
        }
        Ok(())
    }
}

/// A thread of a block that has begun.
struct CudaThread {
    /// Its block's place.
    place: usize,
    thread: Box<Thread>,
    /// Its stack, once it has run.
    coroutine: Option<Coroutine<(), Stop, (), DefaultStack>>,
}

thread_local! {
    /// Stacks of threads that have returned.
    static STACKS: RefCell<Vec<DefaultStack>> = const { RefCell::new(Vec::new()) };
}

impl CudaThread {
    /// Runs the thread until it stops; `None` where it has returned.
    fn resume(&mut self, kernel: Kernel, arguments: &[*mut c_void]) -> Result<Option<Stop>, Fault> {
        let thread = &raw const *self.thread;
        let coroutine = match &mut self.coroutine {
            Some(coroutine) => coroutine,
            none => {
                let stack = STACKS.with_borrow_mut(Vec::pop).map_or_else(|| DefaultStack::new(STACK), Ok)?;
                let arguments = arguments.as_ptr();
                none.insert(Coroutine::with_stack(stack, move |yielder, ()| {
                    // SAFETY: the thread is there until it returns; `launch` was promised what the kernel needs.
                    unsafe {
                        (*thread).set_yielder(yielder);
                        kernel.call(arguments);
                    }
                }))
            }
        };
        // SAFETY: the thread is there until it returns, and is resumed again before it goes on.
        unsafe { kernel.resume(thread) };
        Ok(match coroutine.resume(()) {
            CoroutineResult::Yield(stop) => Some(stop),
            CoroutineResult::Return(()) => None,
        })
    }
}

impl Drop for CudaThread {
    fn drop(&mut self) {
        match self.coroutine.take() {
            Some(coroutine) if coroutine.done() => STACKS.with_borrow_mut(|stacks| stacks.push(coroutine.into_stack())),
            // After a fault: what AddressSanitizer noted of the stack's frames would be wrong for the next thread, so nobody gets it.
            Some(coroutine) => mem::forget(coroutine),
            None => {}
        }
    }
}
