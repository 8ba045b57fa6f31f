//! The CUDA kernels, compiled for every GPU.

use anyhow::Result;

use crate::{
    cuda,
    gpu::{self, registers},
};

/// Compiles the kernels. Fails if a register is spilled to memory. Installs the compiler if there is none.
pub fn run() -> Result<()> {
    if cuda::compiler().is_err() {
        cuda::set_up()?;
    }
    registers::without_spills(&gpu::kernels(None)?).map(drop)
}
