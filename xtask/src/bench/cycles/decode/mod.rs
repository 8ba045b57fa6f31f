//! From an instruction's bytes to its class: what a prediction on a Cortex-M0 or a Cortex-M4F can execute, by chapter A5 of the ARMv7-M
//! Architecture Reference Manual. An encoding that is not known here is none of a class.

mod float;
mod narrow;
mod wide;

use super::timing::Class;

/// A decoded instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// 2 or 4.
    pub bytes: u32,
    /// What it costs by.
    pub class: Class,
}

/// Whether an instruction that begins with this half word has a second.
pub const fn is_wide(first: u16) -> bool {
    first >= 0xe800
}

/// An instruction, by its half words; the second is not looked at where there is none.
pub fn decode(first: u16, second: u16) -> Option<Instruction> {
    if is_wide(first) {
        wide::class(first, second).map(|class| Instruction { bytes: 4, class })
    } else {
        narrow::class(first).map(|class| Instruction { bytes: 2, class })
    }
}

/// The bits of an instruction's half word from `low`, so many.
const fn bits(half: u16, low: u32, count: u32) -> u16 {
    half >> low & ((1 << count) - 1)
}

#[cfg(test)]
mod tests;
