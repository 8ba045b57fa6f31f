//! `cargo xtask bench kernels`: the engine's three products for the quickstart's layers, on one thread.
//!
//! A throughput's elements are multiply-adds of the mathematics: with half of the numbers zero, the engine does half
//! of them.

use std::{hint::black_box, num::NonZero};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use host::engine::{InstructionSet, Simd};
use selvedge::{
    Engine, Identity, Relu,
    architecture::{Architecture, Stage},
    fashion_mnist::Quickstart,
    layers,
    optimizer::Sgd,
    random::{Generator, Purpose},
};

const BATCH: usize = 64;

fn kernels(criterion: &mut Criterion) {
    let network = Architecture::of::<Quickstart>();
    let mut flat = vec![0.0; network.parameter_count().unwrap_or_default()];
    layers::initialize_flat(&network, &mut flat, 42);
    for stage in network.stages() {
        layer(&stage, &mut flat[stage.values()], criterion);
    }
}

fn layer(stage: &Stage, parameters: &mut [f32], criterion: &mut Criterion) {
    let (widths, inputs, outputs) = (stage.widths(), stage.inputs, stage.outputs);
    // No step, so that the weights stay what they are however often they are updated.
    let optimizer = Sgd::new(0.0);
    for set in InstructionSet::available() {
        let engine = Simd::new(set, NonZero::<usize>::MIN).expect("a team of one starts no thread");
        for (kind, zeros) in [("dense", false), ("half zero", true)] {
            let (input, grads) = (batch(inputs, zeros, 1), batch(outputs, zeros, 2));
            let (mut output, mut grad_input) = (batch(outputs, false, 3), batch(inputs, false, 4));
            let mut group = criterion.benchmark_group(format!("{inputs}-{outputs}, {kind}"));
            group.throughput(Throughput::Elements((BATCH * inputs * outputs) as u64));
            group.bench_function(BenchmarkId::new("forward", set), |bencher| {
                bencher.iter(|| {
                    engine.linear_forward::<Identity>(widths, parameters, black_box(&input), &mut output);
                });
            });
            group.bench_function(BenchmarkId::new("input gradient", set), |bencher| {
                bencher.iter(|| {
                    let grads = black_box(&grads);
                    engine.linear_input_grad::<Relu>(widths, parameters, grads, &input, &mut grad_input);
                });
            });
            group.bench_function(BenchmarkId::new("weight gradient, update", set), |bencher| {
                bencher.iter(|| {
                    let input = black_box(&input);
                    engine.linear_update::<_, 0, 512>(&optimizer, widths, input, &grads, parameters, []);
                });
            });
            group.finish();
        }
    }
}

/// Numbers from −1 to 1, perhaps with zeros for about half of them.
fn batch(width: usize, zeros: bool, seed: u64) -> Vec<f32> {
    let generator = Generator::new(seed, Purpose::Drawing, 0);
    let number = |index: u64| match zeros && generator.below(2 * index, 2) == 0 {
        true => 0.0,
        false => generator.symmetric(2 * index + 1, 1.0),
    };
    (0..(BATCH * width) as u64).map(number).collect()
}

criterion_group!(benches, kernels);
criterion_main!(benches);
