//! This library has samples, networks whose shape is known at run time, the CPU engine, and the loops over batches. The program `selvedge` and the
//! benchmarks use this library.
//!
//! - [`network`]: a network whose shape is known at run time. [`engine`]: the CPU engine, which computes a linear
//!   layer on all threads and in vector registers.
//! - [`data`]: samples and labels, which decide the numbers of a network's inputs and outputs. [`preparation`]: turns raw values into
//!   inputs. [`classes`]: the names of classes. [`task`]: targets and their loss. [`picture`]: reads and writes single pictures.
//! - [`training`] and [`evaluation`]: the loops over batches. [`recipe`]: the settings of a run.
//! - [`quantization`]: turns a network into one of fewer bits. [`model_file`]: a file of any format, and its predictions.
//! - [`weights`]: reads and writes weight files. [`file_kind`] tells the format of a file. [`stray`] recognises files that were given by
//!   mistake. [`archive`] and [`npy`] read archives and arrays. [`quote`] quotes words of a file in messages.
//!
//! Two features are on by default: `download` fetches Fashion-MNIST, `pictures` reads PNG, JPEG, WebP, GIF, BMP and TIFF, and
//! writes PNG. If a feature is left out, the functions that need it return an error that says so.

mod aligned;
pub mod archive;
pub mod classes;
pub mod data;
pub mod engine;
pub mod evaluation;
pub mod file_kind;
pub mod model_file;
pub mod network;
pub mod npy;
pub mod picture;
pub mod preparation;
pub mod quantization;
pub mod quote;
pub mod stray;
pub mod task;
pub mod training;
pub mod weights;

pub use aligned::MemoryError;
pub use files;
pub use options::recipe;
