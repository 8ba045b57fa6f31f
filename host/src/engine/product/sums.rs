//! Sums in registers, and the terms that are added to them.

use super::{super::vector::Vector, BLOCK};

/// A row of `a` in a block of terms.
pub struct Terms<'a> {
    pub row: &'a [f32],
    /// A bit for each term that is to be added.
    pub bits: u64,
}

impl Terms<'_> {
    /// Adds the first term that is left; there has to be one.
    #[inline(always)]
    fn add_next<V: Vector, const WIDTH: usize>(&mut self, panel: &[[V; WIDTH]], sums: &mut [V; WIDTH]) {
        let term = self.bits.trailing_zeros() as usize;
        self.bits &= self.bits - 1;
        let a = V::splat(self.row[term]);
        for (sum, &b) in sums.iter_mut().zip(&panel[term]) {
            *sum = Vector::fma(a, b, *sum);
        }
    }
}

/// Adds the terms of two rows in turn: while one waits for its sums, the other goes on.
#[inline(always)]
pub fn add_pair<V: Vector, const WIDTH: usize>(
    mut a: [Terms<'_>; 2],
    panel: &[[V; WIDTH]],
    start: Option<&[V; WIDTH]>,
    sums: [&mut [V; WIDTH]; 2],
) {
    let [first, second] = &mut a;
    let mut registers = start.map_or([*sums[0], *sums[1]], |start| [*start; 2]);
    while first.bits != 0 && second.bits != 0 {
        first.add_next(panel, &mut registers[0]);
        second.add_next(panel, &mut registers[1]);
    }
    while first.bits != 0 {
        first.add_next(panel, &mut registers[0]);
    }
    while second.bits != 0 {
        second.add_next(panel, &mut registers[1]);
    }
    for (sums, registers) in sums.into_iter().zip(registers) {
        for (sum, register) in sums.iter_mut().zip(registers) {
            *sum = register;
        }
    }
}

/// Adds all terms of several rows: where a row's sums are a single vector, each waits longer for the term before than it
/// would save by leaving terms out.
#[inline(always)]
pub fn add_all<V: Vector, const WIDTH: usize, const ROWS: usize>(
    rows: [&[f32]; ROWS],
    panel: &[[V; WIDTH]],
    start: Option<&[V; WIDTH]>,
    sums: &mut [[V; WIDTH]],
) {
    let mut registers = [[V::splat(0.0); WIDTH]; ROWS];
    for (registers, sums) in registers.iter_mut().zip(&*sums) {
        *registers = *start.unwrap_or(sums);
    }
    for (term, b) in panel[..rows[0].len()].iter().enumerate() {
        for (registers, row) in registers.iter_mut().zip(rows) {
            let a = V::splat(row[term]);
            for (sum, &b) in registers.iter_mut().zip(b) {
                *sum = Vector::fma(a, b, *sum);
            }
        }
    }
    sums.copy_from_slice(&registers);
}

/// As many set bits as there are terms in a block.
pub fn all(terms: usize) -> u64 {
    u64::MAX.checked_shr((BLOCK - terms) as u32).unwrap_or(0)
}
