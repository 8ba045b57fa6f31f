//! Estimates the cycles of a function by ARM's published timings. The emulator traces each executed instruction, and each has a cost.

mod debugger;
mod emulator;
mod timing;
mod trace;

use std::process::Command;

use anyhow::{Result, ensure};

use crate::Program;
pub use timing::{Core, Cost};
use trace::Trace;

/// The cycles of a refill of the Cortex-M4's pipeline. They are 1 to 3: it depends on the alignment and width of the jump's target, and on
/// whether the address is known early. The middle value is wrong by at most one cycle for each jump.
const REFILL: u64 = 2;
const REFILLS: [u64; 2] = [1, 3];

/// The number of instructions that are traced, unless one call takes more. They need a few seconds.
const TRACED: u64 = 1_000_000;

/// A program's first calls of a function.
#[derive(Clone, Copy, Debug)]
pub struct Calls<'a> {
    /// The address of the function.
    pub entry: u32,
    /// The number of instructions that the program counted in each call.
    pub counted: &'a [u64],
    /// The largest allowed difference between this count and the trace.
    pub tolerance: u64,
}

impl<'a> Calls<'a> {
    /// Returns the first calls, as many as are quick to trace.
    fn few(self) -> Self {
        let mut sum = 0;
        let fit = self.counted.iter().take_while(|&&count| {
            sum += count;
            sum <= TRACED
        });
        let count = fit.count().max(1).min(self.counted.len());
        Self { counted: &self.counted[..count], ..self }
    }

    /// Checks that the trace agrees with the program's own counter.
    fn agree(self, traced: &[u64]) -> Result<()> {
        let Self { counted, tolerance, .. } = self;
        ensure!(
            counted.len() == traced.len() && !traced.is_empty(),
            "{} calls were to be traced, {} were",
            counted.len(),
            traced.len()
        );
        for (call, (counted, traced)) in counted.iter().zip(traced).enumerate() {
            ensure!(
                counted.abs_diff(*traced) <= tolerance,
                "call {call}: the trace has {traced} instructions, the program counted {counted}: one of them is wrong, by more than \
                 the {tolerance} that the counter may be off"
            );
        }
        Ok(())
    }
}

/// The cost of some calls.
#[derive(Debug)]
pub struct Estimate {
    instructions: u64,
    cost: Cost,
    calls: usize,
}

impl Estimate {
    /// Traces the first of the calls. `emulator` runs the program in `qemu-system-arm`. `prepare` turns this
    /// command into the one that is started.
    pub fn of(
        program: &Program,
        core: Core,
        calls: Calls<'_>,
        emulator: Command,
        prepare: impl FnOnce(&Command) -> Command,
    ) -> Result<Self> {
        let calls = calls.few();
        let trace = Trace::new(program, core, calls.entry);
        let trace = emulator::trace(emulator, prepare, trace, calls.entry, calls.counted.len())?;
        calls.agree(&trace.instructions)?;
        Ok(Self { instructions: trace.instructions.iter().sum(), cost: trace.cost, calls: calls.counted.len() })
    }

    /// Returns the estimated cycles of this number of instructions, by the mean cycles of the traced ones.
    pub fn cycles(&self, instructions: u64) -> u64 {
        self.scaled(instructions, REFILL)
    }

    fn scaled(&self, instructions: u64, refill: u64) -> u64 {
        let cycles = u128::from(self.cost.with_refills_of(refill)) * u128::from(instructions);
        (cycles / u128::from(self.instructions.max(1))).try_into().unwrap_or(u64::MAX)
    }

    /// Returns the text `cycles: …`, for this number of instructions.
    pub fn shown(&self, instructions: u64) -> String {
        let Self { instructions: traced, calls, .. } = self;
        let cycles = self.cycles(instructions);
        let [least, most] = REFILLS.map(|refill| self.scaled(instructions, refill));
        let range = if least == most {
            String::new()
        } else {
            format!(" ({least} … {most} for refills of {} to {} cycles)", REFILLS[0], REFILLS[1])
        };
        let each = cycles as f64 / instructions.max(1) as f64;
        format!(
            "cycles: about {cycles}{range}, {each:.3} for each instruction; calls traced: {calls}, instructions: {traced}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cycles_are_scaled_to_the_mean() {
        let cost = Cost { cycles: 300, refills: 50 };
        let estimate = Estimate { instructions: 200, cost, calls: 2 };
        assert_eq!(estimate.cycles(1000), 2000);
        assert_eq!(
            estimate.shown(1000),
            "cycles: about 2000 (1750 … 2250 for refills of 1 to 3 cycles), 2.000 for each instruction; calls traced: 2, instructions: 200"
        );
        let estimate = Estimate { instructions: 200, cost: Cost { cycles: 300, refills: 0 }, calls: 1 };
        assert_eq!(
            estimate.shown(1000),
            "cycles: about 1500, 1.500 for each instruction; calls traced: 1, instructions: 200"
        );
    }

    fn calls(counted: &[u64]) -> Calls<'_> {
        Calls { entry: 0, counted, tolerance: 127 }
    }

    #[test]
    fn as_many_calls_are_traced_as_are_quick() {
        assert_eq!(calls(&[TRACED / 2; 5]).few().counted.len(), 2);
        assert_eq!(calls(&[TRACED * 2; 5]).few().counted.len(), 1);
        assert_eq!(calls(&[1; 10]).few().counted.len(), 10);
        assert!(calls(&[]).few().counted.is_empty());
    }

    #[test]
    fn a_trace_that_differs_is_refused() {
        assert!(calls(&[1000, 2040]).agree(&[960, 2000]).is_ok());
        let error = calls(&[1000, 2200]).agree(&[960, 2000]).unwrap_err().to_string();
        assert!(error.contains("call 1: the trace has 2000 instructions, the program counted 2200"), "{error}");
        assert!(calls(&[1000]).agree(&[]).is_err() && calls(&[]).agree(&[]).is_err());
    }
}
