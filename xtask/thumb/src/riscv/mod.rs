//! Decodes half words to instructions of RV32IMAC, with the types of [`decode`](crate::decode): an [`Instruction`]'s length, and its effect on
//! the stack pointer and on what runs next. They have no timings.

mod compressed;
#[cfg(test)]
mod tests;

use crate::decode::{Class, Effect, Instruction, Operand, Registers, Target, bit, bits, signed};
use compressed::compressed;

/// The number of the register with the return address.
pub const RA: u8 = 1;
/// The number of the stack pointer.
pub const SP: u8 = 2;

/// The registers that a call may change: ra, t0 to t6, a0 to a7.
pub const CALLER_SAVED: Registers = 1 << RA | 0b111 << 5 | 0xff << 10 | 0b1111 << 28;

/// The symbol at which riscv-rt's start-up code, which takes no stack, continues in Rust.
pub const START: &str = "_start_rust";

/// The word `csrrw x0, cycle, x0`, which assemblers write for an illegal instruction.
const UNIMPLEMENTED: u32 = 0xc000_1073;

/// Returns the instruction at an address. `first` is its first half word, and `second` the one after it. Returns `None` if a needed second is
/// missing.
pub fn decode(at: u32, first: u16, second: Option<u16>) -> Option<Instruction> {
    let is_wide = first & 0b11 == 0b11;
    let effect =
        if is_wide { wide(at, u32::from(first) | u32::from(second?) << 16) } else { compressed(at, first.into()) };
    let class = if effect.is_some() { Class::Unpriced } else { Class::Untimed };
    Some(Instruction { length: if is_wide { 4 } else { 2 }, class, effect: effect.unwrap_or(Effect::Unknown) })
}

/// Decodes an instruction of the chapters "RV32I", "M", "A" and "Zicsr" of the unprivileged specification.
fn wide(at: u32, word: u32) -> Option<Effect> {
    let [to, left, right] = [7, 15, 20].map(|low| bits(word, low, 5) as u8);
    let (kind, upper) = (bits(word, 12, 3), bits(word, 25, 7));
    let immediate = word as i32 >> 20;
    Some(match bits(word, 0, 7) {
        // `lui`, `auipc`.
        0x37 => set(to, Operand::Constant(word & !0xfff)),
        0x17 => set(to, Operand::Constant(at.wrapping_add(word & !0xfff))),
        0x6f => {
            let distance =
                bits(word, 31, 1) << 20 | bits(word, 12, 8) << 12 | bits(word, 20, 1) << 11 | bits(word, 21, 10) << 1;
            link(to, Target::Address(at.wrapping_add_signed(signed(distance, 21))))?
        }
        0x67 if kind == 0 => link(to, Target::Sum(left, immediate))?,
        0x63 if !matches!(kind, 2 | 3) => {
            let distance =
                bits(word, 31, 1) << 12 | bits(word, 7, 1) << 11 | bits(word, 25, 6) << 5 | bits(word, 8, 4) << 1;
            Effect::Branch(at.wrapping_add_signed(signed(distance, 13)))
        }
        0x03 if kind == 2 => set(to, Operand::Loaded(left, immediate)),
        0x03 if matches!(kind, 0 | 1 | 4 | 5) => writes(to),
        // Stores.
        0x23 if kind <= 2 => Effect::Writes(0),
        0x13 => match kind {
            0 => set(to, Operand::Sum(left, immediate)),
            7 => and(to, left, immediate),
            1 if upper != 0 => return None,
            5 if !matches!(upper, 0 | 0x20) => return None,
            _ => writes(to),
        },
        0x33 => match (upper, kind) {
            (0, 0) => set(to, Operand::Either(left, right)),
            (0x20, 0) => set(to, Operand::Registers(left, right, true)),
            // Logic, shifts and comparisons; multiplications and divisions.
            (0 | 1, _) | (0x20, 5) => writes(to),
            _ => return None,
        },
        // `fence`, `fence.i`.
        0x0f if kind <= 1 => Effect::Writes(0),
        // `lr.w`, `sc.w`, `amo….w`.
        0x2f if kind == 2 => writes(to),
        0x73 => system(word)?,
        _ => return None,
    })
}

/// Decodes `ecall`, `ebreak`, `wfi`, and accesses of control and status registers.
fn system(word: u32) -> Option<Effect> {
    Some(match (bits(word, 12, 3), word) {
        (_, UNIMPLEMENTED) => Effect::Stop,
        // Whoever hears them answers in a0.
        (0, 0x73 | 0x0010_0073) => Effect::Writes(1 << 10),
        (0, 0x1050_0073) => Effect::Writes(0),
        (0 | 4, _) => return None,
        _ => writes(bits(word, 7, 5) as u8),
    })
}

/// Returns the effect of a jump that writes the return address to a register. x0 is a plain jump, and a jump by `ra` is a return.
fn link(to: u8, target: Target) -> Option<Effect> {
    match (to, target) {
        (0, Target::Sum(RA, 0)) => Some(Effect::Return(0)),
        (0, _) => Some(Effect::Jump(target)),
        (RA, _) => Some(Effect::Call(target)),
        _ => None,
    }
}

/// Returns the effect of writing a register. x0 ignores it.
fn set(register: u8, operand: Operand) -> Effect {
    if register == 0 { Effect::Writes(0) } else { Effect::Set(register, operand) }
}

/// Returns the effect of writing a register with a value that is not followed.
fn writes(register: u8) -> Effect {
    match register {
        0 => Effect::Writes(0),
        SP => Effect::Unknown,
        _ => Effect::Writes(1 << register),
    }
}

/// Returns the effect of `andi`: rounds down to a multiple of a power of two, if the number is minus that power.
fn and(to: u8, from: u8, number: i32) -> Effect {
    let multiple = number.unsigned_abs();
    let is_mask = number < 0 && multiple.is_power_of_two();
    if is_mask { set(to, Operand::Aligned(from, multiple)) } else { writes(to) }
}
