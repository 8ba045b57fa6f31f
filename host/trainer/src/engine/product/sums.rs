//! Sums in registers, and the terms that are added to them.
//!
//! The loops use no `map` of an array and no `zip` of two arrays: these are not marked for inlining, so a build of several codegen units would call
//! them for each term.

use super::{super::vector::Vector, BLOCK};

/// Adds the terms of two rows for which a bit is set.
#[inline(always)]
pub fn add_pair<V: Vector, const WIDTH: usize>(
    rows: [&[f32]; 2],
    mut bits: u64,
    panel: &[[V; WIDTH]],
    start: Option<&[V; WIDTH]>,
    sums: &mut [[V; WIDTH]],
) {
    let mut registers = start.map_or([sums[0], sums[1]], |start| [*start; 2]);
    while bits != 0 {
        let term = bits.trailing_zeros() as usize;
        bits &= bits - 1;
        let [first, second] = [V::splat(rows[0][term]), V::splat(rows[1][term])];
        for (c, &b) in panel[term].iter().enumerate() {
            registers[0][c] = Vector::fma(first, b, registers[0][c]);
            registers[1][c] = Vector::fma(second, b, registers[1][c]);
        }
    }
    sums[..2].copy_from_slice(&registers);
}

/// Adds all terms of several rows. It is for few zeros, or for rows of a single vector, where each addition waits for the one before it.
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
        for (r, registers) in registers.iter_mut().enumerate() {
            let a = V::splat(rows[r][term]);
            for (c, sum) in registers.iter_mut().enumerate() {
                *sum = Vector::fma(a, b[c], *sum);
            }
        }
    }
    sums.copy_from_slice(&registers);
}

/// Returns a set bit for each of this number of terms.
pub fn all(terms: usize) -> u64 {
    u64::MAX.checked_shr((BLOCK - terms) as u32).unwrap_or(0)
}
