use std::fmt;

use crate::{Processor, Region};

/// A program's memory, as `memory.x` for the linker script of cortex-m-rt or riscv-rt.
///
/// The stack lies below the statics. If it overflows, it leaves the RAM, which is a fault, and changes no static.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// The processor, which decides the linker script.
    pub processor: Processor,
    /// The memory that holds the program.
    pub flash: Region,
    /// The memory in which the program works.
    pub ram: Region,
    /// The number of bytes at the start of the RAM that belong to the stack.
    pub stack: u32,
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { processor, flash, ram, stack } = self;
        writeln!(f, "MEMORY {{")?;
        writeln!(f, "  FLASH : ORIGIN = {:#x}, LENGTH = {:#x}", flash.origin, flash.length)?;
        writeln!(f, "  RAM : ORIGIN = {:#x}, LENGTH = {:#x}", ram.origin + stack, ram.length - stack)?;
        writeln!(f, "  STACK : ORIGIN = {:#x}, LENGTH = {stack:#x}", ram.origin)?;
        writeln!(f, "}}")?;
        if *processor == Processor::RiscV {
            for (region, memory) in [
                ("TEXT", "FLASH"),
                ("RODATA", "FLASH"),
                ("DATA", "RAM"),
                ("BSS", "RAM"),
                ("HEAP", "RAM"),
                ("STACK", "STACK"),
            ] {
                writeln!(f, "REGION_ALIAS(\"REGION_{region}\", {memory});")?;
            }
            // Nothing unwinds.
            writeln!(f, "SECTIONS {{ /DISCARD/ : {{ *(.eh_frame .eh_frame.*) }} }}")?;
        }
        writeln!(f, "_stack_end = {:#x};\n_stack_start = {:#x};", ram.origin, ram.origin + stack)
    }
}
