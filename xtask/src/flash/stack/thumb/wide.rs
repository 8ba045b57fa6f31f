//! Instructions of 32 bits, as two half words.

use super::{Effect, Operand, PC, Registers, SP, Target, ahead, bits, literal, register, set, signed};

/// What the instruction at an address does.
pub fn wide(at: u32, first: u32, second: u32) -> Effect {
    let base = register(first, 0);
    let up = |offset: u32, place| if bits(first, place, 1) == 1 { offset as i32 } else { -(offset as i32) };
    match first >> 9 {
        0b111_0100 if bits(first, 6, 1) == 0 => several(first, second),
        0b111_0100 if first & 0xfff0 == 0xe8d0 && second & 0xffe0 == 0xf000 => Effect::Table(1 + bits(second, 4, 1)),
        0b111_0100 if base == SP && bits(first, 5, 1) == 1 => {
            Effect::Stack(up(4 * bits(second, 0, 8), 7), named(first, second) & !(1 << SP))
        }
        0b111_0101 => shifted(first, second),
        // Of the coprocessors, the loads and stores.
        0b111_0110 | 0b111_1110 if base == SP && bits(first, 5, 1) == 1 => {
            Effect::Stack(up(4 * bits(second, 0, 8), 7), named(first, second) & !(1 << SP))
        }
        0b111_1000..=0b111_1011 if second & 0x8000 > 0 => branch(at, first, second),
        0b111_1000..=0b111_1011 => immediate(at, first, second),
        0b111_1100 => single(at, first, second),
        _ => Effect::Writes(named(first, second)),
    }
}

/// Each register that a field of a wide instruction names. None of the rest may write the stack pointer or the program counter.
fn named(first: u32, second: u32) -> Registers {
    let fields = [register(first, 0), register(second, 12), register(second, 8), register(second, 0)];
    fields.iter().fold(0, |registers, field| registers | 1 << field)
}

/// `ldm`, `stm`, and with the stack pointer `push` and `pop`.
fn several(first: u32, second: u32) -> Effect {
    let (base, is_load, writes_back) = (register(first, 0), bits(first, 4, 1) == 1, bits(first, 5, 1) == 1);
    let moved = 4 * second.count_ones() as i32;
    let moved = if bits(first, 7, 1) == 1 { moved } else { -moved };
    let loaded = if is_load { second as Registers } else { 0 };
    match (base, writes_back) {
        _ if loaded & (1 << SP) > 0 => Effect::Unknown,
        (SP, true) if loaded & (1 << PC) > 0 => Effect::Return(moved),
        _ if loaded & (1 << PC) > 0 => Effect::Jump(Target::Memory),
        (SP, true) => Effect::Stack(moved, loaded),
        _ => Effect::Writes(loaded | 1 << base),
    }
}

/// Arithmetic of registers.
fn shifted(first: u32, second: u32) -> Effect {
    let (to, left, right) = (register(second, 8), register(first, 0), register(second, 0));
    let is_plain = second & 0x70f0 == 0;
    match (bits(first, 5, 4), left) {
        (2, PC) if is_plain => set(to, Operand::Sum(right, 0)),
        (8, _) if is_plain && to != PC => Effect::Set(to, Operand::Registers(left, right, false)),
        (13, _) if is_plain && to != PC => Effect::Set(to, Operand::Registers(left, right, true)),
        (8, _) if second & 0x70f0 == 0x0080 && to < SP => Effect::Set(to, Operand::Indexed(left)),
        // A destination of 15 is a comparison.
        _ if to == SP => Effect::Unknown,
        _ => Effect::Writes(1 << to),
    }
}

/// Arithmetic with a number in the instruction.
fn immediate(at: u32, first: u32, second: u32) -> Effect {
    let (to, from) = (register(second, 8), register(first, 0));
    let number = bits(first, 10, 1) << 11 | bits(second, 12, 3) << 8 | bits(second, 0, 8);
    let wide = u32::from(from) << 12 | number;
    let operation = if bits(first, 9, 1) == 0 { bits(first, 5, 4) } else { 16 + bits(first, 4, 5) };
    match (operation, from) {
        // A destination of 15 is a comparison.
        (0..16, _) if to == PC => Effect::Writes(0),
        (2, PC) => Effect::Set(to, Operand::Constant(expanded(number))),
        (3, PC) => Effect::Set(to, Operand::Constant(!expanded(number))),
        (1, _) if expanded(number).wrapping_add(1).is_power_of_two() => {
            Effect::Set(to, Operand::Aligned(from, expanded(number) + 1))
        }
        (8, _) => Effect::Set(to, Operand::Sum(from, expanded(number) as i32)),
        (13, _) => Effect::Set(to, Operand::Sum(from, (expanded(number) as i32).wrapping_neg())),
        (16, PC) => Effect::Set(to, Operand::Constant((ahead(at, 0) & !3) + number)),
        (26, PC) => Effect::Set(to, Operand::Constant((ahead(at, 0) & !3) - number)),
        (16, _) => Effect::Set(to, Operand::Sum(from, number as i32)),
        (26, _) => Effect::Set(to, Operand::Sum(from, -(number as i32))),
        (20, _) => Effect::Set(to, Operand::Constant(wide)),
        (28, _) => Effect::Set(to, Operand::Top(to, wide as u16)),
        // `bfc` of the lowest bits.
        (38, PC) if second & 0x70c0 == 0 => Effect::Set(to, Operand::Aligned(to, 2 << bits(second, 0, 5))),
        _ if to == SP => Effect::Unknown,
        _ => Effect::Writes(1 << to),
    }
}

/// The number that 12 bits stand for: a byte, repeated or rotated.
const fn expanded(number: u32) -> u32 {
    let byte = bits(number, 0, 8);
    match bits(number, 8, 4) {
        0 => byte,
        1 => byte << 16 | byte,
        2 => byte << 24 | byte << 8,
        3 => byte << 24 | byte << 16 | byte << 8 | byte,
        _ => (byte | 0x80).rotate_right(bits(number, 7, 5)),
    }
}

/// Branches, and what the processor keeps to itself.
fn branch(at: u32, first: u32, second: u32) -> Effect {
    let sign = bits(first, 10, 1);
    let (one, two) = (bits(second, 13, 1), bits(second, 11, 1));
    let lower = bits(second, 0, 11) << 1;
    let far = sign << 24 | (1 ^ one ^ sign) << 23 | (1 ^ two ^ sign) << 22 | bits(first, 0, 10) << 12 | lower;
    let far = ahead(at, signed(far, 25));
    match (bits(second, 14, 1), bits(second, 12, 1)) {
        (1, 1) => Effect::Call(Target::Address(far)),
        (0, 1) => Effect::Jump(Target::Address(far)),
        // To the other instruction set, which these processors lack.
        (1, _) => Effect::Stop,
        _ if bits(first, 7, 3) != 7 => {
            let near = sign << 20 | two << 19 | one << 18 | bits(first, 0, 6) << 12 | lower;
            Effect::Branch(ahead(at, signed(near, 21)))
        }
        // `udf`, and `msr` to one of the two stack pointers, or of what chooses between them.
        _ if first & 0xfff0 == 0xf7f0 => Effect::Stop,
        _ if first & 0xffe0 == 0xf380 && matches!(second & 0xff, 8 | 9 | 20) => Effect::Unknown,
        _ if first & 0xffe0 == 0xf3e0 => Effect::Writes(1 << register(second, 8)),
        _ => Effect::Writes(0),
    }
}

/// Loads and stores of one register.
fn single(at: u32, first: u32, second: u32) -> Effect {
    let (base, to) = (register(first, 0), register(second, 12));
    let is_word = first & 0xff70 == 0xf850;
    let is_load = bits(first, 4, 1) == 1;
    let offset = bits(second, 0, 12) as i32;
    if base == PC {
        return match (is_word, bits(first, 7, 1)) {
            (true, up) if to != SP => set(to, literal(at, if up == 1 { offset } else { -offset })),
            (true, _) => Effect::Unknown,
            _ => Effect::Writes(1 << to),
        };
    }
    let writes_back = bits(first, 7, 1) == 0 && second & 0x900 == 0x900;
    let moved = bits(second, 0, 8) as i32;
    let moved = if bits(second, 9, 1) == 1 { moved } else { -moved };
    match (is_word, writes_back && base == SP) {
        (true, true) if to == PC => Effect::Return(moved),
        (true, _) if to == PC => Effect::Jump(Target::Memory),
        (true, _) if to == SP => Effect::Unknown,
        (_, true) => Effect::Stack(moved, if is_load { 1 << to } else { 0 }),
        _ => Effect::Writes(1 << to | 1 << base),
    }
}
