//! A thread of a block that has begun.

use std::{
    cell::RefCell,
    ffi::c_void,
    io, mem,
    sync::{Mutex, MutexGuard, PoisonError},
};

use corosensei::{Coroutine, CoroutineResult, stack::DefaultStack};

use super::room::THREADS;
use crate::{
    launch::Fault,
    module::Kernel,
    thread::{Stop, Thread},
};

/// The number of bytes of a thread's stack. Only the touched ones take memory. AddressSanitizer's frames are large.
const STACK: usize = 256 * 1024;

thread_local! {
    /// The stacks of threads that have returned. There are no more than are usually needed.
    static STACKS: RefCell<Vec<DefaultStack>> = const { RefCell::new(Vec::new()) };
}

/// The further stacks, of the one stream that has much room.
static SPARE: Mutex<Vec<DefaultStack>> = Mutex::new(Vec::new());

fn spare() -> MutexGuard<'static, Vec<DefaultStack>> {
    SPARE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn take_stack() -> io::Result<DefaultStack> {
    let found = STACKS.with_borrow_mut(Vec::pop).or_else(|| spare().pop());
    found.map_or_else(|| DefaultStack::new(STACK), Ok)
}

fn keep_stack(stack: DefaultStack) {
    STACKS.with_borrow_mut(|stacks| {
        if stacks.len() < THREADS as usize {
            stacks.push(stack);
        } else {
            spare().push(stack);
        }
    });
}

/// A thread with its place and its stack.
pub(super) struct CudaThread {
    /// The place of its block in the grid's window.
    pub(super) place: usize,
    pub(super) thread: Box<Thread>,
    /// The thread's stack, after it has run.
    coroutine: Option<Coroutine<(), Stop, (), DefaultStack>>,
}

impl CudaThread {
    pub(super) fn new(place: usize, thread: Thread) -> Self {
        Self { place, thread: Box::new(thread), coroutine: None }
    }

    /// Runs the thread until it stops. Returns `None` if the thread has returned.
    ///
    /// # Safety
    ///
    /// The arguments are right for the kernel, and the memory that it reaches by them exists.
    pub(super) unsafe fn resume(&mut self, kernel: Kernel, arguments: &[*mut c_void]) -> Result<Option<Stop>, Fault> {
        let thread = &raw const *self.thread;
        let coroutine = match &mut self.coroutine {
            Some(coroutine) => coroutine,
            none => {
                let stack = take_stack()?;
                let arguments = arguments.as_ptr();
                none.insert(Coroutine::with_stack(stack, move |yielder, ()| {
                    // SAFETY: the thread is there until it returns; the caller promised what the kernel needs.
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
            Some(coroutine) if coroutine.done() => keep_stack(coroutine.into_stack()),
            // After a fault: what AddressSanitizer noted of the stack's frames would be wrong for the next thread, so nobody gets it.
            Some(coroutine) => mem::forget(coroutine),
            None => {}
        }
    }
}
