//! The size of the first-level data cache, which decides the width of a panel.

use std::env;

/// The environment variable with the size in KB, for a processor that tells none or a wrong one.
const VARIABLE: &str = "SELVEDGE_L1_KB";

/// The size if none is told: the smallest of all processors with vector registers.
const LEAST: usize = 32 << 10;

/// The environment variable `SELVEDGE_L1_KB` is not a size.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{VARIABLE}={0}: give the size of the first-level data cache in KB, a number from 1 to 65535, or unset the variable"
)]
pub struct CacheError(String);

/// Returns the size of a core's first-level data cache in bytes.
///
/// # Errors
///
/// [`CacheError`] if the environment variable is not a size.
pub fn first_level() -> Result<usize, CacheError> {
    match env::var_os(VARIABLE).filter(|value| !value.is_empty()) {
        Some(value) => from_text(&value.to_string_lossy()),
        None => Ok(of_processor().unwrap_or(LEAST)),
    }
}

fn from_text(text: &str) -> Result<usize, CacheError> {
    match text.parse::<u16>() {
        Ok(kilobytes @ 1..) => Ok(usize::from(kilobytes) << 10),
        _ => Err(CacheError(text.into())),
    }
}

/// Returns the size that the processor tells.
fn of_processor() -> Option<usize> {
    #[cfg(target_arch = "x86_64")]
    {
        use raw_cpuid::{CacheType, CpuId};

        let caches = CpuId::new().get_cache_parameters()?;
        let holds_data = |kind| matches!(kind, CacheType::Data | CacheType::Unified);
        let first = caches.filter(|cache| cache.level() == 1).find(|cache| holds_data(cache.cache_type()))?;
        Some(first.sets() * first.associativity() * first.coherency_line_size() * first.physical_line_partitions())
    }
    #[cfg(not(target_arch = "x86_64"))]
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_a_number_of_kilobytes() {
        assert_eq!(from_text("48"), Ok(48 << 10));
        for text in ["0", "-1", "48K", "65536", "4.5"] {
            let error = from_text(text).unwrap_err().to_string();
            assert!(error.starts_with(&format!("SELVEDGE_L1_KB={text}: ")), "{error}");
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "an interpreter has no processor that tells its size")]
    fn a_processor_tells_a_size_that_can_be() {
        let size = of_processor().unwrap_or(LEAST);
        assert!((8 << 10..=1 << 20).contains(&size), "{size}");
    }
}
