//! Selvedge on the host: data, the CPU engine, the training loop, files and reports. The program `selvedge` is made of it.
//!
//! - [`data`]: Fashion-MNIST from a folder or the network, or the built-in set. [`picture`]: single images in and out.
//! - [`engine`]: core's three products on all threads and in vector registers. [`models`]: from an architecture to this build's type.
//! - [`training`] and [`evaluation`]: the loops over batches. [`recipe`]: what a run is trained with, from files and the command line.
//! - [`device`]: a board that answers over its UART.
//! - [`weights`], [`interchange`] (other programs' formats) and [`files`]: what is read and written.

mod aligned;
pub mod data;
pub mod device;
pub mod engine;
pub mod evaluation;
pub mod files;
pub mod interchange;
pub mod models;
pub mod picture;
pub mod quantization;
pub mod recipe;
pub mod training;
pub mod weights;
