//! Checks that a program fits its board: flash, static RAM and stack, in numbers.

use std::{fmt, ops::Range};

use anyhow::{Context, Result};
use thumb::{
    Program,
    sizes::{Fit, Memory, Share},
};

use board::{Board, Region};

use crate::workspace::grouped;

/// A program that is larger than its board.
#[derive(Debug, thiserror::Error)]
#[error("{program} does not fit {board}, too large is the {parts}: {numbers}{advice}")]
pub struct DoesNotFit {
    program: &'static str,
    board: String,
    /// The memories that are too small.
    parts: String,
    /// The numbers of bytes that the program needs of these memories.
    numbers: String,
    /// A semicolon and the choices that would fit; empty if none is known.
    advice: String,
}

impl DoesNotFit {
    /// Returns the error for these memories.
    pub fn new(program: &'static str, board: &Board, parts: &[&str], numbers: String) -> Self {
        Self { program, board: board.name.clone(), parts: parts.join(" and the "), numbers, advice: String::new() }
    }

    /// Adds advice: the choices that would fit.
    pub fn with_advice(self, advice: String) -> Self {
        Self { advice: format!("; {advice}"), ..self }
    }
}

/// The memory that a program takes of its board, as a line of text.
#[derive(Debug)]
pub struct Numbers(Fit);

/// Measures a linked program. It is an error if the program does not fit.
pub fn check(elf: &[u8], name: &'static str, board: &Board) -> Result<Numbers> {
    let Board { flash, ram, stack, .. } = board;
    let memory = Memory { flash: addresses(flash), ram: addresses(ram), stack: u64::from(*stack) };
    let numbers = Numbers(Program::read(elf).and_then(|program| Fit::of(&program, &memory)).context(name)?);
    match &numbers.0.too_large()[..] {
        [] => Ok(numbers),
        parts => Err(DoesNotFit::new(name, board, parts, numbers.to_string()).into()),
    }
}

fn addresses(region: &Region) -> Range<u64> {
    let origin = u64::from(region.origin);
    origin..origin + u64::from(region.length)
}

impl fmt::Display for Numbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Fit { flash, ram, stack_length, stack } = &self.0;
        let share = |share: &Share| format!("{} of {}", grouped(share.taken), grouped(share.there));
        let length = grouped(*stack_length);
        write!(f, "flash {} bytes; static RAM {}; ", share(flash), share(ram))?;
        match &stack.bytes {
            Ok(bytes) => write!(f, "stack at most {} of {length}", grouped((*bytes).into()))?,
            Err(reason) => write!(f, "stack of {length}, without a bound: {reason}")?,
        }
        f.write_str(if stack.panics && stack.bytes.is_ok() { ", the report of a panic aside" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use thumb::stack::Stack;

    fn numbers(stack: Result<u32, String>, panics: bool) -> Numbers {
        let [flash, ram] = [(50_000, 262_144), (8, 8192)].map(|(taken, there)| Share { taken, there });
        Numbers(Fit { flash, ram, stack_length: 8192, stack: Stack { bytes: stack, panics } })
    }

    #[test]
    fn all_three_numbers_are_shown() {
        let before = "flash 50,000 of 262,144 bytes; static RAM 8 of 8,192; stack";
        assert_eq!(numbers(Ok(4100), false).to_string(), format!("{before} at most 4,100 of 8,192"));
        let unbounded = numbers(Err("f may call itself".into()), true);
        assert_eq!(unbounded.to_string(), format!("{before} of 8,192, without a bound: f may call itself"));
        let panics = numbers(Ok(4), true);
        assert_eq!(panics.to_string(), format!("{before} at most 4 of 8,192, the report of a panic aside"));
        let board = Board::named("microbit").unwrap();
        let large = numbers(Ok(8196), false);
        let error = DoesNotFit::new("predict", &board, &large.0.too_large(), large.to_string());
        let words = format!("predict does not fit microbit, too large is the stack: {before} at most 8,196 of 8,192");
        assert_eq!(error.to_string(), words);
        assert_eq!(error.with_advice("--format f16 fits".into()).to_string(), format!("{words}; --format f16 fits"));
    }
}
