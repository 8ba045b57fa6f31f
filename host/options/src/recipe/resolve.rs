use super::{
    AugmentText, Count, Epochs, Fraction, NonNegative, Number, RecipeError, RecipeOptions, Seed, Steps, ValSplit,
    epochs,
};
use crate::training::{EpochSchedule, Length, TrainingOptions};

/// The default, from PyTorch's quickstart.
const BATCH_SIZE: u32 = 64;

impl RecipeOptions {
    /// Returns the recipe with another length, for a run that has begun. `length` has only epochs or steps.
    ///
    /// # Errors
    ///
    /// [`RecipeError::Senseless`] for a schedule that depends on the length of the run: another length would change steps that the run has taken.
    pub fn with_length(self, length: Self) -> Result<Self, RecipeError> {
        let schedule = match self.epoch_schedule()? {
            _ if length == Self::default() => return Ok(self),
            EpochSchedule::Constant | EpochSchedule::Step { .. } => return Ok(self.overridden_by(length)),
            EpochSchedule::Cosine { .. } => "cosine",
            EpochSchedule::OneCycle { .. } => "one-cycle",
        };
        let option = if length.steps.is_some() { "steps" } else { "epochs" };
        let reason = format!("the run keeps its length, because its schedule {schedule} is laid out over all of it");
        Err(RecipeError::senseless(option, reason))
    }

    /// Returns the recipe with a number of epochs in place of `auto`. The number depends on the training samples.
    #[must_use]
    pub fn for_samples(mut self, samples: usize) -> Self {
        if let Some(epochs) = self.epochs {
            let [batch_size, accumulate] = [self.batch_size, self.accumulate].map(|count| count.map(Count::get));
            let in_step = batch_size.unwrap_or(BATCH_SIZE) as usize * accumulate.unwrap_or(1) as usize;
            self.epochs = Count::try_from(i128::from(epochs.of(samples, in_step))).ok().map(Epochs::Count);
        }
        self
    }

    /// Returns the training options of the recipe, with a default for each key that it does not set.
    ///
    /// Three keys depend on the data. For `epochs = "auto"`, call [`for_samples`](Self::for_samples) first. `class-weights` stays `None`: set it with
    /// [`ClassWeights`](crate::recipe::ClassWeights). `val-split` is not in the result: hold out the samples yourself.
    ///
    /// The defaults of an optimizer's options are those of its class in PyTorch. The other defaults are those of PyTorch's quickstart: SGD, five
    /// epochs, batches of 64 samples, no regularisation. There are two differences: each epoch takes the samples in a new random order, and features
    /// that are not bytes are standardised. The default seed is 42.
    ///
    /// # Errors
    ///
    /// [`RecipeError::Senseless`] if an option has no use together with the other options.
    pub fn resolve(&self) -> Result<TrainingOptions, RecipeError> {
        let early_stop = self.early_stop.map(Number::get).filter(|&patience| patience > 0);
        if early_stop.is_some() && !self.val_split.is_some_and(ValSplit::is_some) {
            return Err(RecipeError::senseless(
                "early-stop",
                "there are no validation samples to stop by; set val-split, such as 0.1",
            ));
        }
        Ok(TrainingOptions {
            length: self.length()?,
            batch_size: self.batch_size.map_or(BATCH_SIZE, Count::get) as usize,
            accumulate: self.accumulate.map_or(1, Count::get) as usize,
            optimizer: self.resolve_optimizer()?,
            learning_rate: self.lr.map_or(self.optimizer().learning_rate(), NonNegative::get),
            schedule: self.epoch_schedule()?,
            clip: self.clip.map(|clip| clip.get() as f32).filter(|&clip| clip > 0.0),
            dropout: self.dropout.map_or(0.0, Fraction::get) as f32,
            label_smoothing: self.label_smoothing.map_or(0.0, Fraction::get) as f32,
            class_weights: None,
            augmentation: self.augment.map(|AugmentText(augmentation)| augmentation).unwrap_or_default(),
            ema: self.ema.map(Fraction::get).filter(|&decay| decay > 0.0),
            early_stop,
            seed: self.seed.map_or(42, Seed::get),
            shuffle: self.shuffle.unwrap_or(true),
            standardize: self.standardize.unwrap_or_default(),
        })
    }

    fn length(&self) -> Result<Length, RecipeError> {
        match (self.epochs, self.steps) {
            (Some(_), Some(_)) => Err(RecipeError::senseless("steps", "epochs end the run too; leave one of them out")),
            (None, Some(steps)) => Ok(Length::Steps(Steps::get(steps))),
            (epochs, None) => Ok(Length::Epochs(epochs.map_or(epochs::DEFAULT, Epochs::get))),
        }
    }

    fn epoch_schedule(&self) -> Result<EpochSchedule, RecipeError> {
        let schedule = self.schedule.map_or(EpochSchedule::Constant, |schedule| schedule.0);
        match (schedule, self.warmup.map(NonNegative::get)) {
            (EpochSchedule::Cosine { final_fraction, .. }, Some(warm_up)) => {
                Ok(EpochSchedule::Cosine { warm_up, final_fraction })
            }
            (_, Some(_)) => Err(RecipeError::senseless(
                "warmup",
                "this schedule has none; leave it out, or take the schedule cosine",
            )),
            (schedule, None) => Ok(schedule),
        }
    }
}

#[cfg(test)]
mod tests {
    use selvedge::augment::Augmentation;

    use super::{super::Standardize, *};

    fn resolve(text: &str) -> Result<TrainingOptions, RecipeError> {
        RecipeOptions::parse(text, "test".as_ref()).unwrap().resolve()
    }

    #[test]
    fn nothing_is_the_quickstart() {
        assert_eq!(resolve("").unwrap(), TrainingOptions::QUICKSTART);
        assert_eq!(RecipeOptions::find("quickstart".as_ref()).unwrap().resolve().unwrap(), TrainingOptions::QUICKSTART);
    }

    #[test]
    fn each_key_has_its_effect() {
        let expected: [(&str, TrainingOptions); 21] = [
            ("epochs = 7", TrainingOptions { length: Length::Epochs(7), ..TrainingOptions::QUICKSTART }),
            ("steps = 7", TrainingOptions { length: Length::Steps(7), ..TrainingOptions::QUICKSTART }),
            ("batch-size = 7", TrainingOptions { batch_size: 7, ..TrainingOptions::QUICKSTART }),
            ("accumulate = 7", TrainingOptions { accumulate: 7, ..TrainingOptions::QUICKSTART }),
            ("seed = 7", TrainingOptions { seed: 7, ..TrainingOptions::QUICKSTART }),
            ("standardize = 'yes'", TrainingOptions { standardize: Standardize::Yes, ..TrainingOptions::QUICKSTART }),
            ("shuffle = false", TrainingOptions { shuffle: false, ..TrainingOptions::QUICKSTART }),
            ("lr = 7", TrainingOptions { learning_rate: 7.0, ..TrainingOptions::QUICKSTART }),
            ("clip = 7", TrainingOptions { clip: Some(7.0), ..TrainingOptions::QUICKSTART }),
            ("clip = 0", TrainingOptions::QUICKSTART),
            ("dropout = 0.5", TrainingOptions { dropout: 0.5, ..TrainingOptions::QUICKSTART }),
            ("label-smoothing = 0.5", TrainingOptions { label_smoothing: 0.5, ..TrainingOptions::QUICKSTART }),
            ("ema = 0.5", TrainingOptions { ema: Some(0.5), ..TrainingOptions::QUICKSTART }),
            ("ema = 0", TrainingOptions::QUICKSTART),
            ("val-split = 0.5", TrainingOptions::QUICKSTART),
            ("val-split = 0.5\nearly-stop = 7", TrainingOptions { early_stop: Some(7), ..TrainingOptions::QUICKSTART }),
            ("early-stop = 0", TrainingOptions::QUICKSTART),
            (
                "augment = 'shift=7'",
                TrainingOptions {
                    augmentation: Augmentation { shift: 7, ..Augmentation::default() },
                    ..TrainingOptions::QUICKSTART
                },
            ),
            (
                "schedule = 'step,epochs=7'",
                TrainingOptions {
                    schedule: EpochSchedule::Step { epochs: 7.0, gamma: 0.1 },
                    ..TrainingOptions::QUICKSTART
                },
            ),
            (
                "schedule = 'cosine'\nwarmup = 7",
                TrainingOptions {
                    schedule: EpochSchedule::Cosine { warm_up: 7.0, final_fraction: 0.0 },
                    ..TrainingOptions::QUICKSTART
                },
            ),
            ("nesterov = false", TrainingOptions::QUICKSTART),
        ];
        for (text, expected) in expected {
            assert_eq!(resolve(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn a_run_gets_another_length_where_its_schedule_allows() {
        let with_length = |text: &str, length: &str| {
            let [recipe, length] = [text, length].map(|text| RecipeOptions::parse(text, "test".as_ref()).unwrap());
            recipe.with_length(length).map(|recipe| recipe.to_toml()).map_err(|error| error.to_string())
        };
        assert_eq!(with_length("epochs = 2\nseed = 3", "epochs = 4"), Ok("epochs = 4\nseed = 3\n".into()));
        let step = "schedule = \"step,epochs=2,gamma=0.5\"\n";
        assert_eq!(with_length(&format!("epochs = 2\n{step}"), "steps = 4"), Ok(format!("steps = 4\n{step}")));
        assert_eq!(with_length("schedule = \"cosine,final=0\"", ""), Ok("schedule = \"cosine,final=0\"\n".into()));
        for schedule in ["cosine", "one-cycle"] {
            let error = with_length(&format!("schedule = '{schedule}'"), "epochs = 9").unwrap_err();
            assert!(error.starts_with("epochs: the run keeps its length, because its schedule"), "{error}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_name() {
        for (text, expected) in [
            ("epochs = 1\nsteps = 1", "steps: epochs end the run too"),
            ("warmup = 1", "warmup: this schedule has none"),
            ("warmup = 1\nschedule = 'one-cycle'", "warmup: this schedule has none"),
            ("early-stop = 1", "early-stop: there are no validation samples"),
            ("early-stop = 1\nval-split = 0", "early-stop: there are no validation samples"),
        ] {
            let error = resolve(text).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{text}: {error}");
        }
    }
}
