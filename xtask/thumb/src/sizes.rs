//! The sizes of a program: of its sections, and of its parts of the memories.

use std::ops::Range;

use anyhow::Result;
use object::SectionKind;

use crate::{
    Program,
    stack::{self, Stack},
};

/// The bytes of a program's sections, without its vector table and without padding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// The bytes of code, constants, and initial values of variables.
    pub flash: u64,
    /// The bytes of variables.
    pub ram: u64,
}

impl Sizes {
    /// Adds up a program's sections.
    pub fn of(program: &Program) -> Self {
        let mut sizes = Self::default();
        for section in program.sections.iter().filter(|section| !program.vectors.contains(&section.start)) {
            match section.kind {
                SectionKind::Text | SectionKind::ReadOnlyData | SectionKind::ReadOnlyString => {
                    sizes.flash += section.size;
                }
                SectionKind::Data => {
                    sizes.flash += section.size;
                    sizes.ram += section.size;
                }
                SectionKind::UninitializedData => sizes.ram += section.size,
                _ => {}
            }
        }
        sizes
    }
}

/// The memories of a chip. The RAM lies above the flash. The stack comes first in the RAM, and the variables follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Memory {
    /// The addresses of the memory that holds the program.
    pub flash: Range<u64>,
    /// The addresses of the memory in which the program works.
    pub ram: Range<u64>,
    /// The number of bytes of the RAM that belong to the stack.
    pub stack: u64,
}

/// A number of bytes out of a larger number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// The number of bytes that are used.
    pub taken: u64,
    /// The number of bytes that there are.
    pub there: u64,
}

/// The memory that a linked program needs. It may be more than the chip has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fit {
    /// The flash, from its start to the last byte stored.
    pub flash: Share,
    /// The RAM above the stack, up to the last variable.
    pub ram: Share,
    /// The number of bytes reserved for the stack.
    pub stack_length: u64,
    /// The stack that the program takes.
    pub stack: Stack,
}

impl Fit {
    /// Measures a program.
    pub fn of(program: &Program, memory: &Memory) -> Result<Self> {
        let Memory { flash, ram, stack } = memory;
        let statics = ram.start + stack;
        let (mut flash_end, mut ram_end) = (flash.start, statics);
        for segment in &program.segments {
            if segment.address >= statics {
                ram_end = ram_end.max(segment.address + segment.size);
            }
            // Variables that do not start as 0 lie in the flash too.
            if segment.stored > 0 {
                flash_end = flash_end.max(segment.place + segment.stored);
            }
        }
        Ok(Self {
            flash: Share { taken: flash_end - flash.start, there: flash.end - flash.start },
            ram: Share { taken: ram_end - statics, there: ram.end - statics },
            stack_length: *stack,
            stack: stack::deepest(program)?,
        })
    }

    /// Returns the memories that are too small. A stack without a bound counts as large enough.
    pub fn too_large(&self) -> Vec<&'static str> {
        let stack = self.stack.bytes.as_ref().is_ok_and(|&bytes| u64::from(bytes) > self.stack_length);
        let exceeds = |share: Share| share.taken > share.there;
        let parts = [("flash", exceeds(self.flash)), ("static RAM", exceeds(self.ram)), ("stack", stack)];
        parts.into_iter().filter(|(_, is_large)| *is_large).map(|(name, _)| name).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::Segment;

    #[test]
    fn sections_count_where_they_lie() {
        let mut program = Program::of_code(0x100, &[0; 8]);
        program.add(0, vec![0; 0x40], SectionKind::ReadOnlyData);
        program.vectors = 0..0x40;
        program.add(0x108, vec![0; 3], SectionKind::ReadOnlyData);
        program.add(0x2000_0000, vec![0; 20], SectionKind::Data);
        program.add(0x2000_0014, vec![0; 100], SectionKind::UninitializedData);
        assert_eq!(Sizes::of(&program), Sizes { flash: 31, ram: 120 });
    }

    #[test]
    fn what_is_too_large_is_named() {
        // A reset handler that returns at once.
        let mut program = Program::of_code(0x40, &[0x70, 0x47]);
        program.functions.insert(0x40, crate::program::Function { end: 0x42, name: "Reset".to_owned() });
        program.add(0, [0_u32, 0x41].iter().flat_map(|word| word.to_le_bytes()).collect(), SectionKind::ReadOnlyData);
        program.vectors = 0..8;
        program.segments = [(0, 0, 0x42, 0x42), (0x2000_0100, 0x44, 4, 4), (0x2000_0104, 0x48, 0x1000, 0)]
            .map(|(address, place, size, stored)| Segment { address, place, size, stored })
            .into();
        let memory = |flash, ram: u64| Memory { flash: 0..flash, ram: 0x2000_0000..0x2000_0000 + ram, stack: 0x100 };
        let mut fit = Fit::of(&program, &memory(0x48, 0x1104)).unwrap();
        assert_eq!(fit.flash, Share { taken: 0x48, there: 0x48 });
        assert_eq!(fit.ram, Share { taken: 0x1004, there: 0x1004 });
        assert!(fit.too_large().is_empty());
        fit.stack.bytes = Ok(0x104);
        assert_eq!(fit.too_large(), ["stack"]);
        fit.stack.bytes = Err("f may call itself".to_owned());
        assert!(fit.too_large().is_empty());
        // All of the variables that start as 0 lie outside of the RAM.
        let fit = Fit::of(&program, &memory(0x47, 0x104)).unwrap();
        assert_eq!(fit.ram, Share { taken: 0x1004, there: 4 });
        assert_eq!(fit.too_large(), ["flash", "static RAM"]);
    }
}
