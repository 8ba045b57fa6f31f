//! Rows in pairs, so that each number of the panel is loaded once for both.
//!
//! A pair adds the terms that are not zero in one of its rows. Two random rows together have many more such terms than each row alone. Two
//! images of one class, or two units that are active on the same samples, have few more. So each row gets the row that is most like it as
//! its partner.

use super::{super::vector::Vector, BLOCK, Rows, blocks, panel::load_part};

/// The number of rows among which partners are searched for.
const WINDOW: usize = 64;

/// The number of blocks of terms that are compared. They are evenly spread over all blocks.
const COMPARED: usize = 4;

/// The order of rows in which the two of a pair follow each other, and the terms that each pair needs.
#[derive(Debug, Default)]
pub struct Pairs {
    rows: Vec<usize>,
    are_dense: bool,
    /// For each block and each pair: a bit for each term that is not zero in one of the rows.
    nonzero: Vec<u64>,
    /// For each row and each block: a bit for each term that is not zero.
    bits: Vec<u64>,
}

impl Pairs {
    /// Returns the rows' numbers. The two of a pair follow each other.
    pub fn rows(&self) -> &[usize] {
        &self.rows
    }

    /// Returns the bits of the terms of a block that a pair needs. `place` is the place of the pair's first row.
    #[inline(always)]
    pub fn nonzero(&self, block: usize, place: usize) -> u64 {
        self.nonzero[block * self.rows.len().div_ceil(2) + place / 2]
    }

    /// Returns true if so few terms are zero that rows in fours, with all their terms, are faster.
    pub fn are_dense(&self) -> bool {
        self.are_dense
    }

    /// Pairs the first rows. Each will be multiplied by `columns` columns. If these are a single vector, using all terms is faster, and no zeros
    /// are searched for.
    #[inline(always)]
    pub fn find<V: Vector>(&mut self, a: &Rows<'_>, rows: usize, terms: usize, columns: usize) {
        let Self { rows: order, are_dense, nonzero, bits } = self;
        order.clear();
        order.extend(0..rows);
        nonzero.clear();
        if columns <= V::LANES {
            *are_dense = true;
            return;
        }
        let blocks = blocks(terms).count();
        bits.clear();
        bits.resize(rows * blocks, 0);
        for (row, bits) in bits.chunks_exact_mut(blocks).enumerate() {
            for (bits, numbers) in bits.iter_mut().zip(a.row(row, 0..terms).chunks(BLOCK)) {
                let vectors = numbers.chunks(V::LANES).zip((0..).step_by(V::LANES));
                *bits = vectors.fold(0, |bits, (numbers, lane)| bits | load_part::<V>(numbers).nonzero() << lane);
            }
        }
        let needed: usize = bits.iter().map(|bits| bits.count_ones() as usize).sum();
        *are_dense = 8 * needed > 7 * terms * rows;
        if !*are_dense {
            for window in order.chunks_mut(WINDOW) {
                pair(window, bits, blocks);
            }
        }
        for block in 0..blocks {
            let of = |row: &usize| bits[row * blocks + block];
            nonzero.extend(order.chunks(2).map(|pair| pair.iter().map(of).fold(0, |all, bits| all | bits)));
        }
    }
}

/// Moves next to each row the later row whose terms differ in the fewest places.
#[inline(always)]
fn pair(rows: &mut [usize], bits: &[u64], blocks: usize) {
    let count = rows.len();
    let mut compared = [[0; WINDOW]; COMPARED];
    for (words, block) in compared.iter_mut().zip((0..blocks).step_by(blocks.div_ceil(COMPARED))) {
        for (word, row) in words.iter_mut().zip(&*rows) {
            *word = bits[row * blocks + block];
        }
    }
    let compared = &mut compared[..blocks.min(COMPARED)];
    for first in (0..count.saturating_sub(2)).step_by(2) {
        let others = first + 1..count;
        let mut different = [0u32; WINDOW];
        for words in &*compared {
            for (different, word) in different[others.clone()].iter_mut().zip(&words[others.clone()]) {
                *different += (word ^ words[first]).count_ones();
            }
        }
        // The place in the low bits: so the least is found without branches, which would often be guessed wrong.
        let nearest = others.map(|place| different[place] * WINDOW as u32 + place as u32).min().unwrap_or_default();
        let nearest = nearest as usize % WINDOW;
        rows.swap(first + 1, nearest);
        for words in &mut *compared {
            words.swap(first + 1, nearest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::super::{InstructionSet, vector},
        *,
    };
    use crate::engine::vector::Work;

    struct Find<'a> {
        pairs: &'a mut Pairs,
        elements: &'a [f32],
        rows: usize,
    }

    impl Work for Find<'_> {
        #[inline(always)]
        fn run<V: Vector>(self) {
            let terms = self.elements.len() / self.rows;
            self.pairs.find::<V>(&Rows { elements: self.elements, stride: terms }, self.rows, terms, 100);
        }
    }

    fn find(elements: &[f32], rows: usize) -> Pairs {
        let mut pairs = Pairs::default();
        vector::run(InstructionSet::Portable, Find { pairs: &mut pairs, elements, rows });
        pairs
    }

    #[test]
    fn each_row_is_beside_the_one_most_like_it() {
        // Rows 0 and 3, and 1 and 2, differ in one term; row 4 is left.
        let kinds =
            [[1.0, 0.0, 2.0, 0.0], [0.0, 3.0, 0.0, 0.0], [-0.0, 1.0, 0.0, 5.0], [4.0, 0.0, 0.0, -0.0], [1.0; 4]];
        let pairs = find(kinds.as_flattened(), 5);
        assert_eq!(pairs.rows(), [0, 3, 2, 1, 4]);
        assert_eq!([0, 2, 4].map(|place| pairs.nonzero(0, place)), [0b0101, 0b1010, 0b1111]);
        assert!(!pairs.are_dense() && find(&[1.0; 20], 5).are_dense());
    }

    #[test]
    fn every_row_has_a_place_and_its_terms() {
        let (rows, terms) = (150, 300);
        let elements: Vec<f32> = (0..rows * terms).map(|i| if i * i % 7 < 3 { 0.0 } else { i as f32 }).collect();
        let pairs = find(&elements, rows);
        let mut sorted = pairs.rows().to_vec();
        sorted.sort_unstable();
        assert!(sorted.into_iter().eq(0..rows));
        for (place, row) in pairs.rows().iter().enumerate() {
            for (term, x) in elements[row * terms..][..terms].iter().enumerate() {
                let bits = pairs.nonzero(term / 64, place);
                assert!(*x == 0.0 || bits >> (term % 64) & 1 == 1, "row {row}, term {term}");
            }
        }
    }
}
