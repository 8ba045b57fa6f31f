//! The transcribed functions, through the kernels that show them.

use cases::bits;
use cuda::{
    kernel::Kernel,
    schedule::Launch,
    task::{Batch, Context, Kind, Phase, Task},
};
use selvedge::{
    arithmetic::{exp, log_softmax},
    layers::gelu,
    random::{Generator, Purpose},
};

use crate::launch::{address, poison, run_one};

const DRAWS: Generator = Generator::new(0, Purpose::Fingerprint, 1);
const COUNT: usize = 60_000;

/// Any bits, and numbers around those where the exponential changes its course.
fn number(index: u64) -> f32 {
    match index % 4 {
        0 => f32::from_bits(DRAWS.bits(index) as u32),
        1 => DRAWS.symmetric(index, 1.2),
        2 => DRAWS.symmetric(index, 110.0),
        _ => {
            let near = [0x42ae_ac50_u32, 0x42b1_7218, 0x42cf_f1b5, 0x3eb1_7218, 0x3f85_1592, 0x3900_0000];
            let bits = near[DRAWS.below(index, 6) as usize].wrapping_add(DRAWS.below(index + 1, 7)) - 3;
            f32::from_bits(bits | (DRAWS.below(index + 2, 2) << 31))
        }
    }
}

fn first_difference(found: &[f32], expected: &[f32]) -> Option<(usize, f32, f32)> {
    let place = bits(found).iter().zip(bits(expected)).position(|(found, expected)| *found != expected)?;
    Some((place, found[place], expected[place]))
}

fn run(kernel: Kernel, task: Task, samples: usize) {
    let batch = Batch { samples: samples as u32, ..Batch::default() };
    let context = Context { batches: address(std::slice::from_ref(&batch)), ..Context::new(0) };
    run_one(&context, &Launch { kernel, phase: Phase::new(&[task]) }, 7);
}

/// At gradients of 0 and 1, log-softmax's at the first of two logits is −exp of the first output, which has no sign but that.
#[test]
fn the_exponential() {
    let outputs: Vec<f32> = (0..COUNT as u64).flat_map(|index| [number(index), 0.0]).collect();
    let grads = [0.0_f32, 1.0].repeat(COUNT);
    let mut found = poison(2 * COUNT);
    let task = Task {
        tiles: COUNT.div_ceil(256) as u32,
        inputs: 2,
        outputs: 2,
        input: address(&outputs),
        output: address(&outputs),
        grad_output: address(&grads),
        grad_input: address(&found),
        ..Task::new(Kind::LogSoftmaxBackward)
    };
    run(Kernel::LogSoftmaxBackward, task, COUNT);
    let found: Vec<f32> = found.drain(..).step_by(2).map(f32::abs).collect();
    let expected: Vec<f32> = (0..COUNT as u64).map(|index| exp(number(index))).collect();
    assert!(bits(&found) == bits(&expected), "{:?}", first_difference(&found, &expected));
}

#[test]
fn log_softmax_of_any_logits() {
    for width in [1, 2, 3, 10, 100] {
        let logits: Vec<f32> = (0..COUNT as u64).map(|index| number(index + index % 7)).collect();
        let samples = COUNT / width;
        let found = poison(samples * width);
        let task = Task {
            tiles: samples.div_ceil(256) as u32,
            inputs: width as u32,
            outputs: width as u32,
            input: address(&logits),
            output: address(&found),
            ..Task::new(Kind::LogSoftmaxForward)
        };
        run(Kernel::LogSoftmaxForward, task, samples);
        let mut expected = poison(samples * width);
        for (logits, expected) in logits.chunks(width).zip(expected.chunks_mut(width)) {
            log_softmax(logits, expected);
        }
        assert!(bits(&found) == bits(&expected), "{width}: {:?}", first_difference(&found, &expected));
    }
}

#[test]
fn gelu_of_any_number() {
    let inputs: Vec<f32> = (0..COUNT as u64).map(number).collect();
    let found = poison(COUNT);
    let task = Task {
        tiles: COUNT.div_ceil(1024) as u32,
        inputs: 1,
        outputs: 1,
        input: address(&inputs),
        output: address(&found),
        ..Task::new(Kind::GeluForward)
    };
    run(Kernel::GeluForward, task, COUNT);
    let mut expected = poison(COUNT);
    gelu::forward(&selvedge::Portable, &inputs, &mut expected);
    assert!(bits(&found) == bits(&expected), "{:?}", first_difference(&found, &expected));
}
