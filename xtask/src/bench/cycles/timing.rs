//! ARM's published cycles of each class of instruction: the tables "instruction set summary" of the Cortex-M4's and the Cortex-M0's
//! Technical Reference Manual, and the Cortex-M4's table of floating-point instructions, for memory without wait states.

use anyhow::{Result, bail};

use crate::flash::board::Board;

/// Instructions that a table gives one timing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Arithmetic, logic, shifts, multiplications, DSP; `it`, which the Cortex-M4 may fold, and hints; floating-point arithmetic without
    /// a class of its own.
    Simple,
    /// `udiv`, `sdiv`: 2 to 12, by their operands.
    Divide,
    /// A load of one register, `ldr` to `vldr`.
    Load,
    /// A store of one register with an immediate offset and no writeback.
    StoreAtOffset,
    /// Any other store of one register.
    Store,
    /// So many words are loaded or stored.
    Multiple(u32),
    /// `b`, with or without a condition; `cbz`, `cbnz`.
    Branch,
    /// `bl`.
    Call,
    /// The program counter comes from a register: `bx`, `blx`, `mov`, `add`.
    BranchToRegister,
    /// `ldr` to the program counter.
    LoadPc,
    /// So many registers are loaded, the program counter among them.
    MultipleWithPc(u32),
    /// `tbb`, `tbh`.
    Table,
    /// `mrs`, `msr`, `cps`.
    Status,
    /// `dmb`, `dsb`, `isb`.
    Barrier,
    /// `vmla`, `vfma` and their like.
    FloatMultiplyAdd,
    /// `vdiv`, `vsqrt`.
    FloatDivide,
    /// `vmov` of two registers.
    FloatPair,
}

impl Class {
    /// Whether it may leave the sequence.
    pub const fn is_jump(self) -> bool {
        use Class::{Branch, BranchToRegister, Call, LoadPc, MultipleWithPc, Table};
        matches!(self, Branch | Call | BranchToRegister | LoadPc | MultipleWithPc(_) | Table)
    }
}

/// Cycles, and how often the pipeline is filled anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Cycles without those of the refills.
    pub cycles: u64,
    /// Refills of one to three cycles each.
    pub refills: u64,
}

impl Cost {
    /// All cycles, where a refill takes so many.
    pub const fn with_refills_of(self, cycles: u64) -> u64 {
        self.cycles + self.refills * cycles
    }
}

/// A processor with published timings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Core {
    /// As in the nRF51, whose multiplier takes one cycle.
    CortexM0,
    /// With or without the floating-point unit.
    CortexM4,
}

impl Core {
    /// The board's.
    pub fn of(board: &Board) -> Result<Self> {
        match board.target.split_once("m-none").map(|(target, _)| target) {
            Some("thumbv6") => Ok(Self::CortexM0),
            Some("thumbv7e") => Ok(Self::CortexM4),
            _ => bail!("{}: xtask/src/bench/cycles has no timings for {}", board.name, board.target),
        }
    }

    /// What an instruction takes that went on with the next one or, `taken`, elsewhere. None: the processor has no such instruction.
    pub fn cost(self, class: Class, taken: bool) -> Option<Cost> {
        // What stays in the sequence although it writes the program counter has failed its condition.
        if class.is_jump() && !taken {
            return Some(Cost { cycles: 1, refills: 0 });
        }
        match self {
            Self::CortexM0 => cortex_m0(class).map(|cycles| Cost { cycles, refills: 0 }),
            Self::CortexM4 => Some(Cost { cycles: cortex_m4(class), refills: class.is_jump().into() }),
        }
    }
}

/// Cycles without the refill of a jump. Where the manual gives a range, its upper end.
const fn cortex_m4(class: Class) -> u64 {
    match class {
        // A barrier waits besides for memory, which is not counted.
        Class::Simple | Class::StoreAtOffset | Class::Barrier => 1,
        Class::Branch | Class::Call | Class::BranchToRegister => 1,
        // Neighbouring loads and stores can overlap, to one cycle each; that is not counted.
        Class::Load | Class::Store | Class::LoadPc | Class::Table | Class::Status | Class::FloatPair => 2,
        Class::FloatMultiplyAdd => 3,
        Class::Divide => 12,
        Class::FloatDivide => 14,
        Class::Multiple(count) | Class::MultipleWithPc(count) => 1 + count as u64,
    }
}

/// Cycles, with all that a jump takes.
const fn cortex_m0(class: Class) -> Option<u64> {
    Some(match class {
        Class::Simple => 1,
        Class::Load | Class::StoreAtOffset | Class::Store => 2,
        Class::Multiple(count) => 1 + count as u64,
        Class::Branch | Class::BranchToRegister => 3,
        Class::Call | Class::Barrier | Class::Status => 4,
        Class::MultipleWithPc(count) => 4 + count as u64,
        Class::Divide
        | Class::LoadPc
        | Class::Table
        | Class::FloatMultiplyAdd
        | Class::FloatDivide
        | Class::FloatPair => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jump_costs_what_it_does() {
        let m4 = |class, taken| Core::CortexM4.cost(class, taken).unwrap();
        assert_eq!(m4(Class::Branch, false), Cost { cycles: 1, refills: 0 });
        assert_eq!(m4(Class::Branch, true), Cost { cycles: 1, refills: 1 });
        assert_eq!(m4(Class::MultipleWithPc(5), true), Cost { cycles: 6, refills: 1 });
        assert_eq!(m4(Class::Multiple(2), false), Cost { cycles: 3, refills: 0 });
        assert_eq!(Cost { cycles: 10, refills: 3 }.with_refills_of(2), 16);
        let m0 = |class, taken| Core::CortexM0.cost(class, taken).unwrap().with_refills_of(2);
        assert_eq!([m0(Class::Branch, false), m0(Class::Branch, true), m0(Class::Call, true)], [1, 3, 4]);
        assert_eq!(m0(Class::MultipleWithPc(2), true), 6);
        assert_eq!(Core::CortexM0.cost(Class::Divide, false), None);
    }

    #[test]
    fn each_emulated_board_has_timings() {
        for name in crate::flash::board::names().unwrap() {
            let board = Board::named(&name).unwrap();
            assert!(board.emulator.is_none() || Core::of(&board).is_ok(), "{board:?}");
        }
    }
}
