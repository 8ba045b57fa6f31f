//! Losses and learning-rate schedules against PyTorch, and the losses' gradients against their values.

#![allow(clippy::unwrap_used, reason = "a test's helper functions are tests too")]

use std::fmt::Debug;

use proptest::prelude::*;
use selvedge::{
    arithmetic::{log_softmax, log_softmax_grad},
    loss::{BceWithLogits, CrossEntropy, Loss, LossError, Mse, Nll, SoftCrossEntropy},
    schedule::Schedule,
};
use serde::{Deserialize, de::DeserializeOwned};

type Row = [f32; 10];

/// The largest distance of a loss from the true value, relative to it: 8 units in the last place.
const VALUE: f64 = 8.0 * f32::EPSILON as f64;
/// The largest distance of a gradient's element from the true one, relative to the largest element: 4 units in the last place.
const GRAD: f64 = 4.0 * f32::EPSILON as f64;

#[derive(Deserialize)]
struct Case {
    value: f64,
    grad: Vec<Row>,
}

/// Made by tests/references/losses.py, in float64.
#[derive(Deserialize)]
struct Losses {
    logits: Vec<Row>,
    log_probabilities: Vec<Row>,
    targets: Vec<u16>,
    class_weights: Row,
    probabilities: Vec<Row>,
    values: Vec<Row>,
    cross_entropy: Case,
    cross_entropy_weighted: Case,
    cross_entropy_smoothed: Case,
    cross_entropy_weighted_smoothed: Case,
    cross_entropy_soft: Case,
    nll: Case,
    nll_weighted: Case,
    mse: Case,
    bce_with_logits: Case,
    log_softmax: Case,
}

/// PyTorch's own float32 results.
#[derive(Deserialize)]
struct Gradients {
    losses: PyTorchLosses,
}

#[derive(Deserialize)]
struct PyTorchLosses {
    logits: Vec<Row>,
    target_class: Vec<u16>,
    target_values: Vec<Row>,
    results: Results,
}

#[derive(Deserialize)]
struct Results {
    cross_entropy: Case,
    #[serde(rename = "cross_entropy_label_smoothing_0.1")]
    cross_entropy_smoothed: Case,
    mse: Case,
    nll_of_log_softmax: Case,
}

fn reference<T: DeserializeOwned>(name: &str) -> T {
    serde_json::from_slice(&std::fs::read(tests::workspace().join("tests/data").join(name)).unwrap()).unwrap()
}

fn value_and_grad<L: Loss>(loss: &L, outputs: &[Row], targets: &[L::Target]) -> (f32, Vec<Row>) {
    let mut grads = vec![[9.0; 10]; outputs.len()];
    let total = loss.total_weight(10, targets).unwrap();
    let outputs = outputs.as_flattened();
    let value = loss.value_and_grad(10, outputs, targets, total, grads.as_flattened_mut()).unwrap();
    assert_eq!(value.to_bits(), loss.value(10, outputs, targets, total).unwrap().to_bits());
    (value, grads)
}

fn assert_grads(what: impl Debug, found: &[Row], expected: &[Row]) {
    assert_eq!(found.len(), expected.len(), "{what:?}");
    let (found, expected) = (found.as_flattened(), expected.as_flattened());
    let largest = expected.iter().fold(0.0, |largest: f64, e| largest.max(f64::from(e.abs())));
    for (index, (&found, &expected)) in found.iter().zip(expected).enumerate() {
        let distance = (f64::from(found) - f64::from(expected)).abs() / largest;
        assert!(distance <= GRAD, "{what:?}, gradient {index}: {found}, not {expected} ({distance:.1e} away)");
    }
}

fn check<L: Loss + Debug>(loss: L, outputs: &[Row], targets: &[L::Target], expected: &Case) {
    let (value, grads) = value_and_grad(&loss, outputs, targets);
    let distance = (f64::from(value) / expected.value - 1.0).abs();
    assert!(distance <= VALUE, "{loss:?}: {value}, not {} ({distance:.1e} away)", expected.value);
    assert_grads(&loss, &grads, &expected.grad);
}

#[test]
fn losses_and_gradients_are_pytorchs() {
    let r: Losses = reference("losses.json");
    let weights = Some(&r.class_weights[..]);
    let cross_entropy = |class_weights, label_smoothing| CrossEntropy { class_weights, label_smoothing };
    check(cross_entropy(None, 0.0), &r.logits, &r.targets, &r.cross_entropy);
    check(cross_entropy(weights, 0.0), &r.logits, &r.targets, &r.cross_entropy_weighted);
    check(cross_entropy(None, 0.1), &r.logits, &r.targets, &r.cross_entropy_smoothed);
    check(cross_entropy(weights, 0.1), &r.logits, &r.targets, &r.cross_entropy_weighted_smoothed);
    check(SoftCrossEntropy, &r.logits, r.probabilities.as_flattened(), &r.cross_entropy_soft);
    check(Nll::default(), &r.log_probabilities, &r.targets, &r.nll);
    check(Nll { class_weights: weights }, &r.log_probabilities, &r.targets, &r.nll_weighted);
    check(Mse, &r.logits, r.values.as_flattened(), &r.mse);
    check(BceWithLogits, &r.logits, r.probabilities.as_flattened(), &r.bce_with_logits);
}

#[test]
fn losses_and_gradients_are_those_of_pytorchs_float32() {
    let PyTorchLosses { logits, target_class, target_values, results } =
        reference::<Gradients>("gradients.json").losses;
    check(CrossEntropy::default(), &logits, &target_class, &results.cross_entropy);
    let smoothed = CrossEntropy { label_smoothing: 0.1, ..CrossEntropy::default() };
    check(smoothed, &logits, &target_class, &results.cross_entropy_smoothed);
    check(Mse, &logits, target_values.as_flattened(), &results.mse);

    let mut log_probabilities = vec![[0.0; 10]; logits.len()];
    logits.iter().zip(&mut log_probabilities).for_each(|(logits, log_p)| log_softmax(logits, log_p));
    let (value, mut grads) = value_and_grad(&Nll::default(), &log_probabilities, &target_class);
    assert!((f64::from(value) / results.nll_of_log_softmax.value - 1.0).abs() <= VALUE);
    log_probabilities.iter().zip(&mut grads).for_each(|(log_p, grad)| log_softmax_grad(log_p, grad));
    assert_grads("NLL of log-softmax", &grads, &results.nll_of_log_softmax.grad);
}

#[test]
fn log_softmax_is_pytorchs() {
    let r: Losses = reference("losses.json");
    let mut log_probabilities = vec![[0.0; 10]; r.logits.len()];
    r.logits.iter().zip(&mut log_probabilities).for_each(|(logits, log_p)| log_softmax(logits, log_p));
    assert_grads("log-softmax", &log_probabilities, &r.log_probabilities);
    // The gradient of Σ log-probabilities · values.
    let mut grads = r.values.clone();
    log_probabilities.iter().zip(&mut grads).for_each(|(log_p, grad)| log_softmax_grad(log_p, grad));
    assert_grads("log-softmax's gradient", &grads, &r.log_softmax.grad);
}

#[test]
fn what_the_loss_cannot_compare_is_an_error_that_says_so() {
    let (logits, mut grads) = ([0.0_f32; 6], [7.0_f32; 6]);
    let target = LossError::Target { sample: 1, target: 3, classes: 3 };
    let weights = LossError::ClassWeights { weights: 2, classes: 3 };
    for (class_weights, targets, error) in [(None, [1, 3], target), (Some(&[1.0, 2.0][..]), [0, 1], weights)] {
        let cross_entropy = CrossEntropy { class_weights, label_smoothing: 0.1 };
        assert_eq!(cross_entropy.value(3, &logits, &targets, 2.0), Err(error));
        assert_eq!(cross_entropy.value_and_grad(3, &logits, &targets, 2.0, &mut grads), Err(error));
        assert_eq!(Nll { class_weights }.value(3, &logits, &targets, 2.0), Err(error));
        assert_eq!(Nll { class_weights }.value_and_grad(3, &logits, &targets, 2.0, &mut grads), Err(error));
    }
    assert_eq!(grads, [7.0; 6]);
    let weighted = Nll { class_weights: Some(&[1.0, 2.0, 3.0]) };
    assert_eq!(weighted.total_weight(3, &[1, 3]), Err(target));
    assert!(target.to_string().contains("sample 1") && weights.to_string().contains("2 class weights"));
}

/// The value's central difference, one output moved.
fn check_differences<L: Loss>(loss: &L, outputs: &[Row], targets: &[L::Target]) -> Result<(), TestCaseError> {
    const STEP: f32 = 1.0 / 64.0;
    let total = loss.total_weight(10, targets).unwrap();
    let (_, grads) = value_and_grad(loss, outputs, targets);
    for (sample, row) in grads.iter().enumerate() {
        for (element, &grad) in row.iter().enumerate() {
            let [minus, plus] = [-STEP, STEP].map(|step| {
                let mut outputs = outputs.to_vec();
                outputs[sample][element] += step;
                f64::from(loss.value(10, outputs.as_flattened(), targets, total).unwrap())
            });
            let difference = (plus - minus) / f64::from(2.0 * STEP);
            prop_assert!((difference - f64::from(grad)).abs() < 1e-3, "{sample}, {element}: {grad}, not {difference}");
        }
    }
    Ok(())
}

fn rows(range: std::ops::Range<f32>) -> impl Strategy<Value = Vec<Row>> {
    prop::collection::vec(prop::array::uniform10(range), 4)
}

/// Any number, and often one that hurts.
fn hostile() -> impl Strategy<Value = f32> {
    prop_oneof![
        any::<u32>().prop_map(f32::from_bits),
        prop::sample::select(vec![f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN, 0.0, -0.0, 1e-45]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn gradients_match_finite_differences(
        outputs in rows(-4.0..4.0),
        values in rows(0.0..1.0),
        targets in prop::collection::vec(0_u16..10, 4),
        weights in prop::array::uniform10(0.1f32..3.0),
        label_smoothing in prop_oneof![Just(0.0f32), 0.0f32..=1.0],
    ) {
        for class_weights in [None, Some(&weights[..])] {
            check_differences(&CrossEntropy { class_weights, label_smoothing }, &outputs, &targets)?;
            check_differences(&Nll { class_weights }, &outputs, &targets)?;
        }
        check_differences(&SoftCrossEntropy, &outputs, values.as_flattened())?;
        check_differences(&Mse, &outputs, values.as_flattened())?;
        check_differences(&BceWithLogits, &outputs, values.as_flattened())?;
    }

    #[test]
    fn cross_entropys_gradients_of_a_sample_add_up_to_zero(
        logits in rows(-20.0..20.0),
        probabilities in rows(0.0..1.0),
        targets in prop::collection::vec(0_u16..10, 4),
        weights in prop::array::uniform10(0.1f32..3.0),
        label_smoothing in 0.0f32..=1.0,
    ) {
        let smoothed = CrossEntropy { class_weights: Some(&weights), label_smoothing };
        let grads = [
            value_and_grad(&CrossEntropy::default(), &logits, &targets).1,
            value_and_grad(&smoothed, &logits, &targets).1,
            value_and_grad(&SoftCrossEntropy, &logits, probabilities.as_flattened()).1,
        ];
        for row in grads.iter().flatten() {
            prop_assert!(row.iter().sum::<f32>().abs() < 1e-5, "{row:?}");
        }
    }

    #[test]
    fn a_probability_of_one_is_a_class(logits in rows(-20.0..20.0), targets in prop::collection::vec(0_u16..10, 4)) {
        let probabilities: Vec<Row> =
            targets.iter().map(|&target| std::array::from_fn(|class| f32::from(class == usize::from(target)))).collect();
        let class = value_and_grad(&CrossEntropy::default(), &logits, &targets);
        let probability = value_and_grad(&SoftCrossEntropy, &logits, probabilities.as_flattened());
        prop_assert_eq!(class, probability);
    }

    #[test]
    fn the_parts_of_a_batch_add_up_to_it(
        logits in rows(-4.0..4.0),
        targets in prop::collection::vec(0_u16..10, 4),
        weights in prop::array::uniform10(0.1f32..3.0),
    ) {
        let loss = CrossEntropy { class_weights: Some(&weights), label_smoothing: 0.2 };
        let (whole, grads) = value_and_grad(&loss, &logits, &targets);
        let total = loss.total_weight(10, &targets).unwrap();
        let mut part_grads = vec![[0.0; 10]; 4];
        let parts: f32 = (logits.chunks(3).zip(targets.chunks(3)).zip(part_grads.chunks_mut(3)))
            .map(|((logits, targets), grads)| {
                loss.value_and_grad(10, logits.as_flattened(), targets, total, grads.as_flattened_mut()).unwrap()
            })
            .sum();
        prop_assert!((parts - whole).abs() < 1e-5);
        prop_assert_eq!(part_grads, grads);
    }

    #[test]
    fn hostile_numbers_panic_nowhere(
        outputs in prop::collection::vec(prop::array::uniform10(hostile()), 3),
        values in prop::collection::vec(prop::array::uniform10(hostile()), 3),
        targets in prop::collection::vec(prop_oneof![9 => 0_u16..10, 1 => any::<u16>()], 3),
        weights in prop::collection::vec(hostile(), 8..12),
        label_smoothing in hostile(),
        total in hostile(),
    ) {
        let mut grads = [0.0; 30];
        let (outputs, values) = (outputs.as_flattened(), values.as_flattened());
        for class_weights in [None, Some(&weights[..])] {
            let named = targets.iter().all(|&target| target < 10);
            let right = named && class_weights.is_none_or(|weights| weights.len() == 10);
            let cross_entropy = CrossEntropy { class_weights, label_smoothing };
            prop_assert_eq!(cross_entropy.value_and_grad(10, outputs, &targets, total, &mut grads).is_ok(), right);
            prop_assert_eq!(Nll { class_weights }.value_and_grad(10, outputs, &targets, total, &mut grads).is_ok(), right);
        }
        prop_assert!(SoftCrossEntropy.value_and_grad(10, outputs, values, total, &mut grads).is_ok());
        prop_assert!(Mse.value_and_grad(10, outputs, values, total, &mut grads).is_ok());
        prop_assert!(BceWithLogits.value_and_grad(10, outputs, values, total, &mut grads).is_ok());
    }
}

/// The loss neither overflows nor loses small numbers for logits at which PyTorch's formula would.
#[test]
fn large_logits_have_finite_losses() {
    let (value, grads) =
        value_and_grad(&CrossEntropy::default(), &[[1e38, -1e38, 0., 0., 0., 0., 0., 0., 0., 0.]], &[0]);
    assert_eq!((value, grads[0]), (0.0, [0.0; 10]));
    let mut logits = [0.0; 10];
    (logits[0], logits[1], logits[2], logits[3]) = (1e38, -1e38, 30.0, -30.0);
    let mut targets = [0.5; 10];
    (targets[0], targets[1], targets[2], targets[3]) = (1.0, 0.0, 1.0, 0.0);
    let (value, grads) = value_and_grad(&BceWithLogits, &[logits], &targets);
    assert_eq!(grads[0][..2], [0.0; 2]);
    // Two of ln(1 + e⁻³⁰), six of ln 2.
    assert!((f64::from(value) - 0.6 * 2f64.ln()).abs() < 1e-7);
    let mut only_small = [[1e38; 10]];
    only_small[0][0] = 30.0;
    let (value, _) = value_and_grad(&BceWithLogits, &only_small, &[1.0; 10]);
    assert!((f64::from(value) / ((-30f64).exp() / 10.0) - 1.0).abs() < 1e-6, "{value}");
}

#[derive(Deserialize)]
struct Schedules {
    base: f64,
    step: Rates,
    cosine: Rates,
    one_cycle: Rates,
}

#[derive(Deserialize)]
struct Rates {
    #[serde(flatten)]
    parameters: std::collections::BTreeMap<String, serde_json::Value>,
    learning_rates: Vec<f64>,
}

#[test]
fn schedules_are_pytorchs() {
    let Schedules { base, step, cosine, one_cycle } = reference("schedules.json");
    let float = |rates: &Rates, name: &str| rates.parameters[name].as_f64().unwrap();
    let whole = |rates: &Rates, name: &str| rates.parameters[name].as_u64().unwrap();
    let schedules = [
        (Schedule::Step { size: whole(&step, "size"), gamma: float(&step, "gamma") }, step),
        (
            Schedule::Cosine {
                warm_up: whole(&cosine, "warm_up"),
                total: whole(&cosine, "total"),
                final_fraction: float(&cosine, "final_fraction"),
            },
            cosine,
        ),
        (
            Schedule::OneCycle {
                total: whole(&one_cycle, "total"),
                pct_start: float(&one_cycle, "pct_start"),
                div_factor: float(&one_cycle, "div_factor"),
                final_div_factor: float(&one_cycle, "final_div_factor"),
            },
            one_cycle,
        ),
    ];
    assert_eq!(schedules[2].0, Schedule::one_cycle(schedules[2].1.learning_rates.len() as u64));
    for (schedule, rates) in schedules {
        assert!(rates.learning_rates.len() >= 50);
        for (step, expected) in (0..).zip(rates.learning_rates) {
            let rate = schedule.learning_rate(base, step);
            assert!((rate / expected - 1.0).abs() < 1e-12, "{schedule:?}, step {step}: {rate}, not {expected}");
        }
    }
}
