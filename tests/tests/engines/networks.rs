//! Networks with a shape known at run time against types, bit for bit: over random chains of layers, with every optimizer and loss, and
//! random batches and seeds.

#![allow(clippy::unwrap_used, reason = "a test's helper functions are tests too")]

use std::{fmt::Debug, iter, num::NonZero, sync::LazyLock};

use host::{
    engine::{InstructionSet, Simd},
    network::{Batch, Network, Workspace},
};
use proptest::prelude::*;
use selvedge::{
    Engine, Flat, Layer, Portable,
    architecture::{Architecture, LayerKind},
    layers::{self, Draws, Features},
    loss::{BceWithLogits, CrossEntropy, Loss, Mse, Nll, SoftCrossEntropy},
    mlp,
    optimizer::{Adam, Gradient, Momentum, Optimizer, RmsProp, RmsPropMomentum, Sgd},
    random::{Generator, Purpose},
    training::{self, Batch as TypedBatch},
};

/// An optimizer's step of this number, from 1.
trait Steps<const STATE: usize> {
    type Rule: Optimizer<STATE>;

    fn step(&self, number: u64) -> Self::Rule;
}

impl<O: Optimizer<STATE>, F: Fn(u64) -> O, const STATE: usize> Steps<STATE> for F {
    type Rule = O;

    fn step(&self, number: u64) -> O {
        self(number)
    }
}

const SGD: fn(u64) -> Sgd = |_| Sgd { learning_rate: 0.1, weight_decay: 0.01 };
const MOMENTUM: fn(u64) -> Momentum =
    |_| Momentum { learning_rate: 0.05, momentum: 0.9, nesterov: true, weight_decay: 0.01 };
const ADAM: fn(u64) -> Adam = |number| Adam::new(number, 0.01, Adam::BETAS, Adam::EPSILON, 0.01);
const ADAMW: fn(u64) -> Adam = |number| Adam::decoupled(number, 0.01, Adam::BETAS, Adam::EPSILON, 0.01);
const RMS_PROP: fn(u64) -> RmsProp = |_| RmsProp::new(0.01, RmsProp::ALPHA, RmsProp::EPSILON, 0.01);
const RMS_PROP_MOMENTUM: fn(u64) -> RmsPropMomentum =
    |_| RmsPropMomentum { rule: RmsProp::new(0.01, RmsProp::ALPHA, RmsProp::EPSILON, 0.0), momentum: 0.9 };

/// Target values from a draw.
trait Target: Copy + PartialEq + Debug {
    fn of(generator: &Generator, draw: u64, width: usize) -> Self;
}

impl Target for u16 {
    fn of(generator: &Generator, draw: u64, width: usize) -> Self {
        generator.below(draw, width as u32) as u16
    }
}

impl Target for f32 {
    fn of(generator: &Generator, draw: u64, _width: usize) -> Self {
        generator.symmetric(draw, 0.5) + 0.5
    }
}

/// One training step's data.
struct Step<T> {
    input: Vec<f32>,
    targets: Vec<T>,
    draws: Draws,
}

impl<T: Target> Step<T> {
    fn new<L: Loss<Target = T>>(seed: u64, number: u64, inputs: usize, outputs: usize) -> Self {
        let generator = Generator::new(seed, Purpose::Drawing, number);
        let batch = 1 + generator.below(0, 20) as usize;
        let input = (0..(batch * inputs) as u64).map(|index| generator.symmetric(1 + index, 2.0)).collect();
        let targets = 0..(batch * L::targets(outputs)) as u64;
        let targets = targets.map(|index| T::of(&generator, (1 << 32) + index, outputs)).collect();
        Self { input, targets, draws: Draws::new(seed, number, 0.3) }
    }
}

/// All that training leaves, as bits: losses, the model, the optimizer's state, a gradient, and the outputs of the last input.
type Outcome = Vec<(&'static str, Vec<u32>)>;

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| if value.is_nan() { f32::NAN } else { *value }.to_bits()).collect()
}

const STEPS: u64 = 3;

/// Trains the network as a Rust type, with plain loops.
fn typed<M: Layer, S: Steps<STATE>, L: Loss, const STATE: usize>(
    seed: u64,
    steps: &[Step<L::Target>],
    optimizer: &S,
    loss: &L,
) -> Outcome {
    let mut model = M::ZERO;
    layers::initialize(&mut model, seed);
    let mut state = [(); STATE].map(|()| M::ZERO);
    let mut losses = Vec::new();
    let mut grad = M::ZERO;
    for (step, number) in steps.iter().zip(1..) {
        let input = M::Input::batch(&step.input);
        let batch = TypedBatch { input, targets: &step.targets, draws: step.draws };
        let mut tapes = [(); 2].map(|()| vec![f32::NAN; input.len() * M::Tape::LEN]);
        let [tape, grad_tape] = &mut tapes;
        let mut workspace = training::StepWorkspace { tape, grad_tape };
        losses.push(workspace.forward(&Portable, &model, loss, batch, None).unwrap());
        if number < STEPS {
            let state = state.each_mut();
            workspace.backward(&Portable, &optimizer.step(number), state, &mut model, batch).unwrap();
        } else {
            // The last gradient is kept before it goes to the optimizer.
            workspace.backward(&Portable, &Gradient, [&mut grad], &mut model, batch).unwrap();
            training::update(&Portable, &optimizer.step(number), &mut model, &grad, state.each_mut());
        }
    }
    let last = &steps[steps.len() - 1].input;
    let mut outputs = Vec::new();
    for input in M::Input::batch(last) {
        let mut output = M::Output::ZERO;
        model.predict(&Portable, input, &mut output);
        outputs.extend_from_slice(output.as_ref());
    }
    let state: Vec<f32> = state.iter().flat_map(|state| state.as_flat()).copied().collect();
    outcome(&losses, model.as_flat(), &state, grad.as_flat(), &outputs)
}

/// Trains the same network with its shape known at run time, stage after stage.
fn at_run_time<E: Engine, S: Steps<STATE>, L: Loss, const STATE: usize>(
    engine: &E,
    architecture: &Architecture,
    seed: u64,
    steps: &[Step<L::Target>],
    optimizer: &S,
    loss: &L,
) -> Outcome {
    let mut network = Network::initialized(architecture, seed).unwrap();
    let len = network.parameters().len();
    let mut state = [(); STATE].map(|()| vec![0.0; len]);
    let mut losses = Vec::new();
    let mut grad = vec![0.0; len];
    let largest = steps.iter().map(|step| step.input.len() / network.inputs()).max().unwrap();
    let mut workspace = Workspace::for_training(network.view(), largest).unwrap();
    for (step, number) in steps.iter().zip(1..) {
        let batch = Batch { input: &step.input, targets: &step.targets, draws: step.draws };
        losses.push(workspace.forward(engine, network.view(), loss, batch, None).unwrap());
        let kept = state.each_mut().map(|state| &mut state[..]);
        if number < STEPS {
            workspace.backward(engine, &optimizer.step(number), kept, &mut network, (batch.input, batch.draws));
        } else {
            workspace.backward(engine, &Gradient, [&mut grad], &mut network, (batch.input, batch.draws));
            network.update(engine, &optimizer.step(number), &grad, kept);
        }
    }
    let last = &steps[steps.len() - 1].input;
    let mut outputs = vec![f32::NAN; last.len() / network.inputs() * network.outputs()];
    network.predict(engine, last, &mut outputs).unwrap();
    outcome(&losses, network.parameters(), &state.concat(), &grad, &outputs)
}

fn outcome(losses: &[f32], model: &[f32], state: &[f32], grad: &[f32], outputs: &[f32]) -> Outcome {
    let parts = [("losses", losses), ("model", model), ("state", state), ("gradient", grad), ("outputs", outputs)];
    parts.map(|(name, values)| (name, bits(values))).into()
}

/// Engines on one to three threads.
static ENGINES: LazyLock<Vec<Simd>> = LazyLock::new(|| {
    let instructions = InstructionSet::from_environment().unwrap();
    (1..4).map(|threads| Simd::new(instructions, NonZero::new(threads).unwrap()).unwrap()).collect()
});

/// All that is checked of a type. In one function with all other types', it would take the compiler several times as long.
#[inline(never)]
fn check<M: Layer, S: Steps<STATE>, L: Loss<Target: Target> + Debug, const STATE: usize>(
    number: u64,
    layers: &str,
    optimizer: S,
    loss: L,
) {
    let architecture: Architecture = layers.parse().unwrap();
    assert_eq!(architecture, Architecture::of::<M>(), "{layers}");
    let (inputs, outputs) = (M::Input::LEN, M::Output::LEN);
    let steps: Vec<_> = (1..=STEPS).map(|step| Step::new::<L>(number, step, inputs, outputs)).collect();
    let expected = typed::<M, S, L, STATE>(number, &steps, &optimizer, &loss);
    let plain = at_run_time(&Portable, &architecture, number, &steps, &optimizer, &loss);
    let engine = &ENGINES[number as usize % ENGINES.len()];
    let fast = at_run_time(engine, &architecture, number, &steps, &optimizer, &loss);
    for (name, found) in [("plain loops", plain), ("the engine", fast)] {
        for ((part, found), (_, expected)) in found.iter().zip(&expected) {
            assert!(found == expected, "{layers}, {loss:?}: {part} by {name} are not the type's");
        }
    }
}

#[test]
fn random_networks_have_the_types_bits() {
    include!(concat!(env!("OUT_DIR"), "/networks.rs"));
}

/// A chain of up to 63 layers.
fn deep() -> impl Strategy<Value = Architecture> {
    let words = LayerKind::with_words(1).into_iter().filter_map(LayerKind::word).map(|word| match word {
        "BatchNorm1d" => " BatchNorm1d Relu".to_owned(),
        word => format!(" {word}"),
    });
    let words: Vec<String> = iter::once(String::new()).chain(words).collect();
    let layers = prop::collection::vec((1_u32..40, prop::sample::select(words)), 1..=21);
    (1_u32..40, layers).prop_map(|(inputs, layers)| {
        let layers: String = layers.iter().map(|(width, words)| format!(" => {width}{words}")).collect();
        format!("{inputs}{layers}").parse().unwrap()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Networks that are too deep to compile as a type have the same bits on every engine.
    #[test]
    fn deep_networks_have_the_plain_loops_bits(architecture in deep(), seed in 0_u64..1_000_000) {
        let loss = CrossEntropy { label_smoothing: 0.1, ..CrossEntropy::default() };
        let (inputs, outputs) = (architecture.inputs(), architecture.outputs());
        let steps: Vec<_> =
            (1..=STEPS).map(|step| Step::new::<CrossEntropy<'_>>(seed, step, inputs, outputs)).collect();
        let expected = at_run_time(&Portable, &architecture, seed, &steps, &ADAM, &loss);
        for engine in &*ENGINES {
            prop_assert_eq!(&at_run_time(engine, &architecture, seed, &steps, &ADAM, &loss), &expected);
        }
    }
}
