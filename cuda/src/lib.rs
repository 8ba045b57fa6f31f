//! The CUDA engine: kernels (`kernels/*.cu`) and their launch on an NVIDIA GPU, with the bits of `selvedge::Portable`.
//!
//! The place of the engine in the design; it has no kernels yet, and [`engine`] says so.

/// A GPU that trains. There is none yet, so no value of this type exists.
#[derive(Debug)]
pub enum Cuda {}

/// Why there is no GPU to train on.
#[derive(Debug, thiserror::Error)]
pub enum CudaError {
    /// This version of the package has no kernels.
    #[error("this version of Selvedge has no CUDA kernels yet; train without --cuda, on the CPU")]
    NoKernels,
}

/// Opens the GPU.
///
/// # Errors
///
/// [`CudaError`].
pub fn engine() -> Result<Cuda, CudaError> {
    Err(CudaError::NoKernels)
}
