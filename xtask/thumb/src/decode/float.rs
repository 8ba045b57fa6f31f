//! Instructions of the floating-point unit, single precision: chapter A6 of the ARMv7-M Architecture Reference Manual, chapter C2.2.6 of
//! ARMv8-M's.

use super::{
    Class::{self, FloatDivide, FloatMultiplyAdd, FloatPair, Load, Multiple, Simple, Store, Unpriced},
    bit, bits,
};

/// Returns the class of an instruction.
pub fn class(first: u32, second: u32) -> Option<Class> {
    let is_double = match bits(second, 8, 4) {
        10 => false,
        11 => true,
        _ => return None,
    };
    match bits(first, 8, 4) {
        0b1110 if bit(second, 4) => transfer(first, is_double),
        0b1110 if !is_double => arithmetic(first, second),
        0b1100 | 0b1101 => memory(first, second, is_double),
        _ => None,
    }
}

/// Returns the class of an instruction that only ARMv8-M's floating-point unit has.
pub fn later(first: u32, second: u32) -> Option<Class> {
    let is_known = match (bits(first, 4, 4) & 0b1011, bits(first, 0, 4), bit(second, 6)) {
        // `vsel`.
        (0..=3, _, false) => true,
        // `vmaxnm`, `vminnm`.
        (8, ..) => true,
        // `vrinta` to `vrintm`; `vcvta` to `vcvtm`.
        (11, 8..=15, true) => true,
        _ => false,
    };
    (is_known && bits(second, 8, 4) == 10 && !bit(second, 4)).then_some(Unpriced)
}

fn arithmetic(first: u32, second: u32) -> Option<Class> {
    // Without the bit that belongs to the destination.
    match bits(first, 4, 4) & 0b1011 {
        // `vmla`, `vmls`, `vnmla`, `vnmls`; `vfma`, `vfms`, `vfnma`, `vfnms`.
        0 | 1 | 9 | 10 => Some(FloatMultiplyAdd),
        // `vmul`, `vnmul`, `vadd`, `vsub`.
        2 | 3 => Some(Simple),
        8 if !bit(second, 6) => Some(FloatDivide),
        11 => match (bits(first, 0, 4), bits(second, 6, 2)) {
            (1, 3) => Some(FloatDivide),
            // `vmov` of an immediate.
            (_, 0 | 2) => Some(Simple),
            // `vrintr`, `vrintz`, `vrintx`.
            (6, 1 | 3) | (7, 1) => Some(Unpriced),
            // `vmov`, `vabs`, `vneg`; `vcvtb`, `vcvtt`; `vcmp`; `vcvt`, of integers and of fixed point.
            (0..=5 | 8 | 10..=15, _) => Some(Simple),
            _ => None,
        },
        _ => None,
    }
}

/// Returns the class of `vmov` between a register of each kind, `vmrs` and `vmsr`.
fn transfer(first: u32, is_double: bool) -> Option<Class> {
    match (bits(first, 5, 3), is_double) {
        (0, _) | (1, true) | (7, false) => Some(Simple),
        _ => None,
    }
}

/// Returns the class of `vldr`, `vstr`, `vldm`, `vstm`, `vpush`, `vpop`, and `vmov` of two registers.
fn memory(first: u32, second: u32, is_double: bool) -> Option<Class> {
    let [is_before, is_up, writes_back, is_load] = [8, 7, 5, 4].map(|place| bit(first, place));
    let words = bits(second, 0, 8);
    match (is_before, is_up, writes_back) {
        (true, _, false) if is_double => Some(Multiple(2)),
        (true, _, false) => Some(if is_load { Load } else { Store }),
        (false, true, _) | (true, false, true) if words > 0 => Some(Multiple(words)),
        (false, false, false) if bit(first, 6) && second & 0x00d0 == 0x0010 => Some(FloatPair),
        _ => None,
    }
}
