//! One matrix product for forward, input gradient and weight gradient: `c[m][n] = start[n] + Σᵣ a[m][r] · b[r][n]`, r ascending.
//!
//! The lanes run over n: a row of sums stays in registers while the terms are added one at a time, each a number of `a`
//! times a row of `b`. The terms come in blocks of [`BLOCK`]; the block's rows of `b`, as wide as the sums, are a *panel* that
//! fits the first-level cache. Between blocks the sums rest in memory, so each is one chain in the contract's order.
//!
//! # Terms that are left out
//!
//! Half of an image's pixels are zero, and so are half of the activations after ReLU and half of their gradients. A term
//! with a zero factor adds ±0, which is left out where that changes no bit:
//!
//! - The other factor has to be finite (0 · ∞ is NaN). A panel that is not takes all its terms.
//! - Adding ±0 changes a sum in one case: it turns −0 into +0. From there on the two sums are both zero until a term makes them
//!   equal. So a left-out term shows in the end, if at all, as a sum of −0 that should be +0; such a sum is computed again in full.

mod panel;
mod sink;
mod sums;

use std::{array, ops::Range};

use selvedge::arithmetic::fma;

use super::{
    InstructionSet,
    clock::Stopwatch,
    vector::{self, Vector, Work},
};
use panel::{Line, Tile, load_part, numbers_of, pack, vectors_of};
pub use sink::{Backward, Finished, Forward, Sink, Take, Target, Update};
use sums::{Terms, add_all, add_pair, all};

/// Terms in a block: their nonzero bits are one machine word.
const BLOCK: usize = 64;

/// Rows whose sums rest in memory between blocks: they have to fit the second-level cache.
const RESTING: usize = 256;

/// Rows of a single vector that are computed at a time.
const NARROW: usize = 8;

/// Rows of sums that are handed on at a time: many, since each call costs some nanoseconds, and few, so that the sums are still in
/// the first-level cache.
const HANDED_ON: usize = 8;

/// A matrix in place.
#[derive(Clone, Copy)]
pub enum Matrix<'a> {
    /// Element (i, j) is at `i · stride + j`.
    ByRows { elements: &'a [f32], stride: usize },
    /// Element (i, j) is at `j · stride + i`.
    ByColumns { elements: &'a [f32], stride: usize },
}

impl Matrix<'_> {
    /// Element (i, j).
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
    /// `rows` × `terms`.
    pub a: Matrix<'a>,
    /// `terms` × `columns`.
    pub b: Matrix<'a>,
    /// Where each column's chains start; +0 where there is none.
    pub start: Option<&'a [f32]>,
    pub rows: usize,
    pub columns: usize,
    pub terms: usize,
}

/// A thread's own memory, written before it is read.
#[derive(Debug, Default)]
pub struct Scratch {
    panel: Vec<Line>,
    sums: Vec<Line>,
    /// `a`, where it does not lie by rows in place.
    rows: Vec<f32>,
    /// For each block, for each row: a bit for each term that is not zero.
    nonzero: Vec<u64>,
    /// For what the panel, the rows and the bits take.
    pub packing: Stopwatch,
}

/// A part of a product's result, to be computed by one thread.
pub struct Share<'a> {
    pub product: &'a Product<'a>,
    pub rows: Range<usize>,
    pub columns: Range<usize>,
    pub scratch: &'a mut Scratch,
    /// Called rather than inlined, so that the kernels are compiled once and not for everything that may become of a sum.
    pub take: &'a mut dyn FnMut(Finished<'_>),
}

impl Share<'_> {
    /// Computes it.
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
            self.product.rows_to::<V>(rows, self.columns.clone(), self.scratch, self.take);
        }
    }
}

impl Product<'_> {
    #[inline(always)]
    fn rows_to<V: Vector>(
        &self,
        rows: Range<usize>,
        columns: Range<usize>,
        scratch: &mut Scratch,
        take: &mut dyn FnMut(Finished<'_>),
    ) {
        let Scratch { panel, sums, rows: copies, nonzero, packing } = scratch;
        let started = packing.start();
        let a = self.rows_of_a::<V>(&rows, copies);
        a.find_nonzero::<V>(rows.len(), self.terms, nonzero);
        packing.stop(started);
        let vectors = columns.len().div_ceil(V::LANES);
        let chunks = vectors.div_ceil(V::SUMS);
        for chunk in 0..chunks {
            let of_vectors = part(vectors, chunks, chunk);
            let start = columns.start + of_vectors.start * V::LANES;
            let chunk = Chunk {
                columns: start..columns.end.min(start + of_vectors.len() * V::LANES),
                rows: &rows,
                a: &a,
                nonzero,
            };
            macro_rules! by_width {
                ($($width:literal)*) => {
                    match of_vectors.len() {
                        $($width if $width <= V::SUMS => chunk.compute::<V, $width>(self, panel, sums, packing, take),)*
                        _ => unreachable!("a chunk is at most SUMS vectors"),
                    }
                };
            }
            by_width!(1 2 3 4 5 6 7 8 9 10 11 12);
        }
    }

    /// The rows of `a`, each with its terms side by side.
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

/// Rows with their terms side by side: row m starts at `m · stride`.
struct Rows<'a> {
    elements: &'a [f32],
    stride: usize,
}

impl<'a> Rows<'a> {
    #[inline(always)]
    fn row(&self, m: usize, terms: Range<usize>) -> &'a [f32] {
        &self.elements[m * self.stride..][terms]
    }

    #[inline(always)]
    fn find_nonzero<V: Vector>(&self, rows: usize, terms: usize, nonzero: &mut Vec<u64>) {
        nonzero.clear();
        for block in blocks(terms) {
            for m in 0..rows {
                let row = self.row(m, block.clone());
                let vectors = row.chunks(V::LANES).zip((0..).step_by(V::LANES));
                nonzero.push(vectors.fold(0, |bits, (numbers, lane)| bits | load_part::<V>(numbers).nonzero() << lane));
            }
        }
    }
}

/// The blocks of so many terms: at least one, so that a chain of no terms has its start.
fn blocks(terms: usize) -> impl Iterator<Item = Range<usize>> {
    (0..terms.max(1)).step_by(BLOCK).map(move |first| first..terms.min(first + BLOCK))
}

/// Some columns of the result, at most as many as a row of sums in registers has, for some rows.
struct Chunk<'a> {
    columns: Range<usize>,
    rows: &'a Range<usize>,
    a: &'a Rows<'a>,
    nonzero: &'a [u64],
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
        let rows = self.rows.len();
        let panel = vectors_of::<V, WIDTH>(panel, BLOCK);
        let sums = vectors_of::<V, WIDTH>(sums, rows);
        let zero = V::splat(0.0);
        let mut start = [zero; WIDTH];
        if let Some(values) = product.start {
            for (vector, values) in start.iter_mut().zip(values[self.columns.clone()].chunks(V::LANES)) {
                *vector = load_part(values);
            }
        }
        for (index, terms) in blocks(product.terms).enumerate() {
            let started = packing.start();
            let is_finite = pack(product.b, self.columns.clone(), terms.clone(), panel);
            packing.stop(started);
            let nonzero = &self.nonzero[index * rows..][..rows];
            let terms_of = |m| {
                let bits = if is_finite { nonzero[m] } else { all(terms.len()) };
                Terms { row: self.a.row(m, terms.clone()), bits }
            };
            let start = (index == 0).then_some(&start);
            let is_last = terms.end == product.terms;
            let mut m = 0;
            while m < rows {
                let added = match &mut sums[m..] {
                    several if WIDTH == 1 && several.len() >= NARROW => {
                        let rows = array::from_fn(|i| self.a.row(m + i, terms.clone()));
                        add_all::<V, WIDTH, NARROW>(rows, panel, start, &mut several[..NARROW]);
                        NARROW
                    }
                    [first, second, ..] => {
                        add_pair([terms_of(m), terms_of(m + 1)], panel, start, [first, second]);
                        2
                    }
                    [last] => {
                        let none = Terms { row: &[], bits: 0 };
                        add_pair([terms_of(m), none], panel, start, [last, &mut [zero; WIDTH]]);
                        1
                    }
                    [] => break,
                };
                m += added;
                if is_last && (m == rows || m.is_multiple_of(HANDED_ON)) {
                    let first = (m - 1) / HANDED_ON * HANDED_ON;
                    self.finish(product, self.rows.start + first, &mut sums[first..m], take);
                }
            }
        }
    }

    /// Hands on rows of sums, once those that left-out terms would have changed are right.
    #[inline(always)]
    fn finish<V: Vector, const WIDTH: usize>(
        &self,
        product: &Product<'_>,
        first: usize,
        rows: &mut [[V; WIDTH]],
        take: &mut dyn FnMut(Finished<'_>),
    ) {
        for (row, sums) in (first..).zip(&mut *rows) {
            if sums.iter().any(|sums| sums.has_negative_zero()) {
                product.restore_zeros(row, self.columns.start, &mut numbers_of(sums)[..self.columns.len()]);
            }
        }
        let sums = numbers_of(rows.as_flattened_mut());
        take(Finished { row: first, columns: self.columns.clone(), sums, stride: WIDTH * V::LANES });
    }
}

impl Product<'_> {
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

/// A part of `parts` nearly equal ones.
pub fn part(whole: usize, parts: usize, index: usize) -> Range<usize> {
    whole * index / parts..whole * (index + 1) / parts
}
