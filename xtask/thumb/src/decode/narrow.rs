//! Instructions of one half word: chapter A5.2 of the ARMv7-M Architecture Reference Manual.

use super::{
    Class::{Branch, BranchToRegister, Load, Multiple, MultipleWithPc, Simple, Status, Store, StoreAtOffset, Untimed},
    Effect, Known, LR, Operand, PC, Registers, SP, Target, ahead, bit, bits, near, register, set, signed,
};

/// Decodes the instruction at an address.
pub fn narrow(at: u32, half: u32) -> Known {
    let low = |place| bits(half, place, 3) as u8;
    let source = register(half, 3);
    let byte = bits(half, 0, 8);
    let destination = low(0) | (bits(half, 7, 1) as u8) << 3;
    let to_register = if destination == PC { BranchToRegister } else { Simple };
    // `push` and `pop` have one register more than the others.
    let (count, stacked) = (byte.count_ones(), bits(half, 0, 9).count_ones());
    let sum = |to, from, number| (Simple, Effect::Set(to, Operand::Sum(from, number)));
    let writes = |place| Effect::Writes(1 << low(place));
    Some(match half >> 8 {
        // Shifts, additions and subtractions of registers.
        0x00..0x1c => (Simple, writes(0)),
        0x1c..0x1e => sum(low(0), low(3), bits(half, 6, 3) as i32),
        0x1e..0x20 => sum(low(0), low(3), -(bits(half, 6, 3) as i32)),
        0x20..0x28 => (Simple, Effect::Set(low(8), Operand::Constant(byte))),
        // `cmp`.
        0x28..0x30 => (Simple, Effect::Writes(0)),
        0x30..0x38 => sum(low(8), low(8), byte as i32),
        0x38..0x40 => sum(low(8), low(8), -(byte as i32)),
        // Logic, shifts and `muls` of registers; `cmp` of any.
        0x40..0x44 | 0x45 => (Simple, writes(0)),
        0x44 => (to_register, set(destination, Operand::Registers(destination, source, false))),
        0x46 => (to_register, set(destination, Operand::Sum(source, 0))),
        0x47 if low(0) > 0 => return None,
        0x47 if bit(half, 7) => (BranchToRegister, Effect::Call(Target::Register(source))),
        0x47 if source == LR => (BranchToRegister, Effect::Return(0)),
        0x47 => (BranchToRegister, Effect::Jump(Target::Register(source))),
        0x48..0x50 => (Load, Effect::Set(low(8), Operand::Literal(near(at, 4 * byte as i32)))),
        0x50..0x56 => (Store, writes(0)),
        0x56..0x60 => (Load, writes(0)),
        0x60..0x90 if bit(half, 11) => (Load, writes(0)),
        0x60..0x90 => (StoreAtOffset, writes(0)),
        0x90..0x98 => (StoreAtOffset, writes(8)),
        0x98..0xa0 => (Load, writes(8)),
        0xa0..0xa8 => (Simple, Effect::Set(low(8), Operand::Constant(near(at, 4 * byte as i32)))),
        0xa8..0xb0 => sum(low(8), SP, 4 * byte as i32),
        0xb0 if bit(half, 7) => sum(SP, SP, -4 * bits(half, 0, 7) as i32),
        0xb0 => sum(SP, SP, 4 * byte as i32),
        0xb1 | 0xb3 | 0xb9 | 0xbb => {
            (Branch, Effect::Branch(ahead(at, (bits(half, 9, 1) << 6 | bits(half, 3, 5) << 1) as i32)))
        }
        // `sxth` to `uxtb`; `rev`, `rev16`, `revsh`.
        0xb2 => (Simple, writes(0)),
        0xba if bits(half, 6, 2) != 2 => (Simple, writes(0)),
        0xb4 | 0xb5 if stacked > 0 => (Multiple(stacked), Effect::Stack(-4 * stacked as i32, 0)),
        // `cps`.
        0xb6 if bits(half, 5, 3) == 0b011 => (Status, Effect::Writes(0)),
        0xbc if count > 0 => (Multiple(count), Effect::Stack(4 * count as i32, byte as Registers)),
        0xbd => (MultipleWithPc(stacked), Effect::Return(4 * stacked as i32)),
        // `bkpt` and `svc`: whoever hears them may answer.
        0xbe | 0xdf => (Untimed, Effect::Writes(0xf)),
        0xbf if bits(half, 0, 4) > 0 => (Simple, condition(half)),
        // The hints from `nop` to `sev`.
        0xbf if bits(half, 4, 4) <= 4 => (Simple, Effect::Writes(0)),
        0xc0..0xc8 if count > 0 => (Multiple(count), writes(8)),
        0xc8..0xd0 if count > 0 => (Multiple(count), Effect::Writes(byte as Registers | 1 << low(8))),
        0xd0..0xde => (Branch, Effect::Branch(ahead(at, 2 * signed(byte, 8)))),
        0xde => (Untimed, Effect::Stop),
        0xe0..0xe8 => (Branch, Effect::Jump(Target::Address(ahead(at, 2 * signed(half, 11))))),
        _ => return None,
    })
}

/// Decodes `it`.
fn condition(half: u32) -> Effect {
    let count = 4 - half.trailing_zeros();
    let same = (1..count).filter(|place| bit(half, 4 - place) == bit(half, 4));
    Effect::If(count, same.fold(1, |then, place| then | 1 << place))
}
