//! A run by the kernels, and the same by core's plain loops.

use cuda::{
    memory::{EVALUATED, Memory, SCALARS, Settings},
    schedule::{self, Launches, Machine, Training},
    task::{Address, Batch, Changes, Context, Rule},
};
use selvedge::{
    Flat, Layer, Portable,
    architecture::Architecture,
    augment::{Augmentation, normalize_all},
    layers::{self, Draws, DropoutRate, Features},
    loss::CrossEntropy,
    optimizer::{self, Accumulate, Adam, Average, Gradient, Momentum, Optimizer, RmsProp, RmsPropMomentum, Sgd},
    random::{self, Generator, Purpose},
    shape::InputShape,
    training::{self, Batch as CoreBatch, Workspace, clip_grad_norm},
    with_rule,
};

use crate::launch::{address, bits, poison, run_batches, run_phase};

/// An optimizer's rule for each step.
#[derive(Clone, Copy, Debug)]
pub enum Rules {
    Sgd(f32),
    Momentum(bool),
    Adam(bool),
    RmsProp,
    RmsPropMomentum,
}

impl Rules {
    fn states(self) -> usize {
        self.step(1).states()
    }

    /// Step `number`, from 1.
    fn step(self, number: u64) -> optimizer::Rule {
        let rms_prop = RmsProp::new(1e-2, RmsProp::ALPHA, RmsProp::EPSILON, 1e-3);
        match self {
            Self::Sgd(learning_rate) => optimizer::Rule::Sgd(Sgd::new(learning_rate)),
            Self::Momentum(nesterov) => {
                optimizer::Rule::Momentum(Momentum { learning_rate: 0.05, momentum: 0.9, nesterov, weight_decay: 1e-3 })
            }
            Self::Adam(decoupled) => {
                let new = if decoupled { Adam::decoupled } else { Adam::new };
                optimizer::Rule::Adam(new(number, 1e-2, Adam::BETAS, Adam::EPSILON, 1e-2))
            }
            Self::RmsProp => optimizer::Rule::RmsProp(rms_prop),
            Self::RmsPropMomentum => {
                optimizer::Rule::RmsPropMomentum(RmsPropMomentum { rule: rms_prop, momentum: 0.9 })
            }
        }
    }
}

/// Every optimizer, the last one with a smaller step.
pub const ALL_RULES: [Rules; 8] = [
    Rules::Sgd(0.1),
    Rules::Momentum(false),
    Rules::Momentum(true),
    Rules::Adam(false),
    Rules::Adam(true),
    Rules::RmsProp,
    Rules::RmsPropMomentum,
    Rules::Sgd(0.01),
];

/// What to train, and how.
#[derive(Clone, Debug)]
pub struct Case {
    pub samples: usize,
    /// The sizes of an image; of a sample that is none there are none.
    pub image: Option<[u32; 3]>,
    pub batch: usize,
    pub accumulate: usize,
    pub rules: Rules,
    pub clip: Option<f32>,
    pub dropout: f32,
    pub label_smoothing: f32,
    pub augmentation: Augmentation,
    pub decay: Option<f64>,
    pub seed: u64,
}

impl Case {
    /// Two epochs of SGD.
    pub const PLAIN: Self = Self {
        samples: 40,
        image: None,
        batch: 16,
        accumulate: 1,
        rules: Rules::Sgd(0.1),
        clip: None,
        dropout: 0.0,
        label_smoothing: 0.0,
        augmentation: Augmentation { flip: false, shift: 0, erase: 0 },
        decay: None,
        seed: 5,
    };

    const EPOCHS: u64 = 2;

    fn input<M: Layer>(&self) -> InputShape {
        match self.image {
            Some([channels, height, width]) => InputShape::Image { channels, height, width },
            None => InputShape::Features(M::Input::LEN as u32),
        }
    }

    /// The samples' values, and their classes.
    fn data<M: Layer>(&self) -> (Vec<u8>, Vec<u16>) {
        assert_eq!(self.input::<M>().features(), M::Input::LEN);
        let generator = Generator::new(self.seed, Purpose::Drawing, 0);
        let values = (0..(self.samples * M::Input::LEN) as u64).map(|index| generator.bits(index) as u8);
        let classes = M::Output::LEN as u32;
        let labels = (0..self.samples as u64).map(|index| generator.below(1 << 40 | index, classes) as u16);
        (values.collect(), labels.collect())
    }

    /// The batches of an epoch: their number in the run, the step, the first sample, samples, whether they begin and end a step.
    fn batches(&self, epoch: u64) -> Vec<Batch> {
        let per_epoch = self.samples.div_ceil(self.batch) as u64;
        let in_step = self.batch * self.accumulate;
        let steps = self.samples.div_ceil(in_step) as u64;
        let batch = |index: usize| {
            let first = index * self.batch;
            let step_first = first / in_step * in_step;
            let step_end = self.samples.min(step_first + in_step);
            let end = self.samples.min(first + self.batch);
            let step = epoch * steps + (first / in_step) as u64 + 1;
            Batch {
                number: epoch * per_epoch + index as u64,
                epoch,
                first: first as u32,
                samples: (end - first) as u32,
                is_first: (first == step_first).into(),
                is_last: (end == step_end).into(),
                total_weight: (step_end - step_first) as f32,
                average: self.decay.map_or(0.0, |decay| (1.0 - decay) as f32),
                starts_average: (step == 1).into(),
                rule: Rule::from(&self.rules.step(step)),
            }
        };
        (0..per_epoch as usize).map(batch).collect()
    }
}

/// What a run leaves.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    pub model: Vec<u32>,
    pub state: Vec<Vec<u32>>,
    pub average: Option<Vec<u32>>,
    pub losses: Vec<u32>,
    pub norms: Vec<u32>,
    /// Each batch's loss in an evaluation of the samples, and each sample's class.
    pub test: (Vec<u32>, Vec<u16>),
}

/// By the kernels.
pub fn emulated<M: Layer>(case: &Case, launches: Launches) -> Outcome {
    let network = Architecture::of::<M>();
    let settings = Settings {
        batch: case.batch,
        states: case.rules.states(),
        accumulates: case.accumulate > 1,
        clips: case.clip.is_some(),
        averages: case.decay.is_some(),
    };
    let Ok(mut memory) = Memory::allocate(&network, &settings, |_, len| Ok::<_, std::convert::Infallible>(poison(len)));
    memory.parameters.copy_from_slice(initialized::<M>(case.seed).as_flat());
    memory.state.iter_mut().for_each(|state| state.fill(0.0));
    memory.kept.iter_mut().for_each(|kept| kept.fill(0.0));
    memory.scalars.copy_from_slice(&[1.0, f32::NAN, 0.0, 1.0, f32::NAN, 0.0]);
    let addresses = memory.map(|buffer| address(buffer));
    let scalar = |index: usize| addresses.scalars + 4 * index as Address;
    assert_eq!(memory.scalars.len(), SCALARS);

    let (values, labels) = case.data::<M>();
    let mut order: Vec<u32> = vec![0; case.samples];
    let (losses, norms) = (poison(case.samples), poison(case.samples));
    let mut context = Context {
        samples: address(&values),
        labels: address(&labels),
        order: address(&order),
        sample_losses: addresses.sample_losses,
        losses: address(&losses),
        norms: address(&norms),
        partial_norms: addresses.partial_norms,
        clip_scale: scalar(0),
        step_loss: scalar(1),
        stopped: scalar(2),
        dropout: DropoutRate::new(case.dropout).into(),
        label_smoothing: case.label_smoothing,
        max_norm: case.clip.unwrap_or(f32::INFINITY),
        changes: Changes::new(case.augmentation, case.input::<M>()),
        ..Context::new(case.seed)
    };
    let machine = Machine { launches, multiprocessors: 4 };
    let mut outcome = (Vec::new(), Vec::new());
    for epoch in 0..Case::EPOCHS {
        random::shuffle(&mut order, case.seed, epoch);
        let batches = case.batches(epoch);
        context.batches = address(&batches);
        let training = Training::new(&network, &settings, &addresses, &context, machine);
        let seed = case.seed.wrapping_add(epoch << 32);
        if launches == Launches::Persistent {
            run_batches(&context, &training, batches.len() as u32, seed);
        } else {
            for index in 0..batches.len() {
                for (phase, number) in training.of_batch(index).zip(0..) {
                    let seed = seed.wrapping_add(number).wrapping_add((index as u64) << 16);
                    run_phase(&context, phase, index as u32, batches.len() as u32, seed);
                }
            }
        }
        // What follows a loss that is no number means nothing.
        let bad = losses[..batches.len()].iter().position(|loss| !loss.is_finite());
        let seen = bad.map_or(batches.len(), |bad| bad + 1);
        outcome.0.extend(bits(&losses[..seen]));
        let done = batches[..bad.unwrap_or(batches.len())].iter().zip(&norms);
        let last = done.filter(|(batch, _)| case.clip.is_some() && batch.is_last == 1);
        outcome.1.extend(last.map(|(_, norm)| norm.to_bits()));
        if bad.is_some() {
            break;
        }
    }

    // The samples once more, as a test.
    let network = network.for_prediction();
    let ranges: Vec<_> = (0..case.samples).step_by(EVALUATED).collect();
    let batch = |&first: &usize| {
        let samples = EVALUATED.min(case.samples - first);
        Batch {
            first: first as u32,
            samples: samples as u32,
            is_first: 1,
            total_weight: samples as f32,
            ..Batch::default()
        }
    };
    let batches: Vec<_> = ranges.iter().map(batch).collect();
    let classes = vec![0xffff_u16; case.samples];
    let test = Context {
        samples: context.samples,
        labels: context.labels,
        batches: address(&batches),
        classes: address(&classes),
        sample_losses: context.sample_losses,
        losses: context.losses,
        step_loss: scalar(4),
        stopped: scalar(5),
        ..Context::new(0)
    };
    let tested = addresses.average.unwrap_or(addresses.parameters);
    for index in 0..batches.len() {
        let phases = schedule::evaluation(&network, EVALUATED, &addresses, &test, machine, tested);
        phases.iter().for_each(|phase| run_phase(&test, phase, index as u32, batches.len() as u32, 3));
    }
    Outcome {
        model: bits(&memory.parameters),
        state: memory.state.iter().map(|state| bits(state)).collect(),
        average: memory.average.as_ref().map(|average| bits(average)),
        losses: outcome.0,
        norms: outcome.1,
        test: (bits(&losses[..batches.len()]), classes),
    }
}

fn initialized<M: Layer>(seed: u64) -> Box<M> {
    let mut model = Box::new(M::ZERO);
    layers::initialize(&mut *model, seed);
    model
}

/// By core's plain loops.
pub fn portable<M: Layer>(case: &Case) -> Outcome {
    let mut model = initialized::<M>(case.seed);
    let mut state: Vec<Box<M>> = (0..case.rules.states()).map(|_| Box::new(M::ZERO)).collect();
    let mut average = case.decay.map(|_| Box::new(M::ZERO));
    let mut grad = Box::new(M::ZERO);
    let loss = CrossEntropy { label_smoothing: case.label_smoothing, ..CrossEntropy::default() };
    let (values, labels) = case.data::<M>();
    let features = M::Input::LEN;
    let mut order: Vec<u32> = vec![0; case.samples];
    let keeps = case.accumulate > 1 || case.clip.is_some();
    let (mut losses, mut norms) = (Vec::new(), Vec::new());
    'training: for epoch in 0..Case::EPOCHS {
        random::shuffle(&mut order, case.seed, epoch);
        let mut step = 0;
        for batch in case.batches(epoch) {
            let samples = &order[batch.first as usize..][..batch.samples as usize];
            let generator = Generator::new(case.seed, Purpose::Augmentation, epoch);
            let mut input = vec![0.0; samples.len() * features];
            for (&index, input) in samples.iter().zip(input.chunks_exact_mut(features)) {
                let sample = &values[index as usize * features..][..features];
                case.augmentation.write(&generator, index.into(), case.input::<M>(), sample, input);
            }
            let targets: Vec<u16> = samples.iter().map(|&index| labels[index as usize]).collect();
            let draws = Draws::new(case.seed, batch.number, case.dropout);
            let core = CoreBatch { input: M::Input::batch(&input), targets: &targets, draws };
            let mut tape = poison(samples.len() * M::Tape::LEN);
            let mut grad_tape = tape.clone();
            let mut workspace = Workspace { tape: &mut tape, grad_tape: &mut grad_tape };
            let value = workspace
                .forward(&Portable, &*model, &loss, core, Some(batch.total_weight))
                .expect("a batch with targets that are classes");
            losses.extend(bits(&[value]));
            if !value.is_finite() {
                break 'training;
            }
            let per_epoch = case.samples.div_ceil(case.batch * case.accumulate) as u64;
            step += u64::from(batch.is_first);
            let number = epoch * per_epoch + step;
            if keeps {
                let state = [&mut *grad];
                let done = if batch.is_first == 1 {
                    workspace.backward(&Portable, &Gradient, state, &mut *model, core)
                } else {
                    workspace.backward(&Portable, &Accumulate, state, &mut *model, core)
                };
                done.expect("the same batch");
            }
            if batch.is_last == 1
                && let Some(clip) = case.clip
            {
                norms.push(clip_grad_norm(&Portable, grad.as_flat_mut(), clip).to_bits());
            }
            let mut by = Apply { workspace, model: &mut *model, grad: keeps.then_some(&*grad), core };
            if batch.is_last == 1 {
                by.step(case.rules, number, &mut state);
                if let (Some(decay), Some(average)) = (case.decay, &mut average) {
                    let flat = average.as_flat_mut();
                    if number == 1 {
                        flat.copy_from_slice(model.as_flat());
                    } else {
                        selvedge::Engine::update(&Portable, &Average::new(decay), flat, model.as_flat(), []);
                    }
                }
            }
        }
    }
    let tested = average.as_deref().unwrap_or(&*model);
    let mut test = (Vec::new(), Vec::new());
    for (values, labels) in values.chunks(EVALUATED * features).zip(labels.chunks(EVALUATED)) {
        let mut input = vec![0.0; values.len()];
        normalize_all(values, &mut input);
        let mut tape = poison(labels.len() * M::Tape::LEN);
        let batch = CoreBatch::new(M::Input::batch(&input), labels);
        let (logits, loss) = training::evaluate(&Portable, tested, &CrossEntropy::default(), batch, &mut tape)
            .expect("a batch with targets that are classes");
        test.0.extend(bits(&[loss]));
        test.1.extend(logits.iter().map(|logits| selvedge::classification::argmax(logits.as_ref()) as u16));
    }
    Outcome {
        model: bits(model.as_flat()),
        state: state.iter().map(|state| bits(state.as_flat())).collect(),
        average: average.as_ref().map(|average| bits(average.as_flat())),
        losses,
        norms,
        test,
    }
}

/// One step's update, by the pass itself or by a gradient that was kept.
struct Apply<'a, M: Layer> {
    workspace: Workspace<'a>,
    model: &'a mut M,
    grad: Option<&'a M>,
    core: CoreBatch<'a, M::Input, u16>,
}

impl<M: Layer> Apply<'_, M> {
    fn step(&mut self, rules: Rules, number: u64, state: &mut [Box<M>]) {
        with_rule!(&rules.step(number), state, (rule, state) => self.by(rule, state));
    }

    fn by<O: Optimizer<STATE>, const STATE: usize>(&mut self, rule: &O, state: [&mut M; STATE]) {
        match self.grad {
            Some(grad) => training::update(&Portable, rule, self.model, grad, state),
            None => self.workspace.backward(&Portable, rule, state, self.model, self.core).expect("the same batch"),
        }
    }
}
