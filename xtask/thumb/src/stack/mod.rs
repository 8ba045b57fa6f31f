//! Finds an upper bound of the stack that a program takes, from its instructions.
//!
//! Each function's own part is found on every path through it. The parts add up along the deepest chain of calls from the reset handler. A call
//! of an address in a register may be a call of any function whose address stands somewhere in the program. The deepest exception is added: the
//! registers that the processor saves, and the handler. There is one at a time, because the programs give no exception a priority.
//!
//! The code that ends the program is left out: the report of a panic (but not the code before it) and the hard fault handler. There is no bound
//! if a function calls itself, moves the stack pointer in a way that cannot be followed, or has an unknown instruction.

mod function;
mod state;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};

use crate::{
    Program,
    decode::{Effect, Operand},
    program::Machine,
    riscv,
};

/// The number of bytes that an exception saves: eight registers, 18 more with a floating-point unit, and padding to 8 bytes.
const EXCEPTION: u32 = 8 * 4 + 4;
const EXCEPTION_WITH_FPU: u32 = EXCEPTION + 18 * 4;

/// The place of the reset handler in the vector table. The second constant is that of the hard fault handler.
const RESET: u32 = 1;
const HARD_FAULT: u32 = 3;

/// Parts of the symbols of the functions that report a panic.
const PANICS: [&str; 2] = ["rust_begin_unwind", "panic_fmt"];

/// The largest depth of the stack of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stack {
    /// The largest number of bytes, or the reason why there is no bound.
    pub bytes: Result<u32, String>,
    /// True if the program may panic. The report of a panic is not counted.
    pub panics: bool,
}

/// Follows a program from its reset handler, and each of its other handlers. On RISC-V, it begins where the start-up code, which takes no
/// stack, continues in Rust. It is an error if there is no vector table, or no such code.
pub fn deepest(program: &Program) -> Result<Stack> {
    if program.machine == Machine::RiscV {
        // A trap ends the program, so it has no handler to come on top.
        let mut chains = Chains::new(program);
        let bytes = chains.deepest(program.function(riscv::START)?).map(|main| main.bytes);
        return Ok(Stack { bytes, panics: chains.panics });
    }
    let handler = |place: u32| program.word(program.vectors.start + 4 * place).filter(|&address| address > 0);
    let places = (program.vectors.len() / 4) as u32;
    let reset = handler(RESET).context("the program has no vector table with a reset handler")?;
    let handlers: BTreeSet<_> = (2..places).filter(|place| *place != HARD_FAULT).filter_map(handler).collect();

    let mut chains = Chains::new(program);
    let bytes = chains.deepest(reset & !1).and_then(|main| {
        let handlers = handlers.iter().map(|handler| chains.deepest(handler & !1).map(|chain| chain.bytes));
        let handler = handlers.collect::<Result<Vec<_>, _>>()?.into_iter().max();
        let kept = if program.has_fpu { EXCEPTION_WITH_FPU } else { EXCEPTION };
        Ok(main.bytes.saturating_add(handler.map_or(0, |handler| handler.saturating_add(kept))))
    });
    Ok(Stack { bytes, panics: chains.panics })
}

/// The stack that a function takes, with all functions that it calls.
#[derive(Clone, Copy)]
struct Chain {
    bytes: u32,
    returns: bool,
}

/// The deepest chains of calls.
struct Chains<'a> {
    program: &'a Program,
    /// The known chains. `None` while a function's calls are followed.
    known: BTreeMap<u32, Option<Chain>>,
    /// The functions that may be called by an address in a register.
    named: BTreeSet<u32>,
    panics: bool,
}

impl<'a> Chains<'a> {
    fn new(program: &'a Program) -> Self {
        Self { program, known: BTreeMap::new(), named: addresses(program), panics: false }
    }

    fn deepest(&mut self, address: u32) -> Result<Chain, String> {
        let program = self.program;
        match self.known.get(&address) {
            Some(Some(chain)) => return Ok(*chain),
            Some(None) => return Err(format!("{} may call itself", program.name(address))),
            None => {}
        }
        let function = program.functions.get(&address);
        let function = function.ok_or_else(|| format!("{address:#x} is called, but is no function"))?;
        if PANICS.iter().any(|name| function.name.contains(name)) {
            self.panics = true;
            return Ok(Chain { bytes: 0, returns: false });
        }
        self.known.insert(address, None);
        let mut returns = |callee| self.deepest(callee).map(|chain| chain.returns);
        let frame = function::frame(program, address..function.end, &mut returns)?;
        let mut bytes = frame.deepest;
        for (callee, own) in frame.calls {
            let callees = callee.map_or_else(|| self.named.iter().copied().collect(), |callee| vec![callee]);
            for callee in callees {
                bytes = bytes.max(own.saturating_add(self.deepest(callee)?.bytes));
            }
        }
        let chain = Chain { bytes, returns: frame.returns };
        self.known.insert(address, Some(chain));
        Ok(chain)
    }
}

/// Returns the functions whose address stands in data, among instructions, or in two parts in instructions.
fn addresses(program: &Program) -> BTreeSet<u32> {
    let mut found = BTreeSet::new();
    let is_arm = program.machine == Machine::Arm;
    let mut take = |word: Option<u32>| {
        // The lowest bit says that it is Thumb code.
        let place = word.filter(|word| !is_arm || word & 1 == 1).map(|word| word & !u32::from(is_arm));
        found.extend(place.filter(|place| program.functions.contains_key(place)));
    };
    for section in program.sections.iter().filter(|section| !program.vectors.contains(&section.start)) {
        let mut known = BTreeMap::new();
        for (address, instruction) in program.walk(section.range()) {
            match instruction.map(|instruction| instruction.effect) {
                Some(Effect::Set(register, Operand::Constant(lower))) => drop(known.insert(register, lower)),
                Some(Effect::Set(register, Operand::Top(_, top))) => {
                    take(known.get(&register).map(|lower| lower & 0xffff | u32::from(top) << 16));
                }
                Some(Effect::Set(register, Operand::Sum(upper, number))) if !is_arm => {
                    let word = known.get(&upper).map(|word: &u32| word.wrapping_add_signed(number));
                    take(word);
                    word.map(|word| known.insert(register, word));
                }
                Some(_) => {}
                // Words lie at multiples of 4.
                None => take(program.word(address & !3)),
            }
        }
    }
    found
}
