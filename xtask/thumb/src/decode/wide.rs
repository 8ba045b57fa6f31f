//! Instructions of two half words: chapter A5.3 of the ARMv7-M Architecture Reference Manual, chapter C2.2.3 of ARMv8-M's.

use super::{
    Class::{
        Barrier, Branch, Call, Divide, Load, LoadPc, Multiple, MultipleWithPc, Simple, Status, Store, StoreAtOffset,
        Table, Unpriced, Untimed,
    },
    Effect, Known, Operand, PC, Registers, SP, Target, ahead, bit, bits, float, near, register, set, signed, up,
};

/// The operations of arithmetic and logic that have an encoding. Operation 6 is `pkh`, which has only registers.
const OPERATIONS: [u32; 10] = [0, 1, 2, 3, 4, 8, 10, 11, 13, 14];

/// Decodes the instruction at an address.
pub fn wide(at: u32, first: u32, second: u32) -> Known {
    let writes_named = Effect::Writes(named(first, second));
    let simple = |is_known: bool| is_known.then_some((Simple, writes_named));
    match bits(first, 9, 4) {
        0b0100 if !bit(first, 6) => multiple(first, second),
        0b0100 => double_or_table(first, second),
        0b0101 => shifted(first, second),
        0b0110 | 0b0111 => Some((float::class(first, second)?, moved_by_words(first, second))),
        0b1000..=0b1011 if bit(second, 15) => control(at, first, second),
        0b1000..=0b1011 => immediate(at, first, second),
        0b1100 => single(at, first, second),
        0b1101 if !bit(first, 8) => simple(is_of_registers(first, second)),
        0b1101 if !bit(first, 7) => simple(is_multiplication(first, second)),
        0b1101 if matches!(bits(first, 4, 3), 1 | 3) && bits(second, 4, 4) == 15 => Some((Divide, writes_named)),
        0b1101 => simple(is_long_multiplication(first, second)),
        0b1111 if first >= 0xfe00 => Some((float::later(first, second)?, writes_named)),
        _ => None,
    }
}

/// Returns each register that a field of a wide instruction names.
fn named(first: u32, second: u32) -> Registers {
    let fields = [register(first, 0), register(second, 12), register(second, 8), register(second, 0)];
    fields.iter().fold(0, |registers, field| registers | 1 << field)
}

/// Decodes `ldm` and `stm`, and with the stack pointer `push` and `pop`.
fn multiple(first: u32, second: u32) -> Known {
    let (base, is_load) = (register(first, 0), bit(first, 4));
    let (count, to_pc) = (second.count_ones(), bit(second, 15));
    if bit(first, 7) == bit(first, 8) || count == 0 || bit(second, 13) || to_pc && !is_load {
        return None;
    }
    let moved = up(bit(first, 7), 4 * count);
    let loaded = if is_load { second as Registers } else { 0 };
    let effect = match (to_pc, base == SP && bit(first, 5)) {
        (true, true) => Effect::Return(moved),
        (true, false) => Effect::Jump(Target::Memory),
        (false, true) => Effect::Stack(moved, loaded),
        (false, false) => Effect::Writes(loaded | 1 << base),
    };
    Some((if to_pc { MultipleWithPc(count) } else { Multiple(count) }, effect))
}

/// Decodes `ldrd`, `strd`, `ldrex`, `strex`, `lda`, `stl`, the variants of these for bytes and half words, `tbb` and `tbh`.
fn double_or_table(first: u32, second: u32) -> Known {
    let [is_indexed, is_up, writes_back, is_load] = [8, 7, 5, 4].map(|place| bit(first, place));
    if is_indexed || writes_back {
        return Some((Multiple(2), moved_by_words(first, second)));
    }
    match (is_up, is_load, bits(second, 4, 4)) {
        (false, ..) | (true, _, 4 | 5) => Some((Load, Effect::Writes(named(first, second)))),
        (true, _, 8..=10 | 12..=14) => Some((Unpriced, Effect::Writes(named(first, second)))),
        (true, true, 0 | 1) => Some((Table, Effect::Table(1 + bits(second, 4, 1)))),
        _ => None,
    }
}

/// Returns the effect of an instruction that may move its base by a number of words.
fn moved_by_words(first: u32, second: u32) -> Effect {
    let named = named(first, second);
    // Above these are the coprocessor's instructions without a base.
    if first < 0xee00 && bit(first, 5) && register(first, 0) == SP {
        Effect::Stack(up(bit(first, 7), 4 * bits(second, 0, 8)), named & !(1 << SP))
    } else {
        Effect::Writes(named)
    }
}

/// Decodes arithmetic of registers.
fn shifted(first: u32, second: u32) -> Known {
    let (to, left, right) = (register(second, 8), register(first, 0), register(second, 0));
    let operation = bits(first, 5, 4);
    let is_plain = second & 0x70f0 == 0;
    let effect = match (operation, left) {
        (2, PC) if is_plain => set(to, Operand::Sum(right, 0)),
        (8, _) if is_plain && to != PC => Effect::Set(to, Operand::Registers(left, right, false)),
        (13, _) if is_plain && to != PC => Effect::Set(to, Operand::Registers(left, right, true)),
        (8, _) if second & 0x70f0 == 0x0080 && to < SP => Effect::Set(to, Operand::Indexed(left)),
        // A destination of 15 is a comparison.
        _ if to == SP => Effect::Unknown,
        _ => Effect::Writes(1 << to),
    };
    (operation == 6 || OPERATIONS.contains(&operation)).then_some((Simple, effect))
}

/// Decodes arithmetic with a number in the instruction.
fn immediate(at: u32, first: u32, second: u32) -> Known {
    let (to, from) = (register(second, 8), register(first, 0));
    let number = bits(first, 10, 1) << 11 | bits(second, 12, 3) << 8 | bits(second, 0, 8);
    let wide = u32::from(from) << 12 | number;
    let (is_plain, operation) = (bit(first, 9), bits(first, 5, 4));
    // `movw`, `movt`, `addw`, `subw`, `ssat`, `usat`, `sbfx`, `ubfx`, `bfi`, `bfc`.
    let is_known = if is_plain {
        !bit(first, 4) && !matches!(operation, 1 | 3 | 4 | 7 | 15)
    } else {
        OPERATIONS.contains(&operation)
    };
    let effect = match (is_plain, operation, from) {
        // A destination of 15 is a comparison.
        (false, ..) if to == PC => Effect::Writes(0),
        (false, 2, PC) => Effect::Set(to, Operand::Constant(expanded(number))),
        (false, 3, PC) => Effect::Set(to, Operand::Constant(!expanded(number))),
        (false, 1, _) if expanded(number).wrapping_add(1).is_power_of_two() => {
            Effect::Set(to, Operand::Aligned(from, expanded(number) + 1))
        }
        (false, 8, _) => Effect::Set(to, Operand::Sum(from, expanded(number) as i32)),
        (false, 13, _) => Effect::Set(to, Operand::Sum(from, (expanded(number) as i32).wrapping_neg())),
        (true, 0, PC) => Effect::Set(to, Operand::Constant(near(at, number as i32))),
        (true, 5, PC) => Effect::Set(to, Operand::Constant(near(at, -(number as i32)))),
        (true, 0, _) => Effect::Set(to, Operand::Sum(from, number as i32)),
        (true, 5, _) => Effect::Set(to, Operand::Sum(from, -(number as i32))),
        (true, 2, _) => Effect::Set(to, Operand::Constant(wide)),
        (true, 6, _) => Effect::Set(to, Operand::Top(to, wide as u16)),
        // `bfc` of the lowest bits.
        (true, 11, PC) if second & 0x70c0 == 0 => Effect::Set(to, Operand::Aligned(to, 2 << bits(second, 0, 5))),
        _ if to == SP => Effect::Unknown,
        _ => Effect::Writes(1 << to),
    };
    is_known.then_some((Simple, effect))
}

/// Returns the number that 12 bits stand for: a byte, repeated or rotated.
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

/// Decodes branches, `mrs`, `msr`, barriers and hints.
fn control(at: u32, first: u32, second: u32) -> Known {
    let sign = bits(first, 10, 1);
    let (one, two) = (bits(second, 13, 1), bits(second, 11, 1));
    let lower = bits(second, 0, 11) << 1;
    let far = sign << 24 | (1 ^ one ^ sign) << 23 | (1 ^ two ^ sign) << 22 | bits(first, 0, 10) << 12 | lower;
    let far = Target::Address(ahead(at, signed(far, 25)));
    let writes_none = Effect::Writes(0);
    Some(match (bits(second, 12, 3), bits(first, 4, 7)) {
        (1 | 3, _) => (Branch, Effect::Jump(far)),
        (5 | 7, _) => (Call, Effect::Call(far)),
        (0 | 2, place) if bits(place, 3, 3) != 7 => {
            let condition = sign << 20 | two << 19 | one << 18 | bits(first, 0, 6) << 12 | lower;
            (Branch, Effect::Branch(ahead(at, signed(condition, 21))))
        }
        // `msr` to one of the two stack pointers, or of what chooses between them.
        (0, 0x38 | 0x39) if matches!(second & 0xff, 8 | 9 | 20) => (Status, Effect::Unknown),
        (0, 0x38 | 0x39) => (Status, writes_none),
        // Hints up to `sev`; the others of this place set the processor's state.
        (0, 0x3a) if bits(second, 0, 11) <= 4 => (Simple, writes_none),
        (0, 0x3b) if bits(second, 4, 4) == 2 => (Simple, writes_none),
        (0, 0x3b) if matches!(bits(second, 4, 4), 4..=6) => (Barrier, writes_none),
        (0, 0x3e | 0x3f) => (Status, Effect::Writes(1 << register(second, 8))),
        // `udf`.
        (2, 0x7f) => (Untimed, Effect::Stop),
        _ => return None,
    })
}

/// The source of the address of a load or store of one register.
#[derive(PartialEq, Eq)]
enum Address {
    Offset,
    Register,
    WithWriteback,
}

fn address(first: u32, second: u32) -> Option<Address> {
    if bit(first, 7) || register(first, 0) == PC {
        return Some(Address::Offset);
    }
    match (bit(second, 11), bits(second, 8, 3)) {
        // Minus an offset, or an unprivileged access.
        (true, 0b100 | 0b110) => Some(Address::Offset),
        (true, 0b001 | 0b011 | 0b101 | 0b111) => Some(Address::WithWriteback),
        (false, _) if bits(second, 6, 5) == 0 => Some(Address::Register),
        _ => None,
    }
}

/// Decodes loads and stores of one register: `ldr` to `ldrsb`, `str`, `strh`, `strb`.
fn single(at: u32, first: u32, second: u32) -> Known {
    let (base, to) = (register(first, 0), register(second, 12));
    let [is_load, is_signed] = [4, 8].map(|place| bit(first, place));
    let address = address(first, second)?;
    let class = match (is_load, bits(first, 5, 2)) {
        (false, 0..=2) if is_signed || base == PC => return None,
        (false, 0..=2) if address == Address::Offset => StoreAtOffset,
        (false, 0..=2) => Store,
        // A byte or half word to the program counter is a hint to a memory that no Cortex-M4 has.
        (true, 0 | 1) if to != PC => Load,
        (true, 2) if !is_signed => {
            if to == PC {
                LoadPc
            } else {
                Load
            }
        }
        _ => return None,
    };
    let is_word = is_load && bits(first, 5, 2) == 2;
    let moved = up(bit(second, 9), bits(second, 0, 8));
    let effect = match address {
        _ if is_word && to == SP => Effect::Unknown,
        _ if is_word && base == PC => set(to, Operand::Literal(near(at, up(bit(first, 7), bits(second, 0, 12))))),
        Address::WithWriteback if is_word && to == PC && base == SP => Effect::Return(moved),
        _ if is_word && to == PC => Effect::Jump(Target::Memory),
        Address::WithWriteback if base == SP => Effect::Stack(moved, if is_load { 1 << to } else { 0 }),
        _ => Effect::Writes(1 << to | 1 << base),
    };
    Some((class, effect))
}

/// Returns true for shifts by a register, extensions, additions and subtractions of parts of words, and `rev` to `clz`.
fn is_of_registers(first: u32, second: u32) -> bool {
    let operation = (bits(first, 4, 4), bits(second, 4, 4));
    let is_known = matches!(operation, (0..=7, 0) | (0..=5, 8..))
        || matches!(operation, (8..=10 | 12..=14, 0..=2 | 4..=6))
        || matches!(operation, (8 | 9, 8..=11) | (10 | 11, 8));
    is_known && bits(second, 12, 4) == 15
}

/// Returns true for `mul` to `usada8`, which have one result register.
fn is_multiplication(first: u32, second: u32) -> bool {
    let most = match bits(first, 4, 3) {
        1 => 3,
        7 => 0,
        _ => 1,
    };
    bits(second, 4, 4) <= most
}

/// Returns true for `smull` to `umaal`, which have two result registers.
fn is_long_multiplication(first: u32, second: u32) -> bool {
    matches!((bits(first, 4, 3), bits(second, 4, 4)), (0 | 2 | 4 | 6, 0) | (4, 8..=13) | (5, 12 | 13) | (6, 6))
}
