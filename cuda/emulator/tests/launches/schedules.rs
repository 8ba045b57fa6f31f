//! One launch: barriers, atomic functions, shared memory.

use emulator::Fault;

use crate::launch::{SEEDS, argument, kernel, run, shape};

#[test]
fn parameters_are_unpacked() {
    #[repr(C)]
    struct Pair {
        weight: f64,
        tag: u8,
    }
    let (mut out, pair, first, count) = (0.0_f32, Pair { weight: 0.5, tag: 1 }, 9_u8, 1_u64 << 20);
    let address = &raw mut out;
    let arguments = [argument(&pair), argument(&address), argument(&first), argument(&count)];
    run("parameters", shape(1, 1, 0), &arguments).expect("it runs");
    assert_eq!(out, 9.0 * 0.5 + 1_048_576.0);

    assert_eq!(kernel("parameters").param_sizes(), [16, 8, 1, 8]);
    let fault = run("parameters", shape(1, 1, 0), &arguments[1..]).expect_err("one is missing");
    assert!(matches!(fault, Fault::Arguments { given: 3, taken: 4 }), "{fault}");
}

#[test]
fn every_thread_runs_once() {
    for seed in 0..SEEDS {
        let (grid, block) = (7, 33);
        let mut out = vec![u32::MAX; grid * block + 1];
        run("places", shape(grid as u32, block as u32, seed), &[argument(&out.as_mut_ptr())]).expect("it runs");
        assert!(out.iter().enumerate().all(|(index, &found)| found == index as u32), "{out:?}");
    }
}

#[test]
fn a_launch_of_many_threads_is_cheap() {
    let mut out = vec![0_u32; 400 * 256 + 1];
    run("places", shape(400, 256, 1), &[argument(&out.as_mut_ptr())]).expect("it runs");
    assert_eq!(out[400 * 256 - 1], 400 * 256 - 1);
}

#[test]
fn shapes_that_do_not_exist() {
    for (grid, block) in [(0, 1), (1, 0), (1, 1025)] {
        let fault = run("one_leaves", shape(grid, block, 0), &[]).expect_err("there is no such shape");
        assert!(matches!(fault, Fault::Shape { .. }), "{fault}");
    }
}

fn sums(kernel: &str, seed: u64) -> Vec<f32> {
    let values: Vec<f32> = (0..6 * 64).map(|index| index as f32).collect();
    let mut sums = vec![0.0_f32; 6];
    run(kernel, shape(6, 64, seed), &[argument(&values.as_ptr()), argument(&sums.as_mut_ptr())]).expect("it runs");
    sums
}

#[test]
fn a_missing_barrier_shows() {
    let right: Vec<f32> = (0..6).map(|block| (0..64).map(|index| (block * 64 + index) as f32).sum()).collect();
    assert!((0..SEEDS).all(|seed| sums("block_sum", seed) == right));
    assert!((0..SEEDS).any(|seed| sums("block_sum_without_barriers", seed) != right));
}

#[test]
fn the_seed_decides_the_schedule() {
    let tickets = |seed| {
        let (mut next, mut out) = (0_u32, [0_u32; 50]);
        let addresses = [&raw mut next, out.as_mut_ptr()];
        run("tickets", shape(1, 50, seed), &addresses.each_ref().map(argument)).expect("it runs");
        out
    };
    assert_eq!(tickets(1), tickets(1));
    assert_ne!(tickets(1), tickets(2));
}

#[test]
fn shared_memory_holds_no_numbers_at_first() {
    let mut out = 0_u32;
    run("unwritten", shape(1, 1, 0), &[argument(&(&raw mut out))]).expect("it runs");
    assert_eq!(out, u32::MAX);
    assert!(f32::from_bits(out).is_nan());
}

#[test]
fn a_barrier_that_not_all_reach_is_a_fault() {
    for seed in 0..SEEDS {
        let fault = run("one_leaves", shape(3, 8, seed), &[]).expect_err("one thread does not reach the barrier");
        assert!(fault.to_string().contains("has returned"), "{fault}");
        let fault = run("two_barriers", shape(3, 8, seed), &[]).expect_err("there are two barriers");
        assert!(fault.to_string().contains("waits at tests/kernels.cu:"), "{fault}");
        // A block of one thread meets nobody.
        run("two_barriers", shape(3, 1, seed), &[]).expect("it runs");
    }
}

#[test]
fn a_word_that_never_comes_is_a_deadlock() {
    let word = 0_u32;
    let fault = run("never", shape(2, 2, 0), &[argument(&(&raw const word))]).expect_err("nobody writes the word");
    assert!(matches!(fault, Fault::Deadlock { .. }), "{fault}");
}

#[test]
fn atomic_functions_lose_nothing() {
    let mut is_torn = false;
    for seed in 0..SEEDS {
        let (mut atomic, mut torn, mut largest) = (0_u32, 0_u32, 0_u32);
        let addresses = [&raw mut atomic, &raw mut torn, &raw mut largest];
        run("counts", shape(4, 32, seed), &addresses.each_ref().map(argument)).expect("it runs");
        assert_eq!((atomic, largest), (128, 31));
        is_torn |= torn < 128;
    }
    assert!(is_torn, "other threads come in between");
}
