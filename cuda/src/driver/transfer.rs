//! Copies that continue while the host does other work.

use std::{ffi::c_void, marker::PhantomData, ptr, slice};

use cust::sys::CUevent;

use super::{
    Buffer, CudaError, Gpu,
    error::check,
    plain::{Plain, Unpadded},
    sys,
};

/// Values that are sent to the GPU from pinned memory.
#[derive(Debug)]
pub(crate) struct Upload<T> {
    host: Pinned<T>,
    sent: Event,
}

impl<T: Unpadded> Upload<T> {
    /// Allocates room for this number of values.
    ///
    /// # Errors
    ///
    /// [`CudaError`].
    pub(crate) fn new(gpu: &Gpu, len: usize) -> Result<Self, CudaError> {
        Ok(Self { host: Pinned::allocate(gpu, len)?, sent: Event::new(gpu)? })
    }

    /// Sends values to the beginning of a buffer, after all work that was started before. It waits until the values that were sent last have
    /// arrived. Values for which there is no room are not sent.
    ///
    /// # Errors
    ///
    /// [`CudaError`].
    pub(crate) fn send(&mut self, values: &[T], to: &mut Buffer<T>) -> Result<(), CudaError> {
        self.sent.wait()?;
        let count = values.len().min(self.host.len).min(to.len());
        // SAFETY: there is room for so many, and the GPU reads none of it any more.
        unsafe { self.host.values.copy_from_nonoverlapping(values.as_ptr(), count) };
        let (bytes, stream) = (count * size_of::<T>(), self.host.gpu.stream());
        // SAFETY: both have these bytes, all of which are initialised. The host's are changed and given back after a wait alone.
        let code = unsafe { sys::cuMemcpyHtoDAsync_v2(to.address(), self.host.values.cast(), bytes, stream) };
        check(code, "bringing data to the GPU")?;
        self.sent.record()
    }
}

/// Values that the GPU sends to pinned memory.
#[derive(Debug)]
pub(crate) struct Download<T> {
    host: Pinned<T>,
    done: Event,
    /// The number of values that were asked for last.
    count: usize,
}

impl<T: Plain> Download<T> {
    /// Allocates room for this number of values.
    ///
    /// # Errors
    ///
    /// [`CudaError`].
    pub(crate) fn new(gpu: &Gpu, len: usize) -> Result<Self, CudaError> {
        Ok(Self { host: Pinned::allocate(gpu, len)?, done: Event::new(gpu)?, count: 0 })
    }

    /// Asks for a buffer's first values, as they are after all work that was started before.
    ///
    /// # Errors
    ///
    /// [`CudaError`].
    pub(crate) fn start(&mut self, from: &Buffer<T>, count: usize) -> Result<(), CudaError> {
        self.count = 0;
        let count = count.min(self.host.len).min(from.len());
        let (bytes, stream) = (count * size_of::<T>(), self.host.gpu.stream());
        // SAFETY: both have these bytes. The host's are read and given back after a wait alone.
        let code = unsafe { sys::cuMemcpyDtoHAsync_v2(self.host.values.cast(), from.address(), bytes, stream) };
        check(code, "bringing data from the GPU")?;
        self.done.record()?;
        self.count = count;
        Ok(())
    }

    /// Waits for the values that were asked for last.
    ///
    /// # Errors
    ///
    /// [`CudaError`] of any work that was started before.
    pub(crate) fn wait(&mut self) -> Result<&[T], CudaError> {
        self.done.wait()?;
        // SAFETY: the GPU has written so many, any bytes are a value, and it writes no more until `start`, which takes the whole of this.
        Ok(unsafe { slice::from_raw_parts(self.host.values, self.count) })
    }
}

/// Memory of this machine that the GPU reads and writes directly.
#[derive(Debug)]
struct Pinned<T> {
    gpu: Gpu,
    values: *mut T,
    len: usize,
    element: PhantomData<T>,
}

impl<T> Pinned<T> {
    fn allocate(gpu: &Gpu, len: usize) -> Result<Self, CudaError> {
        let bytes = len.saturating_mul(size_of::<T>()).max(1);
        let mut values: *mut c_void = ptr::null_mut();
        // SAFETY: the driver writes an address there.
        let code = unsafe { sys::cuMemAllocHost_v2(&raw mut values, bytes) };
        check(code, "asking for memory of this machine that the GPU reads")?;
        Ok(Self { gpu: gpu.clone(), values: values.cast(), len, element: PhantomData })
    }
}

impl<T> Drop for Pinned<T> {
    fn drop(&mut self) {
        // A copy may still be under way. Where waiting fails, the context is lost, and nothing is copied in it any more.
        let _ = self.gpu.synchronize();
        // SAFETY: it was allocated, it is given back once, and nobody uses it.
        unsafe { sys::cuMemFreeHost(self.values.cast()) };
    }
}

/// A place in the stream that can be waited for.
#[derive(Debug)]
struct Event {
    gpu: Gpu,
    event: CUevent,
}

/// The flag `CU_EVENT_DISABLE_TIMING`.
const WITHOUT_TIME: u32 = 2;

impl Event {
    fn new(gpu: &Gpu) -> Result<Self, CudaError> {
        let mut event = ptr::null_mut();
        // SAFETY: the driver writes the event's address there.
        check(unsafe { sys::cuEventCreate(&raw mut event, WITHOUT_TIME) }, "making an event")?;
        Ok(Self { gpu: gpu.clone(), event })
    }

    /// Records the event after all work that was started before.
    fn record(&self) -> Result<(), CudaError> {
        // SAFETY: the event and the stream are open.
        check(unsafe { sys::cuEventRecord(self.event, self.gpu.stream()) }, "noting what was started")
    }

    /// Waits until all work before the event is done. An event that was not recorded is not waited for.
    fn wait(&self) -> Result<(), CudaError> {
        // SAFETY: the event is open.
        check(unsafe { sys::cuEventSynchronize(self.event) }, "training")
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        // SAFETY: it was made, and is given back once.
        unsafe { sys::cuEventDestroy_v2(self.event) };
    }
}
