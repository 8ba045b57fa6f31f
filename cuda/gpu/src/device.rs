//! The GPU as a device of [`host::training`].

use std::error::Error;

use host::{
    data::Dataset,
    training::{Backend, Gpu, State, TrainingError, TrainingOptions},
};

use crate::backend::{Cuda, failed};

/// An open NVIDIA GPU.
struct Nvidia(cuda::driver::Gpu);

/// Opens the first GPU that NVIDIA's driver shows.
///
/// # Errors
///
/// [`CudaError`](cuda::driver::CudaError) if there is no driver, a driver that is too old, no GPU, no code for the GPU, or another error of the
/// driver.
pub fn open() -> Result<Box<dyn Gpu>, Box<dyn Error + Send + Sync>> {
    Ok(Box::new(Nvidia(cuda::driver::Gpu::open()?)))
}

impl Gpu for Nvidia {
    fn name(&self) -> String {
        self.0.name().to_owned()
    }

    fn backend<'a>(
        &self,
        state: &State,
        data: &'a Dataset,
        options: &'a TrainingOptions,
    ) -> Result<Box<dyn Backend + 'a>, TrainingError> {
        let backend = Cuda::new(self.0.clone(), state, data, options).map_err(failed)?;
        Ok(Box::new(backend))
    }
}
