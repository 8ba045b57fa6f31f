//! Decodes half words to instructions of ARMv6-M, ARMv7E-M and ARMv8-M, with a floating-point unit of single precision.
//!
//! An [`Instruction`] has its length, the [`Class`] that gives its timing, and its [`Effect`] on the stack pointer and on what runs next. The
//! values of other registers are followed only as far as a stack pointer comes from them.

mod float;
mod narrow;
mod table;
#[cfg(test)]
mod tests;
mod wide;

use narrow::narrow;
pub use table::{Table, table};
use wide::wide;

/// The number of the stack pointer.
pub const SP: u8 = 13;
/// The number of the link register.
pub const LR: u8 = 14;
/// The number of the program counter.
pub const PC: u8 = 15;

/// A set of registers, with a bit for each.
pub type Registers = u32;

/// The registers that a call may change: r0 to r3, r12, the link register.
pub const CALLER_SAVED: Registers = 0b0101_0000_0000_1111;

/// An instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// The number of bytes: 2 or 4.
    pub length: u32,
    /// The class that decides its cycles.
    pub class: Class,
    /// The effect on the stack pointer and on the next instruction.
    pub effect: Effect,
}

/// Classes of instructions that have one timing in ARM's tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Arithmetic, logic, shifts, multiplications, DSP; `it`, which the Cortex-M4 may fold, and hints; floating-point arithmetic without
    /// a separate class.
    Simple,
    /// The divisions `udiv` and `sdiv`.
    Divide,
    /// A load of one register, from `ldr` to `vldr`.
    Load,
    /// A store of one register with an immediate offset and no writeback.
    StoreAtOffset,
    /// Any other store of one register.
    Store,
    /// A load or store of this number of words.
    Multiple(u32),
    /// The branches `b`, with or without a condition, `cbz` and `cbnz`.
    Branch,
    /// The call `bl`.
    Call,
    /// A jump to an address in a register: `bx`, `blx`, `mov`, `add`.
    BranchToRegister,
    /// The instruction `ldr` to the program counter.
    LoadPc,
    /// A load of this number of registers, including the program counter.
    MultipleWithPc(u32),
    /// The table jumps `tbb` and `tbh`.
    Table,
    /// The instructions `mrs`, `msr` and `cps`.
    Status,
    /// The barriers `dmb`, `dsb` and `isb`.
    Barrier,
    /// The instructions `vmla`, `vfma` and similar ones.
    FloatMultiplyAdd,
    /// The instructions `vdiv` and `vsqrt`.
    FloatDivide,
    /// The instruction `vmov` of two registers.
    FloatPair,
    /// Instructions that are known, but have no timing here: those that only ARMv8-M has (ordered loads and stores; selections, roundings and
    /// maxima in floating point), and all of RISC-V's.
    Unpriced,
    /// The instructions `bkpt`, `svc` and `udf`, and every unknown encoding. They have no timing.
    Untimed,
}

impl Class {
    /// Returns true if the instruction may jump.
    pub const fn is_jump(self) -> bool {
        use Class::{Branch, BranchToRegister, Call, LoadPc, MultipleWithPc, Table};
        matches!(self, Branch | Call | BranchToRegister | LoadPc | MultipleWithPc(_) | Table)
    }
}

/// An instruction's effect on the stack pointer and on the next instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Writes at most these registers, and not the stack pointer. For a wide instruction, these are all registers that it names.
    Writes(Registers),
    /// Writes one register, which may be the stack pointer.
    Set(u8, Operand),
    /// Moves the stack pointer by this number of bytes (down if negative), and loads these registers from there.
    Stack(i32, Registers),
    /// Moves the stack pointer, and returns.
    Return(i32),
    /// Calls a function.
    Call(Target),
    /// Continues at another place.
    Jump(Target),
    /// May continue at this address, or with the next instruction.
    Branch(u32),
    /// Continues at a place from the table that follows. The table's entries have this number of bytes.
    Table(u32),
    /// Continues at the address in a register. The address comes from a list.
    Listed(u8),
    /// Adds a register to the program counter. The register comes from a [`table`], because ARMv6-M has no instruction for a table of jumps.
    Ahead(u8),
    /// Makes the next instructions conditional: their number, and a bit for each that has the same condition as the first.
    If(u32, u8),
    /// Ends the program.
    Stop,
    /// Moves the stack pointer in a way that this module cannot follow, or is an unknown encoding.
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
    /// A register plus another, or minus another if the flag is set.
    Registers(u8, u8, bool),
    /// A register's lower half with this upper half.
    Top(u8, u16),
    /// A register plus an unknown multiple of 4: an index into a table of words.
    Indexed(u8),
    /// The sum of two registers. One of them may be an unknown multiple of 4.
    Either(u8, u8),
    /// The word at the address that is a register plus a number.
    Loaded(u8, i32),
    /// A register, rounded down to a multiple of this power of two.
    Aligned(u8, u32),
}

/// The place to which a call or a jump leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// An address.
    Address(u32),
    /// The address in a register.
    Register(u8),
    /// The address that is a register plus a number.
    Sum(u8, i32),
    /// An address from memory.
    Memory,
}

/// Returns the instruction at an address. `first` is its first half word, and `second` the one after it. Returns `None` if a needed second is
/// missing.
pub fn decode(at: u32, first: u16, second: Option<u16>) -> Option<Instruction> {
    let is_wide = first >= 0xe800;
    let known = if is_wide { wide(at, first.into(), second?.into()) } else { narrow(at, first.into()) };
    let (class, effect) = known.unwrap_or((Class::Untimed, Effect::Unknown));
    Some(Instruction { length: if is_wide { 4 } else { 2 }, class, effect })
}

/// The result for a known encoding.
type Known = Option<(Class, Effect)>;

/// Returns `count` bits, from bit `low` up.
pub(crate) const fn bits(word: u32, low: u32, count: u32) -> u32 {
    (word >> low) & ((1 << count) - 1)
}

pub(crate) const fn bit(word: u32, place: u32) -> bool {
    bits(word, place, 1) == 1
}

const fn register(word: u32, low: u32) -> u8 {
    bits(word, low, 4) as u8
}

/// Returns the number whose sign is bit `bits - 1`.
pub(crate) const fn signed(word: u32, bits: u32) -> i32 {
    (word << (32 - bits)) as i32 >> (32 - bits)
}

/// Returns the distance, negated if the flag is not set.
const fn up(is_up: bool, distance: u32) -> i32 {
    if is_up { distance as i32 } else { -(distance as i32) }
}

/// Returns an address relative to the program counter, which an instruction reads as its own address plus 4.
const fn ahead(at: u32, offset: i32) -> u32 {
    at.wrapping_add(4).wrapping_add_signed(offset)
}

/// Returns an address relative to the program counter, where the program counter is first rounded down to a word.
const fn near(at: u32, offset: i32) -> u32 {
    (ahead(at, 0) & !3).wrapping_add_signed(offset)
}

/// Returns the effect of writing a register, which may be the program counter.
fn set(register: u8, operand: Operand) -> Effect {
    match (register, operand) {
        (PC, Operand::Sum(LR, 0)) => Effect::Return(0),
        (PC, Operand::Sum(source, 0)) => Effect::Listed(source),
        (PC, Operand::Registers(_, ahead, _)) => Effect::Ahead(ahead),
        (PC, _) => Effect::Jump(Target::Memory),
        _ => Effect::Set(register, operand),
    }
}
