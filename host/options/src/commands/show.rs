use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use super::{Data, Part, Threads, groups::whole};
use crate::recipe::{AugmentText, RecipeOptions, Seed};

/// The recipe whose augmentation is shown by default: of the built-in ones the one that has some.
const DEFAULT: &str = "best";

/// Options of `show`.
#[derive(Args, Debug)]
pub struct Show {
    /// The samples to show [default: train; with --saliency test]
    #[arg(long, value_enum)]
    pub split: Option<Part>,

    /// The number of images [default: 50; with --augment or --saliency 8; of --weights 50 units]
    #[arg(long, value_parser = whole::<u32>(1..=2000))]
    pub count: Option<u32>,

    /// Save each sample as a picture of its own without a label, which `predict` reads back exactly
    #[arg(long, conflicts_with_all = ["augment", "weights"])]
    pub plain: bool,

    /// The picture to write; with --plain and more than one image, the folder [default: samples.png, or the folder samples]
    #[arg(long, value_name = "FILE.png|DIR")]
    pub out: Option<PathBuf>,

    /// Show how training changes images: each one beside what the first epochs make of it. Without CHANGES, as the recipe says
    #[arg(long, value_name = "CHANGES", num_args = 0..=1, conflicts_with_all = ["weights", "split"], help_heading = "Augmentation")]
    pub augment: Option<Option<AugmentText>>,

    /// The recipe whose changes are shown: a built-in one or a TOML file [default: best]
    #[arg(long, value_name = "NAME|FILE", requires = "augment", help_heading = "Augmentation")]
    pub recipe: Option<PathBuf>,

    /// The number of epochs whose changes are shown
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = whole::<u32>(1..=50), requires = "augment", help_heading = "Augmentation")]
    pub epochs: u32,

    /// The seed of the changes [default: the recipe's]
    #[arg(long, value_name = "N", requires = "augment", help_heading = "Augmentation")]
    pub seed: Option<Seed>,

    /// Show the first layer's weights of this network, a picture for each unit: blue below 0, white at 0, orange above; of colour images in colour
    #[arg(long, value_name = "FILE", help_heading = "Network")]
    pub weights: Option<PathBuf>,

    /// Show what the network looks at: beside each image its saliency map, the gradient of the predicted class's logit with respect to the pixels
    ///
    /// Where it is orange, more light speaks for the class; where it is blue, against it. Of three channels the one with the largest gradient counts.
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

    /// Returns the recipe whose changes are shown, with those that were given.
    ///
    /// # Errors
    ///
    /// A recipe that is none.
    pub fn changes(&self) -> Result<RecipeOptions> {
        let name = self.recipe.as_deref().unwrap_or(DEFAULT.as_ref());
        let given = RecipeOptions { augment: self.augment.flatten(), seed: self.seed, ..RecipeOptions::default() };
        Ok(RecipeOptions::find(name)?.overridden_by(given))
    }
}
