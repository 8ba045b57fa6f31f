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
    models::Boxed,
};
use selvedge::{
    Engine, Flat, Layer, Portable,
    architecture::{Architecture, Parameter},
    arithmetic::normalize,
    classification::argmax,
    flat::as_bytes,
    loss::CrossEntropy,
    mlp,
    models::{PIXELS, Quickstart},
    optimizer::{Gradient, Sgd},
    state_dict::named_parameters,
    training::{Batch, Workspace, evaluate},
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

type SmallModel = mlp!(20 => 16 Relu => 12 Relu => 10);

#[derive(Deserialize)]
struct Small {
    learning_rate: f32,
    inputs: Vec<Vec<[f32; 20]>>,
    targets: Vec<Vec<u8>>,
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

/// A model in training.
struct Run<M> {
    model: Boxed<M>,
    tape: Vec<f32>,
    grad_tape: Vec<f32>,
}

impl<M: Layer> Run<M> {
    fn new(model: Boxed<M>, batch_size: usize) -> Self {
        let tape = vec![0.0; batch_size * M::Tape::LEN];
        Self { model, grad_tape: tape.clone(), tape }
    }

    fn step<E: Engine>(&mut self, engine: &E, learning_rate: f32, input: &[M::Input], targets: &[u8]) -> f32 {
        Workspace { tape: &mut self.tape, grad_tape: &mut self.grad_tape }
            .step(
                engine,
                &Sgd::new(learning_rate),
                [],
                &mut *self.model,
                &CrossEntropy::default(),
                Batch::new(input, targets),
            )
            .unwrap()
    }

    /// The gradient that the next step follows.
    fn grad<E: Engine>(&mut self, engine: &E, input: &[M::Input], targets: &[u8]) -> Boxed<M> {
        let mut grad = Boxed::zeroed();
        Workspace { tape: &mut self.tape, grad_tape: &mut self.grad_tape }
            .step(
                engine,
                &Gradient,
                [&mut *grad],
                &mut *self.model,
                &CrossEntropy::default(),
                Batch::new(input, targets),
            )
            .unwrap();
        grad
    }
}

#[test]
fn a_small_model_trains_as_in_pytorch() {
    let reference: Small = reference("small.json");
    let batches: Vec<_> = reference.inputs.iter().zip(&reference.targets).collect();
    let (input, targets) = batches[0];
    let mut run = Run::new(model::<SmallModel>(&reference.initial_parameters), input.len());

    let mut tape = run.tape.clone();
    let (logits, _) =
        evaluate(&Portable, &*run.model, &CrossEntropy::default(), Batch::new(input, targets), &mut tape).unwrap();
    assert_close(
        "initial logits",
        logits.as_flattened(),
        reference.initial_logits_of_first_batch.as_flattened(),
        ROUNDING,
    );

    let mut losses = Vec::new();
    for (input, targets) in batches.iter().cycle().take(reference.losses_float64.len()) {
        if losses.is_empty() {
            let expected = model::<SmallModel>(&reference.first_step_gradients);
            for (parameter, grad) in named_parameters(&*run.grad(&Portable, input, targets)) {
                assert_close(
                    &format!("gradient of {}", parameter.name),
                    grad,
                    of(&parameter, expected.as_flat()),
                    ROUNDING,
                );
            }
        }
        losses.push(run.step(&Portable, reference.learning_rate, input, targets));
    }
    assert_losses(&losses, &reference.losses_float64);

    let expected = model::<SmallModel>(&reference.final_parameters);
    for (parameter, elements) in named_parameters(&*run.model) {
        assert_close(&format!("trained {}", parameter.name), elements, of(&parameter, expected.as_flat()), TRAINED);
    }
}

#[test]
fn the_quickstarts_model_trains_as_in_pytorch() {
    let Some(folder) = tests::fashion_mnist("the quickstart's model against PyTorch") else { return };
    let reference: QuickstartRun = reference("quickstart.json");
    let data = load(Some(&folder)).unwrap();
    assert_eq!(data.name, "Fashion-MNIST");
    let (input, targets) = samples(&data.train, reference.losses_float64.len() * reference.batch_size);
    let (test_input, test_targets) = samples(&data.test, data.test.images.len());
    let mut test_tape = vec![0.0; test_input.len() * <Quickstart as Layer>::Tape::LEN];
    let [mut run, mut portable] = [(), ()].map(|()| {
        let mut model = Boxed::<Quickstart>::zeroed();
        StateDict::read(&path("init-784x512x512x10.safetensors")).unwrap().load(&mut *model, true).unwrap();
        Run::new(model, reference.batch_size)
    });
    let threads = thread::available_parallelism().unwrap();
    let engine = Simd::new(InstructionSet::from_environment().unwrap(), threads).unwrap();

    let (logits, _) = evaluate(
        &engine,
        &*run.model,
        &CrossEntropy::default(),
        Batch::new(&test_input[..5], &test_targets[..5]),
        &mut test_tape,
    )
    .unwrap();
    let expected = &reference.initial_logits_of_first_5_test_images;
    assert_close("initial logits", logits.as_flattened(), expected.as_flattened(), ROUNDING);

    let mut losses = Vec::new();
    let batches = input.chunks(reference.batch_size).zip(targets.chunks(reference.batch_size));
    for (input, targets) in batches {
        if losses.is_empty() {
            assert_gradients(&run.grad(&engine, input, targets), &reference.first_step_gradient_norm_and_sum);
        }
        losses.push(run.step(&engine, reference.learning_rate, input, targets));
        if losses.len() <= 2 {
            let loss = portable.step(&Portable, reference.learning_rate, input, targets);
            assert_eq!(losses.last().map(|loss| loss.to_bits()), Some(loss.to_bits()));
            assert!(
                as_bytes(run.model.as_flat()) == as_bytes(portable.model.as_flat()),
                "the engines' parameters differ"
            );
        }
    }
    assert_losses(&losses, &reference.losses_float64);

    for (parameter, elements) in named_parameters(&*run.model) {
        let (norm, expected) = (norm(elements), reference.final_parameter_norms[parameter.name.as_str()]);
        assert!((norm / expected - 1.0).abs() < ROUNDING, "norm of trained {}: {norm}, not {expected}", parameter.name);
    }
    let (logits, loss) =
        evaluate(&engine, &*run.model, &CrossEntropy::default(), Batch::new(&test_input, test_targets), &mut test_tape)
            .unwrap();
    let expected = &reference.logits_of_first_5_test_images;
    assert_close("trained logits", logits[..5].as_flattened(), expected.as_flattened(), TRAINED);
    assert_losses(&[loss], &[reference.test_loss]);
    let correct = logits.iter().zip(test_targets).filter(|(logits, target)| argmax(*logits) == usize::from(**target));
    assert_eq!(correct.count(), reference.test_correct);
}

fn assert_gradients(grad: &Quickstart, norms_and_sums: &BTreeMap<String, [f64; 2]>) {
    for (parameter, grad) in named_parameters(grad) {
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

/// The model of tensors that have exactly its parameters' names and shapes.
fn model<M: Layer>(tensors: &BTreeMap<String, Tensor>) -> Boxed<M> {
    let parameters: Vec<_> = Architecture::of::<M>().parameters().collect();
    assert_eq!(parameters.len(), tensors.len());
    let mut model = Boxed::<M>::zeroed();
    for parameter in parameters {
        let tensor = &tensors[parameter.name.as_str()];
        assert!(tensor.shape.iter().copied().eq(parameter.shape.iter().map(|&n| n as usize)), "{}", parameter.name);
        model.as_flat_mut()[parameter.offset..][..parameter.len].copy_from_slice(&tensor.elements);
    }
    model
}

/// The first samples, as the network takes them, and their targets.
fn samples(split: &Split, count: usize) -> (Vec<[f32; PIXELS]>, &[u8]) {
    (split.images[..count].iter().map(|image| image.map(normalize)).collect(), &split.labels[..count])
}

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data").join(name)
}

fn reference<T: DeserializeOwned>(name: &str) -> T {
    serde_json::from_slice(&std::fs::read(path(name)).unwrap()).unwrap()
}
