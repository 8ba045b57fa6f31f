//! Operations of a warp.

use emulator::Fault;

use crate::launch::{SEEDS, argument, run, shape};

#[test]
fn shuffles_give_the_values_of_other_lanes() {
    const THREADS: usize = 2 * 96;
    let values: Vec<f32> = (0..THREADS).map(|index| (index * index % 101) as f32).collect();
    for seed in 0..SEEDS {
        let (mut sums, mut products, mut lanes) = ([0.0_f32; THREADS / 32], [0.0_f32; THREADS], [0_i32; THREADS]);
        let from = values.as_ptr();
        let to = (sums.as_mut_ptr(), products.as_mut_ptr(), lanes.as_mut_ptr());
        let arguments = [argument(&from), argument(&to.0), argument(&to.1), argument(&to.2)];
        run("warps", shape(2, 96, seed), &arguments).expect("it runs");
        for (warp, values) in values.chunks(32).enumerate() {
            assert_eq!(sums[warp], values.iter().sum::<f32>());
            for (lane, value) in values.iter().enumerate() {
                assert_eq!(products[32 * warp + lane], value * values[0]);
                // A lane past the last is one from the start; where there is none so far down, the value is the thread's own.
                let down = if lane == 0 { 31 } else { lane };
                assert_eq!(lanes[32 * warp + lane], (100 * (3 * lane % 32) + down) as i32);
            }
        }
    }
}

#[test]
fn a_missing_wait_for_the_warp_shows() {
    let neighbours = |kernel, seed| {
        let mut out = [0_u32; 64];
        let to = out.as_mut_ptr();
        run(kernel, shape(1, 64, seed), &[argument(&to)]).expect("it runs");
        out
    };
    let right: [u32; 64] = std::array::from_fn(|index| index as u32 ^ 1);
    assert!((0..SEEDS).all(|seed| neighbours("warp_neighbours", seed) == right));
    assert!((0..SEEDS).any(|seed| neighbours("warp_neighbours_without_wait", seed) != right));
}

fn divergent(how: u32, block: u32, seed: u64) -> Result<(), Fault> {
    run("divergent_warp", shape(2, block, seed), &[argument(&how)])
}

#[test]
fn an_operation_that_not_all_of_a_warp_reach_is_a_fault() {
    for seed in 0..SEEDS {
        for (how, part) in
            ["has returned", "waits at tests/kernels.cu:", "waits at tests/kernels.cu:"].into_iter().enumerate()
        {
            let fault = divergent(how as u32, 64, seed).expect_err("one thread is elsewhere");
            assert!(matches!(fault, Fault::DivergentWarp { .. }) && fault.to_string().contains(part), "{fault}");
        }
        let fault = divergent(3, 64, seed).expect_err("one thread has another mask").to_string();
        assert!(fault.contains("mask 0x7fffffff"), "{fault}");
        divergent(4, 64, seed).expect("all are there");
    }
}

#[test]
fn a_warp_that_is_not_full_has_no_operations() {
    for (block, warp) in [(8, "warp 0"), (40, "warp 1")] {
        let fault =
            (0..SEEDS).find_map(|seed| divergent(4, block, seed).err()).expect("threads are missing").to_string();
        assert!(fault.contains(warp) && fault.contains(&format!("the block has {block} threads")), "{fault}");
    }
}
