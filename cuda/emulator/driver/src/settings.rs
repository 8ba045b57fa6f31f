//! The settings that a test chooses.

use std::env;

use crate::result::Code;

/// The values of the environment variables.
#[derive(Debug)]
pub(crate) struct Settings {
    /// The driver's version, 1000 · major + 10 · minor.
    pub(crate) driver_version: i32,
    /// The compute capability, 10 · major + minor.
    pub(crate) capability: i32,
    pub(crate) seed: u64,
    pub(crate) failures: Vec<Failure>,
}

/// A call that fails.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) function: String,
    /// The number of the call that fails, from 1.
    pub(crate) call: u64,
    pub(crate) code: Code,
}

impl Settings {
    /// Reads the settings. The error names the variable whose value is not valid.
    pub(crate) fn read() -> Result<Self, String> {
        Ok(Self {
            driver_version: number("SELVEDGE_EMULATOR_DRIVER_VERSION")?.unwrap_or(13000),
            capability: number("SELVEDGE_EMULATOR_CAPABILITY")?.unwrap_or(90),
            seed: number("SELVEDGE_EMULATOR_SEED")?.unwrap_or(0),
            failures: text("SELVEDGE_EMULATOR_FAIL")
                .split(',')
                .filter(|failure| !failure.is_empty())
                .map(|failure| {
                    Failure::parse(failure)
                        .ok_or_else(|| format!("SELVEDGE_EMULATOR_FAIL: '{failure}' is not FUNCTION:NUMBER:CODE"))
                })
                .collect::<Result<_, _>>()?,
        })
    }
}

impl Failure {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (function, text) = text.split_once(':')?;
        let (call, code) = text.split_once(':')?;
        Some(Self { function: function.into(), call: call.parse().ok()?, code: Code::parse(code)? })
    }
}

fn text(variable: &str) -> String {
    env::var(variable).unwrap_or_default()
}

fn number<T: std::str::FromStr>(variable: &str) -> Result<Option<T>, String> {
    let text = text(variable);
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| format!("{variable}: '{text}' is no number"))
}
