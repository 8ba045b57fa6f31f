//! One matrix product for forward, input gradient and weight gradient: `c[m][n] = start[n] + Σᵣ a[m][r] · b[r][n]`, r ascending.
//!
//! The lanes of a register are neighbouring n. A row of sums stays in registers while the terms are added one at a time. A term is a number
//! of `a` times a row of `b`. The terms come in blocks of [`BLOCK`]. The rows of `b` in a block, as wide as the sums, are a *panel*. It
//! fits into the first-level cache with room to spare. Between blocks the sums are stored in memory, so each sum is one chain in the
//! contract's order.
//!
//! # Terms that are left out
//!
//! Half of an image's pixels are zero. So are half of the activations after ReLU, and half of their gradients. A term with a zero factor
//! adds +0 or −0. It is left out where that changes no bit:
//!
//! - The other factor has to be finite, because 0 · ∞ is NaN. If a panel has a number that is not finite, none of its terms is left out.
//! - Adding +0 or −0 changes a sum in one case: it turns −0 into +0. Then the sum with this term is +0, and the sum without it is −0. Both stay
//!   zeros until a further term that is not zero is added, and then they have the same bits. So only a final sum of −0 may be wrong: it may have
//!   to be +0. Each final sum of −0 is computed again with all terms.
//!
//! Rows are computed in [pairs], so that a number of the panel is loaded once for both. A pair leaves out the terms that are zero in both
//! rows. If hardly any term is zero, rows are computed four at a time, with all their terms.

mod pairs;
mod panel;
mod single;
mod sink;
mod sums;

use std::{array, ops::Range};

use selvedge::arithmetic::fma;

use super::{
    InstructionSet,
    clock::Stopwatch,
    vector::{self, Vector, Work},
};
use pairs::Pairs;
use panel::{Line, Tile, load_part, numbers_of, pack, vectors_of};
pub use single::Single;
pub use sink::{Backward, Finished, Forward, Sink, Take, Target, Update};
use sums::{add_all, add_pair, all};

/// The number of terms in a block. Their nonzero bits are one machine word.
const BLOCK: usize = 64;

/// The number of rows whose sums are in memory between blocks. The sums have to fit into the second-level cache.
const RESTING: usize = 256;

/// The number of rows of sums that are passed on together. It is large, because each call costs some nanoseconds. It is small enough that
/// the sums are still in the first-level cache. If a row is a single vector, this number of rows is computed together.
const HANDED_ON: usize = 8;

/// A matrix, read in place.
#[derive(Clone, Copy)]
pub enum Matrix<'a> {
    /// Row after row: element (i, j) is at `i · stride + j`.
    ByRows { elements: &'a [f32], stride: usize },
    /// Column after column: element (i, j) is at `j · stride + i`.
    ByColumns { elements: &'a [f32], stride: usize },
}

impl Matrix<'_> {
    /// Returns element (i, j).
    pub fn at(&self, i: usize, j: usize) -> f32 {
        match self {
            Self::ByRows { elements, stride } => elements[i * stride + j],
            Self::ByColumns { elements, stride } => elements[j * stride + i],
        }
    }
}

/// The operands and sizes of a product.
#[derive(Clone, Copy)]
pub struct Product<'a> {
    /// The left matrix, `rows` × `terms`.
    pub a: Matrix<'a>,
    /// The right matrix, `terms` × `columns`.
    pub b: Matrix<'a>,
    /// The first value of each column's chains; `None` for +0.
    pub start: Option<&'a [f32]>,
    pub rows: usize,
    pub columns: usize,
    pub terms: usize,
}

/// A thread's own memory. Every part is written before it is read.
#[derive(Debug, Default)]
pub struct Scratch {
    panel: Vec<Line>,
    sums: Vec<Line>,
    /// The rows of `a`, if they do not already lie row after row.
    rows: Vec<f32>,
    pairs: Pairs,
    /// The time for the panel, the rows and the bits.
    pub packing: Stopwatch,
}

/// A part of a product's result, to be computed by one thread.
pub struct Share<'a> {
    pub product: &'a Product<'a>,
    pub rows: Range<usize>,
    pub columns: Range<usize>,
    /// The size of the first-level data cache in bytes.
    pub cache: usize,
    pub scratch: &'a mut Scratch,
    /// Takes finished sums. It is called and not inlined, so that the kernels are compiled once and not for each destination of the sums.
    pub take: &'a mut dyn FnMut(Finished<'_>),
}

impl Share<'_> {
    /// Computes the part.
    pub fn compute(self, instructions: InstructionSet) {
        vector::run(instructions, self);
    }
}

impl Work for Share<'_> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        let first = self.rows.start;
        for start in (first..self.rows.end).step_by(RESTING) {
            let rows = start..self.rows.end.min(start + RESTING);
            self.product.rows_to::<V>(rows, self.columns.clone(), self.cache, self.scratch, self.take);
        }
    }
}

impl Product<'_> {
    #[inline(always)]
    fn rows_to<V: Vector>(
        &self,
        rows: Range<usize>,
        columns: Range<usize>,
        cache: usize,
        scratch: &mut Scratch,
        take: &mut dyn FnMut(Finished<'_>),
    ) {
        let Scratch { panel, sums, rows: copies, pairs, packing } = scratch;
        let started = packing.start();
        let a = self.rows_of_a::<V>(&rows, copies);
        pairs.find::<V>(&a, rows.len(), self.terms, columns.len());
        packing.stop(started);
        let vectors = columns.len().div_ceil(V::LANES);
        let registers = if pairs.are_dense() { V::SUMS_OF_FOUR } else { V::SUMS_OF_TWO };
        let chunks = vectors.div_ceil(registers.min(widest_panel::<V>(cache)));
        for chunk in 0..chunks {
            let of_vectors = part(vectors, chunks, chunk);
            let start = columns.start + of_vectors.start * V::LANES;
            let chunk = Chunk {
                columns: start..columns.end.min(start + of_vectors.len() * V::LANES),
                first_row: rows.start,
                a: &a,
                pairs,
            };
            macro_rules! by_width {
                ($($width:literal)*) => {
                    match of_vectors.len() {
                        $($width if $width <= V::SUMS_OF_TWO => chunk.compute::<V, $width>(self, panel, sums, packing, take),)*
                        _ => unreachable!("a chunk is at most as wide as a row of sums"),
                    }
                };
            }
            by_width!(1 2 3 4 5 6 7 8 9 10 11 12);
        }
    }

    /// Returns the rows of `a`, each with its terms side by side.
    #[inline(always)]
    fn rows_of_a<'b, V: Vector>(&'b self, rows: &Range<usize>, copies: &'b mut Vec<f32>) -> Rows<'b> {
        match self.a {
            Matrix::ByRows { elements, stride } => Rows { elements: &elements[rows.start * stride..], stride },
            Matrix::ByColumns { elements, stride: width } => {
                let stride = self.terms.next_multiple_of(V::LANES);
                let len = rows.len().next_multiple_of(V::LANES) * stride;
                if copies.len() < len {
                    copies.resize(len, 0.0);
                }
                for term in (0..self.terms).step_by(V::LANES) {
                    for row in (0..rows.len()).step_by(V::LANES) {
                        let tile = Tile {
                            elements: &elements[term * width + rows.start + row..],
                            stride: width,
                            height: V::LANES.min(self.terms - term),
                            length: V::LANES.min(rows.len() - row),
                        };
                        tile.transpose::<V>(&mut copies[row * stride + term..], stride);
                    }
                }
                Rows { elements: copies, stride }
            }
        }
    }
}

/// Rows whose terms lie side by side: row m starts at `m · stride`.
struct Rows<'a> {
    elements: &'a [f32],
    stride: usize,
}

impl<'a> Rows<'a> {
    #[inline(always)]
    fn row(&self, m: usize, terms: Range<usize>) -> &'a [f32] {
        &self.elements[m * self.stride..][terms]
    }
}

/// Returns the width of a panel, in vectors. It leaves a sixth of the cache for other data.
fn widest_panel<V: Vector>(cache: usize) -> usize {
    (cache / 6 * 5 / (BLOCK * size_of::<V>())).max(1)
}

/// Returns the blocks of this number of terms. There is at least one, so that a chain without terms has its first value.
fn blocks(terms: usize) -> impl Iterator<Item = Range<usize>> {
    (0..terms.max(1)).step_by(BLOCK).map(move |first| first..terms.min(first + BLOCK))
}

/// Some columns of the result for some rows. There are at most as many columns as one row of sums in registers has.
struct Chunk<'a> {
    columns: Range<usize>,
    first_row: usize,
    a: &'a Rows<'a>,
    pairs: &'a Pairs,
}

impl Chunk<'_> {
    #[inline(always)]
    fn compute<V: Vector, const WIDTH: usize>(
        &self,
        product: &Product<'_>,
        panel: &mut Vec<Line>,
        sums: &mut Vec<Line>,
        packing: &mut Stopwatch,
        take: &mut dyn FnMut(Finished<'_>),
    ) {
        let order = self.pairs.rows();
        let panel = vectors_of::<V, WIDTH>(panel, BLOCK);
        // The last pair may have one row twice.
        let sums = vectors_of::<V, WIDTH>(sums, order.len().next_multiple_of(2));
        let mut start = [V::splat(0.0); WIDTH];
        if let Some(values) = product.start {
            for (vector, values) in start.iter_mut().zip(values[self.columns.clone()].chunks(V::LANES)) {
                *vector = load_part(values);
            }
        }
        for (index, terms) in blocks(product.terms).enumerate() {
            let started = packing.start();
            let is_finite = pack(product.b, self.columns.clone(), terms.clone(), panel);
            packing.stop(started);
            let start = (index == 0).then_some(&start);
            let is_last = terms.end == product.terms;
            let row = |place: usize| self.a.row(order[place.min(order.len() - 1)], terms.clone());
            for first in (0..order.len()).step_by(HANDED_ON) {
                let places = first..order.len().min(first + HANDED_ON);
                let is_whole = places.len() == HANDED_ON;
                if WIDTH == 1 && is_whole {
                    let rows = array::from_fn(|i| row(first + i));
                    add_all::<V, WIDTH, HANDED_ON>(rows, panel, start, &mut sums[places.clone()]);
                } else if WIDTH <= V::SUMS_OF_FOUR && self.pairs.are_dense() && is_whole {
                    for place in places.clone().step_by(4) {
                        let rows = array::from_fn(|i| row(place + i));
                        add_all::<V, WIDTH, 4>(rows, panel, start, &mut sums[place..][..4]);
                    }
                } else {
                    for place in places.clone().step_by(2) {
                        let bits =
                            if is_finite && WIDTH > 1 { self.pairs.nonzero(index, place) } else { all(terms.len()) };
                        let sums = &mut sums[place..][..2];
                        add_pair([row(place), row(place + 1)], bits, panel, start, sums);
                    }
                }
                if is_last {
                    let rows = &order[places.clone()];
                    product.finish(self.first_row, rows, self.columns.clone(), &mut sums[places], take);
                }
            }
        }
    }
}

impl Product<'_> {
    /// Passes on rows of sums, after the sums that left-out terms would have changed are corrected.
    #[inline(always)]
    fn finish<V: Vector, const WIDTH: usize>(
        &self,
        first_row: usize,
        rows: &[usize],
        columns: Range<usize>,
        sums: &mut [[V; WIDTH]],
        take: &mut dyn FnMut(Finished<'_>),
    ) {
        for (&row, sums) in rows.iter().zip(&mut *sums) {
            if sums.iter().any(|sums| sums.has_negative_zero()) {
                let sums = &mut numbers_of(sums)[..columns.len()];
                self.restore_zeros(first_row + row, columns.start, sums);
            }
        }
        take(Finished {
            first_row,
            rows,
            columns,
            sums: numbers_of(sums.as_flattened_mut()),
            stride: WIDTH * V::LANES,
        });
    }

    /// Computes again the sums that are −0.
    #[cold]
    fn restore_zeros(&self, row: usize, column: usize, sums: &mut [f32]) {
        for (n, sum) in (column..).zip(sums) {
            if sum.to_bits() == (-0.0f32).to_bits() {
                let start = self.start.map_or(0.0, |start| start[n]);
                *sum = (0..self.terms).fold(start, |sum, r| fma(self.a.at(row, r), self.b.at(r, n), sum));
            }
        }
    }
}

/// Returns part `index` of `parts` nearly equal parts of 0..whole.
pub fn part(whole: usize, parts: usize, index: usize) -> Range<usize> {
    whole * index / parts..whole * (index + 1) / parts
}
