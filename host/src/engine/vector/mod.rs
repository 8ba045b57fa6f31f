//! Registers of several `f32`s, and which of them this processor has.

#![allow(unsafe_code)]

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;

use std::{env, fmt, str::FromStr};

use selvedge::arithmetic::Operations;

/// A register of [`LANES`](Self::LANES) numbers; every operation is one on each lane. Its [`Operations`] are for loops over single
/// numbers, which the compiler turns into these instructions.
///
/// A vector is made and used within [`InstructionSet::run`] alone, so the processor has its instructions.
///
/// # Safety
///
/// A value is [`LANES`](Self::LANES) `f32`s and nothing else, valid with any bits; the lanes are a power of two of at most 16.
pub unsafe trait Vector: Operations + Copy {
    /// Numbers in a register.
    const LANES: usize;

    /// How many registers a row of sums may take: as many as there are, less what the operands need, while a block of terms
    /// for them fits the first-level cache.
    const SUMS: usize;

    /// The same number in every lane.
    fn splat(x: f32) -> Self;

    /// # Safety
    ///
    /// `from` is valid for reads of `LANES` numbers.
    unsafe fn load(from: *const f32) -> Self;

    /// # Safety
    ///
    /// `to` is valid for writes of `LANES` numbers.
    unsafe fn store(self, to: *mut f32);

    /// `self · b + c`, rounded once.
    fn fma(self, b: Self, c: Self) -> Self;

    /// A witness of finite numbers: itself with `self · 0` added, so NaN from the first number on that is not finite.
    #[inline(always)]
    fn attest(self, number: Self) -> Self {
        Vector::fma(number, Self::splat(0.0), self)
    }

    /// The lanes of both in turn, from the first on: the first half of the result, and the second.
    fn zip(self, other: Self) -> [Self; 2];

    /// Writes the columns of LANES rows as rows; returns a [witness](Self::attest) of the numbers. Implemented by
    /// [`transpose`], for which the number of lanes has to be a literal.
    ///
    /// # Safety
    ///
    /// LANES rows of LANES numbers, each row a stride after the one before, are valid for reads at `from`, for writes at `to`.
    unsafe fn transpose(from: *const f32, stride: usize, to: *mut f32, to_stride: usize) -> Self;

    /// A bit for each lane, from the lowest on: 0 where it is zero of either sign.
    fn nonzero(self) -> u64;

    /// Whether a lane is −0.
    fn has_negative_zero(self) -> bool;
}

/// See [`Vector::transpose`].
///
/// # Safety
///
/// As there.
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
    /// Does it. `#[inline(always)]`, so that it is compiled for the vector's instructions.
    fn run<V: Vector>(self);
}

/// The instructions that the kernels are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstructionSet {
    /// Whatever the program was compiled for, with core's fused multiply-add.
    Portable,
    /// x86-64 with AVX2, FMA and BMI1.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// x86-64 with AVX-512 F.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// AArch64.
    #[cfg(target_arch = "aarch64")]
    Neon,
}

impl InstructionSet {
    /// The environment variable that chooses one by name.
    pub const VARIABLE: &str = "SELVEDGE_ENGINE";

    /// What this kind of processor may have, the fastest first.
    const ALL: &[Self] = &[
        #[cfg(target_arch = "x86_64")]
        Self::Avx512,
        #[cfg(target_arch = "x86_64")]
        Self::Avx2,
        #[cfg(target_arch = "aarch64")]
        Self::Neon,
        Self::Portable,
    ];

    /// Names on any machine.
    const NAMES: [&str; 4] = ["portable", "avx2", "avx512", "neon"];

    /// All that this processor has, the fastest first.
    pub fn available() -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied().filter(|set| set.is_available())
    }

    /// The one that [`VARIABLE`](Self::VARIABLE) names; the fastest where it is not set or empty.
    ///
    /// # Errors
    ///
    /// [`InstructionSetError`] for a name that is none, or not this processor's.
    pub fn from_environment() -> Result<Self, InstructionSetError> {
        match env::var_os(Self::VARIABLE).filter(|name| !name.is_empty()) {
            Some(name) => name.to_string_lossy().parse(),
            None => Ok(Self::available().next().unwrap_or(Self::Portable)),
        }
    }

    /// Its name, as [`VARIABLE`](Self::VARIABLE) takes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => "avx512",
            #[cfg(target_arch = "aarch64")]
            Self::Neon => "neon",
        }
    }

    fn is_available(self) -> bool {
        match self {
            Self::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => {
                is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") && is_x86_feature_detected!("bmi1")
            }
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => Self::Avx2.is_available() && is_x86_feature_detected!("avx512f"),
            #[cfg(target_arch = "aarch64")]
            Self::Neon => std::arch::is_aarch64_feature_detected!("neon"),
        }
    }

    /// Does the work with these instructions.
    ///
    /// # Panics
    ///
    /// Where the processor lacks them.
    pub fn run(self, work: impl Work) {
        assert!(self.is_available(), "this processor lacks {self}");
        match self {
            Self::Portable => work.run::<portable::Portable>(),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the processor has the instructions.
            Self::Avx2 => unsafe { avx2::run(work) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the processor has the instructions.
            Self::Avx512 => unsafe { avx512::run(work) },
            #[cfg(target_arch = "aarch64")]
            // SAFETY: the processor has the instructions.
            Self::Neon => unsafe { neon::run(work) },
        }
    }
}

impl fmt::Display for InstructionSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for InstructionSet {
    type Err = InstructionSetError;

    fn from_str(name: &str) -> Result<Self, InstructionSetError> {
        let choices = || Self::available().map(Self::name).collect::<Vec<_>>().join(", ");
        if !Self::NAMES.contains(&name) {
            return Err(InstructionSetError::Unknown { name: name.into(), choices: choices() });
        }
        let found = Self::available().find(|set| set.name() == name);
        found.ok_or_else(|| InstructionSetError::Unsupported { name: name.into(), choices: choices() })
    }
}

/// Why there is no such instruction set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InstructionSetError {
    /// The name is none.
    #[error("SELVEDGE_ENGINE={name}: there is no such engine; this machine has {choices}")]
    Unknown {
        /// The name.
        name: String,
        /// What there is.
        choices: String,
    },
    /// The processor lacks it.
    #[error("SELVEDGE_ENGINE={name}: this processor does not have it; it has {choices}")]
    Unsupported {
        /// The name.
        name: String,
        /// What there is.
        choices: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_and_others_refused() {
        for set in InstructionSet::available() {
            assert_eq!(set.name().parse(), Ok(set));
        }
        let unknown = "sse".parse::<InstructionSet>().unwrap_err();
        assert!(matches!(unknown, InstructionSetError::Unknown { .. }), "{unknown}");
        let foreign = if cfg!(target_arch = "aarch64") { "avx2" } else { "neon" };
        let unsupported = foreign.parse::<InstructionSet>().unwrap_err();
        assert!(matches!(unsupported, InstructionSetError::Unsupported { .. }), "{unsupported}");
        assert!(unsupported.to_string().contains("portable"), "{unsupported}");
    }

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
            set.run(Operations);
        }
    }
}
