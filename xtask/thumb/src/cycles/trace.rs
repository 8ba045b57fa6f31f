//! Reads the emulator's line for each executed instruction, and sums the costs.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Read},
};

use anyhow::{Context, Result, bail};

use super::timing::{Core, Cost};
use crate::{
    Program,
    decode::{Class, Instruction},
};

/// The sum of a trace.
pub struct Trace<'p> {
    program: &'p Program,
    core: Core,
    /// The address at which a call begins.
    entry: u32,
    /// The known instructions by address, with their costs: without a jump, and as a jump.
    known: HashMap<u32, (Instruction, [Cost; 2])>,
    /// The last instruction. Its cost depends on the next one.
    pending: Option<u32>,
    /// The number of instructions of each call.
    pub instructions: Vec<u64>,
    /// The cost of all calls.
    pub cost: Cost,
    /// The emulator's last other output.
    pub words: String,
}

impl<'p> Trace<'p> {
    /// Returns an empty trace of calls of the function at `entry`, for a program that was not started yet.
    pub fn new(program: &'p Program, core: Core, entry: u32) -> Self {
        Self {
            program,
            core,
            entry,
            known: HashMap::new(),
            pending: None,
            instructions: Vec::new(),
            cost: Cost::default(),
            words: String::new(),
        }
    }

    /// Reads all output to its end, and sums it.
    pub fn read(mut self, source: impl Read) -> Result<Self> {
        let mut source = BufReader::with_capacity(1 << 16, source);
        let mut line = Vec::new();
        while source.read_until(b'\n', &mut line).context("the emulator's trace was lost")? > 0 {
            self.take(&String::from_utf8_lossy(&line))?;
            line.clear();
        }
        self.settle(None)?;
        Ok(self)
    }

    fn take(&mut self, line: &str) -> Result<()> {
        if line.starts_with("Trace ") {
            let Some(at) = address(line) else {
                bail!("a line of the emulator's trace has no address: {}", line.trim())
            };
            let begins = at == self.entry;
            self.settle((!begins).then_some(at))?;
            // One that was put off begins again.
            if begins && self.instructions.last() != Some(&0) {
                self.instructions.push(0);
            }
            self.pending = Some(at);
        } else if line.starts_with("Stopped execution ") {
            // The instruction that was announced last has not begun; it comes again.
            self.pending = None;
        } else if !line.trim().is_empty() {
            self.words = line.trim().to_owned();
        }
        Ok(())
    }

    /// Adds the pending instruction. If no instruction comes after it, it is the call's return.
    fn settle(&mut self, next: Option<u32>) -> Result<()> {
        let Some(at) = self.pending.take() else { return Ok(()) };
        let (instruction, costs) = match self.known.get(&at) {
            Some(&known) => known,
            None => {
                let known = self.look_up(at)?;
                self.known.insert(at, known);
                known
            }
        };
        let is_taken = next != Some(at + instruction.length);
        let Cost { cycles, refills } = costs[usize::from(is_taken)];
        self.cost.cycles += cycles;
        self.cost.refills += refills;
        match self.instructions.last_mut() {
            Some(count) => *count += 1,
            None => bail!("the emulator's trace begins at {at:#010x}, not where a call does"),
        }
        Ok(())
    }

    fn look_up(&self, at: u32) -> Result<(Instruction, [Cost; 2])> {
        let instruction = self.program.instruction(at);
        let instruction =
            instruction.with_context(|| format!("the program has no code at {at:#010x}, but was there"))?;
        let class = instruction.class;
        // An interrupt may come after any instruction: that makes no jump of it.
        let costs = [false, class.is_jump()].map(|is_taken| self.core.cost(class, is_taken));
        let [Some(straight), Some(taken)] = costs else {
            let what = if class == Class::Untimed { "this instruction".to_owned() } else { format!("{class:?}") };
            let bytes = (at..at + instruction.length).filter_map(|at| self.program.byte(at));
            let bytes: Vec<_> = bytes.map(|byte| format!("{byte:02x}")).collect();
            bail!("{at:#010x}: there is no timing of {what} for {:?}: {}", self.core, bytes.join(" "))
        };
        Ok((instruction, [straight, taken]))
    }
}

/// Returns the address in `Trace 0: 0x7f64a8000100 [00800400/00001cd6/00000010/ff020201] name`: the second number in brackets.
fn address(line: &str) -> Option<u32> {
    let numbers = line.split_once('[')?.1.split_once(']')?.0;
    u32::from_str_radix(numbers.split('/').nth(1)?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(addresses: &[u32]) -> String {
        let line = |at| format!("Trace 0: 0x7f64a8000100 [00800400/{at:08x}/00000010/ff020201] name\n");
        addresses.iter().map(line).collect()
    }

    /// `movs r0, #3`, `ldr r1, [r0]`, `subs r0, #1`, `bne` to the load, `bx lr`.
    const LOOP: [u8; 10] = [0x03, 0x20, 0x01, 0x68, 0x01, 0x38, 0xfc, 0xd1, 0x70, 0x47];

    #[test]
    fn each_instruction_counts_once_and_a_jump_by_where_it_went() {
        let program = Program::of_code(0x100, &LOOP);
        let run = [0x100, 0x102, 0x104, 0x106, 0x102, 0x104, 0x106, 0x108];
        let text = lines(&[run, run].concat());
        let trace = Trace::new(&program, Core::CortexM4, 0x100).read(text.as_bytes()).unwrap();
        assert_eq!(trace.instructions, [8, 8]);
        assert_eq!(trace.cost, Cost { cycles: 2 * 10, refills: 2 * 2 });
        let trace = Trace::new(&program, Core::CortexM0, 0x100).read(text.as_bytes()).unwrap();
        assert_eq!(trace.cost, Cost { cycles: 2 * (1 + 2 * 3 + 3 + 1 + 3), refills: 0 });
    }

    #[test]
    fn an_instruction_that_was_put_off_counts_once() {
        let program = Program::of_code(0x100, &LOOP);
        let stopped = "Stopped execution of TB chain before 0x7f48bc00dec0 [00000104] name\n";
        let parts = [&[0x100][..], &[0x100, 0x102, 0x104], &[0x104, 0x106, 0x108]];
        let text = parts.map(lines).join(stopped);
        let trace = Trace::new(&program, Core::CortexM4, 0x100).read(text.as_bytes()).unwrap();
        assert_eq!(trace.instructions, [5]);
        assert_eq!(trace.cost, Cost { cycles: 6, refills: 1 });
    }

    #[test]
    fn what_cannot_be_summed_is_an_error() {
        let program = Program::of_code(0x100, &LOOP);
        let error = |text: &str| match Trace::new(&program, Core::CortexM4, 0x100).read(text.as_bytes()) {
            Ok(_) => String::new(),
            Err(error) => error.to_string(),
        };
        assert!(error(&lines(&[0x102])).contains("begins at 0x00000102"));
        assert!(error(&lines(&[0x100, 0x200])).contains("no code at 0x00000200"));
        let no_timing = |code: &[u8]| {
            let program = Program::of_code(0x100, code);
            let trace = Trace::new(&program, Core::CortexM0, 0x100).read(lines(&[0x100]).as_bytes());
            trace.err().unwrap().to_string()
        };
        // `udf`, an encoding that is not known, `udiv`.
        for (code, error) in [
            (&[0x01, 0xde][..], "this instruction for CortexM0: 01 de"),
            (&[0xff; 4], "this instruction for CortexM0: ff ff ff ff"),
            (&[0xb1, 0xfb, 0xf2, 0xf0], "Divide for CortexM0: b1 fb f2 f0"),
        ] {
            assert_eq!(no_timing(code), format!("0x00000100: there is no timing of {error}"));
        }
        assert!(error("Trace 0: none\n").contains("no address: Trace 0: none"));
        let trace = Trace::new(&program, Core::CortexM4, 0x100).read(&b"qemu: no such option\n\n"[..]).unwrap();
        assert_eq!((trace.words.as_str(), trace.instructions.len()), ("qemu: no such option", 0));
    }
}
