//! ARM's published cycles of each class of instruction: the tables "instruction set summary" of the Cortex-M4's and the Cortex-M0's
//! Technical Reference Manual, and the Cortex-M4's table of floating-point instructions, for memory without wait states.

use crate::decode::Class;

/// The number of cycles, and of refills of the pipeline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// The number of cycles without those of the refills. For the Cortex-M0 they are included, and `refills` is 0.
    pub cycles: u64,
    /// The number of refills. Each takes one to three cycles.
    pub refills: u64,
}

impl Cost {
    /// Returns all cycles, if a refill takes this number.
    pub const fn with_refills_of(self, cycles: u64) -> u64 {
        self.cycles + self.refills * cycles
    }
}

/// A processor with published timings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Core {
    /// The Cortex-M0 as in the nRF51, whose multiplier takes one cycle.
    CortexM0,
    /// The Cortex-M4, with or without the floating-point unit.
    CortexM4,
}

impl Core {
    /// Returns the processor of a compiler's target: `thumbv6m-none-eabi` is a Cortex-M0, and `thumbv7em-none-eabihf` a Cortex-M4. Returns `None`
    /// for another processor.
    pub fn of_target(target: &str) -> Option<Self> {
        match target.split_once("m-none")?.0 {
            "thumbv6" => Some(Self::CortexM0),
            "thumbv7e" => Some(Self::CortexM4),
            _ => None,
        }
    }

    /// Returns the cost of an instruction. If `taken` is true, it jumps; else the next one follows. Returns `None` if there is no timing.
    pub fn cost(self, class: Class, taken: bool) -> Option<Cost> {
        // What stays in the sequence although it writes the program counter has failed its condition.
        if class.is_jump() && !taken {
            return Some(Cost { cycles: 1, refills: 0 });
        }
        let (m0, m4) = cycles(class)?;
        match self {
            Self::CortexM0 => m0.map(|cycles| Cost { cycles, refills: 0 }),
            Self::CortexM4 => Some(Cost { cycles: m4, refills: class.is_jump().into() }),
        }
    }
}

/// Returns the cycles on the Cortex-M0 including a jump, if it has such an instruction, and on the Cortex-M4 without the refill of a jump. If
/// the manual gives a range, it is the upper end.
const fn cycles(class: Class) -> Option<(Option<u64>, u64)> {
    Some(match class {
        Class::Simple => (Some(1), 1),
        Class::StoreAtOffset => (Some(2), 1),
        // Neighbouring loads and stores can overlap on the Cortex-M4, to one cycle each; that is not counted.
        Class::Load | Class::Store => (Some(2), 2),
        Class::Multiple(count) => (Some(1 + count as u64), 1 + count as u64),
        Class::Branch | Class::BranchToRegister => (Some(3), 1),
        Class::Call => (Some(4), 1),
        Class::MultipleWithPc(count) => (Some(4 + count as u64), 1 + count as u64),
        Class::Status => (Some(4), 2),
        // It waits besides for memory, which is not counted.
        Class::Barrier => (Some(4), 1),
        Class::LoadPc | Class::Table | Class::FloatPair => (None, 2),
        Class::FloatMultiplyAdd => (None, 3),
        // 2 to 12, by the operands.
        Class::Divide => (None, 12),
        Class::FloatDivide => (None, 14),
        Class::Unpriced | Class::Untimed => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jump_costs_what_it_does() {
        let m4 = |class, taken| Core::CortexM4.cost(class, taken).unwrap();
        assert_eq!(m4(Class::Branch, false), Cost { cycles: 1, refills: 0 });
        assert_eq!(m4(Class::Branch, true), Cost { cycles: 1, refills: 1 });
        assert_eq!(m4(Class::MultipleWithPc(5), true), Cost { cycles: 6, refills: 1 });
        assert_eq!(m4(Class::Multiple(2), false), Cost { cycles: 3, refills: 0 });
        assert_eq!(Cost { cycles: 10, refills: 3 }.with_refills_of(2), 16);
        let m0 = |class, taken| Core::CortexM0.cost(class, taken).unwrap().with_refills_of(2);
        assert_eq!([m0(Class::Branch, false), m0(Class::Branch, true), m0(Class::Call, true)], [1, 3, 4]);
        assert_eq!(m0(Class::MultipleWithPc(2), true), 6);
        assert_eq!(Core::CortexM0.cost(Class::Divide, false), None);
        assert_eq!(Core::CortexM4.cost(Class::Untimed, false), None);
    }

    #[test]
    fn a_target_has_its_processor() {
        let targets = ["thumbv6m-none-eabi", "thumbv7em-none-eabi", "thumbv7em-none-eabihf", "thumbv7m-none-eabi", "x"];
        let cores = [Some(Core::CortexM0), Some(Core::CortexM4), Some(Core::CortexM4), None, None];
        assert_eq!(targets.map(Core::of_target), cores);
    }
}
