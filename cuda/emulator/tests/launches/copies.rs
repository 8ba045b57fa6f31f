//! Asynchronous copies: one that is not waited for shows, and so does one that comes too early.

use emulator::Fault;

use crate::launch::{SEEDS, argument, run, shape};

const ROWS: usize = 5;
const WIDTH: usize = 40;

/// The copy of one thread at a time.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C, align(16))]
struct Four([f32; 4]);

/// Rows, and what a kernel makes of them, which is to turn each by one place.
fn turned(kernel: &str, seed: u64) -> [Vec<Four>; 2] {
    let rows: Vec<Four> =
        (0..ROWS * WIDTH).map(|index| Four([0, 1, 2, 3].map(|part| (4 * index + part) as f32))).collect();
    let mut out = vec![Four([f32::NAN; 4]); ROWS * WIDTH];
    let (from, to, count) = (rows.as_ptr(), out.as_mut_ptr(), ROWS as u32);
    let arguments = [argument(&from), argument(&to), argument(&count)];
    run(kernel, shape(1, WIDTH as u32, seed), &arguments).expect("it runs");
    let right = rows.chunks(WIDTH).flat_map(|row| [&row[1..], &row[..1]].concat()).collect();
    [out, right]
}

#[test]
fn copies_that_are_waited_for_are_there() {
    for seed in 0..5 * SEEDS {
        let [found, right] = turned("turn_rows", seed);
        assert_eq!(found, right, "seed {seed}");
    }
}

#[test]
fn each_mistake_with_copies_shows() {
    for kernel in [
        "turn_rows_without_wait",
        "turn_rows_waits_one_late",
        "turn_rows_without_commit",
        "turn_rows_without_last_barrier",
    ] {
        let wrong = (0..SEEDS).filter(|&seed| {
            let [found, right] = turned(kernel, seed);
            found != right
        });
        let wrong = wrong.count();
        assert!(wrong > SEEDS as usize / 2, "{kernel}: {wrong} of {SEEDS} schedules show it");
    }
}

#[test]
fn a_source_that_changes_before_the_wait_shows() {
    let mut found = Vec::new();
    for seed in 0..SEEDS {
        let (mut from, mut to) = ([7_u32; 16], [9_u32; 16]);
        let addresses = [from.as_mut_ptr(), to.as_mut_ptr()];
        run("source_changes", shape(1, 16, seed), &addresses.each_ref().map(argument)).expect("it runs");
        found.extend(to);
    }
    assert!([0, 7].iter().all(|value| found.contains(value)) && !found.contains(&9), "{found:?}");
}

/// Copies this number of bytes, from and to places so many bytes behind a multiple of 16.
fn one_copy(bytes: u32, from_offset: usize, to_offset: u32, is_shared: bool) -> Result<(), Fault> {
    let source = [Four([1.5, 2.5, 3.5, 4.5]); 3];
    let mut out = [Four([0.0; 4]); 3];
    let (from, to) = (source.as_ptr().cast::<u8>().wrapping_add(from_offset), out.as_mut_ptr().cast::<u8>());
    let is_shared = u32::from(is_shared);
    let arguments = [argument(&from), argument(&to), argument(&bytes), argument(&to_offset), argument(&is_shared)];
    run("one_copy", shape(1, 1, 0), &arguments)?;
    assert_eq!(out[0].0[..bytes as usize / 4], source[0].0[..bytes as usize / 4]);
    Ok(())
}

#[test]
fn copies_have_three_sizes_and_are_aligned_to_them() {
    for bytes in [4, 8, 16] {
        one_copy(bytes, 0, 0, true).expect("it is a copy");
        one_copy(bytes, 0, bytes, true).expect("it is a copy");
        for (from, to) in [(bytes as usize / 2, 0), (0, bytes / 2)] {
            let fault = one_copy(bytes, from, to, true).expect_err("it is not aligned").to_string();
            assert!(
                fault.contains(&format!("asynchronous copy of {bytes} bytes")) && fault.contains("multiples"),
                "{fault}"
            );
        }
    }
    for bytes in [0, 1, 2, 12, 32] {
        let fault = one_copy(bytes, 0, 0, true).expect_err("there is no such copy");
        assert!(matches!(fault, Fault::Call { block: 0, thread: 0, .. }), "{fault}");
    }
}

#[test]
fn copies_go_to_shared_memory_alone() {
    // The kernel's object has 2 · 64 · 16 bytes.
    for (offset, is_shared) in [(0, false), (2048, true)] {
        let fault = one_copy(16, 0, offset, is_shared).expect_err("it is elsewhere").to_string();
        assert!(fault.contains("not the block's shared memory"), "{fault}");
    }
    one_copy(16, 0, 2032, true).expect("it is the last place");
}
