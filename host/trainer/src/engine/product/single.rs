//! Products of a few rows with a matrix that lies by rows in whole vectors: nothing is packed, and where a row's factor is zero, the
//! matrix's row is not read.

#![allow(unsafe_code)]

use std::ops::Range;

use super::{
    super::vector::{Vector, Work},
    BLOCK, Finished, Matrix, Product,
    panel::load_part,
    part,
    sums::all,
};

/// A part of a product's result, computed a row at a time.
pub struct Single<'a> {
    /// The product. Its `b` lies row after row, each row filled up to whole vectors. Both matrices start with their first element.
    pub product: &'a Product<'a>,
    pub columns: Range<usize>,
    /// True if all of `b` is finite, so that terms with a zero factor may be left out.
    pub is_finite: bool,
    pub take: &'a mut dyn FnMut(Finished<'_>),
}

impl Work for Single<'_> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        let Self { product, columns, is_finite, take } = self;
        let (Matrix::ByRows { elements: a, stride: width }, Matrix::ByRows { elements: b, stride }) =
            (product.a, product.b)
        else {
            unreachable!("both matrices lie by rows")
        };
        let vectors = columns.len().div_ceil(V::LANES);
        let chunks = vectors.div_ceil(V::SUMS_OF_ONE);
        for row in 0..product.rows {
            let a = &a[row * width..][..product.terms];
            for chunk in 0..chunks {
                let of_vectors = part(vectors, chunks, chunk);
                let start = columns.start + of_vectors.start * V::LANES;
                let columns = start..columns.end.min(start + of_vectors.len() * V::LANES);
                let terms = Terms { a, b, stride, is_finite };
                macro_rules! by_width {
                    ($($width:literal)*) => {
                        match of_vectors.len() {
                            $($width if $width <= V::SUMS_OF_ONE => {
                                let mut sums = [terms.sum::<V, $width>(product.start, columns.clone())];
                                product.finish(0, &[row], columns, &mut sums, take);
                            })*
                            _ => unreachable!("a chunk is at most as wide as a row of sums"),
                        }
                    };
                }
                by_width!(1 2 3 4 5 6 7 8 9 10 11 12);
            }
        }
    }
}

/// The terms of a row's sums.
struct Terms<'a> {
    a: &'a [f32],
    b: &'a [f32],
    stride: usize,
    is_finite: bool,
}

impl Terms<'_> {
    #[inline(always)]
    fn sum<V: Vector, const WIDTH: usize>(&self, start: Option<&[f32]>, columns: Range<usize>) -> [V; WIDTH] {
        let mut sums = [V::splat(0.0); WIDTH];
        if let Some(values) = start {
            for (vector, values) in sums.iter_mut().zip(values[columns.clone()].chunks(V::LANES)) {
                *vector = load_part(values);
            }
        }
        for (a, block) in self.a.chunks(BLOCK).zip(self.b.chunks(BLOCK * self.stride)) {
            let mut bits = all(a.len());
            if self.is_finite {
                let vectors = a.chunks(V::LANES).zip((0..).step_by(V::LANES));
                bits = vectors.fold(0, |bits, (numbers, lane)| bits | load_part::<V>(numbers).nonzero() << lane);
            }
            while bits != 0 {
                let term = bits.trailing_zeros() as usize;
                bits &= bits - 1;
                let a = V::splat(a[term]);
                let b = &block[term * self.stride + columns.start..][..WIDTH * V::LANES];
                for (c, sum) in sums.iter_mut().enumerate() {
                    // SAFETY: there are WIDTH vectors of numbers.
                    let b = unsafe { V::load(b.as_ptr().add(c * V::LANES)) };
                    *sum = Vector::fma(a, b, *sum);
                }
            }
        }
        sums
    }
}
