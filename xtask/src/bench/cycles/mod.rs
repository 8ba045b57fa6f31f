//! Cycles of a prediction by ARM's published timings: the emulator traces each instruction that it executes, and each has its price.

mod debugger;
mod decode;
mod emulator;
mod program;
mod timing;
mod trace;

use std::{fs, path::Path};

use anyhow::{Context, Result, ensure};

use crate::flash::board::Board;
use program::Program;
use timing::{Core, Cost};

/// So many cycles a refill of the Cortex-M4's pipeline takes: 1 to 3, by the alignment and width of the instruction that is gone to,
/// and by whether its address is known early. The middle is at most one cycle for each jump from the truth.
const REFILL: u64 = 2;
const REFILLS: [u64; 2] = [1, 3];

/// The instructions that are traced, unless one sample takes more. They need a few seconds.
const TRACED: u64 = 1_000_000;

/// What the firmware's counter may count besides: one tick of at least 16 MHz, and the reading of it.
const TICK: u64 = 63;
const READING: u64 = 64;

/// What predictions took.
#[derive(Debug)]
pub struct Estimate {
    instructions: u64,
    cost: Cost,
    samples: usize,
}

impl Estimate {
    /// Traces the first predictions of a program `measure`, which has counted `counted` instructions in each.
    pub fn of(board: &Board, elf: &Path, counted: &[u64]) -> Result<Self> {
        let bytes = fs::read(elf).with_context(|| format!("cannot read {}", elf.display()))?;
        let program = Program::parse(&bytes).with_context(|| elf.display().to_string())?;
        let counted = few(counted);
        let trace = emulator::trace(board, elf, &program, Core::of(board)?, counted.len())?;
        agree(counted, &trace.instructions)?;
        Ok(Self { instructions: trace.instructions.iter().sum(), cost: trace.cost, samples: counted.len() })
    }

    /// Of so many instructions of the same kind.
    pub fn cycles(&self, instructions: u64) -> u64 {
        self.scaled(instructions, REFILL)
    }

    fn scaled(&self, instructions: u64, refill: u64) -> u64 {
        let cycles = u128::from(self.cost.with_refills_of(refill)) * u128::from(instructions);
        (cycles / u128::from(self.instructions.max(1))).try_into().unwrap_or(u64::MAX)
    }

    /// `cycles: …`, for so many instructions.
    pub fn shown(&self, instructions: u64) -> String {
        let Self { instructions: traced, samples, .. } = self;
        let cycles = self.cycles(instructions);
        let [least, most] = REFILLS.map(|refill| self.scaled(instructions, refill));
        let range = if least == most {
            String::new()
        } else {
            format!(" ({least} … {most} for refills of {} to {} cycles)", REFILLS[0], REFILLS[1])
        };
        let each = cycles as f64 / instructions.max(1) as f64;
        format!(
            "cycles: about {cycles}{range}, {each:.3} for each instruction; samples traced: {samples}, instructions: {traced}"
        )
    }
}

/// The first samples, as many as are quick to trace.
fn few(counted: &[u64]) -> &[u64] {
    let mut sum = 0;
    let fit = counted.iter().take_while(|&&count| {
        sum += count;
        sum <= TRACED
    });
    &counted[..fit.count().max(1).min(counted.len())]
}

/// Holds the trace to the firmware's own counter.
fn agree(counted: &[u64], traced: &[u64]) -> Result<()> {
    ensure!(
        counted.len() == traced.len() && !traced.is_empty(),
        "{} predictions were to be traced, {} were",
        counted.len(),
        traced.len()
    );
    for (sample, (counted, traced)) in counted.iter().zip(traced).enumerate() {
        ensure!(
            counted.abs_diff(*traced) <= TICK + READING,
            "sample {sample}: the trace has {traced} instructions, the program counted {counted}: one of them is wrong, by more than \
             the {} of a tick and of the counter's reading",
            TICK + READING
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cycles_are_scaled_to_the_mean() {
        let cost = Cost { cycles: 300, refills: 50 };
        let estimate = Estimate { instructions: 200, cost, samples: 2 };
        assert_eq!(estimate.cycles(1000), 2000);
        assert_eq!(
            estimate.shown(1000),
            "cycles: about 2000 (1750 … 2250 for refills of 1 to 3 cycles), 2.000 for each instruction; samples traced: 2, instructions: 200"
        );
        let estimate = Estimate { instructions: 200, cost: Cost { cycles: 300, refills: 0 }, samples: 1 };
        assert_eq!(
            estimate.shown(1000),
            "cycles: about 1500, 1.500 for each instruction; samples traced: 1, instructions: 200"
        );
    }

    #[test]
    fn as_many_images_are_traced_as_are_quick() {
        assert_eq!(few(&[TRACED / 2; 5]).len(), 2);
        assert_eq!(few(&[TRACED * 2; 5]).len(), 1);
        assert_eq!(few(&[1; 10]).len(), 10);
        assert!(few(&[]).is_empty());
    }

    #[test]
    fn a_trace_that_differs_is_refused() {
        assert!(agree(&[1000, 2040], &[960, 2000]).is_ok());
        let error = agree(&[1000, 2200], &[960, 2000]).unwrap_err().to_string();
        assert!(error.contains("sample 1: the trace has 2000 instructions, the program counted 2200"), "{error}");
        assert!(agree(&[1000], &[]).is_err() && agree(&[], &[]).is_err());
    }
}
