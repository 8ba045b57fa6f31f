//! Selvedge against PyTorch: logits, gradients, 200 losses and trained parameters from the same weights.
//!
//! The expected numbers are those of PyTorch in float64 (tests/references/generate.py, which also prints how far its
//! float32 is from them). A distance between tensors is relative to the expected tensor's largest element.

#![allow(clippy::unwrap_used, reason = "here it is an assertion")]

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    thread,
};

use host::{
    data::{Split, load},
    engine::{InstructionSet, Simd},
    interchange::StateDict,
    network::{Batch, Network, Workspace},
};
use selvedge::{
    Engine, Portable,
    architecture::{Architecture, Parameter},
    augment::normalize_all,
    classification::argmax,
    fashion_mnist::{PIXELS, Quickstart},
    flat::as_bytes,
    layers::Draws,
    loss::CrossEntropy,
    optimizer::{Gradient, Sgd},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

/// For what rounding alone decides: sums of at most 784 terms, not yet carried through steps of training.
const ROUNDING: f64 = 1e-6;
/// After training. Where rounding moves an activation across ReLU's corner, a whole term of a gradient comes or goes;
/// PyTorch's own float32 reaches 3e-5 on the quickstart's test logits.
const TRAINED: f64 = 5e-5;
/// For each loss of a run, relative. PyTorch's own float32 stays within 3e-7.
const LOSS: f64 = 2e-6;

const SMALL: &str = "20 => 16 Relu => 12 Relu => 10";

#[derive(Deserialize)]
struct Small {
    learning_rate: f32,
    inputs: Vec<Vec<[f32; 20]>>,
    targets: Vec<Vec<u16>>,
    initial_parameters: BTreeMap<String, Tensor>,
    initial_logits_of_first_batch: Vec<[f32; 10]>,
    first_step_gradients: BTreeMap<String, Tensor>,
    losses_float64: Vec<f64>,
    final_parameters: BTreeMap<String, Tensor>,
}

/// A vector or a matrix.
#[derive(Deserialize)]
#[serde(from = "Value")]
struct Tensor {
    shape: Vec<usize>,
    elements: Vec<f32>,
}

// Not an untagged enum: those lose numbers where a dependency asks serde_json for arbitrary precision.
impl From<Value> for Tensor {
    fn from(value: Value) -> Self {
        let number = |value: &Value| value.as_f64().unwrap() as f32;
        let outer = value.as_array().unwrap();
        let rows: Vec<&Vec<Value>> = outer.iter().filter_map(Value::as_array).collect();
        match rows.first() {
            Some(row) => Self {
                shape: vec![rows.len(), row.len()],
                elements: rows.iter().flat_map(|row| row.iter().map(number)).collect(),
            },
            None => Self { shape: vec![outer.len()], elements: outer.iter().map(number).collect() },
        }
    }
}

#[derive(Deserialize)]
struct QuickstartRun {
    batch_size: usize,
    learning_rate: f32,
    initial_logits_of_first_5_test_images: Vec<[f32; 10]>,
    first_step_gradient_norm_and_sum: BTreeMap<String, [f64; 2]>,
    losses_float64: Vec<f64>,
    final_parameter_norms: BTreeMap<String, f64>,
    logits_of_first_5_test_images: Vec<[f32; 10]>,
    test_loss: f64,
    test_correct: usize,
}

/// A network in training.
struct Run {
    network: Network,
    workspace: Workspace,
}

impl Run {
    fn new(network: Network, batch_size: usize) -> Self {
        let workspace = Workspace::for_training(network.view(), batch_size).unwrap();
        Self { network, workspace }
    }

    fn step<E: Engine>(&mut self, engine: &E, learning_rate: f32, input: &[f32], targets: &[u16]) -> f32 {
        let Self { network, workspace } = self;
        let batch = batch(input, targets);
        let loss = workspace.forward(engine, network.view(), &CrossEntropy::default(), batch, None).unwrap();
        workspace.backward(engine, &Sgd::new(learning_rate), [], network, (batch.input, batch.draws));
        loss
    }

    /// The gradient that the next step follows.
    fn grad<E: Engine>(&mut self, engine: &E, input: &[f32], targets: &[u16]) -> Vec<f32> {
        let Self { network, workspace } = self;
        let batch = batch(input, targets);
        workspace.forward(engine, network.view(), &CrossEntropy::default(), batch, None).unwrap();
        let mut grad = vec![0.0; network.parameters().len()];
        workspace.backward(engine, &Gradient, [&mut grad], network, (batch.input, batch.draws));
        grad
    }

    /// The outputs and the loss of any number of samples.
    fn evaluate<E: Engine>(&self, engine: &E, input: &[f32], targets: &[u16]) -> (Vec<f32>, f32) {
        let mut workspace = Workspace::for_prediction(self.network.view(), targets.len()).unwrap();
        let batch = batch(input, targets);
        let (logits, loss) = workspace.evaluate(engine, self.network.view(), &CrossEntropy::default(), batch).unwrap();
        (logits.to_vec(), loss)
    }

    fn parameters(&self) -> impl Iterator<Item = Parameter> {
        self.network.architecture().parameters()
    }
}

fn batch<'a>(input: &'a [f32], targets: &'a [u16]) -> Batch<'a, u16> {
    Batch { input, targets, draws: Draws::NONE }
}

#[test]
fn a_small_model_trains_as_in_pytorch() {
    let reference: Small = reference("small.json");
    let inputs = reference.inputs.iter().map(|input| input.as_flattened());
    let batches: Vec<_> = inputs.zip(&reference.targets).collect();
    let (input, targets) = batches[0];
    let mut run = Run::new(network(SMALL, &reference.initial_parameters), targets.len());

    let (logits, _) = run.evaluate(&Portable, input, targets);
    assert_close("initial logits", &logits, reference.initial_logits_of_first_batch.as_flattened(), ROUNDING);

    let mut losses = Vec::new();
    for (input, targets) in batches.iter().cycle().take(reference.losses_float64.len()) {
        if losses.is_empty() {
            let (grad, expected) =
                (run.grad(&Portable, input, targets), network(SMALL, &reference.first_step_gradients));
            for parameter in run.parameters() {
                let what = format!("gradient of {}", parameter.name);
                assert_close(&what, of(&parameter, &grad), of(&parameter, expected.parameters()), ROUNDING);
            }
        }
        losses.push(run.step(&Portable, reference.learning_rate, input, targets));
    }
    assert_losses(&losses, &reference.losses_float64);

    let expected = network(SMALL, &reference.final_parameters);
    for parameter in run.parameters() {
        let [found, expected] = [&run.network, &expected].map(|network| of(&parameter, network.parameters()));
        assert_close(&format!("trained {}", parameter.name), found, expected, TRAINED);
    }
}

#[test]
fn the_quickstarts_model_trains_as_in_pytorch() {
    let Some(folder) = tests::fashion_mnist("the quickstart's model against PyTorch") else { return };
    let reference: QuickstartRun = reference("quickstart.json");
    let data = load(Some(&folder)).unwrap();
    assert_eq!(data.name, "Fashion-MNIST");
    let (input, targets) = samples(&data.train, reference.losses_float64.len() * reference.batch_size);
    let (test_input, test_targets) = samples(&data.test, data.test.len());
    let [mut run, mut portable] = [(), ()].map(|()| {
        let weights = StateDict::read(&path("init-784x512x512x10.safetensors")).unwrap();
        let (network, _) = weights.network(&Architecture::of::<Quickstart>(), true).unwrap();
        Run::new(network, reference.batch_size)
    });
    let threads = thread::available_parallelism().unwrap();
    let engine = Simd::new(InstructionSet::from_environment().unwrap(), threads).unwrap();

    let (logits, _) = run.evaluate(&engine, &test_input[..5 * PIXELS], &test_targets[..5]);
    let expected = &reference.initial_logits_of_first_5_test_images;
    assert_close("initial logits", &logits, expected.as_flattened(), ROUNDING);

    let mut losses = Vec::new();
    let batches = input.chunks(reference.batch_size * PIXELS).zip(targets.chunks(reference.batch_size));
    for (input, targets) in batches {
        if losses.is_empty() {
            let grad = run.grad(&engine, input, targets);
            assert_gradients(run.parameters(), &grad, &reference.first_step_gradient_norm_and_sum);
        }
        losses.push(run.step(&engine, reference.learning_rate, input, targets));
        if losses.len() <= 2 {
            let loss = portable.step(&Portable, reference.learning_rate, input, targets);
            assert_eq!(losses.last().map(|loss| loss.to_bits()), Some(loss.to_bits()));
            let [found, expected] = [&run, &portable].map(|run| as_bytes(run.network.parameters()));
            assert!(found == expected, "the engines' parameters differ");
        }
    }
    assert_losses(&losses, &reference.losses_float64);

    for parameter in run.parameters() {
        let norm = norm(of(&parameter, run.network.parameters()));
        let expected = reference.final_parameter_norms[parameter.name.as_str()];
        assert!((norm / expected - 1.0).abs() < ROUNDING, "norm of trained {}: {norm}, not {expected}", parameter.name);
    }
    let (logits, loss) = run.evaluate(&engine, &test_input, test_targets);
    let expected = &reference.logits_of_first_5_test_images;
    assert_close("trained logits", &logits[..50], expected.as_flattened(), TRAINED);
    assert_losses(&[loss], &[reference.test_loss]);
    let correct =
        logits.chunks(10).zip(test_targets).filter(|(logits, target)| argmax(*logits) == usize::from(**target));
    assert_eq!(correct.count(), reference.test_correct);
}

fn assert_gradients(
    parameters: impl Iterator<Item = Parameter>,
    grad: &[f32],
    norms_and_sums: &BTreeMap<String, [f64; 2]>,
) {
    for parameter in parameters {
        let grad = of(&parameter, grad);
        let [expected_norm, expected_sum] = norms_and_sums[parameter.name.as_str()];
        let (norm, sum) = (norm(grad), grad.iter().copied().map(f64::from).sum::<f64>());
        assert!(
            (norm / expected_norm - 1.0).abs() < ROUNDING,
            "gradient's norm of {}: {norm}, not {expected_norm}",
            parameter.name
        );
        // The terms nearly cancel: what they can add up to measures the sum's error.
        let magnitude = grad.iter().map(|g| f64::from(g.abs())).sum::<f64>();
        assert!(
            (sum - expected_sum).abs() < ROUNDING * magnitude,
            "gradient's sum of {}: {sum}, not {expected_sum}",
            parameter.name
        );
    }
}

fn assert_close(what: &str, found: &[f32], expected: &[f32], tolerance: f64) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let largest = expected.iter().fold(0.0, |largest: f64, &e| largest.max(f64::from(e.abs())));
    for (index, (&found, &expected)) in found.iter().zip(expected).enumerate() {
        let distance = (f64::from(found) - f64::from(expected)).abs() / largest;
        assert!(distance <= tolerance, "{what}, element {index}: {found}, not {expected} ({distance:.1e} away)");
    }
}

fn assert_losses(losses: &[f32], expected: &[f64]) {
    assert_eq!(losses.len(), expected.len());
    for (step, (&loss, expected)) in losses.iter().zip(expected).enumerate() {
        let distance = (f64::from(loss) / expected - 1.0).abs();
        assert!(distance <= LOSS, "loss of step {step}: {loss}, not {expected} ({distance:.1e} away)");
    }
}

fn norm(elements: &[f32]) -> f64 {
    elements.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>().sqrt()
}

fn of<'a>(parameter: &Parameter, flat: &'a [f32]) -> &'a [f32] {
    &flat[parameter.offset..][..parameter.len]
}

/// The network of tensors that have exactly its parameters' names and shapes.
fn network(layers: &str, tensors: &BTreeMap<String, Tensor>) -> Network {
    let mut network = Network::zeroed(&layers.parse().unwrap()).unwrap();
    let parameters: Vec<_> = network.architecture().parameters().collect();
    assert_eq!(parameters.len(), tensors.len());
    for parameter in parameters {
        let tensor = &tensors[parameter.name.as_str()];
        assert!(tensor.shape.iter().copied().eq(parameter.shape.iter().map(|&n| n as usize)), "{}", parameter.name);
        network.parameters_mut()[parameter.offset..][..parameter.len].copy_from_slice(&tensor.elements);
    }
    network
}

/// The first samples, as the network takes them, and their targets.
fn samples(split: &Split, count: usize) -> (Vec<f32>, &[u16]) {
    let mut input = vec![0.0; count * PIXELS];
    normalize_all(&split.values(), &mut input);
    (input, &split.labels()[..count])
}

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data").join(name)
}

fn reference<T: DeserializeOwned>(name: &str) -> T {
    serde_json::from_slice(&std::fs::read(path(name)).unwrap()).unwrap()
}
