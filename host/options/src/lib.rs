//! The command line of the trainer: every option of the program `selvedge` and of the host's benchmarks, and the recipes.
//!
//! The program and `cargo xtask` both link this package, which is compiled in seconds. So a wrong option is refused, and a help
//! text shown, before the trainer is built.
//!
//! - [`commands`]: the options of each command. [`Command`] is all of them that need no board.
//! - [`mod@bench`]: the options of the benchmarks.
//! - [`recipe`]: the settings of a training run, from files and the command line. [`training`]: the same settings, resolved for the
//!   training loop.
//! - [`partition`]: the test part that is held out of data which comes in one piece.
//! - [`folds`]: the parts of cross-validation.
//! - [`space`]: the keys that a search for a recipe varies, and its trials.
//! - [`optimizer`]: the optimizers, by their names and with their options.
//! - [`c_name`]: the name that a network has in C.
//! - [`package_name`]: the name of a firmware project.
//! - [`engine`]: the instruction sets of the CPU engine, by their names.
//! - [`parse`]: the arguments of a program, or its help, or its error. [`program`]: the command line that it parses, with examples.

pub mod bench;
pub mod c_name;
pub mod commands;
pub mod engine;
pub mod folds;
pub mod layers;
pub mod optimizer;
pub mod package_name;
mod parse;
pub mod partition;
mod program;
pub mod recipe;
pub mod space;
pub mod training;

pub use commands::{Command, Device};
pub use parse::parse;
pub use program::{Examples, program};
