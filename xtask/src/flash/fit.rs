//! Whether a program fits its board: flash, static RAM and stack, in numbers.

use std::fmt;

use anyhow::{Context, Result, bail};
use object::{
    Endianness,
    elf::PT_LOAD,
    read::elf::{ElfFile32, ProgramHeader},
};

use board::Board;

use super::stack::{self, Stack};
use crate::workspace::grouped;

/// What a linked program takes of its board.
#[derive(Debug, PartialEq, Eq)]
pub struct Fit {
    flash: Share,
    ram: Share,
    stack: Stack,
    stack_length: u64,
}

/// So many bytes, of so many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Share(u64, u64);

impl Fit {
    /// Reads what the linker wrote.
    pub fn of(elf: &[u8], board: &Board) -> Result<Self> {
        let (mut flash, mut ram) = (board.flash.origin, board.ram.origin + board.stack);
        let (flash_start, ram_start) = (flash, ram);
        let file = ElfFile32::<Endianness>::parse(elf).context("the program is no ELF file of 32 bits")?;
        let endian = file.endian();
        for part in file.elf_program_headers().iter().filter(|part| part.p_type(endian) == PT_LOAD) {
            let [address, place] = [part.p_vaddr(endian), part.p_paddr(endian)].map(u64::from);
            let [size, stored] = [part.p_memsz(endian), part.p_filesz(endian)].map(u64::from);
            if address >= ram_start && address < board.ram.origin + board.ram.length {
                ram = ram.max(address + size);
            }
            // Variables that do not start as 0 lie in the flash too.
            if stored > 0 {
                flash = flash.max(place + stored);
            }
        }
        Ok(Self {
            flash: Share(flash - flash_start, board.flash.length),
            ram: Share(ram - ram_start, board.ram.length - board.stack),
            stack: stack::deepest(elf)?,
            stack_length: board.stack,
        })
    }

    /// Says what is too large, if anything is.
    pub fn check(&self, program: &str, board: &Board) -> Result<()> {
        let Self { flash, ram, stack, stack_length } = self;
        let stack = stack.bytes.as_ref().map_or(Share(0, *stack_length), |&bytes| Share(bytes.into(), *stack_length));
        let parts = [("flash", *flash), ("static RAM", *ram), ("stack", stack)];
        let large: Vec<_> =
            parts.iter().filter(|(_, Share(taken, there))| taken > there).map(|(name, _)| *name).collect();
        if !large.is_empty() {
            let numbers =
                parts.map(|(name, Share(taken, there))| format!("{name} {taken} of {there} bytes")).join(", ");
            bail!("{program} does not fit {}, too large is the {}: {numbers}", board.name, large.join(" and the "));
        }
        Ok(())
    }
}

impl fmt::Display for Fit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { flash: Share(flash, all_flash), ram: Share(ram, all_ram), stack, stack_length } = self;
        let [flash, all_flash, ram, all_ram, length] =
            [flash, all_flash, ram, all_ram, stack_length].map(|&n| grouped(n));
        write!(f, "flash {flash} of {all_flash} bytes; static RAM {ram} of {all_ram}; ")?;
        match &stack.bytes {
            Ok(bytes) => write!(f, "stack at most {} of {length}", grouped((*bytes).into()))?,
            Err(reason) => write!(f, "stack of {length}, without a bound: {reason}")?,
        }
        f.write_str(if stack.panics && stack.bytes.is_ok() { ", the report of a panic aside" } else { "" })
    }
}

/// What the linker says of a memory that is too small, in the words of [`Fit::check`].
pub fn refusal(messages: &[String], program: &str, board: &Board) -> Option<String> {
    let overflow = |region: &str| {
        let words = format!("will not fit in region '{region}': overflowed by ");
        let overflows = messages.iter().filter_map(|line| {
            let (_, bytes) = line.split_once(&words)?;
            bytes.split(' ').next()?.parse::<u64>().ok()
        });
        overflows.max()
    };
    let flash = overflow("FLASH").map(|bytes| {
        let length = board.flash.length;
        format!("it takes {} bytes, and there are {length} bytes of flash", length + bytes)
    });
    let ram = overflow("RAM").map(|bytes| {
        let Board { stack, ram, .. } = board;
        let statics = ram.length - stack + bytes;
        format!("its statics take {statics} bytes and the stack {stack}, and there are {} bytes of RAM", ram.length)
    });
    let parts: Vec<_> = flash.into_iter().chain(ram).collect();
    (!parts.is_empty()).then(|| format!("{program} does not fit {}: {}", board.name, parts.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(stack: Result<u32, String>) -> Fit {
        let stack = Stack { bytes: stack, panics: false };
        Fit { flash: Share(50_000, 262_144), ram: Share(8, 8192), stack, stack_length: 8192 }
    }

    #[test]
    fn all_three_numbers_are_shown() {
        let numbers = "flash 50,000 of 262,144 bytes; static RAM 8 of 8,192; stack";
        assert_eq!(fit(Ok(4100)).to_string(), format!("{numbers} at most 4,100 of 8,192"));
        let unbounded = fit(Err("f may call itself".into()));
        assert_eq!(unbounded.to_string(), format!("{numbers} of 8,192, without a bound: f may call itself"));
        let mut panics = fit(Ok(4));
        panics.stack.panics = true;
        assert!(panics.to_string().ends_with("stack at most 4 of 8,192, the report of a panic aside"), "{panics}");
    }

    #[test]
    fn what_is_too_large_is_named() {
        let board = Board::named("microbit").unwrap();
        assert!(fit(Ok(8192)).check("predict", &board).is_ok());
        assert!(fit(Err("f may call itself".into())).check("predict", &board).is_ok());
        assert_eq!(
            fit(Ok(8196)).check("predict", &board).unwrap_err().to_string(),
            "predict does not fit microbit, too large is the stack: flash 50000 of 262144 bytes, static RAM 8 of 8192 bytes, \
             stack 8196 of 8192 bytes"
        );
    }

    #[test]
    fn the_linkers_words_become_numbers() {
        let board = Board::named("microbit").unwrap();
        let refusal = |lines: &[&str]| {
            let lines: Vec<_> = lines.iter().map(|line| (*line).to_owned()).collect();
            super::refusal(&lines, "train", &board)
        };
        let ram = "rust-lld: error: section '.bss' will not fit in region 'RAM': overflowed by";
        let flash = "  = note: rust-lld: error: section '.text' will not fit in region 'FLASH': overflowed by 6 bytes";
        assert_eq!(
            refusal(&[&format!("{ram} 8 bytes"), "x", &format!("{ram} 16 bytes")]).unwrap(),
            "train does not fit microbit: its statics take 8208 bytes and the stack 8192, and there are 16384 bytes of RAM"
        );
        assert_eq!(
            refusal(&[flash]).unwrap(),
            "train does not fit microbit: it takes 262150 bytes, and there are 262144 bytes of flash"
        );
        assert_eq!(refusal(&["error: no board"]), None);
    }
}
