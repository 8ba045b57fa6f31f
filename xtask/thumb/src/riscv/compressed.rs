//! Instructions of one half word: the chapter "C" of the unprivileged specification, without floating point.

use super::{RA, SP, and, bit, bits, link, set, signed, writes};
use crate::decode::{Effect, Operand, Target};

/// Returns the effect of the instruction at an address.
pub fn compressed(at: u32, half: u32) -> Option<Effect> {
    // Registers: any, at two places; and the eight from x8 on.
    let [to, right] = [7, 2].map(|low| bits(half, low, 5) as u8);
    let [low_to, low_left] = [2, 7].map(|low| 8 + bits(half, low, 3) as u8);
    let number = signed(bits(half, 12, 1) << 5 | bits(half, 2, 5), 6);
    Some(match (bits(half, 0, 2), bits(half, 13, 3)) {
        (0, _) if half == 0 => Effect::Stop,
        // `c.addi4spn`.
        (0, 0) => {
            let offset = bits(half, 7, 4) << 6 | bits(half, 11, 2) << 4 | bits(half, 5, 1) << 3 | bits(half, 6, 1) << 2;
            (offset > 0).then(|| set(low_to, Operand::Sum(SP, offset as i32)))?
        }
        (0, 2) => {
            let offset = bits(half, 5, 1) << 6 | bits(half, 10, 3) << 3 | bits(half, 6, 1) << 2;
            set(low_to, Operand::Loaded(low_left, offset as i32))
        }
        // `c.sw`, `c.swsp`.
        (0 | 2, 6) => Effect::Writes(0),
        (1, 0) => set(to, Operand::Sum(to, number)),
        (1, 1) => link(RA, jump(at, half))?,
        (1, 2) => set(to, Operand::Constant(number as u32)),
        (1, 3) if number == 0 => return None,
        // `c.addi16sp`.
        (1, 3) if to == SP => {
            let offset = bits(half, 12, 1) << 9
                | bits(half, 3, 2) << 7
                | bits(half, 5, 1) << 6
                | bits(half, 2, 1) << 5
                | bits(half, 6, 1) << 4;
            set(SP, Operand::Sum(SP, signed(offset, 10)))
        }
        (1, 3) => set(to, Operand::Constant((number as u32) << 12)),
        (1, 4) => match (bits(half, 10, 2), bit(half, 12)) {
            (0 | 1, false) => writes(low_left),
            (2, _) => and(low_left, low_left, number),
            (3, false) if bits(half, 5, 2) == 0 => set(low_left, Operand::Registers(low_left, low_to, true)),
            (3, false) => writes(low_left),
            _ => return None,
        },
        (1, 5) => link(0, jump(at, half))?,
        (1, 6 | 7) => {
            let distance = bits(half, 12, 1) << 8
                | bits(half, 5, 2) << 6
                | bits(half, 2, 1) << 5
                | bits(half, 10, 2) << 3
                | bits(half, 3, 2) << 1;
            Effect::Branch(at.wrapping_add_signed(signed(distance, 9)))
        }
        // `c.slli`.
        (2, 0) if !bit(half, 12) => writes(to),
        (2, 2) if to > 0 => {
            let offset = bits(half, 2, 2) << 6 | bits(half, 12, 1) << 5 | bits(half, 4, 3) << 2;
            set(to, Operand::Loaded(SP, offset as i32))
        }
        (2, 4) => match (bit(half, 12), to, right) {
            (false, 0, 0) => return None,
            (false, _, 0) => link(0, Target::Sum(to, 0))?,
            (false, ..) => set(to, Operand::Sum(right, 0)),
            // `c.ebreak`.
            (true, 0, 0) => Effect::Writes(1 << 10),
            (true, _, 0) => link(RA, Target::Sum(to, 0))?,
            (true, ..) => set(to, Operand::Either(to, right)),
        },
        _ => return None,
    })
}

/// Returns the target of `c.j` and `c.jal`.
fn jump(at: u32, half: u32) -> Target {
    let distance = bits(half, 12, 1) << 11
        | bits(half, 8, 1) << 10
        | bits(half, 9, 2) << 8
        | bits(half, 6, 1) << 7
        | bits(half, 7, 1) << 6
        | bits(half, 2, 1) << 5
        | bits(half, 11, 1) << 4
        | bits(half, 3, 3) << 1;
    Target::Address(at.wrapping_add_signed(signed(distance, 12)))
}
