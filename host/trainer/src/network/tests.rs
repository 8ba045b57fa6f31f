//! Tests of a network's memory and errors. The package `tests` shows that it has the bits of the typed layers.

use std::num::NonZero;

use selvedge::{
    Portable,
    layers::Draws,
    loss::CrossEntropy,
    optimizer::{Gradient, Sgd},
    training::StepError,
};

use super::*;
use crate::engine::{InstructionSet, Simd};

fn network(layers: &str) -> Network {
    Network::initialized(&layers.parse().unwrap(), 3).unwrap()
}

const INPUT: [f32; 8] = [0.1, -0.2, 0.3, -0.4, 0.5, -0.6, 0.7, -0.8];

fn batch<'a>(input: &'a [f32], targets: &'a [u16]) -> Batch<'a, u16> {
    Batch { input, targets, draws: Draws::NONE }
}

#[test]
fn a_step_without_momentum_moves_against_the_gradient() {
    let mut network = network("4 => 5 BatchNorm1d Relu => 3");
    let before = network.parameters().to_vec();
    let mut workspace = Workspace::for_training(network.view(), 2).unwrap();
    let batch = batch(&INPUT, &[2, 0]);
    workspace.forward(&Portable, network.view(), &CrossEntropy::default(), batch, None).unwrap();
    let mut grads = vec![0.0; before.len()];
    workspace.backward(&Portable, &Gradient, [&mut grads], &mut network, (batch.input, batch.draws));
    // Statistics are no parameters: the forward pass's backward moves them, the optimizer does not.
    let moved = network.parameters().to_vec();
    network.update(&Portable, &Sgd::new(0.5), &grads, []);
    for parameter in network.architecture().parameters() {
        let own = parameter.offset..parameter.offset + parameter.len;
        let is_statistic = parameter.name.contains("running");
        assert_eq!(moved[own.clone()] != before[own.clone()], is_statistic, "{}", parameter.name);
        for index in own {
            let expected = if is_statistic { moved[index] } else { moved[index] - 0.5 * grads[index] };
            assert!((network.parameters()[index] - expected).abs() < 1e-6, "{}", parameter.name);
        }
    }
}

#[test]
fn a_workspace_is_for_smaller_batches_too() {
    let network = network("4 => 5 Relu Dropout => 3 LogSoftmax");
    let mut large = Workspace::for_prediction(network.view(), 9).unwrap();
    let mut small = Workspace::for_prediction(network.view(), 2).unwrap();
    assert_eq!(large.predict(&Portable, network.view(), &INPUT), small.predict(&Portable, network.view(), &INPUT));
    let mut one_by_one = [0.0; 6];
    for (input, output) in INPUT.chunks(4).zip(one_by_one.chunks_mut(3)) {
        network.predict(&Portable, input, output).unwrap();
    }
    assert_eq!(small.predict(&Portable, network.view(), &INPUT), one_by_one);
}

#[test]
fn a_predictor_has_the_networks_bits() {
    let network = network("4 => 40 BatchNorm1d Relu => 30 Gelu Dropout => 3 LogSoftmax");
    let engine = Simd::new(InstructionSet::from_environment().unwrap(), NonZero::new(2).unwrap()).unwrap();
    let mut expected = [0.0; 6];
    network.predict(&Portable, &INPUT, &mut expected).unwrap();
    let mut predictor = Predictor::new(network.view(), 2).unwrap();
    assert_eq!(predictor.predict(&engine, &INPUT), expected);
    assert_eq!(predictor.predict(&engine, &INPUT[4..]), &expected[3..]);
}

/// More samples than go through the layers together.
#[test]
fn a_predictor_has_the_bits_of_plain_loops_for_many_samples() {
    let network = network("4 => 70 Relu => 3");
    let input: Vec<f32> = (0..4 * 1200).map(|i| (i * 7 % 13) as f32 / 5.0 - 1.0).collect();
    let mut expected = vec![0.0; 3 * 1200];
    network.predict(&Portable, &input, &mut expected).unwrap();
    for threads in [1, 2, 3] {
        let threads = NonZero::new(threads).unwrap();
        let engine = Simd::new(InstructionSet::from_environment().unwrap(), threads).unwrap();
        let mut predictor = Predictor::new(network.view(), 1200).unwrap();
        assert_eq!(predictor.predict(&engine, &input), expected, "{threads} threads");
    }
}

#[test]
#[should_panic = "the batch is larger than the predictor's"]
fn a_predictor_refuses_a_larger_batch() {
    let network = network("4 => 3");
    let engine = Simd::new(InstructionSet::Portable, NonZero::<usize>::MIN).unwrap();
    Predictor::new(network.view(), 1).unwrap().predict(&engine, &INPUT);
}

#[test]
fn a_wrong_batch_is_an_error() {
    let network = network("4 => 3");
    let mut workspace = Workspace::for_training(network.view(), 1).unwrap();
    let mut forward = |input, targets| {
        workspace.forward(&Portable, network.view(), &CrossEntropy::default(), batch(input, targets), None)
    };
    assert!(forward(&INPUT[..4], &[2]).is_ok());
    assert!(matches!(forward(&INPUT, &[2, 0]), Err(StepError::BatchTooLarge { batch: 2, capacity: 1 })));
    assert!(forward(&INPUT[..4], &[3]).is_err());
    assert!(forward(&INPUT[..4], &[0, 1]).is_err());
    assert!(forward(&[], &[]).is_err());
}

#[test]
fn what_is_too_large_is_an_error() {
    let error = |layers: &str| Network::zeroed(&layers.parse().unwrap()).unwrap_err();
    let large = error("65536,65536,1");
    assert!(matches!(large, NetworkError::TooLarge { .. }), "{large}");
    assert!(large.to_string().contains("4295098369 numbers"), "{large}");
}

#[test]
fn the_optimizer_changes_everything_but_statistics() {
    let of = |layers: &str| -> Vec<_> {
        network(layers).layers.updated.iter().map(|range| (range.start, range.end)).collect()
    };
    assert_eq!(of("2 => 3 Relu => 1"), [(0, 13)]);
    // Weight, bias, γ and β; then mean and variance.
    assert_eq!(of("2 => 3 BatchNorm1d Relu => 1"), [(0, 15), (21, 25)]);
}

/// Central differences of the output. In binary32 an output near 1 is rounded by 6·10⁻⁸ at most, so a difference over 2 · 2⁻⁷ has an error of
/// some 10⁻⁵ by rounding, times the number of layers, and by the third derivative (2⁻⁷)²/6, which is 10⁻⁵ where that is near 1. A wrong gradient is off by its own
/// size, 10⁻² and more here. The ReLU's inputs stay away from its bend.
#[test]
fn input_gradients_are_the_outputs_differences() {
    const STEP: f32 = 1.0 / 128.0;
    for layers in [
        "4 => 3",
        "4 => 6 Tanh => 3",
        "4 => 6 Sigmoid => 5 Gelu => 3 LogSoftmax",
        "4 => 6 BatchNorm1d Tanh Dropout => 3",
        "4 => 7 Relu => 3",
        "4 => 6 Tanh => 3 Sigmoid",
    ] {
        let mut network = network(layers);
        // Moments as they are after training: none of them is 0 or 1.
        for parameter in
            network.architecture().clone().parameters().filter(|parameter| parameter.name.contains("running"))
        {
            let values = &mut network.parameters_mut()[parameter.offset..parameter.offset + parameter.len];
            values.iter_mut().zip(1..).for_each(|(value, place)| *value = 0.3 + 0.1 * place as f32);
        }
        let outputs = [2, 0];
        let mut workspace = Workspace::for_training(network.view(), 2).unwrap();
        let mut grads = [0.0; INPUT.len()];
        workspace.input_grad(&Portable, network.view(), &INPUT, &outputs, &mut grads);
        for place in 0..INPUT.len() {
            let sample = place / 4;
            let at = |step: f32, workspace: &mut Workspace| {
                let mut input = INPUT;
                input[place] += step;
                workspace.predict(&Portable, network.view(), &input)[3 * sample + outputs[sample]]
            };
            let difference = (at(STEP, &mut workspace) - at(-STEP, &mut workspace)) / (2.0 * STEP);
            let error = (grads[place] - difference).abs();
            assert!(error < 1e-4, "{layers}, input {place}: {} and {difference}", grads[place]);
        }
        assert!(grads.iter().any(|grad| grad.abs() > 1e-2), "{layers}: {grads:?}");
    }
}
