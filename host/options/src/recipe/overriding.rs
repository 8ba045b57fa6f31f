use super::{Epochs, RecipeOptions};
use crate::training::EpochSchedule;

impl RecipeOptions {
    /// Returns this recipe, overridden by each value that the other recipe has.
    ///
    /// Some values also remove others of this recipe. `steps` removes `epochs`, and `epochs` removes `steps`. Another optimizer removes `momentum`,
    /// `nesterov`, `betas`, `eps` and `alpha`. A schedule that cannot have a warm-up removes `warmup`. The result has no
    /// description, because it may be wrong, and no table `[search]`.
    #[must_use]
    pub fn overridden_by(mut self, mut other: Self) -> Self {
        if let (Some(Epochs::Auto(None)), Some(Epochs::Count(count))) = (other.epochs, self.epochs) {
            other.epochs = Some(Epochs::Auto(Some(count)));
        }
        if other.epochs.is_some() || other.steps.is_some() {
            (self.epochs, self.steps) = (None, None);
        }
        if other.optimizer.is_some_and(|optimizer| self.optimizer() != optimizer) {
            (self.momentum, self.nesterov, self.betas, self.eps, self.alpha) = (None, None, None, None, None);
        }
        if other.schedule.is_some_and(|schedule| !matches!(schedule.0, EpochSchedule::Cosine { .. })) {
            self.warmup = None;
        }
        /// All fields but the description and the search; the compiler misses one that is not named.
        macro_rules! either {
            ($($field:ident),*) => {
                Self { description: None, search: None, $($field: other.$field.or(self.$field)),* }
            };
        }
        either!(
            epochs,
            steps,
            batch_size,
            accumulate,
            seed,
            shuffle,
            standardize,
            optimizer,
            lr,
            momentum,
            nesterov,
            weight_decay,
            betas,
            eps,
            alpha,
            clip,
            schedule,
            warmup,
            dropout,
            label_smoothing,
            class_weights,
            augment,
            ema,
            val_split,
            early_stop
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipe(text: &str) -> RecipeOptions {
        RecipeOptions::parse(text, "test".as_ref()).unwrap()
    }

    fn check(recipe_text: &str, over: &str, expected: &str) {
        assert_eq!(recipe(recipe_text).overridden_by(recipe(over)), recipe(expected), "{recipe_text} under {over}");
    }

    #[test]
    fn each_key_of_the_other_counts() {
        check("description = 'x'\nlr = 1\nseed = 3", "lr = 2\nshuffle = false", "lr = 2\nseed = 3\nshuffle = false");
        check("nesterov = true", "nesterov = false", "nesterov = false");
        let all = recipe(
            "batch-size = 1\naccumulate = 2\nseed = 3\nshuffle = false\noptimizer = 'adam'\nlr = 1\nmomentum = 0.5\nnesterov = true
            weight-decay = 1\nbetas = [0, 0]\neps = 1\nalpha = 0\nclip = 1\nschedule = 'constant'\nwarmup = 1\ndropout = 0.5
            label-smoothing = 0.5\naugment = 'flip'\nema = 0.5\nval-split = 0.5\nearly-stop = 1\nsteps = 1",
        );
        assert_eq!(recipe("").overridden_by(all.clone()), all);
        assert_eq!(all.clone().overridden_by(RecipeOptions::default()), all);
        assert_eq!(recipe("lr = 3\nepochs = 3\ndropout = 0.25").overridden_by(all.clone()), all);
    }

    #[test]
    fn one_length_replaces_the_other() {
        check("epochs = 5", "steps = 7", "steps = 7");
        check("steps = 7", "epochs = 5", "epochs = 5");
    }

    #[test]
    fn an_optimizer_leaves_another_ones_options_behind() {
        let sgd = "optimizer = 'sgd'\nmomentum = 0.9\nnesterov = true\nlr = 1\nweight-decay = 1\n";
        check(sgd, "optimizer = 'adam'", "optimizer = 'adam'\nlr = 1\nweight-decay = 1");
        check(sgd, "optimizer = 'sgd'", sgd);
        check("momentum = 0.9", "optimizer = 'sgd'", "optimizer = 'sgd'\nmomentum = 0.9");
        let rmsprop = "optimizer = 'rmsprop'\nalpha = 0.5\neps = 1\nmomentum = 0.5";
        check(rmsprop, "optimizer = 'adamw'\nbetas = [0, 0]", "optimizer = 'adamw'\nbetas = [0, 0]");
        check("optimizer = 'adam'\nbetas = [0, 0]", "optimizer = 'adamw'\neps = 1", "optimizer = 'adamw'\neps = 1");
    }

    #[test]
    fn a_schedule_leaves_another_ones_warm_up_behind() {
        let cosine = "schedule = 'cosine'\nwarmup = 3";
        check(cosine, "schedule = 'constant'", "schedule = 'constant'");
        check(cosine, "schedule = 'cosine,final=0.5'", "schedule = 'cosine,final=0.5'\nwarmup = 3");
        check(cosine, "schedule = 'constant'\nwarmup = 1", "schedule = 'constant'\nwarmup = 1");
    }
}
