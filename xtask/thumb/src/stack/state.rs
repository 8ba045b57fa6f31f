//! The known registers at a place in a function.

use crate::{
    Program,
    decode::{Operand, Registers, Target},
    program::Machine,
};

/// The value of a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// A number.
    Constant(u32),
    /// One of two numbers, the lower one first, for a condition that chooses between two functions.
    Either(u32, u32),
    /// The address this number of bytes below the stack pointer at the function's beginning.
    Stack(i32),
    /// The address of one of several words. The first word is at this address.
    Word(u32),
    /// One of several words. The first word is at this address.
    Entry(u32),
}

impl Value {
    /// Returns the value that covers both values, if there is one.
    fn join(self, other: Self) -> Option<Self> {
        match (self, other) {
            _ if self == other => Some(self),
            (Self::Constant(one), Self::Constant(other)) => Some(Self::Either(one.min(other), one.max(other))),
            (Self::Constant(one), Self::Either(a, b)) | (Self::Either(a, b), Self::Constant(one)) => {
                (one == a || one == b).then_some(Self::Either(a, b))
            }
            _ => None,
        }
    }
}

/// The state before an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    /// The number of bytes of the stack that the function has taken.
    pub depth: i32,
    /// The registers, as far as they are known.
    pub registers: [Option<Value>; 32],
    stack_pointer: u8,
}

impl State {
    /// Returns the state at a function's beginning.
    pub fn start(machine: Machine) -> Self {
        let mut registers = [None; 32];
        if machine == Machine::RiscV {
            // Nothing writes it.
            registers[0] = Some(Value::Constant(0));
        }
        Self { depth: 0, registers, stack_pointer: machine.stack_pointer() }
    }

    /// Returns the state that covers both states.
    pub fn join(&self, other: &Self) -> Self {
        let mut joined = *self;
        joined.depth = joined.depth.max(other.depth);
        for (register, value) in joined.registers.iter_mut().zip(other.registers) {
            *register = register.zip(value).and_then(|(mine, other)| mine.join(other));
        }
        joined
    }

    /// Returns the value of a register.
    pub fn get(&self, register: u8) -> Option<Value> {
        if register == self.stack_pointer {
            Some(Value::Stack(self.depth))
        } else {
            self.registers[usize::from(register)]
        }
    }

    /// Returns the number that a register holds.
    pub fn constant(&self, register: u8) -> Option<u32> {
        match self.get(register) {
            Some(Value::Constant(constant)) => Some(constant),
            _ => None,
        }
    }

    /// Forgets the values of these registers.
    pub fn forget(&mut self, registers: Registers) {
        for (register, value) in self.registers.iter_mut().enumerate() {
            if registers & (1 << register) > 0 {
                *value = None;
            }
        }
    }

    /// Returns the value of an operand.
    pub fn value(&self, program: &Program, operand: Operand) -> Option<Value> {
        let sum = |register, number: i32| match self.get(register)? {
            Value::Constant(constant) => Some(Value::Constant(constant.wrapping_add_signed(number))),
            Value::Stack(depth) => Some(Value::Stack(depth.wrapping_sub(number))),
            either @ Value::Either(..) if number == 0 => Some(either),
            Value::Either(..) | Value::Word(_) | Value::Entry(_) => None,
        };
        match operand {
            Operand::Constant(constant) => Some(Value::Constant(constant)),
            Operand::Literal(address) => program.word(address).map(Value::Constant),
            Operand::Sum(register, number) => sum(register, number),
            Operand::Registers(left, right, is_minus) => match (self.constant(left), self.constant(right)) {
                (_, Some(number)) => sum(left, if is_minus { number.wrapping_neg() } else { number } as i32),
                (Some(number), None) if !is_minus => sum(right, number as i32),
                _ => None,
            },
            Operand::Top(register, top) => {
                self.constant(register).map(|lower| Value::Constant(lower & 0xffff | u32::from(top) << 16))
            }
            Operand::Indexed(register) => self.constant(register).map(Value::Word),
            Operand::Either(left, right) => self.value(program, Operand::Registers(left, right, false)).or_else(|| {
                let known = self.constant(left).xor(self.constant(right));
                known.map(Value::Word)
            }),
            Operand::Loaded(register, number) => match self.get(register)? {
                Value::Word(first) => Some(Value::Entry(first.wrapping_add_signed(number))),
                _ => None,
            },
            // Rounded down, the address lies deeper by less than that.
            Operand::Aligned(register, multiple) => match self.get(register)? {
                Value::Stack(depth) => Some(Value::Stack(depth.wrapping_add(multiple.wrapping_sub(1) as i32))),
                _ => None,
            },
        }
    }

    /// Returns the places to which a call or a jump may lead. `None` is any place.
    pub fn destinations(&self, target: Target) -> Vec<Option<u32>> {
        let value = match target {
            Target::Address(address) => return vec![Some(address)],
            Target::Register(register) => self.get(register),
            Target::Sum(register, number) => match self.get(register) {
                Some(Value::Constant(constant)) => Some(Value::Constant(constant.wrapping_add_signed(number))),
                value => value.filter(|_| number == 0),
            },
            Target::Memory => None,
        };
        match value {
            Some(Value::Constant(constant)) => vec![Some(constant & !1)],
            Some(Value::Either(one, other)) => vec![Some(one & !1), Some(other & !1)],
            _ => vec![None],
        }
    }
}
