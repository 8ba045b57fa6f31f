//! The unit tests of `benches/cuda`.

#[path = "main.rs"]
mod cuda;
