//! The runs by which a GPU is compared with the CPU, in `cargo xtask verify bits --cuda` and in the check on a GPU machine.

/// A training whose weights must have the same hash everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// The run's subject, in a few words.
    pub name: &'static str,
    model: &'static str,
    /// The changes to the recipe `quickstart`.
    changes: &'static str,
    /// The length of the training.
    length: &'static str,
    /// The length of the training for [`Extent::Quick`].
    quick: &'static str,
}

/// The part of each run that is trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// The whole length: 50 to 300 steps, or one or two epochs.
    Whole,
    /// A short length: a few steps, or one or two epochs of the few samples of a rehearsal. It is enough to see that everything works, also if a
    /// CPU takes the place of the GPU.
    Quick,
}

/// All runs: every optimizer, the other options of a recipe, and batches that fill the kernels' tiles or do not.
pub const RUNS: [Run; 16] = [
    run("SGD, batch 64", "quickstart", "--optimizer sgd --batch-size 64", "--steps 200", "--steps 3"),
    run("SGD, batch 100", "quickstart", "--optimizer sgd --batch-size 100", "--steps 200", "--steps 2"),
    run("SGD, batch 1024", "quickstart", "--optimizer sgd --batch-size 1024", "--steps 50", "--steps 1"),
    run("Adam, batch 64", "quickstart", "--optimizer adam --batch-size 64", "--steps 200", "--steps 2"),
    run("Adam, batch 100", "quickstart", "--optimizer adam --batch-size 100", "--steps 100", "--steps 2"),
    run("Adam, batch 1024", "quickstart", "--optimizer adam --batch-size 1024", "--steps 50", "--steps 1"),
    run("dropout, batch 64", "quickstart", "--dropout 0.2 --batch-size 64", "--steps 200", "--steps 2"),
    run("dropout, batch 1000", "quickstart", "--dropout 0.2 --batch-size 1000", "--steps 50", "--steps 1"),
    run("two epochs", "quickstart", "", "--epochs 2", "--epochs 2 --limit-train 100"),
    run("batch 1", "quickstart", "--batch-size 1", "--steps 60", "--steps 5"),
    run("batch 63, in order", "quickstart", "--batch-size 63 --no-shuffle", "--steps 130", "--steps 2"),
    run(
        "AdamW, label smoothing, batch 250",
        "small",
        "--optimizer adamw --lr 0.001 --weight-decay 0.01 --label-smoothing 0.1 --batch-size 250",
        "--epochs 1",
        "--epochs 1",
    ),
    run(
        "momentum, accumulation, clipping, averaged weights, augmentation",
        "tiny",
        "--lr 0.05 --batch-size 16 --accumulate 3 --clip 0.5 --momentum 0.9 --ema 0.9 --augment flip,shift=2,erase=4",
        "--steps 300",
        "--steps 4",
    ),
    run(
        "RMSprop, a schedule, validation",
        "tiny",
        "--batch-size 32 --optimizer rmsprop --lr 0.001 --schedule one-cycle --val-split 0.2 --early-stop 1",
        "--epochs 2 --limit-train 5000",
        "--epochs 2",
    ),
    run(
        "standardised values, batch 100",
        "quickstart",
        "--standardize yes --batch-size 100",
        "--steps 100",
        "--steps 2",
    ),
    run(
        "class weights, label smoothing, Nesterov's momentum",
        "small",
        "--class-weights 1,2,0.5,1,3,1,0.25,1,1,4 --label-smoothing 0.1 --lr 0.05 --momentum 0.9 --nesterov",
        "--epochs 1",
        "--epochs 1",
    ),
];

/// The run of [`RUNS`] that is repeated, because a race may show only in some runs.
pub const REPEATED: &str = "two epochs";

const fn run(
    name: &'static str,
    model: &'static str,
    changes: &'static str,
    length: &'static str,
    quick: &'static str,
) -> Run {
    Run { name, model, changes, length, quick }
}

impl Run {
    /// Returns the run's options of `selvedge train`, without those for the device and the samples.
    pub fn options(&self, extent: Extent) -> impl Iterator<Item = &'static str> {
        let length = match extent {
            Extent::Whole => self.length,
            Extent::Quick => self.quick,
        };
        let words = self.changes.split_whitespace().chain(length.split_whitespace());
        ["--model", self.model, "--recipe", "quickstart"].into_iter().chain(words)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use options::commands::Train;

    use super::*;

    #[derive(Parser)]
    struct Arguments {
        #[command(flatten)]
        train: Train,
    }

    #[test]
    fn every_run_is_one_that_train_takes() {
        for run in RUNS {
            for extent in [Extent::Whole, Extent::Quick] {
                let words = ["train"].into_iter().chain(run.options(extent));
                assert!(Arguments::try_parse_from(words).is_ok(), "{}", run.name);
            }
        }
    }

    #[test]
    fn a_quick_run_is_shorter_and_has_the_same_changes() {
        let options = |extent| RUNS[4].options(extent).collect::<Vec<_>>().join(" ");
        let start = "--model quickstart --recipe quickstart --optimizer adam --batch-size 100";
        assert_eq!(options(Extent::Whole), format!("{start} --steps 100"));
        assert_eq!(options(Extent::Quick), format!("{start} --steps 2"));
    }

    #[test]
    fn names_differ_and_one_is_repeated() {
        let mut names = RUNS.map(|run| run.name);
        assert!(names.contains(&REPEATED) && names.iter().all(|name| !name.contains(['\t', '"', '\\'])));
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
