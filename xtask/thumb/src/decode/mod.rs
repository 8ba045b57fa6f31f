//! From half words to instructions: ARMv6-M's, ARMv7E-M's and ARMv8-M's, with a floating-point unit of single precision.
//!
//! An [`Instruction`] says how long it is, by which [`Class`] it is timed, and what [`Effect`] it has on the stack pointer and on what runs
//! next. The values of other registers are followed as far as a stack pointer comes from them.

mod float;
mod narrow;
mod table;
#[cfg(test)]
mod tests;
mod wide;

use narrow::narrow;
pub use table::{Table, table};
use wide::wide;

/// The stack pointer's number.
pub const SP: u8 = 13;
/// The link register's.
pub const LR: u8 = 14;
/// The program counter's.
pub const PC: u8 = 15;

/// Registers, a bit for each.
pub type Registers = u32;

/// The registers that a call may change: r0 to r3, r12, the link register.
pub const CALLER_SAVED: Registers = 0b0101_0000_0000_1111;

/// An instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// Its bytes: 2 or 4.
    pub length: u32,
    /// The class that decides its cycles.
    pub class: Class,
    /// Its effect on the stack pointer and on the next instruction.
    pub effect: Effect,
}

/// Instructions that ARM's tables give one timing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Arithmetic, logic, shifts, multiplications, DSP; `it`, which the Cortex-M4 may fold, and hints; floating-point arithmetic without
    /// A separate class.
    Simple,
    /// `udiv`, `sdiv`.
    Divide,
    /// A load of one register, `ldr` to `vldr`.
    Load,
    /// A store of one register with an immediate offset and no writeback.
    StoreAtOffset,
    /// Any other store of one register.
    Store,
    /// This number of words are loaded or stored.
    Multiple(u32),
    /// `b`, with or without a condition; `cbz`, `cbnz`.
    Branch,
    /// `bl`.
    Call,
    /// The program counter comes from a register: `bx`, `blx`, `mov`, `add`.
    BranchToRegister,
    /// `ldr` to the program counter.
    LoadPc,
    /// This number of registers are loaded, the program counter among them.
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
    /// Instructions that are known, but have no timing here. These are ARMv8-M's own (ordered loads and stores; selections, roundings and maxima in
    /// floating point) and all of RISC-V's.
    Unpriced,
    /// `bkpt`, `svc`, `udf`, and every encoding that is not known here: they have no timing.
    Untimed,
}

impl Class {
    /// Returns true if it may jump.
    pub const fn is_jump(self) -> bool {
        use Class::{Branch, BranchToRegister, Call, LoadPc, MultipleWithPc, Table};
        matches!(self, Branch | Call | BranchToRegister | LoadPc | MultipleWithPc(_) | Table)
    }
}

/// An instruction's effect on the stack pointer and on the next instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Writes at most these registers, and not the stack pointer. A wide instruction is said to write each register that it names.
    Writes(Registers),
    /// Writes one register, which may be the stack pointer.
    Set(u8, Operand),
    /// Moves the stack pointer by this number of bytes (down where negative), and writes these registers from there.
    Stack(i32, Registers),
    /// Moves the stack pointer, and returns.
    Return(i32),
    /// Calls.
    Call(Target),
    /// Goes on elsewhere.
    Jump(Target),
    /// May go on elsewhere.
    Branch(u32),
    /// Goes on at a place from the table that follows, of entries of this number of bytes.
    Table(u32),
    /// Goes on at the address in a register, which is from a list.
    Listed(u8),
    /// Goes on as far ahead as a register says: by [`table`] in ARMv6-M, which has no instruction for one.
    Ahead(u8),
    /// The next instructions run by a condition: how many, and a bit for each that runs where the first does.
    If(u32, u8),
    /// Does not go on.
    Stop,
    /// Moves the stack pointer to where this module cannot tell, or is an encoding that is not known here.
    Unknown,
}

/// A value that is written to a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operand {
    /// A number.
    Constant(u32),
    /// The bytes at an address.
    Literal(u32),
    /// A register and a number.
    Sum(u8, i32),
    /// A register and another, or where the flag is set, minus another.
    Registers(u8, u8, bool),
    /// A register's lower half, and this upper half.
    Top(u8, u16),
    /// A register, and any multiple of 4.
    Indexed(u8),
    /// The sum of two registers, of which one may be any multiple of 4.
    Either(u8, u8),
    /// The word at a register and a number.
    Loaded(u8, i32),
    /// A register, rounded down to a multiple of this power of two.
    Aligned(u8, u32),
}

/// Where a call or a jump leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// To an address.
    Address(u32),
    /// To the address in a register.
    Register(u8),
    /// To the address that is a register and a number.
    Sum(u8, i32),
    /// To an address from memory.
    Memory,
}

/// Returns the instruction at an address: its first half word, and the one after it. `None`: it has a second half word, which is not there.
pub fn decode(at: u32, first: u16, second: Option<u16>) -> Option<Instruction> {
    let is_wide = first >= 0xe800;
    let known = if is_wide { wide(at, first.into(), second?.into()) } else { narrow(at, first.into()) };
    let (class, effect) = known.unwrap_or((Class::Untimed, Effect::Unknown));
    Some(Instruction { length: if is_wide { 4 } else { 2 }, class, effect })
}

/// The answer for a known encoding.
type Known = Option<(Class, Effect)>;

/// Returns the bits from `low` up, as many as `count`.
pub(crate) const fn bits(word: u32, low: u32, count: u32) -> u32 {
    (word >> low) & ((1 << count) - 1)
}

pub(crate) const fn bit(word: u32, place: u32) -> bool {
    bits(word, place, 1) == 1
}

const fn register(word: u32, low: u32) -> u8 {
    bits(word, low, 4) as u8
}

/// Returns the number whose highest bit, the sign, is bit `bits - 1`.
pub(crate) const fn signed(word: u32, bits: u32) -> i32 {
    (word << (32 - bits)) as i32 >> (32 - bits)
}

/// Returns a distance up where the flag is set, or down.
const fn up(is_up: bool, distance: u32) -> i32 {
    if is_up { distance as i32 } else { -(distance as i32) }
}

/// Returns an instruction reads the program counter as 4 bytes on.
const fn ahead(at: u32, offset: i32) -> u32 {
    at.wrapping_add(4).wrapping_add_signed(offset)
}

/// The same, as the base of an address: rounded down to a word.
const fn near(at: u32, offset: i32) -> u32 {
    (ahead(at, 0) & !3).wrapping_add_signed(offset)
}

/// Returns a write of a register, where that may be the program counter.
fn set(register: u8, operand: Operand) -> Effect {
    match (register, operand) {
        (PC, Operand::Sum(LR, 0)) => Effect::Return(0),
        (PC, Operand::Sum(source, 0)) => Effect::Listed(source),
        (PC, Operand::Registers(_, ahead, _)) => Effect::Ahead(ahead),
        (PC, _) => Effect::Jump(Target::Memory),
        _ => Effect::Set(register, operand),
    }
}
