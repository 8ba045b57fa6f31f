//! `cargo xtask bench kernels`: the engine's three products for the quickstart's layers, on one thread.
//!
//! A throughput's elements are multiply-accumulates of the mathematics: with half of the numbers zero, the engine does half
//! of them.

use std::{hint::black_box, num::NonZero};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use host::{
    engine::{InstructionSet, Simd},
    models::Boxed,
};
use selvedge::{
    Engine, Identity, Linear, Relu,
    optimizer::Sgd,
    random::{self, Generator, Purpose},
};

const BATCH: usize = 64;

fn kernels(criterion: &mut Criterion) {
    layer::<784, 512>(criterion);
    layer::<512, 512>(criterion);
    layer::<512, 10>(criterion);
}

fn layer<const INPUTS: usize, const OUTPUTS: usize>(criterion: &mut Criterion) {
    let mut layer = Boxed::<Linear<INPUTS, OUTPUTS>>::zeroed();
    random::initialize(&mut *layer, 42);
    // No step, so that the weights stay what they are however often they are updated.
    let optimizer = Sgd::new(0.0);
    for set in InstructionSet::available() {
        let engine = Simd::new(set, NonZero::<usize>::MIN).expect("a team of one starts no thread");
        for (kind, zeros) in [("dense", false), ("half zero", true)] {
            let (input, grad_output) = (batch::<INPUTS>(zeros, 1), batch::<OUTPUTS>(zeros, 2));
            let (mut output, mut grad_input) = (batch::<OUTPUTS>(false, 3), batch::<INPUTS>(false, 4));
            let mut group = criterion.benchmark_group(format!("{INPUTS}-{OUTPUTS}, {kind}"));
            group.throughput(Throughput::Elements((BATCH * INPUTS * OUTPUTS) as u64));
            group.bench_function(BenchmarkId::new("forward", set), |bencher| {
                bencher.iter(|| engine.linear_forward(&*layer, black_box(&input), &mut output));
            });
            group.bench_function(BenchmarkId::new("input gradient", set), |bencher| {
                bencher.iter(|| {
                    let grad_sums = black_box(&grad_output);
                    engine.linear_input_grad::<INPUTS, OUTPUTS, Identity, Relu>(
                        &*layer,
                        grad_sums,
                        &input,
                        &mut grad_input,
                    );
                });
            });
            group.bench_function(BenchmarkId::new("weight gradient, update", set), |bencher| {
                bencher.iter(|| engine.linear_update(&optimizer, black_box(&input), &grad_output, &mut *layer, []));
            });
            group.finish();
        }
    }
}

/// Numbers from −1 to 1, perhaps with zeros for about half of them.
fn batch<const WIDTH: usize>(zeros: bool, seed: u64) -> Vec<[f32; WIDTH]> {
    let generator = Generator::new(seed, Purpose::Drawing, 0);
    let number = |index: u64| match zeros && generator.below(2 * index, 2) == 0 {
        true => 0.0,
        false => generator.symmetric(2 * index + 1, 1.0),
    };
    (0..BATCH).map(|sample| std::array::from_fn(|i| number((sample * WIDTH + i) as u64))).collect()
}

criterion_group!(benches, kernels);
criterion_main!(benches);
