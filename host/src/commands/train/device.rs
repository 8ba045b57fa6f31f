//! The device that trains, chosen as the quickstart chooses it.

use std::fmt;

use anyhow::{Error, Result, anyhow};
use options::commands::train::Choice;

use crate::{
    engine::Simd,
    training::{Gpu, OpenGpu},
};

/// The device that was chosen.
pub enum Device {
    /// The CPU, because it was asked for.
    Cpu,
    /// The CPU, because there is no CUDA. The text is the reason.
    CpuWithout(String),
    /// A GPU.
    Gpu(Box<dyn Gpu>),
}

impl Device {
    /// Names what computes, and why.
    pub fn described(&self, engine: &Simd) -> String {
        match self {
            Self::Cpu | Self::CpuWithout(_) => {
                format!("{self}, {} threads, {}", engine.threads(), engine.instructions())
            }
            Self::Gpu(_) => self.to_string(),
        }
    }

    /// Names what computes, without why it is no GPU.
    pub fn named(&self, engine: &Simd) -> String {
        match self {
            Self::Cpu | Self::CpuWithout(_) => Self::Cpu.described(engine),
            Self::Gpu(_) => self.described(engine),
        }
    }
}

/// Opens the chosen device. `gpu` opens the GPU, if the program has the code for one.
pub fn choose(choice: Choice, gpu: Option<OpenGpu>) -> Result<Device> {
    match choice {
        Choice::Cpu => Ok(Device::Cpu),
        Choice::Auto => Ok(open(gpu).unwrap_or_else(|reason| Device::CpuWithout(reason.to_string()))),
        Choice::Cuda => open(gpu).map_err(|reason| anyhow!("--device cuda: {reason}; or train with --device cpu")),
    }
}

fn open(gpu: Option<OpenGpu>) -> Result<Device> {
    let Some(open) = gpu else {
        return Err(anyhow!("this program was built without CUDA; `cargo xtask train --cuda` builds it in"));
    };
    open().map(Device::Gpu).map_err(Error::from_boxed)
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => write!(f, "cpu device"),
            Self::CpuWithout(reason) => write!(f, "cpu ({reason}) device"),
            Self::Gpu(gpu) => write!(f, "cuda device, {}", gpu.name()),
        }
    }
}
