use std::{marker::PhantomData, mem};

use super::{
    CudaError, Gpu,
    error::{OUT_OF_MEMORY, check},
    sys,
};
use crate::task::Address;

/// Memory on the GPU for so many values.
#[derive(Debug)]
pub struct Buffer<T> {
    gpu: Gpu,
    address: Address,
    len: usize,
    element: PhantomData<T>,
}

impl<T: Copy> Buffer<T> {
    /// Memory with any contents, for what `what` says.
    ///
    /// # Errors
    ///
    /// [`CudaError::OutOfMemory`].
    pub fn allocate(gpu: &Gpu, len: usize, what: &'static str) -> Result<Self, CudaError> {
        let bytes = len.saturating_mul(size_of::<T>()).max(1);
        let mut address = 0;
        // SAFETY: the driver writes an address there.
        match unsafe { sys::cuMemAlloc_v2(&raw mut address, bytes) } {
            OUT_OF_MEMORY => {
                let (mut free, mut total) = (0, 0);
                // SAFETY: the driver writes two numbers; where it cannot, they stay 0.
                unsafe { sys::cuMemGetInfo_v2(&raw mut free, &raw mut total) };
                Err(CudaError::OutOfMemory { what, bytes, free, total })
            }
            code => {
                check(code, "asking for memory")?;
                Ok(Self { gpu: gpu.clone(), address, len, element: PhantomData })
            }
        }
    }

    /// Where it lies.
    pub fn address(&self) -> Address {
        self.address
    }

    /// Values that it holds.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Brings values to the GPU, after all that was started before; those past the buffer's end stay here.
    ///
    /// # Errors
    ///
    /// [`CudaError`].
    pub fn upload(&mut self, values: &[T]) -> Result<(), CudaError> {
        let values = &values[..values.len().min(self.len)];
        // SAFETY: the buffer has room for these bytes, and the values stay until they are there.
        let code = unsafe {
            let stream = self.gpu.stream();
            sys::cuMemcpyHtoDAsync_v2(self.address, values.as_ptr().cast(), mem::size_of_val(values), stream)
        };
        // Where the GPU reads this machine's memory itself, it may do so after the call.
        let done = self.gpu.synchronize();
        check(code, "bringing data to the GPU")?;
        done
    }

    /// Brings its first values here, after all that was started before.
    ///
    /// # Errors
    ///
    /// [`CudaError`].
    pub fn download(&self, values: &mut [T]) -> Result<(), CudaError> {
        let count = values.len().min(self.len);
        let values = &mut values[..count];
        // SAFETY: the buffer has these bytes; they are there when the stream is done, which is waited for.
        let code = unsafe {
            let stream = self.gpu.stream();
            sys::cuMemcpyDtoHAsync_v2(values.as_mut_ptr().cast(), self.address, mem::size_of_val(values), stream)
        };
        // Waited for after a failure too: no copy is under way when the values are given back.
        let done = self.gpu.synchronize();
        check(code, "bringing data from the GPU")?;
        done
    }

    /// Sets all bytes to 0, after all that was started before.
    ///
    /// # Errors
    ///
    /// [`CudaError`].
    pub fn zero(&mut self) -> Result<(), CudaError> {
        // SAFETY: the buffer has these bytes.
        let code = unsafe { sys::cuMemsetD8Async(self.address, 0, self.len * size_of::<T>(), self.gpu.stream()) };
        check(code, "clearing memory")
    }
}

impl<T> Drop for Buffer<T> {
    fn drop(&mut self) {
        // SAFETY: it was allocated, and the driver waits for what uses it. After a fault it is gone with its context.
        unsafe { sys::cuMemFree_v2(self.address) };
    }
}
