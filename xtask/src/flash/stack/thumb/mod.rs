//! Thumb instructions of ARMv6-M and ARMv7E-M, as far as they move the stack pointer or decide what runs next.
//!
//! Of any other instruction it is only said which registers it may write. That may be too many: in a wide one, each that one of the
//! fields for a register names.

mod narrow;
mod wide;

use narrow::narrow;
use wide::wide;

/// The stack pointer's number.
pub const SP: u8 = 13;
/// The link register's.
pub const LR: u8 = 14;
/// The program counter's.
const PC: u8 = 15;

/// Registers, a bit for each.
pub type Registers = u16;

/// An instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// Its bytes: 2 or 4.
    pub length: u32,
    /// What it does.
    pub effect: Effect,
}

/// What an instruction does, as far as it is of use here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Writes at most these registers, and not the stack pointer.
    Writes(Registers),
    /// Writes one register, which may be the stack pointer.
    Set(u8, Operand),
    /// Moves the stack pointer by so many bytes (down where negative), and writes these registers from there.
    Stack(i32, Registers),
    /// Moves the stack pointer, and returns.
    Return(i32),
    /// Calls.
    Call(Target),
    /// Goes on elsewhere.
    Jump(Target),
    /// May go on elsewhere.
    Branch(u32),
    /// Goes on at a place from the table that follows, of entries of so many bytes.
    Table(u32),
    /// Goes on at the address in a register, which is from a list.
    Listed(u8),
    /// Goes on as far ahead as a register says: by [`table`] in ARMv6-M, which has no instruction for one.
    Ahead(u8),
    /// The next instructions run by a condition: how many, and a bit for each that runs where the first does.
    If(u32, u8),
    /// Does not go on.
    Stop,
    /// Moves the stack pointer to where this module cannot tell.
    Unknown,
}

/// What is written to a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operand {
    /// A number.
    Constant(u32),
    /// What stands at an address.
    Literal(u32),
    /// A register and a number.
    Sum(u8, i32),
    /// A register and another, or where the flag is set, minus another.
    Registers(u8, u8, bool),
    /// A register's lower half, and this upper half.
    Top(u8, u16),
    /// A register, and any multiple of 4.
    Indexed(u8),
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
    /// To an address from memory.
    Memory,
}

/// The instruction at an address: its first half word, and the one after it.
pub fn decode(at: u32, first: u16, second: Option<u16>) -> Option<Instruction> {
    if first >> 11 < 0b11101 {
        return Some(Instruction { length: 2, effect: narrow(at, first.into()) });
    }
    Some(Instruction { length: 4, effect: wide(at, first.into(), second?.into()) })
}

/// Where a table stands: in the program after the jump by it, or where a register says; and its entries' bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// After the jump.
    After(u32),
    /// At the address in a register.
    At(u8, u32),
}

/// The table by which a register was set for [`Effect::Ahead`]: by a load of one or two bytes, then `lsls` by 1.
pub fn table(load: u16, shift: u16, register: u8) -> Option<Table> {
    let wanted = u16::from(register) << 3 | u16::from(register);
    let base = bits(load.into(), 3, 3) as u8;
    match load >> 9 {
        _ if shift != 0x0040 | wanted || load & 7 != wanted & 7 => None,
        // From the register's own address, and 4.
        0x3c if load & 0x1f8 == 0x100 | wanted & 0x38 => Some(Table::After(1)),
        0x44 if load & 0x1f8 == 0x080 | wanted & 0x38 => Some(Table::After(2)),
        0x2d => Some(Table::At(base, 2)),
        0x2e => Some(Table::At(base, 1)),
        _ => None,
    }
}

/// The bits from `low` up, as many as `count`.
const fn bits(word: u32, low: u32, count: u32) -> u32 {
    (word >> low) & ((1 << count) - 1)
}

const fn register(word: u32, low: u32) -> u8 {
    bits(word, low, 4) as u8
}

/// The number whose highest bit, the sign, is bit `bits - 1`.
const fn signed(word: u32, bits: u32) -> i32 {
    (word << (32 - bits)) as i32 >> (32 - bits)
}

/// An instruction reads the program counter as 4 bytes on.
const fn ahead(at: u32, offset: i32) -> u32 {
    at.wrapping_add(4).wrapping_add_signed(offset)
}

const fn literal(at: u32, offset: i32) -> Operand {
    Operand::Literal((ahead(at, 0) & !3).wrapping_add_signed(offset))
}

/// A write of a register, where that may be the program counter.
fn set(register: u8, operand: Operand) -> Effect {
    match (register, operand) {
        (PC, Operand::Sum(LR, 0)) => Effect::Return(0),
        (PC, Operand::Sum(source, 0)) => Effect::Listed(source),
        (PC, Operand::Registers(_, ahead, _)) => Effect::Ahead(ahead),
        (PC, _) => Effect::Jump(Target::Memory),
        _ => Effect::Set(register, operand),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn effect(first: u16, second: u16) -> Effect {
        decode(0x100, first, Some(second)).unwrap().effect
    }

    #[test]
    fn instructions_are_told_from_data_and_have_a_length() {
        assert_eq!(decode(0, 0xb510, None).unwrap().length, 2);
        assert_eq!(decode(0, 0xe92d, Some(0x4ff0)).unwrap().length, 4);
        assert_eq!(decode(0, 0xe92d, None), None);
    }

    #[test]
    fn narrow_instructions_do_what_they_do() {
        for (text, instruction, expected) in [
            ("push {r4, lr}", 0xb510, Effect::Stack(-8, 0)),
            ("pop {r3}", 0xbc08, Effect::Stack(4, 0b1000)),
            ("pop {r4, pc}", 0xbd10, Effect::Return(8)),
            ("bx lr", 0x4770, Effect::Return(0)),
            ("sub sp, #16", 0xb084, Effect::Set(SP, Operand::Sum(SP, -16))),
            ("add sp, #16", 0xb004, Effect::Set(SP, Operand::Sum(SP, 16))),
            ("add sp, r6", 0x44b5, Effect::Set(SP, Operand::Registers(SP, 6, false))),
            ("mov sp, r6", 0x46b5, Effect::Set(SP, Operand::Sum(6, 0))),
            ("add r7, sp, #8", 0xaf02, Effect::Set(7, Operand::Sum(SP, 8))),
            ("subs r6, r7, #6", 0x1fbe, Effect::Set(6, Operand::Sum(7, -6))),
            ("ldr r6, [pc, #4]", 0x4e01, Effect::Set(6, Operand::Literal(0x108))),
            ("adr r1, #16", 0xa104, Effect::Set(1, Operand::Constant(0x114))),
            ("blx r3", 0x4798, Effect::Call(Target::Register(3))),
            ("bx r3", 0x4718, Effect::Jump(Target::Register(3))),
            ("mov pc, r2", 0x4697, Effect::Listed(2)),
            ("add pc, r0", 0x4487, Effect::Ahead(0)),
            ("b .", 0xe7fe, Effect::Jump(Target::Address(0x100))),
            ("beq .", 0xd0fe, Effect::Branch(0x100)),
            ("cbz r0, .+130", 0xb3f8, Effect::Branch(0x182)),
            ("it ne", 0xbf18, Effect::If(1, 0b1)),
            ("ite eq", 0xbf0c, Effect::If(2, 0b01)),
            ("udf #0", 0xde00, Effect::Stop),
            ("bkpt 0xab", 0xbeab, Effect::Writes(0b1111)),
            ("cmp r0, #7", 0x2807, Effect::Writes(0)),
            ("ldm r1!, {r2}", 0xc904, Effect::Writes(0b110)),
        ] {
            assert_eq!(effect(instruction, 0), expected, "{text}");
        }
    }

    #[test]
    fn wide_instructions_do_what_they_do() {
        let callee_saved = 0b0100_1111_1111_0000;
        for (text, first, second, expected) in [
            ("push.w {r4-r11, lr}", 0xe92d, 0x4ff0, Effect::Stack(-36, 0)),
            ("pop.w {r4-r11, lr}", 0xe8bd, 0x4ff0, Effect::Stack(36, callee_saved)),
            ("pop.w {r4-r11, pc}", 0xe8bd, 0x8ff0, Effect::Return(36)),
            ("ldr r8, [sp], #4", 0xf85d, 0x8b04, Effect::Stack(4, 1 << 8)),
            ("ldr pc, [sp], #4", 0xf85d, 0xfb04, Effect::Return(4)),
            ("str r8, [sp, #-4]!", 0xf84d, 0x8d04, Effect::Stack(-4, 0)),
            ("strd r0, r1, [sp, #-8]!", 0xe96d, 0x0102, Effect::Stack(-8, 0b111)),
            ("vpush {d8, d9}", 0xed2d, 0x8b04, Effect::Stack(-16, 1 << 8 | 1 << 11 | 1 << 4)),
            ("vpop {d8, d9}", 0xecbd, 0x8b04, Effect::Stack(16, 1 << 8 | 1 << 11 | 1 << 4)),
            ("sub.w sp, sp, #0x1240", 0xf5ad, 0x5d92, Effect::Set(SP, Operand::Sum(SP, -0x1240))),
            ("subw sp, sp, #0x5bc", 0xf2ad, 0x5dbc, Effect::Set(SP, Operand::Sum(SP, -0x5bc))),
            ("addw sp, sp, #0x5bc", 0xf20d, 0x5dbc, Effect::Set(SP, Operand::Sum(SP, 0x5bc))),
            ("sub.w sp, r7, #16", 0xf1a7, 0x0d10, Effect::Set(SP, Operand::Sum(7, -16))),
            ("sub.w sp, sp, r4", 0xebad, 0x0d04, Effect::Set(SP, Operand::Registers(SP, 4, true))),
            ("bfc r4, #0, #4", 0xf36f, 0x0403, Effect::Set(4, Operand::Aligned(4, 16))),
            ("bic r4, r4, #7", 0xf024, 0x0407, Effect::Set(4, Operand::Aligned(4, 8))),
            ("movw r3, #0x1234", 0xf241, 0x2334, Effect::Set(3, Operand::Constant(0x1234))),
            ("movt r3, #0x2000", 0xf2c2, 0x0300, Effect::Set(3, Operand::Top(3, 0x2000))),
            ("mov.w r3, #0x1000", 0xf44f, 0x5380, Effect::Set(3, Operand::Constant(0x1000))),
            ("addw r6, pc, #8", 0xf20f, 0x0608, Effect::Set(6, Operand::Constant(0x10c))),
            ("add.w r6, r6, r2, lsl #2", 0xeb06, 0x0682, Effect::Set(6, Operand::Indexed(6))),
            ("bl .+4", 0xf000, 0xf800, Effect::Call(Target::Address(0x104))),
            ("b.w .+4", 0xf000, 0xb800, Effect::Jump(Target::Address(0x104))),
            ("beq.w .+4", 0xf000, 0x8000, Effect::Branch(0x104)),
            ("tbb [pc, r0]", 0xe8df, 0xf000, Effect::Table(1)),
            ("tbh [pc, r0, lsl #1]", 0xe8df, 0xf010, Effect::Table(2)),
            ("ldr.w pc, [r0, r1, lsl #2]", 0xf850, 0xf021, Effect::Jump(Target::Memory)),
            ("msr msp, r0", 0xf380, 0x8808, Effect::Unknown),
            ("udf.w #0", 0xf7f0, 0xa000, Effect::Stop),
        ] {
            assert_eq!(effect(first, second), expected, "{text}");
        }
    }

    #[test]
    fn a_table_is_known_by_what_loads_from_it() {
        let [ldrb_r0_r0_4, ldrh_r2_r2_4, ldrh_r0_r1_r0, lsls_r0, lsls_r2] = [0x7900, 0x8892, 0x5a08, 0x0040, 0x0052];
        assert_eq!(table(ldrb_r0_r0_4, lsls_r0, 0), Some(Table::After(1)));
        assert_eq!(table(ldrh_r2_r2_4, lsls_r2, 2), Some(Table::After(2)));
        assert_eq!(table(ldrh_r0_r1_r0, lsls_r0, 0), Some(Table::At(1, 2)));
        assert_eq!(table(ldrh_r2_r2_4, lsls_r0, 0), None);
        assert_eq!(table(ldrb_r0_r0_4, 0x0080, 0), None);
    }
}
