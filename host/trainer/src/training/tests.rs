//! Tests the loop on a backend that takes many steps at once and has its own memory, beside the CPU's.

use std::collections::VecDeque;

use selvedge::{Portable, architecture::Architecture, augment::Augmentation, fashion_mnist::Tiny};

use super::*;
use crate::{data, task::Targets, weights};

/// A device's way to take steps.
#[derive(Clone, Copy, Debug)]
struct Way {
    max_steps: usize,
    max_started: usize,
    /// True if steps are taken as late as possible, and not when they are begun.
    is_late: bool,
}

impl Way {
    /// Returns the ways with this number of steps at once.
    fn all(max_steps: usize) -> impl Iterator<Item = Self> {
        [(1, false), (2, false), (2, true), (3, true)].into_iter().map(move |(max_started, is_late)| Self {
            max_steps,
            max_started,
            is_late,
        })
    }
}

/// A device with memory of its own.
struct Remote<'a> {
    cpu: Cpu<'a, Portable>,
    state: State,
    way: Way,
    /// The steps that were begun and not taken yet.
    begun: VecDeque<Begun>,
    /// The results of the steps that were taken and not finished yet.
    taken: VecDeque<Vec<StepOutput>>,
    has_stopped: bool,
    /// The number of steps that were begun at once.
    at_once: Vec<usize>,
    /// The largest number of starts that were open.
    most_started: usize,
    /// The number of calls of `finish` before one that fails.
    failing: Option<usize>,
    fetches: usize,
}

struct Begun {
    epoch: u32,
    order: Vec<u32>,
    targets: Targets,
    inputs: Vec<StepInput>,
}

impl<'a> Remote<'a> {
    fn new(data: &'a Dataset, options: &'a TrainingOptions, way: Way) -> Self {
        Self::from(&initialized(options), data, options, way)
    }

    fn from(state: &State, data: &'a Dataset, options: &'a TrainingOptions, way: Way) -> Self {
        let state = copy(state, options);
        let cpu = Cpu::new(&Portable, &state, data, options, None).unwrap();
        Self {
            cpu,
            state,
            way,
            begun: VecDeque::new(),
            taken: VecDeque::new(),
            has_stopped: false,
            at_once: Vec::new(),
            most_started: 0,
            failing: None,
            fetches: 0,
        }
    }

    fn take_oldest(&mut self) {
        let Some(Begun { epoch, order, targets, inputs }) = self.begun.pop_front() else { return };
        let mut outputs = Vec::new();
        if self.has_stopped {
            // They mean nothing, and look like others.
            outputs.resize(inputs.len(), StepOutput { loss: 0.5, grad_norm: None });
        } else {
            let steps = Steps { epoch, order: &order, targets: &targets, inputs: &inputs };
            self.cpu.start(&mut self.state, &steps).unwrap();
            self.cpu.finish(&mut outputs).unwrap();
            self.has_stopped = outputs.iter().any(|output| !output.loss.is_finite());
        }
        self.taken.push_back(outputs);
    }

    fn started(&self) -> usize {
        self.begun.len() + self.taken.len()
    }
}

impl Backend for Remote<'_> {
    fn max_steps(&self) -> usize {
        self.way.max_steps
    }

    fn max_started(&self) -> usize {
        self.way.max_started
    }

    fn start(&mut self, _state: &mut State, steps: &Steps<'_>) -> Result<(), TrainingError> {
        let &Steps { epoch, order, targets, inputs } = steps;
        self.at_once.push(inputs.len());
        self.begun.push_back(Begun { epoch, order: order.into(), targets: targets.clone(), inputs: inputs.into() });
        self.most_started = self.most_started.max(self.started());
        if !self.way.is_late {
            self.take_oldest();
        }
        Ok(())
    }

    fn finish(&mut self, outputs: &mut Vec<StepOutput>) -> Result<(), TrainingError> {
        assert!(outputs.is_empty());
        if self.taken.is_empty() {
            self.take_oldest();
        }
        let mut taken = self.taken.pop_front().expect("it was begun");
        match &mut self.failing {
            Some(0) => return Err(TrainingError::Backend("it broke".into())),
            Some(failing) => *failing -= 1,
            None => {}
        }
        outputs.append(&mut taken);
        Ok(())
    }

    fn fetch(&mut self, state: &mut State) -> Result<(), TrainingError> {
        assert_eq!(self.started(), 0);
        self.fetches += 1;
        self.state.trained().zip(state.parts_mut()).for_each(|(own, other)| other.copy_from_slice(own));
        Ok(())
    }

    fn evaluate(&mut self, state: &State) -> Result<Evaluations, TrainingError> {
        assert_eq!(self.started(), 0);
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

/// Observes every n-th state, and may ask for an end after a step.
#[derive(Debug, Default, PartialEq)]
struct Watch {
    every: Option<u64>,
    interrupt_at: Option<u64>,
    /// Fails when it sees this step.
    fail_at: Option<u64>,
    is_interrupted: bool,
    steps: Vec<Step>,
    /// The run's place and the state's hash, each time.
    states: Vec<(Progress, String)>,
    tests: Vec<(Option<Evaluation>, Evaluation)>,
}

impl Observer for Watch {
    type Error = Interrupted;

    fn step(&mut self, step: &Step) -> Result<(), Interrupted> {
        self.steps.push(*step);
        self.is_interrupted |= self.interrupt_at == Some(step.number);
        if self.fail_at == Some(step.number) { Err(Interrupted) } else { Ok(()) }
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

/// Counts the steps that it sees.
struct Count(u64);

impl Observer for Count {
    type Error = TrainingError;

    fn step(&mut self, step: &Step) -> Result<(), TrainingError> {
        self.0 += 1;
        assert_eq!(step.number, self.0);
        Ok(())
    }
}

/// Returns the state before the first step.
fn initialized(options: &TrainingOptions) -> State {
    State::initialized(&Architecture::of::<Tiny>(), options).unwrap()
}

fn copy(state: &State, options: &TrainingOptions) -> State {
    let mut copy = initialized(options);
    copy.progress = state.progress;
    state.parts().zip(copy.parts_mut()).for_each(|(from, to)| to.copy_from_slice(from));
    copy
}

/// Returns a hash of all that a state stores.
fn hash(state: &State) -> String {
    state.parts().map(weights::hash).collect()
}

/// Returns 100 samples to train on and 30 to validate with.
fn builtin() -> Dataset {
    let mut data = data::load(Some("builtin".as_ref())).unwrap();
    data.truncate(130);
    data.hold_out(30, 1);
    data.test.truncate(50);
    data
}

/// Returns options for 7 steps in an epoch. The last step has a single batch of 4 samples.
fn options() -> TrainingOptions {
    TrainingOptions {
        length: Length::Epochs(3),
        batch_size: 8,
        accumulate: 2,
        optimizer: Optimizer::Adam { betas: [0.9, 0.99], eps: 1e-8, weight_decay: 0.01, decoupled: true },
        learning_rate: 0.01,
        clip: Some(0.5),
        augmentation: Augmentation { flip: true, shift: 2, erase: 6 },
        ema: Some(0.9),
        early_stop: Some(2),
        ..TrainingOptions::QUICKSTART
    }
}

/// Returns the observations of a run on the CPU, and its last state.
fn on_the_cpu(data: &Dataset, options: &TrainingOptions, mut watch: Watch) -> (Watch, String) {
    let mut state = initialized(options);
    let ended = train_on_engine(&Portable, &mut state, data, options, &mut watch);
    assert_eq!(ended.is_err(), watch.is_interrupted);
    (watch, hash(&state))
}

#[test]
fn steps_that_are_taken_at_once_have_the_bits_of_those_that_are_not() {
    let data = builtin();
    let cases = [
        (Length::Epochs(3), 1000, 1, vec![5, 2, 3, 4, 1, 5, 1]),
        (Length::Epochs(3), 3, 2, vec![3, 2, 2, 3, 3, 1, 1, 3, 2, 1]),
        (Length::Epochs(1), 0, 3, vec![1; 7]),
        (Length::Steps(9), 1000, 1, vec![5, 2, 2]),
    ];
    for (length, max_steps, most, at_once) in cases {
        let options = TrainingOptions { length, ..options() };
        let watch = || Watch { every: Some(5), ..Watch::default() };
        let (expected, expected_hash) = on_the_cpu(&data, &options, watch());
        assert_eq!(expected.states.len(), expected.steps.len() / 5);
        for way in Way::all(max_steps) {
            let (mut state, mut watch) = (initialized(&options), watch());
            let mut remote = Remote::new(&data, &options, way);
            train_on(&mut remote, &mut state, &data, &options, &mut watch).unwrap();
            assert_eq!(remote.at_once, at_once, "{length:?}, {way:?}");
            // The state is wanted after every fifth step: no start goes on beyond, and none is open there.
            assert_eq!(remote.most_started, way.max_started.min(most), "{length:?}, {way:?}");
            assert_eq!(watch, expected, "{length:?}, {way:?}");
            assert_eq!(hash(&state), expected_hash, "{length:?}, {way:?}");
        }
    }
}

#[test]
fn nothing_is_fetched_that_nobody_looks_at() {
    let data = builtin();
    let options = TrainingOptions { early_stop: None, ..options() };
    for way in Way::all(1000) {
        let mut remote = Remote::new(&data, &options, way);
        train_on(&mut remote, &mut initialized(&options), &data, &options, &mut Ignore).unwrap();
        assert_eq!((remote.at_once, remote.fetches), (vec![7; 3], 1), "{way:?}");
    }
}

#[test]
fn the_best_epochs_weights_are_kept() {
    let data = builtin();
    // A rate that makes every epoch after some worse.
    let options = TrainingOptions { length: Length::Epochs(60), learning_rate: 0.9, clip: None, ..options() };
    let (expected, expected_hash) = on_the_cpu(&data, &options, Watch::default());
    assert!(expected.tests.len() < 60);
    for way in Way::all(3) {
        let (mut state, mut watch) = (initialized(&options), Watch::default());
        train_on(&mut Remote::new(&data, &options, way), &mut state, &data, &options, &mut watch).unwrap();
        assert_eq!(watch, expected, "{way:?}");
        assert_eq!(hash(&state), expected_hash, "{way:?}");
        assert_ne!(state.result().parameters(), state.tested().parameters());
    }
}

#[test]
fn an_interrupt_takes_effect_after_the_steps_that_were_begun() {
    let data = builtin();
    let options = options();
    let whole = on_the_cpu(&data, &options, Watch::default());
    // The second epoch begins with step 8.
    for (max_steps, last) in [(1, [9, 10, 10, 11]), (2, [9, 11, 11, 13]), (4, [11, 14, 14, 14]), (1000, [14; 4])] {
        for (way, last) in Way::all(max_steps).zip(last) {
            let (mut state, mut watch) = (initialized(&options), Watch { interrupt_at: Some(9), ..Watch::default() });
            let mut remote = Remote::new(&data, &options, way);
            train_on(&mut remote, &mut state, &data, &options, &mut watch).unwrap_err();
            assert_eq!(watch.states.len(), 1);
            let (progress, at_last) = &watch.states[0];
            assert_eq!((progress.epochs, progress.steps), (1, last), "{way:?}");
            let expected = Watch { interrupt_at: Some(last), ..Watch::default() };
            assert_eq!(on_the_cpu(&data, &options, expected).1, *at_last, "{way:?}");

            // It goes on from there, on a device that knows nothing of the first.
            let mut rest = Watch::default();
            let mut remote = Remote::from(&state, &data, &options, way);
            train_on(&mut remote, &mut state, &data, &options, &mut rest).unwrap();
            watch.steps.append(&mut rest.steps);
            assert_eq!((&watch.steps, &hash(&state)), (&whole.0.steps, &whole.1), "{way:?}");
        }
    }
}

#[test]
fn an_error_of_the_observer_undoes_no_step() {
    let data = builtin();
    let options = options();
    for (way, last) in Way::all(2).zip([9, 11, 11, 13]) {
        let (mut state, mut watch) = (initialized(&options), Watch { fail_at: Some(8), ..Watch::default() });
        let mut remote = Remote::new(&data, &options, way);
        train_on(&mut remote, &mut state, &data, &options, &mut watch).unwrap_err();
        assert_eq!((watch.steps.len(), state.progress.steps), (8, last), "{way:?}");
        let expected = Watch { interrupt_at: Some(last), ..Watch::default() };
        assert_eq!(on_the_cpu(&data, &options, expected).1, hash(&state), "{way:?}");
    }
}

#[test]
fn a_backend_that_fails_is_finished() {
    let data = builtin();
    let options = options();
    for way in Way::all(2) {
        let mut state = initialized(&options);
        let mut remote = Remote { failing: Some(1), ..Remote::new(&data, &options, way) };
        let error = train_on(&mut remote, &mut state, &data, &options, &mut Ignore).unwrap_err();
        assert_eq!((error.to_string(), remote.started()), ("it broke".to_owned(), 0), "{way:?}");
    }
}

#[test]
fn the_next_epochs_order_is_drawn_where_one_comes() {
    let data = builtin();
    for (length, last) in [(Length::Epochs(3), 2), (Length::Steps(14), 1), (Length::Steps(15), 2)] {
        let options = TrainingOptions { length, early_stop: None, ..options() };
        for way in Way::all(2) {
            let (mut state, mut remote) = (initialized(&options), Remote::new(&data, &options, way));
            let mut run = Run::new(&mut remote, &mut state, &data, &options);
            run.epochs(&mut Ignore).unwrap();
            assert!(run.order.is_of(last), "{length:?}, {way:?}");
            // Where it was drawn ahead, the order before the last is left.
            assert_eq!(run.next_order.is_of(last - 1), way.max_started > 1, "{length:?}, {way:?}");
        }
    }
}

#[test]
fn divergence_leaves_what_the_last_good_step_left() {
    let data = builtin();
    let options = TrainingOptions {
        learning_rate: 1e30,
        optimizer: Optimizer::Sgd { momentum: 0.0, nesterov: false, weight_decay: 0.0 },
        clip: None,
        ..options()
    };
    let ended = |state: &State, error: TrainingError| {
        let TrainingError::Diverged { step, loss } = error else { panic!("{error}") };
        assert_eq!(state.progress.steps, step - 1);
        assert!(step > 1 && step < 7, "{step}");
        (step, loss.to_bits(), state.progress, hash(state))
    };
    let mut state = initialized(&options);
    let error = train_on_engine(&Portable, &mut state, &data, &options, &mut Ignore).unwrap_err();
    let expected = ended(&state, error);
    for way in [1, 2, 1000].into_iter().flat_map(Way::all) {
        let (mut state, mut seen) = (initialized(&options), Count(0));
        let mut remote = Remote::new(&data, &options, way);
        let error = train_on(&mut remote, &mut state, &data, &options, &mut seen);
        assert_eq!(ended(&state, error.unwrap_err()), expected, "{way:?}");
        assert_eq!(seen.0, state.progress.steps, "{way:?}");
    }
}

#[test]
fn weights_that_compute_no_number_are_named_before_the_first_step() {
    let (data, options) = (builtin(), options());
    let mut state = initialized(&options);
    state.network.parameters_mut().fill(1e37);
    let error = train_on_engine(&Portable, &mut state, &data, &options, &mut Ignore).unwrap_err();
    assert!(matches!(error, TrainingError::Start { .. }), "{error}");
    assert_eq!(state.progress.steps, 0);
}
