//! One matrix product for forward, input gradient and weight gradient: `c[m][n] = start[m] + Σᵣ a[m][r] · b[r][n]`.
//!
//! Register tiles hold [`TILE_ROWS`]×[`TILE_COLUMNS`] accumulators, one for each result element, and take the terms one at a time: an
//! outer product for each r. The lanes run over n, so the order of every chain is the contract's.

#![allow(unsafe_code)]

use selvedge::{arithmetic, optimizer::Optimizer};

/// 6 × 16 accumulators leave four of AVX2's sixteen registers for the operands.
const TILE_ROWS: usize = 6;
const TILE_COLUMNS: usize = 16;

/// A matrix in place: element (i, j) is at `i · row + j · column`.
#[derive(Clone, Copy)]
pub struct Matrix<'a> {
    elements: &'a [f32],
    row: usize,
    column: usize,
}

impl<'a> Matrix<'a> {
    /// Each array is a row.
    pub fn by_rows<const WIDTH: usize>(rows: &'a [[f32; WIDTH]]) -> Self {
        Self { elements: rows.as_flattened(), row: WIDTH, column: 1 }
    }

    /// Each array is a column.
    pub fn by_columns<const WIDTH: usize>(columns: &'a [[f32; WIDTH]]) -> Self {
        Self { elements: columns.as_flattened(), row: 1, column: WIDTH }
    }

    /// The matrix without its first rows.
    pub fn skip_rows(self, rows: usize) -> Self {
        Self { elements: self.elements.get(rows * self.row..).unwrap_or_default(), ..self }
    }

    #[inline(always)]
    fn at(&self, i: usize, j: usize) -> f32 {
        self.elements[i * self.row + j * self.column]
    }
}

/// The operands and sizes of one product.
pub struct Product<'a> {
    /// `rows` × `terms`.
    pub a: Matrix<'a>,
    /// `terms` × `columns`.
    pub b: Matrix<'a>,
    /// Where each row's chains start; +0 where there is none.
    pub start: Option<&'a [f32]>,
    pub rows: usize,
    pub columns: usize,
    pub terms: usize,
}

impl Product<'_> {
    /// Computes the product into `c`, where `place(m, n)` says where an element goes. `panel` is scratch memory.
    pub fn compute(
        &self,
        processor: Processor,
        panel: &mut Vec<f32>,
        place: impl Fn(usize, usize) -> usize,
        c: &mut [f32],
    ) {
        panel.resize(self.terms * TILE_COLUMNS, 0.0);
        for column in (0..self.columns).step_by(TILE_COLUMNS) {
            let width = TILE_COLUMNS.min(self.columns - column);
            let (panel, _) = panel.as_chunks_mut::<TILE_COLUMNS>();
            self.pack(column, width, panel);
            let mut row = 0;
            while row < self.rows {
                let mut tile = [[0.0; TILE_COLUMNS]; TILE_ROWS];
                let height = if row + TILE_ROWS <= self.rows {
                    self.tile::<TILE_ROWS>(processor, row, panel, &mut tile)
                } else {
                    self.tile::<1>(processor, row, panel, tile.first_chunk_mut().expect("a tile has a row"))
                };
                for (m, sums) in (row..).zip(&tile[..height]) {
                    for (n, &sum) in (column..).zip(&sums[..width]) {
                        c[place(m, n)] = sum;
                    }
                }
                row += height;
            }
        }
    }

    /// Copies `width` columns of `b` into the panel, a row for each term.
    fn pack(&self, column: usize, width: usize, panel: &mut [[f32; TILE_COLUMNS]]) {
        for (r, row) in panel.iter_mut().enumerate() {
            for (n, element) in row[..width].iter_mut().enumerate() {
                *element = self.b.at(r, column + n);
            }
        }
    }

    /// One register tile; returns its height.
    fn tile<const ROWS: usize>(
        &self,
        processor: Processor,
        row: usize,
        panel: &[[f32; TILE_COLUMNS]],
        tile: &mut [[f32; TILE_COLUMNS]; ROWS],
    ) -> usize {
        for (m, sums) in (row..).zip(tile.iter_mut()) {
            sums.fill(self.start.map_or(0.0, |start| start[m]));
        }
        let a = self.a.skip_rows(row);
        match processor {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: `detect` saw the processor's features.
            Processor::Avx2 => unsafe { accumulate_avx2(a, panel, tile) },
            Processor::Other => accumulate(arithmetic::fma, a, panel, tile),
        }
        ROWS
    }
}

/// What the processor can do.
#[derive(Clone, Copy, Debug)]
pub enum Processor {
    /// x86-64 with AVX2 and FMA.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// Whatever the program was compiled for.
    Other,
}

impl Processor {
    /// Asks the processor.
    pub fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            return Self::Avx2;
        }
        Self::Other
    }

    /// Applies an optimizer to each parameter and its gradient.
    pub fn update<O: Optimizer>(self, optimizer: &O, parameters: &mut [f32], grad: &[f32]) {
        match self {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: `detect` saw the processor's features.
            Self::Avx2 => unsafe { update_avx2(optimizer, parameters, grad) },
            Self::Other => update(arithmetic::fma, optimizer, parameters, grad),
        }
    }
}

#[inline(always)]
fn accumulate<const ROWS: usize>(
    fma: impl Fn(f32, f32, f32) -> f32,
    a: Matrix<'_>,
    panel: &[[f32; TILE_COLUMNS]],
    tile: &mut [[f32; TILE_COLUMNS]; ROWS],
) {
    let mut sums = *tile;
    for (r, b) in panel.iter().enumerate() {
        for (m, sums) in sums.iter_mut().enumerate() {
            let a = a.at(m, r);
            for (sum, &b) in sums.iter_mut().zip(b) {
                *sum = fma(a, b, *sum);
            }
        }
    }
    *tile = sums;
}

#[inline(always)]
fn update<O: Optimizer>(fma: impl Fn(f32, f32, f32) -> f32, optimizer: &O, parameters: &mut [f32], grad: &[f32]) {
    for (parameter, &grad) in parameters.iter_mut().zip(grad) {
        optimizer.update(&fma, parameter, grad);
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn accumulate_avx2<const ROWS: usize>(
    a: Matrix<'_>,
    panel: &[[f32; TILE_COLUMNS]],
    tile: &mut [[f32; TILE_COLUMNS]; ROWS],
) {
    accumulate(f32::mul_add, a, panel, tile);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn update_avx2<O: Optimizer>(optimizer: &O, parameters: &mut [f32], grad: &[f32]) {
    update(f32::mul_add, optimizer, parameters, grad);
}
