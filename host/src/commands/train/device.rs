//! The device that trains, chosen as the quickstart chooses it.

use std::fmt;

use anyhow::{Result, anyhow};
#[cfg(feature = "cuda")]
use cuda::driver::Gpu;
use options::commands::train::Choice;

use crate::engine::Simd;

/// The device that was chosen.
pub enum Device {
    /// The CPU, because it was asked for.
    Cpu,
    /// The CPU, because there is no CUDA: why.
    CpuWithout(String),
    /// A GPU.
    #[cfg(feature = "cuda")]
    Cuda(Gpu),
}

impl Device {
    /// Names what computes, and why.
    pub fn described(&self, engine: &Simd) -> String {
        match self {
            Self::Cpu | Self::CpuWithout(_) => {
                format!("{self}, {} threads, {}", engine.threads(), engine.instructions())
            }
            #[cfg(feature = "cuda")]
            Self::Cuda(..) => self.to_string(),
        }
    }

    /// Names what computes, without why it is no GPU.
    pub fn named(&self, engine: &Simd) -> String {
        match self {
            Self::Cpu | Self::CpuWithout(_) => Self::Cpu.described(engine),
            #[cfg(feature = "cuda")]
            Self::Cuda(..) => self.described(engine),
        }
    }
}

/// Opens the chosen device.
pub fn choose(choice: Choice) -> Result<Device> {
    match choice {
        Choice::Cpu => Ok(Device::Cpu),
        Choice::Auto => Ok(cuda().unwrap_or_else(|reason| Device::CpuWithout(reason.to_string()))),
        Choice::Cuda => cuda().map_err(|reason| anyhow!("--device cuda: {reason}; or train with --device cpu")),
    }
}

#[cfg(feature = "cuda")]
fn cuda() -> Result<Device> {
    Ok(Device::Cuda(Gpu::open()?))
}

#[cfg(not(feature = "cuda"))]
fn cuda() -> Result<Device> {
    Err(anyhow!("this program was built without CUDA; `cargo xtask train --cuda` builds it in"))
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => write!(f, "cpu device"),
            Self::CpuWithout(reason) => write!(f, "cpu ({reason}) device"),
            #[cfg(feature = "cuda")]
            Self::Cuda(gpu) => write!(f, "cuda device, {}", gpu.name()),
        }
    }
}
