//! The emulated boards against the host, as `cargo xtask` runs them.

mod device;
mod no_panic;
mod serve;
mod verify;
