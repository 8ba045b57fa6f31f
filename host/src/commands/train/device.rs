//! On what to train, chosen as the quickstart chooses it.

use std::fmt;

use anyhow::{Result, anyhow};
use clap::{Args, ValueEnum};

#[derive(Args)]
pub struct DeviceOptions {
    /// On what to train; auto takes CUDA where it is there and built in, and says what it chose
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
}

impl DeviceOptions {
    pub fn choose(&self) -> Result<Device> {
        let choice = if self.cuda { Choice::Cuda } else { self.device };
        match choice {
            Choice::Cpu => Ok(Device::Cpu),
            Choice::Auto => Ok(Device::CpuWithout(no_cuda())),
            Choice::Cuda => Err(anyhow!("--device cuda: {}", no_cuda())),
        }
    }
}

/// Why there is no CUDA.
#[cfg(feature = "cuda")]
fn no_cuda() -> String {
    match cuda::engine() {
        Ok(engine) => match engine {},
        Err(error) => error.to_string(),
    }
}

#[cfg(not(feature = "cuda"))]
fn no_cuda() -> String {
    "this program was built without CUDA; `cargo xtask train --cuda` builds it in".into()
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => write!(f, "cpu"),
            Self::CpuWithout(reason) => write!(f, "cpu ({reason})"),
        }
    }
}
