//! The loop on a backend that takes many steps at once, with memory of its own, beside the CPU's.

use selvedge::{Portable, architecture::Architecture, augment::Augmentation, fashion_mnist::Tiny};

use super::*;
use crate::{data, weights};

/// A device with memory of its own.
struct Remote<'a> {
    cpu: Cpu<'a, Portable>,
    state: State,
    max_steps: usize,
    /// How many steps were taken at once.
    at_once: Vec<usize>,
    fetches: usize,
}

impl<'a> Remote<'a> {
    fn new(data: &'a Dataset, options: &'a Options, max_steps: usize) -> Self {
        let state = initialized(options);
        let cpu = Cpu::new(&Portable, &state, data, options, None).unwrap();
        Self { cpu, state, max_steps, at_once: Vec::new(), fetches: 0 }
    }
}

impl Backend for Remote<'_> {
    fn max_steps(&self) -> usize {
        self.max_steps
    }

    fn train(
        &mut self,
        _state: &mut State,
        steps: &Steps<'_>,
        outputs: &mut Vec<StepOutput>,
    ) -> Result<(), TrainingError> {
        self.at_once.push(steps.inputs.len());
        self.cpu.train(&mut self.state, steps, outputs)
    }

    fn fetch(&mut self, state: &mut State) -> Result<(), TrainingError> {
        self.fetches += 1;
        self.state.trained().zip(state.parts_mut()).for_each(|(own, other)| other.copy_from_slice(own));
        Ok(())
    }

    fn evaluate(&mut self, state: &State) -> Result<Evaluations, TrainingError> {
        self.state.progress = state.progress;
        self.cpu.evaluate(&self.state)
    }
}

#[derive(Debug)]
struct Interrupted;

impl From<TrainingError> for Interrupted {
    fn from(error: TrainingError) -> Self {
        panic!("{error}");
    }
}

/// Looks at every so many states, and after a step may ask for an end.
#[derive(Debug, Default, PartialEq)]
struct Watch {
    every: Option<u64>,
    interrupt_at: Option<u64>,
    is_interrupted: bool,
    steps: Vec<Step>,
    /// Where the run was, and what the state was by then.
    states: Vec<(Progress, String)>,
    tests: Vec<(Option<Evaluation>, Evaluation)>,
}

impl Observer for Watch {
    type Error = Interrupted;

    fn step(&mut self, step: &Step) -> Result<(), Interrupted> {
        self.steps.push(*step);
        self.is_interrupted |= self.interrupt_at == Some(step.number);
        Ok(())
    }

    fn wants_state(&self, step: u64) -> bool {
        self.is_interrupted || self.every.is_some_and(|every| step.is_multiple_of(every))
    }

    fn state(&mut self, state: &State) -> Result<(), Interrupted> {
        self.states.push((state.progress, hash(state)));
        if self.is_interrupted { Err(Interrupted) } else { Ok(()) }
    }

    fn epoch_ends(&mut self, epoch: &Epoch) -> Result<(), Interrupted> {
        self.tests.push((epoch.validation.clone(), epoch.test.clone()));
        Ok(())
    }
}

struct Ignore;

impl Observer for Ignore {
    type Error = TrainingError;
}

/// The state before the first step.
fn initialized(options: &Options) -> State {
    State::initialized(&Architecture::of::<Tiny>(), options).unwrap()
}

/// Of all that a state keeps.
fn hash(state: &State) -> String {
    state.parts().map(weights::hash).collect()
}

/// 100 samples to train on and 30 to validate with.
fn builtin() -> Dataset {
    let mut data = data::load(Some("builtin".as_ref())).unwrap();
    data.truncate(130);
    data.hold_out(30, 1);
    data.test.truncate(50);
    data
}

/// 7 steps in an epoch, the last of a single batch of 4 samples.
fn options() -> Options {
    Options {
        length: Length::Epochs(3),
        batch_size: 8,
        accumulate: 2,
        optimizer: Optimizer::Adam { betas: [0.9, 0.99], eps: 1e-8, weight_decay: 0.01, decoupled: true },
        learning_rate: 0.01,
        clip: Some(0.5),
        augmentation: Augmentation { flip: true, shift: 2, erase: 6 },
        ema: Some(0.9),
        early_stop: Some(2),
        ..Options::QUICKSTART
    }
}

/// What is seen of a run on the CPU, and its last state.
fn on_the_cpu(data: &Dataset, options: &Options, mut watch: Watch) -> (Watch, String) {
    let mut state = initialized(options);
    let ended = train(&Portable, &mut state, data, options, &mut watch);
    assert_eq!(ended.is_err(), watch.is_interrupted);
    (watch, hash(&state))
}

#[test]
fn steps_that_are_taken_at_once_have_the_bits_of_those_that_are_not() {
    let data = builtin();
    let cases = [
        (Length::Epochs(3), 1000, vec![5, 2, 3, 4, 1, 5, 1]),
        (Length::Epochs(3), 3, vec![3, 2, 2, 3, 3, 1, 1, 3, 2, 1]),
        (Length::Epochs(1), 0, vec![1; 7]),
        (Length::Steps(9), 1000, vec![5, 2, 2]),
    ];
    for (length, max_steps, at_once) in cases {
        let options = Options { length, ..options() };
        let watch = || Watch { every: Some(5), ..Watch::default() };
        let (expected, expected_hash) = on_the_cpu(&data, &options, watch());
        assert_eq!(expected.states.len(), expected.steps.len() / 5);
        let (mut state, mut watch) = (initialized(&options), watch());
        let mut remote = Remote::new(&data, &options, max_steps);
        train_on(&mut remote, &mut state, &data, &options, &mut watch).unwrap();
        assert_eq!(remote.at_once, at_once, "{length:?}");
        assert_eq!(watch, expected, "{length:?}");
        assert_eq!(hash(&state), expected_hash, "{length:?}");
    }
}

#[test]
fn nothing_is_fetched_that_nobody_looks_at() {
    let data = builtin();
    let options = Options { early_stop: None, ..options() };
    let mut remote = Remote::new(&data, &options, 1000);
    train_on(&mut remote, &mut initialized(&options), &data, &options, &mut Ignore).unwrap();
    assert_eq!((remote.at_once, remote.fetches), (vec![7; 3], 1));
}

#[test]
fn the_best_epochs_weights_are_kept() {
    let data = builtin();
    // A rate that makes every epoch after some worse.
    let options = Options { length: Length::Epochs(60), learning_rate: 0.9, clip: None, ..options() };
    let (expected, expected_hash) = on_the_cpu(&data, &options, Watch::default());
    assert!(expected.tests.len() < 60);
    let (mut state, mut watch) = (initialized(&options), Watch::default());
    train_on(&mut Remote::new(&data, &options, 1000), &mut state, &data, &options, &mut watch).unwrap();
    assert_eq!(watch, expected);
    assert_eq!(hash(&state), expected_hash);
    assert_ne!(state.result().parameters(), state.tested().parameters());
}

#[test]
fn an_interrupt_takes_effect_after_the_steps_in_progress() {
    let data = builtin();
    let options = options();
    for (max_steps, last) in [(1, 9), (4, 11), (1000, 14)] {
        let (mut state, mut watch) = (initialized(&options), Watch { interrupt_at: Some(9), ..Watch::default() });
        let mut remote = Remote::new(&data, &options, max_steps);
        train_on(&mut remote, &mut state, &data, &options, &mut watch).unwrap_err();
        assert_eq!(watch.states.len(), 1);
        let (progress, hash) = &watch.states[0];
        assert_eq!((progress.epochs, progress.steps), (1, last));
        let watch = Watch { interrupt_at: Some(last), ..Watch::default() };
        assert_eq!(on_the_cpu(&data, &options, watch).1, *hash, "{max_steps}");
    }
}

#[test]
fn divergence_leaves_what_the_last_good_step_left() {
    let data = builtin();
    let options = Options {
        learning_rate: 1e30,
        optimizer: Optimizer::Sgd { momentum: 0.0, nesterov: false, weight_decay: 0.0 },
        clip: None,
        ..options()
    };
    let ended = |state: &State, error: TrainingError| {
        let TrainingError::Diverged { step, loss } = error else { panic!("{error}") };
        assert_eq!(state.progress.steps, step - 1);
        assert!(step > 1 && step < 7, "{step}");
        (step, loss.to_bits(), hash(state))
    };
    let mut state = initialized(&options);
    let error = train(&Portable, &mut state, &data, &options, &mut Ignore).unwrap_err();
    let expected = ended(&state, error);
    let mut state = initialized(&options);
    let error = train_on(&mut Remote::new(&data, &options, 1000), &mut state, &data, &options, &mut Ignore);
    assert_eq!(ended(&state, error.unwrap_err()), expected);
}
