//! The command line: every option of the program `selvedge` and of the host's benchmarks, and the recipes.
//!
//! The program and `cargo xtask` both link this package, which is compiled in seconds. So `cargo xtask` can refuse a wrong option and show a help
//! text before it builds the program.
//!
//! - [`commands`]: the options of each command. [`Command`] has the commands that need no board.
//! - [`mod@bench`]: the options of the benchmarks.
//! - [`recipe`]: the settings of a training run, from files and the command line. [`training`]: the same settings, resolved for the
//!   training loop.
//! - [`layers`]: the value of `--layers`, a network as a text.
//! - [`partition`]: the test part that is held out if the data has none.
//! - [`folds`]: the folds of cross-validation.
//! - [`space`]: the keys that a search for a recipe varies, and its trials.
//! - [`optimizer`]: the optimizers, by their names and with their options.
//! - [`c_name`]: the name that a network has in C.
//! - [`package_name`]: the name of a firmware project.
//! - [`engine`]: the instruction sets of the CPU engine, by their names.
//! - [`parse`]: reads the arguments of a program, and prints its help or an error. [`program`]: the command line that it parses, with examples.

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
