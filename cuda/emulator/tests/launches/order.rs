//! Launches of which one begins before the one before it ends.

use std::ffi::c_void;

use emulator::{Fault, Started, launch_in_order};

use crate::launch::{argument, kernel};

const SEEDS: u64 = 200;
/// Blocks, and threads of each.
const SMALL: [u32; 2] = [3, 5];

/// The modes of a launch, as in tests/kernels.cu.
const TRIGGERS_FIRST: u32 = 1;
const READS_FIRST: u32 = 2;
const WAITS: u32 = 4;
const TRIGGERS_LATER: u32 = 8;

/// A launch that reads one row of numbers, and writes another with all of them one larger.
#[derive(Clone, Copy)]
struct Link {
    rows: [usize; 2],
    how: u32,
    programmatic: bool,
}

fn link(from: usize, to: usize, how: u32) -> Link {
    Link { rows: [from, to], how, programmatic: true }
}

/// Returns the number in each row after these launches, where all of the row have the same; at first it is that of the row, times 10.
fn run(links: &[Link], seed: u64) -> [Option<u32>; 4] {
    run_shape(SMALL, links, seed)
}

fn run_shape(shape: [u32; 2], links: &[Link], seed: u64) -> [Option<u32>; 4] {
    let threads = (shape[0] * shape[1]) as usize;
    let mut rows: [Vec<u32>; 4] = [0, 10, 20, 30].map(|value| vec![value; threads]);
    let addresses = rows.each_mut().map(|row| row.as_mut_ptr());
    let arguments: Vec<_> = links
        .iter()
        .map(|link| [argument(&addresses[link.rows[0]]), argument(&addresses[link.rows[1]]), argument(&link.how)])
        .collect();
    let launches: Vec<_> =
        links.iter().zip(&arguments).map(|(link, arguments)| started(shape, link.programmatic, arguments)).collect();
    // SAFETY: the rows are as long as there are threads.
    unsafe { launch_in_order(&launches, seed) }.expect("they run");
    rows.map(|row| row.iter().all(|value| *value == row[0]).then_some(row[0]))
}

fn started([grid, block]: [u32; 2], programmatic: bool, arguments: &[*mut c_void]) -> Started<'_> {
    Started { kernel: kernel("link"), grid, block, programmatic, arguments }
}

/// Under how many of the seeds the last row that is written has another number than this.
fn wrong(links: &[Link], right: u32) -> usize {
    let last = links[links.len() - 1].rows[1];
    (0..SEEDS).filter(|&seed| run(links, seed)[last] != Some(right)).count()
}

/// A mistake shows under some seeds, and not under all of them.
#[track_caller]
fn assert_shows(links: &[Link], right: u32) {
    let wrong = wrong(links, right) as u64;
    assert!((SEEDS / 20..=SEEDS * 19 / 20).contains(&wrong), "{wrong} of {SEEDS} schedules show it");
}

#[test]
fn launches_that_wait_are_in_order() {
    for how in [WAITS, TRIGGERS_FIRST | WAITS, WAITS | TRIGGERS_LATER] {
        let links = [link(0, 1, how), link(1, 2, how), link(2, 3, how), link(3, 0, how), link(0, 1, how)];
        assert_eq!(wrong(&links, 5), 0);
    }
}

#[test]
fn a_missing_wait_shows() {
    assert_shows(&[link(0, 1, TRIGGERS_FIRST), link(1, 2, 0)], 2);
}

#[test]
fn a_read_before_the_wait_shows() {
    assert_shows(&[link(0, 1, TRIGGERS_FIRST), link(1, 2, READS_FIRST | WAITS)], 2);
}

#[test]
fn a_write_before_the_wait_shows() {
    // The second overwrites what the first still reads.
    let links = [link(0, 1, TRIGGERS_FIRST), link(3, 0, 0)];
    let wrong = (0..SEEDS).filter(|&seed| run(&links, seed)[1] != Some(1)).count() as u64;
    assert!((SEEDS / 20..=SEEDS * 19 / 20).contains(&wrong), "{wrong} of {SEEDS} schedules show it");
}

#[test]
fn nothing_overlaps_without_a_trigger() {
    assert_eq!(wrong(&[link(0, 1, 0), link(1, 2, READS_FIRST)], 2), 0);
    assert_eq!(wrong(&[link(0, 1, WAITS), link(1, 2, WAITS)], 2), 0);
}

/// A launch's writes need not be there when it ends, except for those that wait for it.
#[test]
fn a_read_before_the_wait_shows_after_a_launch_without_a_trigger() {
    assert_shows(&[link(0, 1, WAITS), link(1, 2, READS_FIRST | WAITS)], 2);
}

#[test]
fn nothing_overlaps_without_the_attribute() {
    let plain = |from, to, how| Link { programmatic: false, ..link(from, to, how) };
    let how = TRIGGERS_FIRST | READS_FIRST | WAITS;
    assert_eq!(wrong(&[plain(0, 1, how), plain(1, 2, how), plain(2, 3, how)], 3), 0);
    // All that comes before is waited for, and not the last alone.
    assert_eq!(wrong(&[link(0, 1, TRIGGERS_FIRST), link(3, 2, TRIGGERS_FIRST), plain(1, 3, READS_FIRST)], 2), 0);
}

#[test]
fn the_attribute_of_the_first_has_no_effect() {
    assert_eq!(wrong(&[link(0, 1, READS_FIRST | WAITS)], 1), 0);
}

#[test]
fn a_launch_without_the_attribute_can_let_the_next_begin() {
    let first = Link { programmatic: false, ..link(0, 1, TRIGGERS_FIRST) };
    assert_shows(&[first, link(1, 2, READS_FIRST | WAITS)], 2);
}

/// The second lets the third begin when the first is complete, or before.
#[test]
fn what_was_complete_before_the_trigger_can_be_read_without_a_wait() {
    let links = |second| [link(0, 1, TRIGGERS_FIRST), link(3, 2, second), link(1, 3, READS_FIRST | WAITS)];
    assert_eq!(wrong(&links(WAITS | TRIGGERS_LATER), 2), 0);
    assert_shows(&links(TRIGGERS_FIRST | WAITS), 2);
}

/// The second ends while the first runs, so that to wait for the second is not enough.
#[test]
fn a_launch_that_never_waits_breaks_the_chain() {
    let links = |second| [link(0, 1, TRIGGERS_FIRST), link(3, 2, second), link(1, 3, WAITS)];
    assert_eq!(wrong(&links(TRIGGERS_FIRST | WAITS), 2), 0);
    assert_shows(&links(TRIGGERS_FIRST), 2);
    assert_shows(&links(0), 2);
}

/// All blocks of the second must be there before the third begins, though none can end.
#[test]
fn launches_of_many_threads_show_the_same() {
    let links = [link(0, 1, TRIGGERS_FIRST), link(3, 2, TRIGGERS_FIRST | WAITS), link(1, 3, READS_FIRST | WAITS)];
    let wrong = (0..SEEDS).filter(|&seed| run_shape([6, 256], &links, seed)[3] != Some(2)).count() as u64;
    assert!(wrong >= SEEDS / 20, "{wrong} of {SEEDS} schedules show it");
}

#[test]
fn the_seed_decides_the_order() {
    let links = [link(0, 1, TRIGGERS_FIRST), link(1, 2, READS_FIRST), link(2, 3, READS_FIRST)];
    for seed in 0..SEEDS {
        assert_eq!(run(&links, seed), run(&links, seed));
    }
}

#[test]
fn a_fault_in_any_of_them_ends_all() {
    let (word, how) = (0_u32, TRIGGERS_FIRST);
    let (mut from, mut to) = ([0_u32; 15], [0_u32; 15]);
    let addresses = [from.as_mut_ptr(), to.as_mut_ptr()];
    let first = [argument(&addresses[0]), argument(&addresses[1]), argument(&how)];
    let first = started(SMALL, false, &first);
    let word = &raw const word;
    let never = [argument(&word)];
    let divergent = Started { kernel: kernel("one_leaves"), arguments: &[], ..started(SMALL, true, &[]) };
    let deadlock = Started { kernel: kernel("never"), grid: 1, block: 1, ..started(SMALL, true, &never) };
    let shapeless = Started { grid: 0, ..divergent };
    for seed in 0..20 {
        // SAFETY: the arguments are the kernels', and the rows are as long as there are threads.
        let run = |second| unsafe { launch_in_order(&[first, second, first], seed) };
        assert!(matches!(run(divergent), Err(Fault::DivergentBarrier { .. })));
        assert!(matches!(run(shapeless), Err(Fault::Shape { grid: 0, block: 5 })));
        assert!(matches!(run(started(SMALL, true, &never)), Err(Fault::Arguments { given: 1, taken: 3 })));
        if seed == 0 {
            assert!(matches!(run(deadlock), Err(Fault::Deadlock { .. })));
        }
    }
}

#[test]
fn many_launches_of_many_threads_are_cheap() {
    let how = TRIGGERS_FIRST | WAITS;
    let (mut from, mut to) = (vec![0_u32; 40 * 256], vec![0_u32; 40 * 256]);
    let addresses = [from.as_mut_ptr(), to.as_mut_ptr()];
    let [there, back] =
        [[0, 1], [1, 0]].map(|[from, to]| [argument(&addresses[from]), argument(&addresses[to]), argument(&how)]);
    let launches: Vec<_> = (0..30)
        .map(|index| Started {
            grid: 40,
            block: 256,
            ..started(SMALL, true, if index % 2 == 0 { &there } else { &back })
        })
        .collect();
    // SAFETY: the rows are as long as there are threads.
    unsafe { launch_in_order(&launches, 7) }.expect("they run");
    assert!(from.iter().all(|value| *value == 30));
}
