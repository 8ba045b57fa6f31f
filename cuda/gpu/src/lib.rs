//! An NVIDIA GPU that trains: [`open`] opens it for [`host::main`]. The program `selvedge-cuda` is `selvedge` with this GPU.
//!
//! All of this needs the feature `driver`. Without it the library is empty, so that it builds without NVIDIA's compiler.

#[cfg(feature = "driver")]
mod backend;
#[cfg(feature = "driver")]
mod device;

#[cfg(feature = "driver")]
pub use device::open;
