//! Selvedge on the host: commands, reports, and the files of other programs. The program `selvedge` consists of this library.
//!
//! - [`trainer`] has data, networks, training and quantisation. This library exports most of its modules too, for example [`network`].
//! - [`recipe`]: the settings of a run, from files and the command line.
//! - [`record`]: the record of a run. [`report`]: a run as an HTML page, from its record. `tensorboard`: a run's numbers as TensorBoard's
//!   files of events.
//! - [`export_c`]: a network as C. [`device`]: a board that answers over its UART.
//! - [`interchange`]: other programs' formats. [`files`]: reading within limits, and writing whole files.
//!
//! Three features are on by default: `download` fetches Fashion-MNIST, `pictures` reads pictures and writes PNG, `serial` opens
//! serial ports. If one is left out, the functions that need it return an error that says so.

mod commands;
pub mod device;
pub mod export_c;
pub mod interchange;
pub mod record;
pub mod report;
mod score;
mod tensorboard;

pub use commands::main;
pub use trainer::{
    MemoryError, classes, data, engine, evaluation, files, model_file, network, picture, preparation, quantization,
    recipe, task, training, weights,
};
use trainer::{archive, file_kind, npy, quote};
