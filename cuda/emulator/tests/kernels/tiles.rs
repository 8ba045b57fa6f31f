//! The places of a product's threads: each result has one, and a warp's reads of shared memory take few passes.

use std::{collections::HashSet, ffi::c_void};

use cuda::{kernel::Tile, task::THREADS};
use emulator::{Launch, kernels_for_tests, launch};

/// Threads of a warp.
const WARP: usize = 32;
/// Groups of four banks, each of 16 bytes.
const BANKS: usize = 8;

/// A thread's part, as `tests/kernels.cu` writes it.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
struct Part {
    row: i32,
    column: i32,
    copier: i32,
    /// The words where the thread's part of each operand begins.
    row_word: i32,
    column_word: i32,
    column_word_by_term: i32,
}

impl Part {
    fn computes(&self) -> bool {
        self.row >= 0
    }
}

fn parts(tile: Tile, is_later_half: bool) -> Vec<Part> {
    let name = match tile {
        Tile::Latency => "latency_tile",
        Tile::Throughput => "throughput_tile",
    };
    let kernel = kernels_for_tests().and_then(|module| module.kernel(name)).expect("the kernel is in the table");
    let mut parts = vec![Part::default(); THREADS as usize];
    let (out, half) = (parts.as_mut_ptr(), u32::from(is_later_half));
    let arguments: [*mut c_void; 2] = [(&raw const out).cast_mut().cast(), (&raw const half).cast_mut().cast()];
    // SAFETY: these are the kernel's parameters, and there are six numbers for each thread.
    unsafe { launch(kernel, &Launch { grid: 1, block: THREADS, seed: 1 }, &arguments) }.expect("it runs");
    parts
}

const TILES: [(Tile, bool); 3] = [(Tile::Latency, false), (Tile::Latency, true), (Tile::Throughput, false)];

#[test]
fn each_result_and_each_copy_is_one_threads() {
    for (tile, half) in TILES {
        let parts = parts(tile, half);
        // A thread has 2 × 2 or 4 × 4 results.
        let places = match tile {
            Tile::Latency => 8,
            Tile::Throughput => 16,
        };
        let computing: Vec<_> = parts.iter().filter(|part| part.computes()).collect();
        let found: HashSet<_> = computing.iter().map(|part| (part.row, part.column)).collect();
        assert!(found.iter().all(|&(row, column)| row < places && column < places));
        assert_eq!((found.len(), computing.len()), ((places * places) as usize, (places * places) as usize));

        let mut copiers: Vec<_> = parts.iter().map(|part| part.copier).filter(|&copier| copier >= 0).collect();
        copiers.sort_unstable();
        assert!(copiers.iter().copied().eq(0..copiers.len() as i32), "{tile:?}: {copiers:?}");
        assert_eq!(copiers.len(), if tile == Tile::Latency { 128 } else { 256 });
    }
}

/// A multiprocessor has four schedulers, and a warp is on that of its number. A small tile's warps that compute have theirs for themselves.
#[test]
fn warps_that_compute_share_no_scheduler_with_others() {
    let schedulers = |half| -> [HashSet<usize>; 2] {
        let parts = parts(Tile::Latency, half);
        let of = |chosen: fn(&Part) -> bool| {
            let threads = parts.iter().enumerate().filter(move |(_, part)| chosen(part));
            threads.map(|(thread, _)| thread / WARP % 4).collect()
        };
        [of(Part::computes), of(|part| part.copier >= 0)]
    };
    let [[first, first_copies], [later, later_copies]] = [schedulers(false), schedulers(true)];
    assert!(first.is_disjoint(&first_copies) && later.is_disjoint(&later_copies));
    // Nor with those of a block of the other half.
    assert!(first.is_disjoint(&later) && first.len() == 2 && later.len() == 2);
}

/// Returns the passes of a warp's reads of 16 bytes by the rule that is known: a half of the warp takes one where each lane's neighbour, or the one after
/// next, reads the same 16 bytes, and else one for each quarter; each pass reads different bytes from different banks.
fn passes(words: &[i32]) -> usize {
    let of_half = |half: &[i32]| {
        let merges = |distance: usize| (0..half.len()).all(|lane| half[lane] == half[lane ^ distance]);
        let quarters = if merges(1) || merges(2) { vec![half] } else { half.chunks(8).collect() };
        let conflicts = |quarter: &[i32]| {
            let different: HashSet<_> = quarter.iter().map(|word| word / 4).collect();
            let in_bank = |bank| different.iter().filter(|&&bytes| bytes as usize % BANKS == bank).count();
            (0..BANKS).map(in_bank).max().unwrap_or_default()
        };
        quarters.into_iter().map(conflicts).sum::<usize>()
    };
    words.chunks(WARP / 2).map(of_half).sum()
}

#[test]
fn a_warp_reads_16_bytes_a_lane_in_two_passes() {
    assert_eq!(passes(&(0..32).map(|lane| 4 * lane).collect::<Vec<_>>()), 4);
    assert_eq!(passes(&[0; 32]), 2);
    assert_eq!(passes(&(0..32).map(|lane| 32 * (lane / 2)).collect::<Vec<_>>()), 16);
    for (tile, half) in TILES {
        for warp in parts(tile, half).chunks(WARP).filter(|warp| warp[0].computes()) {
            let of = |word: fn(&Part) -> i32| passes(&warp.iter().map(word).collect::<Vec<_>>());
            assert_eq!([of(|part| part.row_word), of(|part| part.column_word)], [2, 2], "{tile:?}");
            if tile == Tile::Throughput {
                assert_eq!(of(|part| part.column_word_by_term), 2);
            }
        }
    }
}
