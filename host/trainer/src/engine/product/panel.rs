//! Operands in the order in which the registers take them.

#![allow(unsafe_code)]

use std::{ops::Range, slice};

use super::{super::vector::Vector, Matrix};

/// A cache line.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C, align(64))]
pub struct Line([f32; 16]);

/// Copies a block of `b`'s rows side by side. Returns whether all of their numbers are finite.
#[inline(always)]
pub fn pack<V: Vector, const WIDTH: usize>(
    b: Matrix<'_>,
    columns: Range<usize>,
    terms: Range<usize>,
    panel: &mut [[V; WIDTH]],
) -> bool {
    let mut witness = V::splat(0.0);
    match b {
        Matrix::ByRows { elements, stride } => {
            for (r, row) in terms.zip(panel) {
                let elements = &elements[r * stride..][columns.clone()];
                if elements.len() == WIDTH * V::LANES {
                    for (c, vector) in row.iter_mut().enumerate() {
                        // SAFETY: there are WIDTH vectors of elements.
                        *vector = unsafe { V::load(elements.as_ptr().add(c * V::LANES)) };
                    }
                } else {
                    for (vector, elements) in row.iter_mut().zip(elements.chunks(V::LANES)) {
                        *vector = load_part(elements);
                    }
                }
                for vector in row {
                    witness = witness.attest(*vector);
                }
            }
        }
        Matrix::ByColumns { elements, stride } => {
            let panel = panel.as_flattened_mut();
            for (c, column) in columns.clone().step_by(V::LANES).enumerate() {
                for r in (0..terms.len()).step_by(V::LANES) {
                    let tile = Tile {
                        elements: &elements[column * stride + terms.start + r..],
                        stride,
                        height: V::LANES.min(columns.end - column),
                        length: V::LANES.min(terms.len() - r),
                    };
                    let places = numbers_of(&mut panel[r * WIDTH + c..]);
                    witness = witness.attest(tile.transpose::<V>(places, WIDTH * V::LANES));
                }
            }
        }
    }
    witness.nonzero() == 0
}

/// Returns the scratch memory as rows of vectors.
#[inline(always)]
pub fn vectors_of<V: Vector, const WIDTH: usize>(lines: &mut Vec<Line>, rows: usize) -> &mut [[V; WIDTH]] {
    let needed = (rows * size_of::<[V; WIDTH]>()).div_ceil(size_of::<Line>());
    if lines.len() < needed {
        lines.resize(needed, Line::default());
    }
    // SAFETY: a vector is LANES `f32`s, valid with any bits, and needs at most a line's alignment; the length was seen to.
    unsafe { slice::from_raw_parts_mut(lines.as_mut_ptr().cast(), rows) }
}

/// Returns the vectors' numbers.
#[inline(always)]
pub fn numbers_of<V: Vector>(vectors: &mut [V]) -> &mut [f32] {
    // SAFETY: a vector is LANES numbers and nothing else.
    unsafe { slice::from_raw_parts_mut(vectors.as_mut_ptr().cast(), vectors.len() * V::LANES) }
}

/// Returns a vector of the first numbers, and zeros.
#[inline(always)]
pub fn load_part<V: Vector>(from: &[f32]) -> V {
    if from.len() >= V::LANES {
        // SAFETY: there are LANES numbers.
        return unsafe { V::load(from.as_ptr()) };
    }
    let mut padded = [0.0; 16];
    padded[..from.len()].copy_from_slice(from);
    // SAFETY: no vector has more than 16 lanes.
    unsafe { V::load(padded.as_ptr()) }
}

/// A part of a matrix by rows: LANES rows of LANES numbers, or less where the matrix ends.
pub struct Tile<'a> {
    pub elements: &'a [f32],
    pub stride: usize,
    pub height: usize,
    pub length: usize,
}

impl Tile<'_> {
    /// Writes LANES columns as rows, with zeros beyond the height and the length; returns a witness of the numbers: a vector that
    /// is finite where they are.
    #[inline(always)]
    pub fn transpose<V: Vector>(&self, to: &mut [f32], to_stride: usize) -> V {
        assert!(to.len() > (V::LANES - 1) * (to_stride + 1), "the columns have their places");
        if self.height == V::LANES && self.length == V::LANES {
            assert!(self.elements.len() > (V::LANES - 1) * (self.stride + 1), "the tile lies in the matrix");
            // SAFETY: the last numbers lie in the memory, and so do those before them.
            return unsafe { V::transpose(self.elements.as_ptr(), self.stride, to.as_mut_ptr(), to_stride) };
        }
        let mut padded = [0.0; 16 * 16];
        for (to, from) in padded.chunks_mut(V::LANES).zip(self.elements.chunks(self.stride)).take(self.height) {
            to[..self.length].copy_from_slice(&from[..self.length]);
        }
        // SAFETY: no vector has more than 16 lanes; the places were checked above.
        unsafe { V::transpose(padded.as_ptr(), V::LANES, to.as_mut_ptr(), to_stride) }
    }
}
