//! The instruction sets of the CPU engine: their names, and the ones that this processor has.

use std::{env, fmt, str::FromStr};

/// The instruction set with which the CPU engine computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstructionSet {
    /// No vector instructions beyond those for which the program was compiled. On x86-64 it still uses the scalar fused multiply-add, if the processor
    /// has one ([`selvedge::arithmetic::fma`]).
    Portable,
    /// x86-64 with AVX2, FMA, BMI1 and POPCNT.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// x86-64 with AVX-512 F, and the instructions of [`Avx2`](Self::Avx2).
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// AArch64.
    #[cfg(target_arch = "aarch64")]
    Neon,
}

impl InstructionSet {
    /// The environment variable that chooses one by name.
    pub const VARIABLE: &str = "SELVEDGE_ENGINE";

    /// The sets that this kind of processor may have, the fastest first.
    const ALL: &[Self] = &[
        #[cfg(target_arch = "x86_64")]
        Self::Avx512,
        #[cfg(target_arch = "x86_64")]
        Self::Avx2,
        #[cfg(target_arch = "aarch64")]
        Self::Neon,
        Self::Portable,
    ];

    /// The names of all sets of all processors.
    pub(crate) const NAMES: [&str; 4] = ["portable", "avx2", "avx512", "neon"];

    /// Returns the sets that this processor has, the fastest first.
    pub fn available() -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied().filter(|set| set.is_available())
    }

    /// Returns the set that [`VARIABLE`](Self::VARIABLE) names, or the fastest set if the variable is not set or empty.
    ///
    /// # Errors
    ///
    /// [`VariableError`] for an unknown name, and for a set that this processor does not have.
    pub fn from_environment() -> Result<Self, VariableError> {
        match env::var_os(Self::VARIABLE).filter(|name| !name.is_empty()) {
            Some(name) => {
                let name = name.to_string_lossy();
                name.parse().map_err(|source| VariableError { name: name.into(), source })
            }
            None => Ok(Self::available().next().unwrap_or(Self::Portable)),
        }
    }

    /// Returns the set's name, a value of [`VARIABLE`](Self::VARIABLE).
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

    /// Returns true if this processor has the instructions.
    #[inline]
    pub fn is_available(self) -> bool {
        match self {
            Self::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => {
                is_x86_feature_detected!("avx2")
                    && is_x86_feature_detected!("fma")
                    && is_x86_feature_detected!("bmi1")
                    && is_x86_feature_detected!("popcnt")
            }
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => Self::Avx2.is_available() && is_x86_feature_detected!("avx512f"),
            #[cfg(target_arch = "aarch64")]
            Self::Neon => std::arch::is_aarch64_feature_detected!("neon"),
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
            return Err(InstructionSetError::Unknown { choices: choices() });
        }
        let found = Self::available().find(|set| set.name() == name);
        found.ok_or_else(|| InstructionSetError::Unsupported { choices: choices() })
    }
}

/// An instruction set is unknown or not available.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InstructionSetError {
    /// There is no set of this name.
    #[error("there is no such engine; this machine has {choices}")]
    Unknown {
        /// The names of the available sets.
        choices: String,
    },
    /// The processor lacks it.
    #[error("this processor does not have it; it has {choices}")]
    Unsupported {
        /// The names of the available sets.
        choices: String,
    },
}

/// The environment variable [`InstructionSet::VARIABLE`] names a set that is unknown or not available.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}={name}: {source}", InstructionSet::VARIABLE)]
pub struct VariableError {
    /// The name in the variable.
    pub name: String,
    /// The reason.
    pub source: InstructionSetError,
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
}
