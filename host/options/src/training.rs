//! The options of a training run, as the training loop reads them.

use selvedge::{augment::Augmentation, loss::CrossEntropy, schedule::Schedule, shape::InputShape};

use crate::{
    optimizer::Optimizer,
    recipe::{RecipeError, Standardize},
};

/// The options of a training run: a recipe with all defaults filled in. [`RecipeOptions::resolve`](crate::recipe::RecipeOptions::resolve) names the
/// keys that depend on the data.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainingOptions {
    /// The length of the run.
    pub length: Length,
    /// The number of samples in a batch. The last batch of an epoch may be smaller.
    pub batch_size: usize,
    /// The number of batches in a step. The step uses the mean gradient of all their samples.
    pub accumulate: usize,
    /// The optimizer.
    pub optimizer: Optimizer,
    /// The base learning rate of the schedule.
    pub learning_rate: f64,
    /// The schedule of the learning rate.
    pub schedule: EpochSchedule,
    /// The largest L2 norm of the whole gradient. A gradient with a larger norm is scaled down to it. `None`: there is no limit.
    pub clip: Option<f32>,
    /// The probability, from 0 to below 1, with which a training pass sets an activation to 0. Above 0 it needs a model with dropout.
    pub dropout: f32,
    /// The part of a target's probability, from 0 to below 1, that is spread evenly over all classes.
    pub label_smoothing: f32,
    /// The weight of each class in the loss, by label. `None` if all classes have the weight 1.
    pub class_weights: Option<Vec<f32>>,
    /// The random changes of training images.
    pub augmentation: Augmentation,
    /// The part of the weights' moving average that each step keeps: average = ema · average + (1 − ema) · weights. The run tests and saves the
    /// average. `None`: there is no average.
    pub ema: Option<f64>,
    /// The number of epochs without a better validation loss after which the run ends. `None`: the run does not end early.
    pub early_stop: Option<u32>,
    /// The seed of the initial weights, the order of each epoch, dropout, augmentation, and the choice of the validation samples.
    pub seed: u64,
    /// True if each epoch takes the samples in a new random order, false if it takes them in the order of the file.
    pub shuffle: bool,
    /// The choice to standardise the features to mean 0 and standard deviation 1.
    pub standardize: Standardize,
}

impl TrainingOptions {
    /// The settings of PyTorch's quickstart, with two differences: each epoch takes the samples in a new random order, and features that are not bytes
    /// are standardised.
    pub const QUICKSTART: Self = Self {
        length: Length::Epochs(5),
        batch_size: 64,
        accumulate: 1,
        optimizer: Optimizer::Sgd { momentum: 0.0, nesterov: false, weight_decay: 0.0 },
        learning_rate: 1e-3,
        schedule: EpochSchedule::Constant,
        clip: None,
        dropout: 0.0,
        label_smoothing: 0.0,
        class_weights: None,
        augmentation: Augmentation { flip: false, shift: 0, erase: 0 },
        ema: None,
        early_stop: None,
        seed: 42,
        shuffle: true,
        standardize: Standardize::Auto,
    };

    /// Checks that samples of this shape can have the augmentation, if there is one.
    ///
    /// # Errors
    ///
    /// [`AugmentationError`] if the samples are not images, or if the images are too small for the changes.
    pub fn check_augmentation(&self, input: InputShape) -> Result<(), AugmentationError> {
        let Augmentation { shift, erase, .. } = self.augmentation;
        let (height, width) = match input {
            InputShape::Image { height, width, .. } => (height, width),
            InputShape::Features(_) if self.augmentation.is_none() => return Ok(()),
            InputShape::Features(_) => return Err(AugmentationError::NoImage { input }),
        };
        for (word, pixels, most) in [("shift", shift, height.max(width)), ("erase", erase, height.min(width))] {
            if u32::from(pixels) > most {
                return Err(AugmentationError::TooLarge { word, pixels, most, input });
            }
        }
        Ok(())
    }

    /// Checks that the schedule fits into a run with this number of samples in an epoch.
    ///
    /// # Errors
    ///
    /// [`RecipeError::Senseless`] for a warm-up that is longer than the run.
    pub fn check_schedule(&self, samples: usize) -> Result<(), RecipeError> {
        let EpochSchedule::Cosine { warm_up, .. } = self.schedule else { return Ok(()) };
        let in_epoch = samples.div_ceil(self.batch_size.saturating_mul(self.accumulate)).max(1);
        let epochs = match self.length {
            Length::Epochs(epochs) => f64::from(epochs),
            Length::Steps(steps) => steps as f64 / in_epoch as f64,
        };
        if warm_up <= epochs {
            return Ok(());
        }
        let reason = format!(
            "{warm_up} epochs are more than the run's {epochs}; the learning rate would never come to its peak"
        );
        Err(RecipeError::senseless("warmup", reason))
    }

    /// Returns the loss for classes, with the options' label smoothing and class weights. Labels and numbers have other losses.
    pub fn loss(&self) -> CrossEntropy<'_> {
        CrossEntropy { label_smoothing: self.label_smoothing, class_weights: self.class_weights.as_deref() }
    }
}

/// The data cannot be augmented as the options say.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AugmentationError {
    /// The samples are no images.
    #[error(
        "augment is for images, and a sample of this data is {input}; leave it out of the recipe, or train with --augment none"
    )]
    NoImage {
        /// The samples' shape.
        input: InputShape,
    },
    /// The samples are too small.
    #[error("augment: {word}={pixels} is more than the {most} pixels that {word} can have in {input}")]
    TooLarge {
        /// The change.
        word: &'static str,
        /// The number of pixels that was asked for.
        pixels: u8,
        /// The largest number of pixels that the images allow.
        most: u32,
        /// The samples' shape.
        input: InputShape,
    },
}

/// The length of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// The run ends after this number of passes over the training samples.
    Epochs(u32),
    /// The run ends after this number of steps.
    Steps(u64),
}

/// A schedule of the learning rate, counted in epochs. [`EpochSchedule::schedule`] turns it into a [`Schedule`], which is counted in steps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum EpochSchedule {
    /// The rate is constant.
    Constant,
    /// The rate is multiplied by `gamma` after every `epochs` epochs.
    Step {
        /// Epochs from one change to the next.
        epochs: f64,
        /// The factor.
        gamma: f64,
    },
    /// The rate rises linearly, then falls by half a cosine.
    Cosine {
        /// The number of epochs in which the rate rises.
        warm_up: f64,
        /// The rate to which it falls, as a fraction of the base rate. The last step does not quite reach it.
        final_fraction: f64,
    },
    /// The rate rises by half a cosine, then falls by half a cosine.
    OneCycle {
        /// The fraction of the run in which the rate rises.
        pct_start: f64,
        /// The first rate is the base rate divided by this number.
        div_factor: f64,
        /// The last rate is the first rate divided by this number.
        final_div_factor: f64,
    },
}

impl EpochSchedule {
    /// Returns the schedule, counted in steps, of a run of `total` steps.
    pub fn schedule(&self, steps_in_epoch: u64, total: u64) -> Schedule {
        let steps = |epochs: f64| (epochs * steps_in_epoch as f64).round() as u64;
        match *self {
            Self::Constant => Schedule::Constant,
            Self::Step { epochs, gamma } => Schedule::Step { size: steps(epochs).max(1), gamma },
            Self::Cosine { warm_up, final_fraction } => {
                Schedule::Cosine { warm_up: steps(warm_up).min(total), total, final_fraction }
            }
            Self::OneCycle { pct_start, div_factor, final_div_factor } => {
                Schedule::OneCycle { total, pct_start, div_factor, final_div_factor }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warm_up_must_fit_into_the_run() {
        let check = |length, warm_up| {
            let schedule = EpochSchedule::Cosine { warm_up, final_fraction: 0.0 };
            let options = TrainingOptions { length, schedule, ..TrainingOptions::QUICKSTART };
            options.check_schedule(640).map_err(|error| error.to_string())
        };
        assert_eq!(check(Length::Epochs(3), 3.0), Ok(()));
        assert_eq!(check(Length::Steps(15), 1.5), Ok(()));
        let error = check(Length::Epochs(3), 3.5).unwrap_err();
        assert!(error.starts_with("warmup: 3.5 epochs are more than the run's 3; "), "{error}");
        assert!(check(Length::Steps(15), 2.0).unwrap_err().contains("the run's 1.5"));
    }

    #[test]
    fn augmentation_must_fit_the_samples() {
        let check = |flip, shift, erase, sizes: &[u32]| {
            let options =
                TrainingOptions { augmentation: Augmentation { flip, shift, erase }, ..TrainingOptions::QUICKSTART };
            let checked = options.check_augmentation(InputShape::of_sizes(sizes).unwrap());
            checked.map_err(|error| error.to_string())
        };
        assert_eq!(check(false, 0, 0, &[12]), Ok(()));
        assert_eq!(check(true, 28, 20, &[28, 20]), Ok(()));
        let error = check(true, 0, 0, &[12]).unwrap_err();
        assert_eq!(
            error,
            "augment is for images, and a sample of this data is 12 features; leave it out of the recipe, or train with --augment none"
        );
        let error = check(false, 29, 0, &[28, 20]).unwrap_err();
        assert!(error.starts_with("augment: shift=29 is more than the 28 pixels"), "{error}");
        let error = check(false, 0, 21, &[28, 20]).unwrap_err();
        assert!(error.starts_with("augment: erase=21 is more than the 20 pixels"), "{error}");
    }
}
