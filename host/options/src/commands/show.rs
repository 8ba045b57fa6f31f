use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use super::{Data, Part, Threads, groups::whole};
use crate::recipe::{AugmentText, RecipeOptions, Seed};

/// The recipe whose augmentation is shown by default.
const DEFAULT: &str = "best";

/// Options of `show`.
#[derive(Args, Debug)]
pub struct Show {
    /// The samples to show [default: train; with --saliency test]
    #[arg(long, value_enum)]
    pub split: Option<Part>,

    /// The number of images; with --weights and without --saliency, the number of units [default: 50; 8 with --augment or --saliency]
    #[arg(long, value_parser = whole::<u32>(1..=2000))]
    pub count: Option<u32>,

    /// Save each grey image as a separate picture without a caption; `predict` reads it back to the same values
    #[arg(long, conflicts_with_all = ["augment", "weights"])]
    pub plain: bool,

    /// The picture to write; with --plain and more than one image, the folder [default: samples.png, or the folder samples]
    #[arg(long, value_name = "FILE.png|DIR")]
    pub out: Option<PathBuf>,

    /// Show augmented training images: each image, and beside it its changed versions of the first epochs [default of CHANGES: the recipe's]
    #[arg(long, value_name = "CHANGES", num_args = 0..=1, conflicts_with_all = ["weights", "split"], help_heading = "Augmentation")]
    pub augment: Option<Option<AugmentText>>,

    /// The recipe with the changes: a built-in recipe or a TOML file [default: best]
    #[arg(long, value_name = "NAME|FILE", requires = "augment", help_heading = "Augmentation")]
    pub recipe: Option<PathBuf>,

    /// The number of epochs to show
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = whole::<u32>(1..=50), requires = "augment", help_heading = "Augmentation")]
    pub epochs: u32,

    /// The seed of the changes [default: the recipe's]
    #[arg(long, value_name = "N", requires = "augment", help_heading = "Augmentation")]
    pub seed: Option<Seed>,

    /// Show the weights of this network's first layer, a picture for each unit. One channel: blue is negative, white is 0, orange is positive. Three
    /// channels: each channel of a pixel is dark if its weight is negative, half light if it is 0, light if it is positive
    #[arg(long, value_name = "FILE", help_heading = "Network")]
    pub weights: Option<PathBuf>,

    /// Show a saliency map beside each image: the gradient of the predicted class's logit with respect to the pixels
    ///
    /// If an orange pixel becomes brighter, the logit increases. If a blue pixel becomes brighter, it decreases. With three channels, a pixel shows the
    /// channel with the largest gradient.
    #[arg(long, requires = "weights", help_heading = "Network")]
    pub saliency: bool,

    /// The samples.
    #[command(flatten)]
    pub data: Data,
    /// The threads that compute.
    #[command(flatten)]
    pub threads: Threads,
}

impl Show {
    /// Returns the path of the picture or the folder.
    pub fn out(&self) -> PathBuf {
        let default = if self.plain && self.count() > 1 { "samples" } else { "samples.png" };
        self.out.clone().unwrap_or_else(|| default.into())
    }

    /// Returns the number of images or units.
    pub fn count(&self) -> u32 {
        let few = self.augment.is_some() || self.saliency;
        self.count.unwrap_or(if few { 8 } else { 50 })
    }

    /// Returns the recipe whose augmentation is shown. Changes and seed of the command line override the recipe's.
    ///
    /// # Errors
    ///
    /// If the recipe is invalid.
    pub fn changes(&self) -> Result<RecipeOptions> {
        let name = self.recipe.as_deref().unwrap_or(DEFAULT.as_ref());
        let given = RecipeOptions { augment: self.augment.flatten(), seed: self.seed, ..RecipeOptions::default() };
        Ok(RecipeOptions::find(name)?.overridden_by(given))
    }
}
