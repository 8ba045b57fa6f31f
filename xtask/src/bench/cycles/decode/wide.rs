//! Instructions of two half words, but for the floating-point unit's.

use super::{bits, float};
use crate::bench::cycles::timing::Class;

/// The operations of arithmetic and logic that have an encoding; 6 is `pkh`, of registers alone.
const OPERATIONS: [u16; 10] = [0, 1, 2, 3, 4, 8, 10, 11, 13, 14];

/// Its class.
pub fn class(first: u16, second: u16) -> Option<Class> {
    match bits(first, 9, 4) {
        0b0100 if bits(first, 6, 1) == 0 => multiple(first, second),
        0b0100 => double_or_table(first, second),
        0b0101 => simple(operation(first) == 6 || OPERATIONS.contains(&operation(first))),
        0b0110 | 0b0111 => float::class(first, second),
        0b1000..=0b1011 if bits(second, 15, 1) == 1 => control(first, second),
        0b1000 | 0b1010 => simple(OPERATIONS.contains(&operation(first))),
        0b1001 | 0b1011 => plain_immediate(first),
        0b1100 if bits(first, 4, 1) == 0 => store(first, second),
        0b1100 => load(first, second),
        0b1101 if bits(first, 8, 1) == 0 => registers(first, second),
        0b1101 if bits(first, 7, 1) == 0 => multiply(first, second),
        0b1101 => long_multiply_or_divide(first, second),
        _ => None,
    }
}

fn simple(is_known: bool) -> Option<Class> {
    is_known.then_some(Class::Simple)
}

fn operation(first: u16) -> u16 {
    bits(first, 5, 4)
}

/// `ldm`, `stm`, `push`, `pop`.
fn multiple(first: u16, second: u16) -> Option<Class> {
    let registers = second.count_ones();
    let is_load = bits(first, 4, 1) == 1;
    match bits(first, 7, 2) {
        1 | 2 if registers == 0 || bits(second, 13, 1) == 1 => None,
        1 | 2 if bits(second, 15, 1) == 0 => Some(Class::Multiple(registers)),
        1 | 2 if is_load => Some(Class::MultipleWithPc(registers)),
        _ => None,
    }
}

/// `ldrd`, `strd`; `ldrex`, `strex` and theirs of bytes and half words; `tbb`, `tbh`.
fn double_or_table(first: u16, second: u16) -> Option<Class> {
    let [is_indexed, is_up, writes_back, is_load] = [8, 7, 5, 4].map(|place| bits(first, place, 1) == 1);
    if is_indexed || writes_back {
        return Some(Class::Multiple(2));
    }
    match (is_up, is_load, bits(second, 4, 4)) {
        (false, ..) | (true, _, 4 | 5) => Some(Class::Load),
        (true, true, 0 | 1) => Some(Class::Table),
        _ => None,
    }
}

/// `movw`, `movt`, `addw`, `subw`, `ssat`, `usat`, `sbfx`, `ubfx`, `bfi`, `bfc`.
fn plain_immediate(first: u16) -> Option<Class> {
    simple(matches!(bits(first, 4, 5), 0 | 4 | 10 | 12 | 16 | 18 | 20 | 22 | 24 | 26 | 28))
}

/// Branches; `mrs`, `msr`, barriers, hints.
fn control(first: u16, second: u16) -> Option<Class> {
    match (bits(second, 12, 3), bits(first, 4, 7)) {
        (1 | 3, _) => Some(Class::Branch),
        (5 | 7, _) => Some(Class::Call),
        (0 | 2, place) if bits(place, 3, 3) != 7 => Some(Class::Branch),
        (0, 0x38 | 0x39 | 0x3e | 0x3f) => Some(Class::Status),
        // Hints up to `sev`; the others of this place set the processor's state.
        (0, 0x3a) => simple(bits(second, 0, 11) <= 4),
        (0, 0x3b) => match bits(second, 4, 4) {
            2 => Some(Class::Simple),
            4..=6 => Some(Class::Barrier),
            _ => None,
        },
        _ => None,
    }
}

/// Where a load or store of one register takes its address from.
enum Address {
    Offset,
    Register,
    WithWriteback,
}

fn address(first: u16, second: u16) -> Option<Address> {
    if bits(first, 7, 1) == 1 {
        return Some(Address::Offset);
    }
    match (bits(second, 11, 1), bits(second, 8, 3)) {
        // Minus an offset, or an unprivileged access.
        (1, 0b100 | 0b110) => Some(Address::Offset),
        (1, 0b001 | 0b011 | 0b101 | 0b111) => Some(Address::WithWriteback),
        (0, _) if bits(second, 6, 5) == 0 => Some(Address::Register),
        _ => None,
    }
}

/// `str`, `strh`, `strb`.
fn store(first: u16, second: u16) -> Option<Class> {
    if bits(first, 8, 1) == 1 || bits(first, 5, 2) == 3 {
        return None;
    }
    Some(match address(first, second)? {
        Address::Offset => Class::StoreAtOffset,
        Address::Register | Address::WithWriteback => Class::Store,
    })
}

/// `ldr` to `ldrsb`; a byte or half word to the program counter is a hint to a memory that no Cortex-M4 has.
fn load(first: u16, second: u16) -> Option<Class> {
    let (size, is_signed, to_pc) = (bits(first, 5, 2), bits(first, 8, 1) == 1, bits(second, 12, 4) == 15);
    let is_relative = bits(first, 0, 4) == 15;
    if !is_relative {
        address(first, second)?;
    }
    match size {
        0 | 1 if !to_pc => Some(Class::Load),
        2 if !is_signed && to_pc => Some(Class::LoadPc),
        2 if !is_signed => Some(Class::Load),
        _ => None,
    }
}

/// Shifts by a register; extensions; additions and subtractions of parts of words; `rev` to `clz`.
fn registers(first: u16, second: u16) -> Option<Class> {
    let operation = (bits(first, 4, 4), bits(second, 4, 4));
    let is_known = matches!(operation, (0..=7, 0) | (0..=5, 8..))
        || matches!(operation, (8..=10 | 12..=14, 0..=2 | 4..=6))
        || matches!(operation, (8 | 9, 8..=11) | (10 | 11, 8));
    simple(is_known && bits(second, 12, 4) == 15)
}

/// `mul` to `usada8`: one result register.
fn multiply(first: u16, second: u16) -> Option<Class> {
    let most = match bits(first, 4, 3) {
        1 => 3,
        7 => 0,
        _ => 1,
    };
    simple(bits(second, 4, 4) <= most)
}

fn long_multiply_or_divide(first: u16, second: u16) -> Option<Class> {
    match (bits(first, 4, 3), bits(second, 4, 4)) {
        (1 | 3, 15) => Some(Class::Divide),
        (0 | 2 | 4 | 6, 0) | (4, 8..=13) | (5, 12 | 13) | (6, 6) => Some(Class::Simple),
        _ => None,
    }
}
