//! Finds the largest depth of stack of one function: it follows the stack pointer through each instruction, on every path.

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
};

use super::state::{State, Value};
use crate::{
    Program,
    decode::{Class, Effect, Instruction, LR, Table, Target, table},
};

/// The largest number of changes of the state before an instruction. More changes mean that the stack pointer moves in a loop.
const CHANGES: u32 = 100;

/// A function's own part of the stack.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// The largest number of bytes that the function itself takes.
    pub deepest: u32,
    /// The functions that it calls, each with the largest number of its own bytes on the stack at the call. `None` is the address in a register.
    pub calls: Vec<(Option<u32>, u32)>,
    /// True if the function returns to its caller.
    pub returns: bool,
}

/// A function that returns true if the function at an address returns to its caller.
pub type Returns<'a> = &'a mut dyn FnMut(u32) -> Result<bool, String>;

/// Follows every path through a function. An error says why the stack pointer cannot be followed.
pub fn frame(program: &Program, function: Range<u32>, returns: Returns<'_>) -> Result<Frame, String> {
    let start = function.start;
    let frame = Frame::default();
    let mut flow = Flow { program, function, returns, frame, states: HashMap::new(), open: Vec::new() };
    flow.reach(start, State::start(program.machine));
    while let Some(address) = flow.open.pop() {
        let (state, changes) = flow.states[&address];
        if changes > CHANGES {
            return Err(flow.unknown(address, "moves the stack pointer in a loop"));
        }
        flow.step(address, state)?;
    }
    Ok(flow.frame)
}

struct Flow<'a> {
    program: &'a Program,
    function: Range<u32>,
    returns: Returns<'a>,
    frame: Frame,
    /// For each instruction that is reached, the state before it, and how often that state changed.
    states: HashMap<u32, (State, u32)>,
    /// The instructions that are still to be followed.
    open: Vec<u32>,
}

impl Flow<'_> {
    fn reach(&mut self, address: u32, state: State) {
        let before = self.states.get(&address).copied();
        let joined = before.map_or(state, |(before, _)| before.join(&state));
        if before.is_none_or(|(before, _)| before != joined) {
            self.states.insert(address, (joined, before.map_or(0, |(_, changes)| changes + 1)));
            self.open.push(address);
        }
    }

    /// Continues at an address: in this function, or in another one, which then returns in its place.
    fn go(&mut self, address: Option<u32>, state: State) -> Result<(), String> {
        match address {
            Some(address) if self.function.contains(&address) => self.reach(address, state),
            _ => self.frame.returns |= self.call(address, state.depth)?,
        }
        Ok(())
    }

    /// Notes a call. Returns true if the called function returns.
    fn call(&mut self, callee: Option<u32>, depth: i32) -> Result<bool, String> {
        let depth = depth.max(0) as u32;
        match self.frame.calls.iter_mut().find(|call| call.0 == callee) {
            Some(call) => call.1 = call.1.max(depth),
            None => self.frame.calls.push((callee, depth)),
        }
        callee.map_or(Ok(true), &mut *self.returns)
    }

    fn unknown(&self, at: u32, what: &str) -> String {
        format!("{} at {at:#x} {what}", self.program.name(self.function.start))
    }

    fn step(&mut self, address: u32, state: State) -> Result<(), String> {
        let instruction = self.instruction(address)?;
        let Effect::If(count, then) = instruction.effect else {
            if let Some((next, state)) = self.run(address, instruction, state)? {
                self.reach(next, state);
            }
            return Ok(());
        };
        // Both ways through what depends on the condition.
        for branch in [then, !then] {
            let mut way = Some((address + instruction.length, state));
            for place in 0..count {
                let Some((address, state)) = way else { break };
                let instruction = self.instruction(address)?;
                way = if branch & (1 << place) > 0 {
                    self.run(address, instruction, state)?
                } else {
                    Some((address + instruction.length, state))
                };
            }
            if let Some((next, state)) = way {
                self.reach(next, state);
            }
        }
        Ok(())
    }

    fn instruction(&self, address: u32) -> Result<Instruction, String> {
        let instruction = self.program.instruction(address).filter(|_| self.function.contains(&address));
        instruction.ok_or_else(|| self.unknown(address, "has no instruction"))
    }

    /// Returns the effect of one instruction, and what comes after it if that is the next one.
    fn run(&mut self, at: u32, instruction: Instruction, mut state: State) -> Result<Option<(u32, State)>, String> {
        let next = at + instruction.length;
        let stack_pointer = self.program.machine.stack_pointer();
        match instruction.effect {
            Effect::Writes(registers) => state.forget(registers),
            Effect::Set(register, operand) => match (register, state.value(self.program, operand)) {
                (register, Some(Value::Stack(depth))) if register == stack_pointer => state.depth = depth,
                (register, _) if register == stack_pointer => {
                    return Err(self.unknown(at, "moves the stack pointer to where it is not followed"));
                }
                (_, value) => state.registers[usize::from(register)] = value,
            },
            Effect::Stack(bytes, registers) => {
                state.depth -= bytes;
                state.forget(registers);
            }
            Effect::Return(bytes) if state.depth == bytes => {
                self.frame.returns = true;
                return Ok(None);
            }
            Effect::Return(_) => return Err(self.unknown(at, "returns with another stack pointer")),
            // ARMv6-M has no other jump that goes so far.
            Effect::Call(Target::Address(address))
                if self.function.start < address && self.function.contains(&address) =>
            {
                state.forget(1 << LR);
                self.reach(address, state);
                return Ok(None);
            }
            Effect::Call(target) => {
                let mut returns = false;
                for callee in state.destinations(target) {
                    returns |= self.call(callee, state.depth)?;
                }
                if !returns {
                    return Ok(None);
                }
                state.forget(self.program.machine.caller_saved());
            }
            Effect::Jump(Target::Memory) => return Err(self.unknown(at, "jumps to where it is not followed")),
            Effect::Jump(Target::Sum(register, 0)) if let Some(places) = self.entries(state.get(register)) => {
                self.each(at, places, state)?;
                return Ok(None);
            }
            Effect::Jump(target) => {
                for place in state.destinations(target) {
                    self.go(place, state)?;
                }
                return Ok(None);
            }
            Effect::Branch(address) => self.go(Some(address), state)?,
            Effect::Table(size) => {
                self.each(at, self.table(at + 4, at + 4, size), state)?;
                return Ok(None);
            }
            Effect::Listed(register) => {
                let places = match state.get(register) {
                    Some(Value::Word(first)) => self.branches(first),
                    _ => self.addresses(),
                };
                self.each(at, places, state)?;
                return Ok(None);
            }
            Effect::Ahead(register) => {
                let half = |before| self.program.half(at - before).unwrap_or_default();
                let (start, size) = match table(half(4), half(2), register) {
                    Some(Table::After(size)) => (Some(at + 2), size),
                    Some(Table::At(base, size)) => (state.constant(base), size),
                    None => (None, 0),
                };
                let places = start.map(|start| self.table(start, at + 4, size)).unwrap_or_default();
                self.each(at, places, state)?;
                return Ok(None);
            }
            Effect::Stop => return Ok(None),
            Effect::If(..) => return Err(self.unknown(at, "has a condition within a condition")),
            Effect::Unknown if instruction.class == Class::Untimed => {
                return Err(self.unknown(at, "has an instruction that is not known"));
            }
            Effect::Unknown => return Err(self.unknown(at, "moves the stack pointer to where it is not followed")),
        }
        self.frame.deepest = self.frame.deepest.max(state.depth.max(0) as u32);
        if !self.function.contains(&next) {
            self.go(Some(next), state)?;
            return Ok(None);
        }
        Ok(Some((next, state)))
    }

    /// Returns the places in the function that a table of addresses names.
    fn entries(&self, value: Option<Value>) -> Option<Vec<u32>> {
        let Some(Value::Entry(first)) = value else { return None };
        let words = (first..=u32::MAX).step_by(4).map_while(|entry| self.program.word(entry));
        let places: Vec<_> = words.take_while(|place| self.function.contains(place)).collect();
        (!places.is_empty()).then_some(places)
    }

    /// Returns the targets of several branches in a row.
    fn branches(&self, first: u32) -> Vec<u32> {
        let is_branch = |address: &u32| {
            let instruction = self.program.instruction(*address);
            matches!(instruction, Some(Instruction { length: 4, effect: Effect::Jump(Target::Address(_)), .. }))
        };
        (first..self.function.end).step_by(4).take_while(is_branch).collect()
    }

    /// Returns every place in the function whose address stands between its instructions.
    fn addresses(&self) -> Vec<u32> {
        let (code, data): (Vec<_>, Vec<_>) = self.program.walk(self.function.clone()).partition(|(_, it)| it.is_some());
        let places: HashSet<_> = code.into_iter().map(|(place, _)| place).collect();
        let words = data.into_iter().filter_map(|(place, _)| self.program.word(place & !3));
        words.filter(|word| word & 1 == 1).map(|word| word & !1).filter(|word| places.contains(word)).collect()
    }

    /// Returns the places that a table names. The entries are half of the distances from a base.
    fn table(&self, first: u32, base: u32, size: u32) -> Vec<u32> {
        let halves = (first..self.function.end).step_by(size as usize).map_while(|entry| match size {
            _ if self.program.is_code(entry) => None,
            1 => self.program.byte(entry).map(u32::from),
            _ => self.program.half(entry).map(u32::from),
        });
        let places = halves.map(|half| base + 2 * half);
        // What fills the table up, or comes after it, names no place in the code.
        places.take_while(|place| self.function.contains(place) && self.program.is_code(*place)).collect()
    }

    /// Continues at each of the places to which a jump may lead.
    fn each(&mut self, at: u32, places: Vec<u32>, state: State) -> Result<(), String> {
        places.iter().for_each(|&place| self.reach(place, state));
        if places.is_empty() { Err(self.unknown(at, "jumps to where it is not followed")) } else { Ok(()) }
    }
}
