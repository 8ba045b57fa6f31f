use clap::{
    Args,
    builder::{BoolValueParser, TypedValueParser},
};
use serde::{Deserialize, Serialize};

use super::{
    class_weights::ClassWeights,
    epochs::Epochs,
    standardize::Standardize,
    text::{AugmentText, ScheduleText},
    value::{Betas, Count, Fraction, NonNegative, Number, Seed, Steps, ValSplit},
};
use crate::optimizer::OptimizerName;

/// A recipe. Each field is a key of a recipe file, and also the command-line option of the same name. There are exceptions: `description` and
/// `search` have no option, and `shuffle` has the opposite, `--no-shuffle`.
///
/// `None` means that this recipe does not set the key. The value then comes from the recipe that this one overrides
/// ([`overridden_by`](Self::overridden_by)). If no recipe sets the key, it has the default that [`resolve`](Self::resolve) names.
#[derive(Args, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[command(next_help_heading = "Recipe")]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct RecipeOptions {
    /// The purpose of the recipe, in a sentence.
    #[arg(skip)]
    pub description: Option<String>,

    /// The keys that `search` varies ([`Space`](crate::space::Space)). A training run ignores this table, and does not write it.
    #[arg(skip)]
    #[serde(skip_serializing)]
    pub search: Option<toml::Table>,

    /// The number of passes over the training samples; auto: about as many steps as the recipe takes on 60,000 samples, in whole passes, so a small
    /// data set gets more passes. If the recipe has no number of epochs, auto calculates with 5
    #[arg(long, value_name = "N|auto", conflicts_with = "steps")]
    pub epochs: Option<Epochs>,

    /// The number of steps of the run, in place of epochs
    #[arg(long, value_name = "N")]
    pub steps: Option<Steps>,

    /// Samples in a batch
    #[arg(long, value_name = "N")]
    pub batch_size: Option<Count>,

    /// Batches in a step; the step uses the mean gradient of all their samples
    #[arg(long, value_name = "N")]
    pub accumulate: Option<Count>,

    /// The seed of the initial weights, the order of each epoch, dropout, augmentation, and the choice of the validation samples
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub seed: Option<Seed>,

    /// Take the samples in the file's order in every epoch; in a recipe file: shuffle = false
    #[arg(
        long = "no-shuffle",
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        hide_possible_values = true,
        value_parser = BoolValueParser::new().map(|no_shuffle| !no_shuffle),
    )]
    pub shuffle: Option<bool>,

    /// Standardise each feature to mean 0 and standard deviation 1 over the training samples; auto: yes, except for bytes, which are divided by
    /// 255
    #[arg(long, value_enum, value_name = "auto|yes|no", hide_possible_values = true)]
    pub standardize: Option<Standardize>,

    /// The optimizer; names and default values are PyTorch's
    #[arg(long, value_enum, help_heading = "Optimizer")]
    pub optimizer: Option<OptimizerName>,

    /// The learning rate: the base or the peak of the schedule
    #[arg(long, value_name = "X", allow_negative_numbers = true, help_heading = "Optimizer")]
    pub lr: Option<NonNegative>,

    /// The factor by which the velocity (a decaying sum of the gradients) decays in each step; for sgd and rmsprop
    #[arg(long, value_name = "X", allow_negative_numbers = true, help_heading = "Optimizer")]
    pub momentum: Option<Fraction>,

    /// Use Nesterov's momentum; for sgd with momentum
    #[arg(
        long,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        hide_possible_values = true,
        help_heading = "Optimizer",
    )]
    pub nesterov: Option<bool>,

    /// The factor of L2 regularisation; for adamw the factor of its decoupled weight decay
    #[arg(long, value_name = "X", allow_negative_numbers = true, help_heading = "Optimizer")]
    pub weight_decay: Option<NonNegative>,

    /// β₁ and β₂ of adam and adamw: the parts of the averages of the gradients and of their squares that each step keeps; in a recipe file: [0.9,
    /// 0.999]
    #[arg(long, value_name = "X,X", allow_negative_numbers = true, help_heading = "Optimizer")]
    pub betas: Option<Betas>,

    /// The number ε that is added to the denominator of adam, adamw and rmsprop
    #[arg(long, value_name = "X", allow_negative_numbers = true, help_heading = "Optimizer")]
    pub eps: Option<NonNegative>,

    /// The part of the old average of the squared gradients that each step keeps; for rmsprop
    #[arg(long, value_name = "X", allow_negative_numbers = true, help_heading = "Optimizer")]
    pub alpha: Option<Fraction>,

    /// The largest norm of the whole gradient; a gradient with a larger norm is scaled down to it; 0: no limit
    #[arg(long, value_name = "NORM", allow_negative_numbers = true, help_heading = "Optimizer")]
    pub clip: Option<NonNegative>,

    /// The schedule of the learning rate: constant, step,epochs=10[,gamma=0.1], cosine[,final=0] or
    /// one-cycle[,pct-start=0.3,div=25,final-div=1e4]
    ///
    /// step: after each `epochs` epochs the rate is multiplied by `gamma`. cosine: the rate falls to `final` times the base rate. one-cycle: the rate
    /// rises from the base rate / `div` to the base rate, in the fraction `pct-start` of the run. Then it falls to its first value / `final-div`.
    #[arg(long, value_name = "SCHEDULE", help_heading = "Schedule")]
    pub schedule: Option<ScheduleText>,

    /// The number of epochs in which the learning rate rises to its full value; for cosine
    #[arg(long, value_name = "EPOCHS", allow_negative_numbers = true, help_heading = "Schedule")]
    pub warmup: Option<NonNegative>,

    /// The probability with which a training pass sets the output of a unit to 0; if --layers has no Dropout layer, one is added after
    /// every activation function
    #[arg(long, value_name = "P", allow_negative_numbers = true, help_heading = "Regularization")]
    pub dropout: Option<Fraction>,

    /// The part of a target's probability that is spread evenly over all classes
    #[arg(long, value_name = "P", allow_negative_numbers = true, help_heading = "Regularization")]
    pub label_smoothing: Option<Fraction>,

    /// The weight of each class in the loss: balanced (in inverse proportion to the number of its samples), or a number for each class; in a recipe
    /// file: "balanced" or [1, 2.5]
    #[arg(long, value_name = "balanced|W,W,…", allow_hyphen_values = true, help_heading = "Regularization")]
    pub class_weights: Option<ClassWeights>,

    /// The random changes of training images: flip (mirror left to right), shift=PIXELS (move by up to so many pixels), erase=PIXELS (blacken a
    /// square with a side of up to so many pixels), separated by commas; or none
    #[arg(long, value_name = "CHANGES", help_heading = "Regularization")]
    pub augment: Option<AugmentText>,

    /// The part of the old average of the weights that each step keeps, such as 0.999; the run tests and saves the average; 0: no average
    #[arg(long, value_name = "DECAY", allow_negative_numbers = true, help_heading = "Regularization")]
    pub ema: Option<Fraction>,

    /// The training samples that are held out for validation: a fraction below 1, or a number of samples; 0: none
    #[arg(long, value_name = "PART|N", allow_negative_numbers = true, help_heading = "Validation")]
    pub val_split: Option<ValSplit>,

    /// The number of epochs without a better validation loss after which the run ends, with the weights of the epoch with the smallest validation
    /// loss; 0: the run does not end early
    #[arg(long, value_name = "EPOCHS", help_heading = "Validation")]
    pub early_stop: Option<Number>,
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        recipe: RecipeOptions,
    }

    fn parse(line: &str) -> Result<RecipeOptions, String> {
        let cli = Cli::try_parse_from(["train"].into_iter().chain(line.split_whitespace()));
        cli.map(|cli| cli.recipe).map_err(|error| error.to_string())
    }

    #[test]
    fn each_option_is_the_key_of_the_same_name() {
        // The parser says which keys there are.
        let error = RecipeOptions::parse("something-else = 1", "test".as_ref()).unwrap_err().to_string();
        let (_, list) = error.split_once("there are ").unwrap();
        let keys: Vec<&str> = list.split(", ").collect();
        let command = Cli::command();
        command.clone().debug_assert();
        let options = command.get_arguments().filter_map(|option| option.get_long()).filter(|&name| name != "help");
        let options: Vec<&str> = options.map(|name| name.trim_start_matches("no-")).collect();
        assert_eq!([&["description", "search"], &options[..]].concat(), keys);
    }

    #[test]
    fn an_option_means_what_its_key_does() {
        for (line, text) in [
            ("", ""),
            (
                "--epochs 3 --batch-size 7 --accumulate 2 --seed 9",
                "epochs = 3\nbatch-size = 7\naccumulate = 2\nseed = 9",
            ),
            ("--epochs auto", "epochs = 'auto'"),
            ("--steps 3 --seed 18446744073709551615", "steps = 3\nseed = 18446744073709551615"),
            ("--no-shuffle", "shuffle = false"),
            ("--no-shuffle=false", "shuffle = true"),
            (
                "--optimizer sgd --lr 1e-2 --momentum 0.9 --nesterov",
                "optimizer = 'sgd'\nlr = 0.01\nmomentum = 0.9\nnesterov = true",
            ),
            ("--standardize no", "standardize = 'no'"),
            ("--nesterov=false --weight-decay 0", "nesterov = false\nweight-decay = 0"),
            ("--optimizer adamw --betas 0.5,0.9 --eps 1e-9", "optimizer = 'adamw'\nbetas = [0.5, 0.9]\neps = 1e-9"),
            ("--optimizer rmsprop --alpha 0.5 --clip 1", "optimizer = 'rmsprop'\nalpha = 0.5\nclip = 1"),
            ("--schedule cosine,final=0.1 --warmup 1.5", "schedule = 'cosine,final=0.1'\nwarmup = 1.5"),
            ("--class-weights balanced", "class-weights = 'balanced'"),
            ("--class-weights 1,2.5", "class-weights = [1, 2.5]"),
            ("--dropout 0.1 --label-smoothing 0.2", "dropout = 0.1\nlabel-smoothing = 0.2"),
            ("--augment flip,shift=1 --ema 0.9", "augment = 'flip,shift=1'\nema = 0.9"),
            ("--val-split 5000 --early-stop 3", "val-split = 5000\nearly-stop = 3"),
        ] {
            let key = RecipeOptions::parse(text, "test".as_ref()).unwrap();
            assert_eq!(parse(line).unwrap(), key, "{line}");
        }
    }

    #[test]
    fn an_error_names_the_option_and_the_range() {
        for (line, expected) in [
            ("--epochs 0", "'--epochs <N|auto>': must be a whole number from 1"),
            ("--lr -1", "'--lr <X>': must be a number from 0"),
            ("--ema 1", "'--ema <DECAY>': must be a number from 0 to below 1"),
            ("--betas 0.9", "'--betas <X,X>': must be two numbers"),
            ("--schedule step", "'--schedule <SCHEDULE>': step needs its epochs"),
            ("--augment flop", "'--augment <CHANGES>': augmentation has no 'flop'; write flip, shift="),
            ("--val-split 1.5", "'--val-split <PART|N>': must be a part"),
            ("--optimizer none", "possible values: sgd, adam, "),
            ("--nesterov=perhaps", "'--nesterov[=<BOOL>]'"),
            ("--epochs 1 --steps 1", "cannot be used with '--steps <N>'"),
        ] {
            let error = parse(line).unwrap_err();
            assert!(error.contains(expected), "{line}: {error}");
        }
    }
}
