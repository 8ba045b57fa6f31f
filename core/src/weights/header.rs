/// The record of the training that gave the weights. The default has zeros and empty texts: nothing is known.
///
/// ```
/// use selvedge::weights::TrainingRecord;
///
/// let record = TrainingRecord { seed: 42, epochs: 3, ..TrainingRecord::default() };
/// assert_eq!((record.dataset, record.learning_rate), ("", 0.0));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct TrainingRecord<'a> {
    /// The seed of the run: of initialisation, shuffling, dropout, augmentation and the held-out samples.
    pub seed: u64,
    /// The data set's name, without control characters.
    pub dataset: &'a str,
    /// SHA-256 of the training samples and then their targets. It includes the samples that were held out for validation.
    pub dataset_checksum: [u8; 32],
    /// The number of training samples, without those that were held out.
    pub samples: u32,
    /// True if each epoch took the samples in a new random order.
    pub shuffled: bool,
    /// The number of whole epochs trained.
    pub epochs: u32,
    /// The number of steps trained.
    pub steps: u64,
    /// The number of samples in a batch.
    pub batch_size: u32,
    /// The learning rate, or the base rate of a schedule. It is finite and not negative.
    pub learning_rate: f32,
    /// The score on the test samples after training, 0 to 1. For a classification, it is the part of the samples whose class is right. For
    /// labels, it is the part of the labels that are right. For a regression, it is the mean R² over the targets; a negative mean is
    /// stored as 0.
    pub accuracy: f32,
    /// All settings of the run, as a recipe, the TOML file of `selvedge train`. Line feeds are its only control characters.
    pub recipe: &'a str,
}

crate::wire::fields! {
    TrainingRecord<'a> {
        seed, dataset, dataset_checksum, samples, shuffled, epochs, steps, batch_size, learning_rate, accuracy, recipe,
    }
}

impl TrainingRecord<'_> {
    /// Returns true if every field is in its range: a learning rate that is a number and not negative, an accuracy from 0 to 1, a printable
    /// name, and a recipe of printable lines.
    pub(super) fn is_valid(&self) -> bool {
        (0.0..=f32::MAX).contains(&self.learning_rate)
            && (0.0..=1.0).contains(&self.accuracy)
            && !self.dataset.chars().any(char::is_control)
            && !self.recipe.chars().any(|c| c.is_control() && c != '\n')
    }
}
