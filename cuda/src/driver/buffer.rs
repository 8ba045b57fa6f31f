use std::{marker::PhantomData, mem, ops::Range, rc::Rc};

use super::{
    CudaError, Gpu,
    error::{OUT_OF_MEMORY, check},
    plain::{Plain, Unpadded},
    sys,
};
use crate::task::Address;

/// Memory on the GPU for this number of values.
#[derive(Debug)]
pub(crate) struct Buffer<T> {
    memory: Rc<Allocation>,
    len: usize,
    element: PhantomData<T>,
}

/// A block of bytes on the GPU. It is freed when no buffer and no graph uses it any more.
#[derive(Debug)]
pub(crate) struct Allocation {
    gpu: Gpu,
    address: Address,
    bytes: usize,
}

impl Allocation {
    /// Returns the range of the addresses.
    pub(crate) fn range(&self) -> Range<Address> {
        self.address..self.address + self.bytes as Address
    }
}

impl Drop for Allocation {
    fn drop(&mut self) {
        // A kernel that was started may still use it. Where waiting fails, the context is lost, and no kernel runs in it any more.
        let _ = self.gpu.synchronize();
        // SAFETY: it was allocated, it is given back once, and nothing that was started uses it.
        unsafe { sys::cuMemFree_v2(self.address) };
    }
}

impl<T> Buffer<T> {
    /// Returns the address of the buffer.
    pub(crate) fn address(&self) -> Address {
        self.memory.address
    }

    /// Returns the address of the value with this index.
    pub(crate) fn address_of(&self, index: usize) -> Address {
        self.address() + (index * size_of::<T>()) as Address
    }

    /// Returns the number of values.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Returns the memory, to be kept for longer than the buffer.
    pub(crate) fn memory(&self) -> Rc<Allocation> {
        self.memory.clone()
    }
}

impl<T: Unpadded> Buffer<T> {
    /// Allocates memory with any contents. `what` is its purpose, for errors.
    ///
    /// # Errors
    ///
    /// [`CudaError::OutOfMemory`] if there is not enough memory.
    pub(crate) fn allocate(gpu: &Gpu, len: usize, what: &'static str) -> Result<Self, CudaError> {
        // No memory has 0 bytes.
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
                let memory = Rc::new(Allocation { gpu: gpu.clone(), address, bytes });
                Ok(Self { memory, len, element: PhantomData })
            }
        }
    }

    /// Copies values to the GPU, after all work that was started before. Values past the buffer's end are not copied.
    ///
    /// # Errors
    ///
    /// [`CudaError`].
    pub(crate) fn upload(&mut self, values: &[T]) -> Result<(), CudaError> {
        let values = &values[..values.len().min(self.len)];
        let gpu = &self.memory.gpu;
        // SAFETY: the buffer has room for these bytes, all of which are initialised, and the values stay until they are there.
        let code = unsafe {
            let bytes = mem::size_of_val(values);
            sys::cuMemcpyHtoDAsync_v2(self.address(), values.as_ptr().cast(), bytes, gpu.stream())
        };
        // Where the GPU reads this machine's memory itself, it may do so after the call.
        let done = gpu.synchronize();
        check(code, "bringing data to the GPU")?;
        done
    }

    /// Sets all bytes to 0, after all work that was started before.
    ///
    /// # Errors
    ///
    /// [`CudaError`].
    pub(crate) fn zero(&mut self) -> Result<(), CudaError> {
        let bytes = self.len * size_of::<T>();
        // SAFETY: the buffer has these bytes, and keeps them until they are set: they are given back after a wait.
        let code = unsafe { sys::cuMemsetD8Async(self.address(), 0, bytes, self.memory.gpu.stream()) };
        check(code, "clearing memory")
    }
}

impl<T: Plain> Buffer<T> {
    /// Copies the first values from the GPU, after all work that was started before.
    ///
    /// # Errors
    ///
    /// [`CudaError`].
    pub(crate) fn download(&self, values: &mut [T]) -> Result<(), CudaError> {
        let count = values.len().min(self.len);
        let values = &mut values[..count];
        let gpu = &self.memory.gpu;
        // SAFETY: the buffer has these bytes, any of which are values; they are there when the stream is done, which is waited for.
        let code = unsafe {
            let bytes = mem::size_of_val(values);
            sys::cuMemcpyDtoHAsync_v2(values.as_mut_ptr().cast(), self.address(), bytes, gpu.stream())
        };
        // Waited for after a failure too: no copy is under way when the values are given back.
        let done = gpu.synchronize();
        check(code, "bringing data from the GPU")?;
        done
    }
}
