//! Recipes: the options of a training run, as a file and on the command line.
//!
//! `options` has every key of a file. Most are also the option of the same name. `value` and `text` have the types of the values.
//! `file` reads recipe files, and the built-in recipes, which are files too. `overriding` overrides a recipe with the options of the
//! command line. `resolve` turns a recipe into [`TrainingOptions`](crate::training::TrainingOptions).
//!
//! ```
//! # use options::recipe::{self, RecipeOptions};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let recipe = RecipeOptions::find("quickstart".as_ref())?;
//! let command_line = RecipeOptions::parse("optimizer = 'adam'\nlr = 0.002", "mine".as_ref())?;
//! let options = recipe.overridden_by(command_line).resolve()?;
//! assert_eq!((options.learning_rate, options.batch_size), (0.002, 64));
//! # Ok(())
//! # }
//! ```

mod class_weights;
mod epochs;
mod error;
mod file;
mod options;
mod overriding;
mod resolve;
mod standardize;
mod text;
mod value;

pub use class_weights::ClassWeights;
pub use epochs::Epochs;
pub use error::RecipeError;
pub use file::{BUILT_IN, DEFAULT, FINE_TUNING};
pub use options::RecipeOptions;
pub use standardize::Standardize;
pub use text::{AugmentText, ScheduleText};
pub use value::{Betas, Count, Fraction, NonNegative, Number, Seed, Steps, ValSplit, ValueError};
