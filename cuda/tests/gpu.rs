//! Runs by a trainer, against core's plain loops bit for bit.
//!
//! The stand-in takes the driver's place: it runs the kernels on the CPU. With `SELVEDGE_GPU=1` the machine's own driver is used; with
//! `SELVEDGE_GPU=quick`, too, but for as few runs as with the stand-in. The program then needs nothing beside it, and can be copied to another
//! machine:
//!
//! ```text
//! cargo test --package cuda --features driver --test gpu --no-run
//! SELVEDGE_GPU=1 target/debug/deps/gpu-…
//! ```

use std::{
    env,
    sync::{Mutex, PoisonError},
};

use cases::{Case, Check, Log, Model, Outcome, Rules, Targets, Tested, bits, list};
use cuda::{
    driver::Gpu,
    task::Batch,
    trainer::{self, Part, Run, Samples, Trainer},
};
use selvedge::{architecture::Architecture, mlp};
use skip::skip;

/// With this environment variable, the driver is the machine's own.
const REAL: &str = "SELVEDGE_GPU";

fn is_real() -> bool {
    env::var_os(REAL).is_some_and(|value| !value.is_empty())
}

/// `real` on a real GPU, `stand_in` on the stand-in, which takes a million times as long.
fn on_real<T>(real: T, stand_in: T) -> T {
    let is_quick = env::var_os(REAL).is_some_and(|value| value == "quick");
    if is_real() && !is_quick { real } else { stand_in }
}

/// Runs the test of this name with a GPU.
fn with_gpu(test: &str, body: impl FnOnce(Gpu)) {
    /// A fault that one test makes is to be no other test's.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let body = || body(Gpu::open().unwrap_or_else(|error| panic!("{error}")));
    if is_real() {
        let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        body();
    } else if emulator::kernels().is_none() {
        skip(
            "training on an emulated GPU",
            "there is no C++ compiler to build the kernels by: install one (Debian: apt-get install g++)",
        );
    } else {
        emulator::with_stand_in(test, &[], body);
    }
}

/// A case's run on the GPU.
struct CaseRun {
    trainer: Trainer,
    model: Model,
    case: Case,
    architecture: Architecture,
    log: Log,
}

impl CaseRun {
    fn new(gpu: &Gpu, model: Model, case: &Case) -> Self {
        let architecture = model.architecture();
        let class_weights = case.class_weights(architecture.outputs());
        let table = case.values.table(architecture.inputs());
        let run = Run {
            architecture: architecture.clone(),
            settings: case.settings(),
            seed: case.seed,
            dropout: case.dropout,
            label_smoothing: case.label_smoothing,
            class_weights: class_weights.as_deref(),
            clip: case.clip,
            input: case.input(architecture.inputs()),
            preparation: case.values.preparation(&table, architecture.inputs()),
            augmentation: case.augmentation,
        };
        let (values, targets) = (case.samples(architecture.inputs()), case.targets(architecture.outputs()));
        let targets = match &targets {
            Targets::Classes(labels) => trainer::Targets::Classes(labels),
            Targets::Numbers(numbers) => trainer::Targets::Numbers(numbers),
        };
        let samples = Samples { values: &values, targets };
        let mut trainer = Trainer::new(gpu.clone(), &run, samples).expect("there is memory");
        trainer.upload(Part::Model, &model.initialized(case.seed)).expect("it can be brought");
        if case.decay.is_some() {
            // It stays so if the first step has no loss, such as that of a sample whose class weighs nothing.
            let zeros = vec![0.0; architecture.parameter_count().expect("it is a network")];
            trainer.upload(Part::Average, &zeros).expect("it can be brought");
        }
        trainer.add_test(samples).expect("there is memory");
        Self { trainer, model, case: case.clone(), architecture, log: Log::default() }
    }

    fn begin(&mut self, epoch: u64) -> Vec<Batch> {
        self.trainer.set_order(&self.case.order(epoch)).expect("it can be brought");
        self.case.batches(epoch, self.architecture.outputs())
    }

    /// Takes these batches in one call. A run that has diverged goes on, and is to change nothing.
    fn train(&mut self, batches: &[Batch]) {
        self.trainer.start(batches).expect("it starts");
        let trained = self.trainer.finish().expect("it runs");
        self.log.add(&self.case, batches, &trained.losses, &trained.norms);
    }

    /// Takes an epoch in one call.
    fn epoch(&mut self, epoch: u64) {
        let batches = self.begin(epoch);
        self.train(&batches);
    }

    /// All that the run keeps.
    fn parts(&self) -> Vec<Part> {
        let state = (0..self.case.rules.states()).map(Part::State);
        let average = self.case.decay.map(|_| Part::Average);
        [Part::Model].into_iter().chain(state).chain(average).collect()
    }

    fn download(&mut self, part: Part) -> Vec<f32> {
        let mut flat = vec![f32::NAN; self.architecture.parameter_count().expect("it is a network")];
        self.trainer.download(part, &mut flat).expect("it can be brought");
        flat
    }

    /// Brings all from the GPU and back, with something else there meanwhile.
    fn move_away_and_back(&mut self) {
        for part in self.parts() {
            let flat = self.download(part);
            for flat in [&vec![7.0; flat.len()], &flat] {
                self.trainer.upload(part, flat).expect("it can be brought");
            }
        }
    }

    /// Goes on in a trainer that is new.
    fn move_to_another(&mut self, gpu: &Gpu) {
        let mut other = Self::new(gpu, self.model, &self.case);
        for part in self.parts() {
            other.trainer.upload(part, &self.download(part)).expect("it can be brought");
        }
        self.trainer = other.trainer;
    }

    fn test(&mut self) -> Tested {
        let tested = self.case.decay.map_or(Part::Model, |_| Part::Average);
        let evaluated = self.trainer.evaluate(0, tested).expect("it runs");
        Tested { losses: bits(&evaluated.losses), classes: evaluated.classes, outputs: bits(&evaluated.outputs) }
    }

    fn outcome(&mut self) -> Outcome {
        Outcome {
            model: bits(&self.download(Part::Model)),
            state: (0..self.case.rules.states()).map(|index| bits(&self.download(Part::State(index)))).collect(),
            average: self.case.decay.map(|_| bits(&self.download(Part::Average))),
            log: self.log.clone(),
            test: self.test(),
        }
    }

    #[track_caller]
    fn assert(&mut self, expected: &Outcome) {
        let (found, case) = (self.outcome(), &self.case);
        assert!(found == *expected, "{case:?}, {}: {}", self.architecture, found.difference(expected));
    }

    /// Checks that it is where core's run is after this number of epochs.
    #[track_caller]
    fn assert_after(&mut self, epochs: u64) {
        self.assert(&self.model.portable(&Case { epochs, ..self.case.clone() }));
    }
}

/// Each epoch in one call. What happens at the same time on a real GPU is another thing each time.
struct OnGpu(Gpu);

impl Check for OnGpu {
    fn run(&self, model: Model, case: &Case) {
        let expected = model.portable(case);
        for _ in 0..on_real(5, 1) {
            let mut training = CaseRun::new(&self.0, model, case);
            (0..case.epochs).for_each(|epoch| training.epoch(epoch));
            training.assert(&expected);
        }
    }
}

#[test]
fn every_optimizer() {
    with_gpu("every_optimizer", |gpu| list::every_optimizer(&OnGpu(gpu)));
}

#[test]
fn every_layer() {
    with_gpu("every_layer", |gpu| list::every_layer(&OnGpu(gpu)));
}

#[test]
fn every_size_of_batch() {
    with_gpu("every_size_of_batch", |gpu| list::every_size_of_batch(&OnGpu(gpu)));
}

#[test]
fn every_number_of_inputs_and_outputs() {
    with_gpu("every_number_of_inputs_and_outputs", |gpu| list::every_number_of_inputs_and_outputs(&OnGpu(gpu)));
}

#[test]
fn class_weights() {
    with_gpu("class_weights", |gpu| list::class_weights(&OnGpu(gpu)));
}

#[test]
fn labels_and_numbers() {
    with_gpu("labels_and_numbers", |gpu| list::labels_and_numbers(&OnGpu(gpu)));
}

#[test]
fn images_of_every_shape_are_changed_alike() {
    with_gpu("images_of_every_shape_are_changed_alike", |gpu| list::images_of_every_shape(&OnGpu(gpu)));
}

#[test]
fn values_of_every_element() {
    with_gpu("values_of_every_element", |gpu| list::values_of_every_element(&OnGpu(gpu)));
}

#[test]
fn more_samples_than_are_evaluated_at_once() {
    with_gpu("more_samples_than_are_evaluated_at_once", |gpu| {
        list::more_samples_than_are_evaluated_at_once(&OnGpu(gpu));
    });
}

#[test]
fn a_diverged_run_changes_nothing_any_more() {
    with_gpu("a_diverged_run_changes_nothing_any_more", |gpu| list::diverged_runs(&OnGpu(gpu)));
}

#[test]
fn any_options() {
    with_gpu("any_options", |gpu| list::any_options(&OnGpu(gpu), on_real(64, 12)));
}

#[test]
fn sizes_of_a_gpu() {
    with_gpu("sizes_of_a_gpu", |gpu| list::sizes_of_a_gpu(&OnGpu(gpu), on_real(12, 2)));
}

type Small = mlp!(12 => 9 Relu Dropout => 3);

/// Steps of three batches, which launches and calls cut anywhere.
const ALL_OPTIONS: Case = Case {
    batch: 3,
    accumulate: 3,
    rules: Rules::Adam { learning_rate: 1e-2, decoupled: true },
    clip: Some(0.5),
    dropout: 0.2,
    decay: Some(0.9),
    ..Case::PLAIN
};

#[test]
fn several_launches_in_a_call() {
    with_gpu("several_launches_in_a_call", |gpu| {
        let by: &dyn Check = &OnGpu(gpu);
        // An odd number of batches: two launches that are full, and a rest.
        by.check::<Small>(&Case { samples: 3 * 301, ..ALL_OPTIONS });
        by.check::<mlp!(5 => 3)>(&Case { samples: on_real(5001, 257), batch: 1, epochs: 1, ..Case::PLAIN });
    });
}

/// Each call begins with the first of the two input buffers again, whichever was used last.
#[test]
fn calls_of_any_number_of_batches_with_evaluations_between() {
    with_gpu("calls_of_any_number_of_batches_with_evaluations_between", |gpu| {
        let case = Case { samples: 100, epochs: 3, ..ALL_OPTIONS };
        let mut training = CaseRun::new(&gpu, Model::of::<Small>(), &case);
        let mut calls = [1, 3, 2, 5, 4, 7].into_iter().cycle();
        for epoch in 0..case.epochs {
            let batches = training.begin(epoch);
            let mut rest = &batches[..];
            while let Some((call, after)) = calls.next().and_then(|len| rest.split_at_checked(len.min(rest.len()))) {
                if call.is_empty() {
                    break;
                }
                training.train(call);
                assert_eq!(training.test(), training.test());
                rest = after;
            }
            training.assert_after(epoch + 1);
        }
    });
}

#[test]
fn a_run_that_is_moved_goes_on() {
    with_gpu("a_run_that_is_moved_goes_on", |gpu| {
        let case = Case { samples: 50, epochs: 3, ..ALL_OPTIONS };
        let mut training = CaseRun::new(&gpu, Model::of::<Small>(), &case);
        for epoch in 0..case.epochs {
            let batches = training.begin(epoch);
            // In the middle of a step.
            let (first, rest) = batches.split_at(7);
            training.train(first);
            training.move_away_and_back();
            training.train(rest);
            training.move_to_another(&gpu);
            training.assert_after(epoch + 1);
        }
    });
}

#[test]
fn two_trainers_share_a_gpu() {
    with_gpu("two_trainers_share_a_gpu", |gpu| {
        type Other = mlp!(784 => 20 Tanh => 10);
        let cases = [Case { samples: 60, ..ALL_OPTIONS }, Case { seed: 6, ..Case::PLAIN }];
        let mut first = CaseRun::new(&gpu, Model::of::<Small>(), &cases[0]);
        let mut second = CaseRun::new(&gpu, Model::of::<Other>(), &cases[1]);
        drop(gpu);
        for epoch in 0..Case::PLAIN.epochs {
            let batches = [first.begin(epoch), second.begin(epoch)];
            let (before, after) = batches[0].split_at(5);
            first.train(before);
            second.train(&batches[1]);
            first.train(after);
            first.assert_after(epoch + 1);
            second.assert_after(epoch + 1);
        }
        // One that ends takes nothing of the other's with it.
        drop(first);
        second.assert_after(Case::PLAIN.epochs);
    });
}
