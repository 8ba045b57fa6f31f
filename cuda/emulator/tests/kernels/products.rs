//! A linear layer's three products over random shapes, every size of tile.

use cases::bits;
use cuda::{
    kernel::{Kernel, Tile},
    schedule::Launch,
    task::{Address, Batch, Context, Kind, Optimizer, Phase, Rule, Task},
};
use proptest::prelude::*;
use selvedge::{
    Activation,
    activation::ActivationKind,
    architecture::LayerKind,
    arithmetic::{add_product, dot},
    optimizer::{self, Sgd},
    random::{Generator, Purpose},
    with_activation,
};

use crate::launch::{address, cases, poison, run_one};

/// Numbers where sums round and cancel, zeros of both signs, and what is beyond numbers.
fn numbers(seed: u64, stream: u64, len: usize, any: bool) -> Vec<f32> {
    let generator = Generator::new(seed, Purpose::Fingerprint, stream);
    let number = |index: u64| match generator.below(2 * index, 16) {
        0 | 1 => 0.0,
        2 => -0.0,
        3 if any => f32::from_bits(generator.bits(2 * index + 1) as u32),
        _ => generator.symmetric(2 * index + 1, 2.0),
    };
    (0..len as u64).map(number).collect()
}

fn apply(activation: ActivationKind, x: f32) -> f32 {
    with_activation!(activation, A => A::apply(x))
}

fn grad(activation: ActivationKind, output: f32, grad_output: f32) -> f32 {
    with_activation!(activation, A => A::grad(output, grad_output))
}

fn activation() -> impl Strategy<Value = ActivationKind> {
    let activations = LayerKind::with_words(1).into_iter().filter_map(LayerKind::activation);
    prop::sample::select(activations.chain([ActivationKind::Identity]).collect::<Vec<_>>())
}

/// Returns a width or a number of samples: around every size of tile, and beyond.
fn size(most: usize) -> impl Strategy<Value = usize> {
    prop_oneof![1..most, prop::sample::select(vec![1, 4, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129])]
}

/// A layer's numbers and a batch's.
struct Case {
    samples: usize,
    inputs: usize,
    outputs: usize,
    input: Vec<f32>,
    grad_output: Vec<f32>,
    /// Weights, then biases.
    parameters: Vec<f32>,
    seed: u64,
}

impl Case {
    fn new((samples, inputs, outputs): (usize, usize, usize), any: bool, seed: u64) -> Self {
        Self {
            samples,
            inputs,
            outputs,
            input: numbers(seed, 1, samples * inputs, any),
            grad_output: numbers(seed, 2, samples * outputs, any),
            parameters: numbers(seed, 3, (inputs + 1) * outputs, any),
            seed,
        }
    }

    /// Runs a task by this kernel, with this rule.
    fn run(&self, kernel: Kernel, task: Task, rule: Rule) {
        let batch = Batch { samples: self.samples as u32, is_first: 1, is_last: 1, rule, ..Batch::default() };
        let stopped = [0_u32];
        let context = Context { batches: address(std::slice::from_ref(&batch)), ..Context::new(self.seed) };
        let task = Task {
            inputs: self.inputs as u32,
            outputs: self.outputs as u32,
            input: address(&self.input),
            stopped: address(&stopped),
            ..task
        };
        run_one(&context, &Launch { kernel, phase: Phase::new(&[task]) }, self.seed);
    }

    /// Returns the tiles of a result of this number of rows and columns.
    fn tiles(tile: Tile, [rows, columns]: [usize; 2]) -> u32 {
        tile.count(rows as u32, columns as u32)
    }

    fn weight(&self, output: usize) -> &[f32] {
        &self.parameters[output * self.inputs..][..self.inputs]
    }
}

fn at(buffer: &mut [f32]) -> Address {
    address(buffer)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(48)))]

    #[test]
    fn forward(
        shape in (size(70), size(300), size(70)),
        tile in prop::sample::select(Tile::ALL.to_vec()),
        activation in activation(),
        any: bool,
        seed: u64,
    ) {
        let case = Case::new(shape, any, seed);
        let mut output = poison(case.samples * case.outputs);
        let task = Task {
            activation,
            tiles: Case::tiles(tile, [case.samples, case.outputs]),
            output: at(&mut output),
            parameters: address(&case.parameters),
            ..Task::new(Kind::LinearForward)
        };
        case.run(Kernel::LinearForward(tile), task, Rule::default());
        let biases = &case.parameters[case.inputs * case.outputs..];
        let expected = case.input.chunks(case.inputs).flat_map(|input| {
            let of = |o: usize| apply(activation, dot(biases[o], input, case.weight(o)));
            (0..case.outputs).map(of).collect::<Vec<_>>()
        });
        prop_assert_eq!(bits(&output), bits(&expected.collect::<Vec<_>>()));
    }

    #[test]
    fn input_grad(
        shape in (size(70), size(70), size(300)),
        tile in prop::sample::select(Tile::ALL.to_vec()),
        input_activation in activation(),
        any: bool,
        seed: u64,
    ) {
        let case = Case::new(shape, any, seed);
        let mut grad_input = poison(case.samples * case.inputs);
        let task = Task {
            tiles: Case::tiles(tile, [case.samples, case.inputs]),
            input_activation,
            grad_output: address(&case.grad_output),
            grad_input: at(&mut grad_input),
            parameters: address(&case.parameters),
            ..Task::new(Kind::LinearInputGrad)
        };
        case.run(Kernel::LinearBackward(tile, Some(Optimizer::Sgd)), task, Rule::default());
        let mut expected = vec![0.0; grad_input.len()];
        let rows = case.grad_output.chunks(case.outputs).zip(case.input.chunks(case.inputs));
        for (sums, (grads, input)) in expected.chunks_mut(case.inputs).zip(rows) {
            grads.iter().enumerate().for_each(|(o, &g)| add_product(g, case.weight(o), sums));
            sums.iter_mut().zip(input).for_each(|(sum, &x)| *sum = grad(input_activation, x, *sum));
        }
        prop_assert_eq!(bits(&grad_input), bits(&expected));
    }

    #[test]
    fn update(
        shape in (size(300), size(70), size(70)),
        tile in prop::sample::select(Tile::ALL.to_vec()),
        keeps: bool,
        any: bool,
        seed: u64,
    ) {
        let case = Case::new(shape, any, seed);
        let (mut parameters, mut kept) = (poison(case.parameters.len()), poison(case.parameters.len()));
        let task = Task {
            tiles: Case::tiles(Tile::Throughput, [case.outputs, case.inputs]),
            grad_output: address(&case.grad_output),
            parameters: address(&case.parameters),
            updated: at(&mut parameters),
            kept: if keeps { at(&mut kept) } else { 0 },
            ..Task::new(Kind::LinearUpdate)
        };
        let rule = Sgd { learning_rate: 0.25, weight_decay: 0.5 };
        let optimizer = (!keeps).then_some(Optimizer::Sgd);
        case.run(Kernel::LinearBackward(tile, optimizer), task, Rule::from(&optimizer::Rule::Sgd(rule)));

        let mut grads = vec![0.0; parameters.len()];
        let (weights, biases) = grads.split_at_mut(case.inputs * case.outputs);
        for (grad_output, input) in case.grad_output.chunks(case.outputs).zip(case.input.chunks(case.inputs)) {
            for (o, &g) in grad_output.iter().enumerate() {
                add_product(g, input, &mut weights[o * case.inputs..][..case.inputs]);
                biases[o] += g;
            }
        }
        if keeps {
            prop_assert_eq!(bits(&kept), bits(&grads));
            prop_assert!(parameters.iter().all(|parameter| parameter.is_nan()));
        } else {
            let mut expected = case.parameters.clone();
            selvedge::Engine::update(&selvedge::Portable, &rule, &mut expected, &grads, []);
            prop_assert_eq!(bits(&parameters), bits(&expected));
        }
    }
}

/// A sum that is −0 stays so: no term is added that does not exist, not even as zero.
#[test]
fn nothing_is_added_to_a_sum() {
    for tile in Tile::ALL {
        for inputs in [1, 2, 3, 5, 15, 17, 19, 111, 113, 115, 130] {
            let mut case = Case::new((2, inputs, 3), false, 7);
            case.input.fill(-0.0);
            case.parameters.fill(1.0);
            case.parameters[3 * inputs..].fill(-0.0);
            let mut output = poison(2 * 3);
            let task = Task {
                tiles: 1,
                output: at(&mut output),
                parameters: address(&case.parameters),
                ..Task::new(Kind::LinearForward)
            };
            case.run(Kernel::LinearForward(tile), task, Rule::default());
            assert_eq!(bits(&output), bits(&[-0.0; 2 * 3]), "{tile:?}, {inputs} inputs");
        }
    }
}
