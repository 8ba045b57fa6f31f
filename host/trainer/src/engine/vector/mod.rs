//! Registers of several `f32`s.

#![allow(unsafe_code)]

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;

use options::engine::InstructionSet;
use selvedge::arithmetic::Operations;

/// A register of [`LANES`](Self::LANES) numbers. Every operation is done on each lane. The trait [`Operations`] is for loops over single
/// numbers, which the compiler turns into the register's instructions.
///
/// A vector is made and used only within [`run`], so the processor has the instructions.
///
/// # Safety
///
/// A value is [`LANES`](Self::LANES) `f32`s and nothing else, valid with any bits. The number of lanes is a power of two, at most 16.
pub unsafe trait Vector: Operations + Copy {
    /// The number of lanes in a register.
    const LANES: usize;

    /// The largest number of registers for a row of sums if one row is computed at a time. It is so large that no addition waits for the one before.
    const SUMS_OF_ONE: usize;

    /// The largest number if two rows are computed at a time: all registers except those for the operands.
    const SUMS_OF_TWO: usize;

    /// The largest number if four rows are computed at a time.
    const SUMS_OF_FOUR: usize;

    /// Returns a register with this number in every lane.
    fn splat(x: f32) -> Self;

    /// # Safety
    ///
    /// `from` is valid for reads of `LANES` numbers.
    unsafe fn load(from: *const f32) -> Self;

    /// # Safety
    ///
    /// `to` is valid for writes of `LANES` numbers.
    unsafe fn store(self, to: *mut f32);

    /// Returns `self · b + c`, rounded once.
    fn fma(self, b: Self, c: Self) -> Self;

    /// Checks that numbers are finite: returns `self + number · 0`. The result is NaN as soon as one number was not finite.
    #[inline(always)]
    fn attest(self, number: Self) -> Self {
        Vector::fma(number, Self::splat(0.0), self)
    }

    /// Returns the lanes of both registers in turn: the first half in the first result, and the second half in the second.
    fn zip(self, other: Self) -> [Self; 2];

    /// Writes the columns of LANES rows as rows. Returns a [witness](Self::attest) of the numbers. It is implemented by [`transpose`], for which
    /// the number of lanes has to be a literal.
    ///
    /// # Safety
    ///
    /// LANES rows of LANES numbers are valid for reads at `from` and for writes at `to`. Each row begins a stride after the one before it.
    unsafe fn transpose(from: *const f32, stride: usize, to: *mut f32, to_stride: usize) -> Self;

    /// Returns a bit for each lane, the first lane in the lowest bit. The bit is 0 if the lane is a zero of either sign.
    fn nonzero(self) -> u64;

    /// Returns true if a lane is −0.
    fn has_negative_zero(self) -> bool;
}

/// See [`Vector::transpose`].
///
/// # Safety
///
/// See [`Vector::transpose`].
#[inline(always)]
unsafe fn transpose<V: Vector, const LANES: usize>(
    from: *const f32,
    stride: usize,
    to: *mut f32,
    to_stride: usize,
) -> V {
    let mut rows = [V::splat(0.0); LANES];
    for (i, row) in rows.iter_mut().enumerate() {
        // SAFETY: as the caller says.
        *row = unsafe { V::load(from.add(i * stride)) };
    }
    // Each round moves one bit of the row's number into the column's.
    for _ in 0..LANES.ilog2() {
        let before = rows;
        for i in 0..LANES / 2 {
            [rows[2 * i], rows[2 * i + 1]] = before[i].zip(before[i + LANES / 2]);
        }
    }
    let mut witness = V::splat(0.0);
    for (i, row) in rows.into_iter().enumerate() {
        // SAFETY: as the caller says.
        unsafe { row.store(to.add(i * to_stride)) };
        witness = witness.attest(row);
    }
    witness
}

/// Work that is written for any vector.
pub trait Work {
    /// Does the work. It should be `#[inline(always)]`, so that it is compiled for the vector's instructions.
    fn run<V: Vector>(self);
}

/// Does the work with these instructions.
///
/// # Panics
///
/// If the processor does not have the instructions.
pub fn run(instructions: InstructionSet, work: impl Work) {
    assert!(instructions.is_available(), "this processor lacks {instructions}");
    match instructions {
        InstructionSet::Portable => work.run::<portable::Portable>(),
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the processor has the instructions.
        InstructionSet::Avx2 => unsafe { avx2::run(work) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the processor has the instructions.
        InstructionSet::Avx512 => unsafe { avx512::run(work) },
        #[cfg(target_arch = "aarch64")]
        // SAFETY: the processor has the instructions.
        InstructionSet::Neon => unsafe { neon::run(work) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each operation on lanes that differ, against the same on single numbers.
    struct Operations;

    impl Work for Operations {
        #[inline(always)]
        fn run<V: Vector>(self) {
            let [a, b, c]: [Vec<f32>; 3] =
                [3.0, -0.25, 1e-3].map(|scale| (0..V::LANES).map(|i| i as f32 * scale).collect());
            let mut out = vec![0.0; V::LANES];
            // SAFETY: every slice has LANES numbers.
            let [va, vb, vc] = [&a, &b, &c].map(|x| unsafe { V::load(x.as_ptr()) });
            let mut read = |v: V| {
                // SAFETY: `out` has LANES numbers.
                unsafe { v.store(out.as_mut_ptr()) };
                out.clone()
            };
            let expected: Vec<f32> = (0..V::LANES).map(|i| selvedge::arithmetic::fma(a[i], b[i], c[i])).collect();
            assert_eq!(read(Vector::fma(va, vb, vc)), expected);
            assert!(
                (0..V::LANES).all(|i| <V as selvedge::arithmetic::Operations>::fma(a[i], b[i], c[i]) == expected[i])
            );
            assert!((0..V::LANES).all(|i| V::sqrt(a[i]) == selvedge::arithmetic::sqrt(a[i])));
            let zipped: Vec<f32> = a.iter().zip(&b).flat_map(|(&a, &b)| [a, b]).collect();
            assert_eq!(va.zip(vb).map(&mut read).concat(), zipped);
            assert_eq!(read(V::splat(7.0)), vec![7.0; V::LANES]);
            // The first lane of each is a zero: b's of the negative sign.
            assert_eq!(va.nonzero(), (1 << V::LANES) - 2);
            assert_eq!(vb.nonzero(), (1 << V::LANES) - 2);
            assert_eq!(V::splat(f32::NAN).nonzero(), (1 << V::LANES) - 1);
            assert_eq!([va, vb].map(V::has_negative_zero), [false, true]);
        }
    }

    #[test]
    fn lanes_are_single_numbers() {
        for set in InstructionSet::available() {
            run(set, Operations);
        }
    }
}
