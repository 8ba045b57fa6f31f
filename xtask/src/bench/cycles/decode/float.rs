//! Instructions of the floating-point unit, single precision.

use super::bits;
use crate::bench::cycles::timing::Class;

/// Its class.
pub fn class(first: u16, second: u16) -> Option<Class> {
    let is_double = match bits(second, 8, 4) {
        10 => false,
        11 => true,
        _ => return None,
    };
    match bits(first, 8, 4) {
        0b1110 if bits(second, 4, 1) == 1 => transfer(first, is_double),
        0b1110 if !is_double => arithmetic(first, second),
        0b1100 | 0b1101 => memory(first, second, is_double),
        _ => None,
    }
}

fn arithmetic(first: u16, second: u16) -> Option<Class> {
    // Without the bit that belongs to the destination.
    match bits(first, 4, 4) & 0b1011 {
        // `vmla`, `vmls`, `vnmla`, `vnmls`; `vfma`, `vfms`, `vfnma`, `vfnms`.
        0 | 1 | 9 | 10 => Some(Class::FloatMultiplyAdd),
        // `vmul`, `vnmul`, `vadd`, `vsub`.
        2 | 3 => Some(Class::Simple),
        8 if bits(second, 6, 1) == 0 => Some(Class::FloatDivide),
        11 => other_arithmetic(bits(first, 0, 4), bits(second, 6, 2)),
        _ => None,
    }
}

fn other_arithmetic(operation: u16, variant: u16) -> Option<Class> {
    match (operation, variant) {
        (1, 3) => Some(Class::FloatDivide),
        // `vmov` of an immediate.
        (_, 0 | 2) => Some(Class::Simple),
        // `vmov`, `vabs`, `vneg`; `vcvtb`, `vcvtt`; `vcmp`; `vcvt`, of integers and of fixed point.
        (0..=5 | 8 | 10..=15, _) => Some(Class::Simple),
        _ => None,
    }
}

/// `vmov` between a register of each kind; `vmrs`, `vmsr`.
fn transfer(first: u16, is_double: bool) -> Option<Class> {
    match bits(first, 5, 3) {
        0 => Some(Class::Simple),
        1 if is_double => Some(Class::Simple),
        7 if !is_double => Some(Class::Simple),
        _ => None,
    }
}

/// `vldr`, `vstr`; `vldm`, `vstm`, `vpush`, `vpop`; `vmov` of two registers.
fn memory(first: u16, second: u16, is_double: bool) -> Option<Class> {
    let [is_before, is_up, writes_back, is_load] = [8, 7, 5, 4].map(|place| bits(first, place, 1) == 1);
    let words = bits(second, 0, 8).into();
    match (is_before, is_up, writes_back) {
        (true, _, false) if is_double => Some(Class::Multiple(2)),
        (true, _, false) if is_load => Some(Class::Load),
        (true, _, false) => Some(Class::Store),
        (false, true, _) | (true, false, true) if words > 0 => Some(Class::Multiple(words)),
        (false, false, false) if bits(first, 6, 1) == 1 && second & 0x00d0 == 0x0010 => Some(Class::FloatPair),
        _ => None,
    }
}
