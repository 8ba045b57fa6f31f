//! On what to train, chosen as the quickstart chooses it.

use std::fmt;

use anyhow::{Result, anyhow};
use clap::{Args, ValueEnum};
#[cfg(feature = "cuda")]
use cuda::{driver::Gpu, schedule::Launches};

#[derive(Args)]
pub struct DeviceOptions {
    /// On what to train; auto takes CUDA where it is there and built in, and says what it chose
    ///
    /// The bits are the same. On a GPU they do not depend either on how kernels are started: SELVEDGE_CUDA=plain|graph|persistent chooses
    /// that, and without it graph is taken.
    #[arg(long, value_enum, default_value = "auto")]
    device: Choice,

    /// Short for --device cuda
    #[arg(long, conflicts_with = "device")]
    cuda: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Choice {
    /// CUDA where it is there and built in, else the CPU.
    Auto,
    /// The CPU's threads.
    Cpu,
    /// An NVIDIA GPU.
    Cuda,
}

/// What was chosen.
pub enum Device {
    /// The CPU, because it was asked for.
    Cpu,
    /// The CPU, because there is no CUDA: why.
    CpuWithout(String),
    /// A GPU, and how its kernels are started.
    #[cfg(feature = "cuda")]
    Cuda(Gpu, Launches),
}

impl DeviceOptions {
    pub fn choose(&self) -> Result<Device> {
        let choice = if self.cuda { Choice::Cuda } else { self.device };
        match choice {
            Choice::Cpu => Ok(Device::Cpu),
            Choice::Auto => Ok(cuda().unwrap_or_else(|reason| Device::CpuWithout(reason.to_string()))),
            Choice::Cuda => cuda().map_err(|reason| anyhow!("--device cuda: {reason}; or train with --device cpu")),
        }
    }
}

#[cfg(feature = "cuda")]
fn cuda() -> Result<Device> {
    let launches = Launches::from_environment()?;
    Ok(Device::Cuda(Gpu::open()?, launches))
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
            Self::Cuda(gpu, launches) => write!(f, "cuda device, {}, {}", launches.name(), gpu.name()),
        }
    }
}
