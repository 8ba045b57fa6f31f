//! Launches that wait for their turn.

#![allow(unsafe_code)]

use std::{ffi::c_void, sync::Arc};

use emulator::{Kernel, Started};

use crate::{driver::Driver, queue::Work, result::Code};

/// A kernel with the values of its arguments.
pub(crate) struct Launch {
    kernel: Kernel,
    shape: Shape,
    /// The values as bytes, aligned as any type.
    arguments: Vec<Box<[u128]>>,
}

/// The number of threads, and whether they may begin before the launch before them is complete.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) grid: u32,
    pub(crate) block: u32,
    pub(crate) programmatic: bool,
}

/// Launches, one after the other.
pub(crate) type Graph = Arc<[Launch]>;

impl Launch {
    /// # Safety
    ///
    /// `arguments` are the addresses of values of the kernel's parameters.
    unsafe fn new(kernel: Kernel, shape: Shape, arguments: *const *const c_void) -> Result<Self, Code> {
        let sizes = kernel.param_sizes();
        if shape.grid == 0 || !(1..=1024).contains(&shape.block) || (arguments.is_null() && !sizes.is_empty()) {
            return Err(Code::INVALID_VALUE);
        }
        let arguments = sizes.iter().enumerate().map(|(index, &size)| {
            let mut copy = vec![0_u128; size.div_ceil(size_of::<u128>())].into_boxed_slice();
            // SAFETY: the caller promises as many addresses, each of a value of this size; the copy has room for it.
            unsafe { (*arguments.add(index)).cast::<u8>().copy_to_nonoverlapping(copy.as_mut_ptr().cast(), size) };
            copy
        });
        Ok(Self { kernel, shape, arguments: arguments.collect() })
    }
}

impl Driver {
    /// Puts a launch into a stream's queue. If the stream captures, the launch is stored instead.
    ///
    /// # Safety
    ///
    /// `arguments` are the addresses of values of the kernel's parameters. The memory that the kernel reaches by them exists until the launch was
    /// waited for.
    pub(crate) unsafe fn launch(
        &mut self,
        function: usize,
        shape: Shape,
        stream: usize,
        arguments: *const *const c_void,
    ) -> Result<(), Code> {
        let kernel = *self.functions.get(function)?;
        // SAFETY: the caller's promise.
        let launch = unsafe { Launch::new(kernel, shape, arguments) }?;
        match &mut self.streams.get(stream)?.capture {
            Some(graph) => graph.push(launch),
            None => self.enqueue(stream, Work::Launch(launch))?,
        }
        Ok(())
    }

    /// Runs launches in their order. If one fails, the fault is stored.
    pub(crate) fn run_in_order(&mut self, launches: &[Launch]) {
        let seed = self.next_seed();
        let addresses =
            |launch: &Launch| launch.arguments.iter().map(|value| value.as_ptr().cast_mut().cast()).collect();
        let arguments: Vec<Vec<_>> = launches.iter().map(addresses).collect();
        let started = launches.iter().zip(&arguments).map(|(launch, arguments)| {
            let &Launch { kernel, shape: Shape { grid, block, programmatic }, .. } = launch;
            Started { kernel, grid, block, programmatic, arguments }
        });
        let started: Vec<_> = started.collect();
        // SAFETY: the values are those that the program gave, which promises what the kernels reach by them.
        if let Err(fault) = unsafe { emulator::launch_in_order(&started, seed) } {
            self.fail(&fault);
        }
    }
}
