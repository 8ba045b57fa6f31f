//! Instructions of 16 bits.

use super::{Effect, LR, Operand, Registers, SP, Target, ahead, bits, literal, register, set, signed};

/// What the instruction at an address does.
pub fn narrow(at: u32, word: u32) -> Effect {
    let low = |place| bits(word, place, 3) as u8;
    let high = register(word, 3);
    let byte = bits(word, 0, 8) as i32;
    let destination = low(0) | (bits(word, 7, 1) as u8) << 3;
    match word >> 8 {
        0x1c | 0x1d => Effect::Set(low(0), Operand::Sum(low(3), bits(word, 6, 3) as i32)),
        0x1e | 0x1f => Effect::Set(low(0), Operand::Sum(low(3), -(bits(word, 6, 3) as i32))),
        0x20..0x28 => Effect::Set(low(8), Operand::Constant(byte as u32)),
        0x30..0x38 => Effect::Set(low(8), Operand::Sum(low(8), byte)),
        0x38..0x40 => Effect::Set(low(8), Operand::Sum(low(8), -byte)),
        0x44 => set(destination, Operand::Registers(destination, high, false)),
        0x46 => set(destination, Operand::Sum(high, 0)),
        0x47 if bits(word, 7, 1) == 1 => Effect::Call(Target::Register(high)),
        0x47 if high == LR => Effect::Return(0),
        0x47 => Effect::Jump(Target::Register(high)),
        0x48..0x50 => Effect::Set(low(8), literal(at, 4 * byte)),
        0xa8..0xb0 => Effect::Set(low(8), Operand::Sum(SP, 4 * byte)),
        0xb0 if bits(word, 7, 1) == 0 => Effect::Set(SP, Operand::Sum(SP, 4 * bits(word, 0, 7) as i32)),
        0xb0 => Effect::Set(SP, Operand::Sum(SP, -4 * bits(word, 0, 7) as i32)),
        0xb1 | 0xb3 | 0xb9 | 0xbb => Effect::Branch(ahead(at, (bits(word, 9, 1) << 6 | bits(word, 3, 5) << 1) as i32)),
        0xb4 | 0xb5 => Effect::Stack(-4 * bits(word, 0, 9).count_ones() as i32, 0),
        0xbc => Effect::Stack(4 * byte.count_ones() as i32, byte as Registers),
        0xbd => Effect::Return(4 * bits(word, 0, 9).count_ones() as i32),
        0xbf if bits(word, 0, 4) > 0 => {
            let count = 4 - word.trailing_zeros();
            let same = (1..count).filter(|place| bits(word, 4 - place, 1) == bits(word, 4, 1));
            Effect::If(count, same.fold(1, |then, place| then | 1 << place))
        }
        0xc8..0xd0 => Effect::Writes(byte as Registers | 1 << low(8)),
        0xde => Effect::Stop,
        0xd0..0xde => Effect::Branch(ahead(at, 2 * signed(word, 8))),
        0xe0..0xe8 => Effect::Jump(Target::Address(ahead(at, 2 * signed(word, 11)))),
        // `bkpt` and `svc`: whoever hears them may answer.
        0xbe | 0xdf => Effect::Writes(0xf),
        0x28..0x30 => Effect::Writes(0),
        0x90..0xa0 | 0xc0..0xc8 => Effect::Writes(1 << low(8)),
        0xa0..0xa8 => Effect::Set(low(8), Operand::Constant((ahead(at, 0) & !3) + 4 * byte as u32)),
        _ => Effect::Writes(1 << low(0)),
    }
}
