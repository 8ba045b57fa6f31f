//! A linked program, as far as its stack is concerned: functions, and what stands at an address.

use std::{collections::BTreeMap, ops::Range};

use super::thumb::{self, Instruction};
use anyhow::{Context, Result};
use object::{
    Endianness, FileFlags, Object, ObjectSection, ObjectSymbol, SectionFlags, SymbolKind, elf, read::elf::ElfFile32,
};

/// A program's bytes, and what they are.
#[derive(Default)]
pub struct Program {
    /// Its sections, as they lie in memory.
    pub sections: Vec<Section>,
    /// Where functions begin and end, and their names.
    pub functions: BTreeMap<u32, Function>,
    /// What ARM's mapping symbols say: whether what begins at an address is code.
    pub is_code: BTreeMap<u32, bool>,
    /// Where the processor finds its handlers' addresses.
    pub vectors: Range<u32>,
    /// Whether an exception also keeps the registers of a floating-point unit.
    pub has_fpu: bool,
}

/// A part of the memory.
pub struct Section {
    /// Where it begins.
    pub start: u32,
    /// What stands there.
    pub bytes: Vec<u8>,
    /// Whether there are instructions in it.
    pub has_code: bool,
}

impl Section {
    /// From where to where it goes.
    pub fn range(&self) -> Range<u32> {
        self.start..self.start + self.bytes.len() as u32
    }
}

/// A function's place and name.
pub struct Function {
    /// Where it ends.
    pub end: u32,
    /// Its symbol.
    pub name: String,
}

impl Program {
    /// Reads what the linker wrote.
    pub fn read(elf: &[u8]) -> Result<Self> {
        let file = ElfFile32::<Endianness>::parse(elf).context("the program is no ELF file of 32 bits")?;
        let mut program = Self::default();
        if let FileFlags::Elf { e_flags, .. } = file.flags() {
            program.has_fpu = e_flags.0 & elf::EF_ARM_ABI_FLOAT_HARD > 0;
        }
        for read in file.sections() {
            let SectionFlags::Elf { sh_flags, .. } = read.flags() else { continue };
            if !sh_flags.contains(elf::SHF_ALLOC) {
                continue;
            }
            let (start, bytes) = (read.address() as u32, read.data()?.to_vec());
            let section = Section { start, bytes, has_code: sh_flags.contains(elf::SHF_EXECINSTR) };
            if read.name() == Ok(".vector_table") {
                program.vectors = section.range();
            }
            program.sections.push(section);
        }
        for symbol in file.symbols() {
            let (name, address) = (symbol.name().unwrap_or_default(), symbol.address() as u32);
            match name.split('.').next() {
                Some("$t") => drop(program.is_code.insert(address, true)),
                Some("$d") => drop(program.is_code.insert(address, false)),
                _ if symbol.kind() == SymbolKind::Text && !symbol.is_undefined() => {
                    // The lowest bit says that it is Thumb code.
                    let (start, name) = (address & !1, name.to_owned());
                    let function = program.functions.entry(start).or_insert(Function { end: start, name });
                    // Of several names for one place, some have no size.
                    function.end = function.end.max(start + symbol.size() as u32);
                }
                _ => {}
            }
        }
        program.close();
        Ok(program)
    }

    /// A function whose symbol has no size goes on to the next one.
    fn close(&mut self) {
        let starts: Vec<_> = self.functions.keys().copied().collect();
        let ends = starts.iter().skip(1).copied().chain([u32::MAX]);
        for (start, end) in starts.iter().zip(ends) {
            if let Some(function) = self.functions.get_mut(start)
                && function.end == *start
            {
                function.end = end;
            }
        }
    }

    fn bytes<const N: usize>(&self, address: u32) -> Option<[u8; N]> {
        self.sections.iter().find_map(|section| {
            let place = address.checked_sub(section.start)? as usize;
            section.bytes.get(place..)?.first_chunk().copied()
        })
    }

    /// The byte at an address.
    pub fn byte(&self, address: u32) -> Option<u8> {
        self.bytes(address).map(|[byte]| byte)
    }

    /// The half word at an address.
    pub fn half(&self, address: u32) -> Option<u16> {
        self.bytes(address).map(u16::from_le_bytes)
    }

    /// The word at an address.
    pub fn word(&self, address: u32) -> Option<u32> {
        self.bytes(address).map(u32::from_le_bytes)
    }

    /// Whether an instruction may stand at an address.
    pub fn is_code(&self, address: u32) -> bool {
        let has_code = self.sections.iter().any(|section| section.has_code && section.range().contains(&address));
        has_code && self.is_code.range(..=address).next_back().is_some_and(|(_, &is_code)| is_code)
    }

    /// The instruction at an address, if one stands there.
    pub fn instruction(&self, address: u32) -> Option<Instruction> {
        let half = |address| self.is_code(address).then(|| self.half(address)).flatten();
        thumb::decode(address, half(address)?, half(address + 2))
    }

    /// The name of what begins at an address, readable as far as it can be.
    pub fn name(&self, address: u32) -> String {
        self.functions.get(&address).map_or_else(|| format!("{address:#010x}"), |function| readable(&function.name))
    }
}

/// The names in a mangled symbol, each after its length: `_ZN4core3fmt5write17h…E` is `core::fmt::write`.
fn readable(symbol: &str) -> String {
    let is_new = symbol.starts_with("_R");
    let Some(mut rest) = symbol.strip_prefix(if is_new { "_R" } else { "_ZN" }) else { return symbol.to_owned() };
    let mut names = Vec::new();
    while let Some(first) = rest.chars().next() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        // A crate's number, or a place in the symbol: `s7ld_`, `B6_`.
        let skipped = rest.strip_prefix(['s', 'B']).and_then(|rest| rest.split_once('_')).map(|(_, rest)| rest);
        rest = match (rest[..digits].parse::<usize>(), skipped) {
            (Ok(length), _) => {
                let text = &rest[digits..];
                // The newer mangling parts a name that starts with a digit or with `_` from its length.
                let text = if is_new { text.strip_prefix('_').unwrap_or(text) } else { text };
                let (name, rest) = text.split_at_checked(length).unwrap_or((text, ""));
                names.push(name);
                rest
            }
            (Err(_), Some(rest)) => rest,
            (Err(_), None) => &rest[first.len_utf8()..],
        };
    }
    names.retain(|name| !(name.len() == 17 && name.starts_with('h')));
    let text = names.join("::").replace("..", "::");
    [("_$", "$"), ("$LT$", "<"), ("$GT$", ">"), ("$RF$", "&"), ("$u20$", " "), ("$C$", ",")]
        .iter()
        .fold(text, |text, (code, sign)| text.replace(code, sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_readable_in_both_manglings() {
        for (symbol, name) in [
            ("_ZN4core3fmt5write17h0123456789abcdefE", "core::fmt::write"),
            (
                "_ZN44_$LT$$RF$T$u20$as$u20$core..fmt..Display$GT$3fmt17h6db076d8b57bcd12E",
                "<&T as core::fmt::Display>::fmt",
            ),
            ("_RNvMsa_NtCs7ldSeZOOJos_4core3fmtNtB5_9Formatter3pad", "core::fmt::Formatter::pad"),
            ("Reset", "Reset"),
        ] {
            assert_eq!(readable(symbol), name);
        }
        assert_eq!(Program::default().name(0x10), "0x00000010");
    }
}
