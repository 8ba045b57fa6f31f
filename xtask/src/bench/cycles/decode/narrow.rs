//! Instructions of one half word.

use super::bits;
use crate::bench::cycles::timing::Class;

/// Its class.
pub fn class(half: u16) -> Option<Class> {
    let registers = bits(half, 0, 8).count_ones();
    Some(match half >> 10 {
        // Shifts, additions, subtractions, moves and compares; 0b010000: of registers, `mul` among them.
        0b00_0000..=0b01_0000 => Class::Simple,
        0b01_0001 => return special(half),
        0b01_0010 | 0b01_0011 => Class::Load,
        0b01_0100..=0b01_0111 => match bits(half, 9, 3) {
            0..=2 => Class::Store,
            _ => Class::Load,
        },
        0b01_1000..=0b10_0111 if bits(half, 11, 1) == 1 => Class::Load,
        0b01_1000..=0b10_0111 => Class::StoreAtOffset,
        // `adr`, `add` to the stack pointer.
        0b10_1000..=0b10_1011 => Class::Simple,
        0b10_1100..=0b10_1111 => return miscellaneous(half),
        // `stm`, `ldm` of no register are unpredictable.
        0b11_0000..=0b11_0011 if registers > 0 => Class::Multiple(registers),
        // 14 is undefined, 15 `svc`.
        0b11_0100..=0b11_0111 if bits(half, 8, 4) < 14 => Class::Branch,
        0b11_1000 | 0b11_1001 => Class::Branch,
        _ => return None,
    })
}

/// `add`, `cmp` and `mov` of any register; `bx`, `blx`.
fn special(half: u16) -> Option<Class> {
    let destination = bits(half, 0, 3) | bits(half, 7, 1) << 3;
    match bits(half, 8, 2) {
        1 => Some(Class::Simple),
        3 => (bits(half, 0, 3) == 0).then_some(Class::BranchToRegister),
        _ if destination == 15 => Some(Class::BranchToRegister),
        _ => Some(Class::Simple),
    }
}

fn miscellaneous(half: u16) -> Option<Class> {
    let registers = bits(half, 0, 9).count_ones();
    match bits(half, 8, 4) {
        // `add`, `sub` of the stack pointer; `sxth` to `uxtb`.
        0b0000 | 0b0010 => Some(Class::Simple),
        0b0001 | 0b0011 | 0b1001 | 0b1011 => Some(Class::Branch),
        // `push`, `pop`.
        0b0100 | 0b0101 | 0b1100 if registers > 0 => Some(Class::Multiple(registers)),
        0b1101 => Some(Class::MultipleWithPc(registers)),
        // `cps`.
        0b0110 if bits(half, 5, 3) == 0b011 => Some(Class::Status),
        // `rev`, `rev16`, `revsh`.
        0b1010 if bits(half, 6, 2) != 2 => Some(Class::Simple),
        // `it`, and the hints from `nop` to `sev`.
        0b1111 if bits(half, 0, 4) != 0 || bits(half, 4, 4) <= 4 => Some(Class::Simple),
        _ => None,
    }
}
