//! Selvedge on the host: data, the CPU engine, the training loop, files and reports. The program `selvedge` consists of this library.
//!
//! - [`network`]: a network whose shape is known at run time. [`engine`]: the CPU engine, which computes a linear
//!   layer on all threads and in vector registers.
//! - [`data`]: samples and labels, which decide the numbers of a network's inputs and outputs. [`preparation`]: turns raw values into
//!   inputs. [`classes`]: the names of classes. [`picture`]: reads and writes single images.
//! - [`training`] and [`evaluation`]: the loops over batches. [`recipe`]: the settings of a run, from files and the command line.
//! - [`quantization`]: turns a network into one of fewer bits. [`model_file`]: a file of any format, and its predictions.
//! - [`report`]: a run as an HTML page.
//! - [`export_c`]: a network as C.
//! - `tensorboard`: a run's numbers as TensorBoard's files of events.
//! - [`device`]: a board that answers over its UART.
//! - [`weights`], [`interchange`] (other programs' formats) and [`files`]: reading and writing. `stray` recognises files of the wrong kind.
//!
//! Three features are on by default: `download` fetches Fashion-MNIST, `pictures` reads and writes PNG and JPEG, `serial` opens serial
//! ports. If one is left out, its functions return an error that says so.

mod aligned;
mod archive;
pub mod classes;
mod commands;
pub mod data;
pub mod device;
pub mod engine;
pub mod evaluation;
pub mod export_c;
pub mod interchange;
pub mod model_file;
pub mod network;
mod npy;
pub mod picture;
pub mod preparation;
pub mod quantization;
mod quote;
pub mod report;
mod score;
mod stray;
pub mod task;
mod tensorboard;
pub mod training;
pub mod weights;

pub use aligned::MemoryError;
pub use commands::main;
pub use files;
pub use options::recipe;
