//! A linked program: the contents of its addresses, its functions and its vector table.

use std::{collections::BTreeMap, iter, ops::Range};

use anyhow::{Context, Result, bail, ensure};
use object::{
    Architecture, Endianness, FileFlags, Object, ObjectSection, ObjectSymbol, SectionFlags, SectionKind, SymbolKind,
    elf::{self, PT_LOAD},
    read::elf::{ElfFile32, ProgramHeader},
};

use crate::{
    decode::{self, Instruction, Registers},
    riscv,
    symbol::readable,
};

/// A family of processors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Machine {
    /// Cortex-M.
    #[default]
    Arm,
    /// RISC-V of 32 bits.
    RiscV,
}

impl Machine {
    /// Returns the register that is the stack pointer.
    pub const fn stack_pointer(self) -> u8 {
        match self {
            Self::Arm => decode::SP,
            Self::RiscV => riscv::SP,
        }
    }

    /// Returns the registers that a call may change.
    pub const fn caller_saved(self) -> Registers {
        match self {
            Self::Arm => decode::CALLER_SAVED,
            Self::RiscV => riscv::CALLER_SAVED,
        }
    }
}

/// The section of riscv-rt that stands for the stack, and is empty.
const STACK: &str = ".stack";

/// A program's bytes and their meaning.
#[derive(Default)]
pub struct Program {
    /// The machine for the program.
    pub(crate) machine: Machine,
    /// The program's sections, as they lie in memory.
    pub(crate) sections: Vec<Section>,
    /// The bytes that are loaded.
    pub(crate) segments: Vec<Segment>,
    /// The functions by their first address.
    pub(crate) functions: BTreeMap<u32, Function>,
    /// The mapping symbols of ARM and RISC-V: true if code begins at an address, false where data does.
    pub(crate) is_code: BTreeMap<u32, bool>,
    /// The addresses at which the processor finds the addresses of its handlers.
    pub(crate) vectors: Range<u32>,
    /// True if an exception also keeps the registers of a floating-point unit.
    pub(crate) has_fpu: bool,
}

/// A part of the memory.
pub(crate) struct Section {
    pub start: u32,
    pub size: u64,
    /// The section's bytes. Empty if the program starts with zeros there.
    pub bytes: Vec<u8>,
    pub kind: SectionKind,
}

impl Section {
    /// Returns the section's addresses.
    pub fn range(&self) -> Range<u32> {
        self.start..self.start.saturating_add(self.bytes.len() as u32)
    }
}

/// A part of the file that is loaded: its address in use, its address in storage, and its bytes in both places.
pub(crate) struct Segment {
    pub address: u64,
    pub place: u64,
    pub size: u64,
    pub stored: u64,
}

/// A function's place and name.
pub(crate) struct Function {
    pub end: u32,
    /// The function's symbol.
    pub name: String,
}

impl Program {
    /// Reads the file that the linker wrote.
    pub fn read(elf: &[u8]) -> Result<Self> {
        let file = ElfFile32::<Endianness>::parse(elf).context("the program is no ELF file of 32 bits")?;
        let machine = match file.architecture() {
            Architecture::Arm => Machine::Arm,
            Architecture::Riscv32 => Machine::RiscV,
            other => bail!("the program is for {other:?}: ARM and RISC-V of 32 bits are known"),
        };
        let mut program = Self { machine, ..Self::default() };
        if let FileFlags::Elf { e_flags, .. } = file.flags() {
            program.has_fpu = machine == Machine::Arm && e_flags.0 & elf::EF_ARM_ABI_FLOAT_HARD > 0;
        }
        let endian = file.endian();
        let segments = file.elf_program_headers().iter().filter(|segment| segment.p_type(endian) == PT_LOAD);
        program.segments = segments
            .map(|segment| Segment {
                address: segment.p_vaddr(endian).into(),
                place: segment.p_paddr(endian).into(),
                size: segment.p_memsz(endian).into(),
                stored: segment.p_filesz(endian).into(),
            })
            .collect();
        for read in file.sections() {
            let SectionFlags::Elf { sh_flags, .. } = read.flags() else { continue };
            if !sh_flags.contains(elf::SHF_ALLOC) || machine == Machine::RiscV && read.name() == Ok(STACK) {
                continue;
            }
            let (start, bytes) = (read.address() as u32, read.data()?.to_vec());
            let section = Section { start, size: read.size(), bytes, kind: read.kind() };
            if read.name() == Ok(".vector_table") {
                program.vectors = section.range();
            }
            program.sections.push(section);
        }
        for symbol in file.symbols() {
            let (name, address) = (symbol.name().unwrap_or_default(), symbol.address() as u32);
            match name.split('.').next() {
                Some(code) if code == "$t" || code.starts_with("$x") => drop(program.is_code.insert(address, true)),
                Some("$d") => drop(program.is_code.insert(address, false)),
                _ if symbol.kind() == SymbolKind::Text && !symbol.is_undefined() => {
                    // On ARM the lowest bit says that it is Thumb code; on RISC-V it is 0.
                    let (start, name) = (address & !1, name.to_owned());
                    let function = program.functions.entry(start).or_insert(Function { end: start, name });
                    // Of several names for one place, some have no size.
                    function.end = function.end.max(start.saturating_add(symbol.size() as u32));
                }
                _ => {}
            }
        }
        program.close();
        Ok(program)
    }

    /// Ends each function whose symbol has no size at the beginning of the next one.
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

    /// Returns the address of the only function whose symbol contains this text.
    pub fn function(&self, part: &str) -> Result<u32> {
        let mut found = self.functions.iter().filter(|(_, function)| function.name.contains(part));
        let (start, _) = found.next().with_context(|| format!("the program has no function `{part}`"))?;
        ensure!(found.next().is_none(), "the program has several functions `{part}`");
        Ok(*start)
    }

    fn bytes<const N: usize>(&self, address: u32) -> Option<[u8; N]> {
        self.sections.iter().find_map(|section| {
            let place = address.checked_sub(section.start)? as usize;
            section.bytes.get(place..)?.first_chunk().copied()
        })
    }

    /// Returns the byte at an address.
    pub fn byte(&self, address: u32) -> Option<u8> {
        self.bytes(address).map(|[byte]| byte)
    }

    /// Returns the half word at an address.
    pub fn half(&self, address: u32) -> Option<u16> {
        self.bytes(address).map(u16::from_le_bytes)
    }

    /// Returns the word at an address.
    pub fn word(&self, address: u32) -> Option<u32> {
        self.bytes(address).map(u32::from_le_bytes)
    }

    /// Returns true if an instruction may begin at an address.
    pub fn is_code(&self, address: u32) -> bool {
        let is_code = |section: &Section| section.kind == SectionKind::Text && section.range().contains(&address);
        // RISC-V's linkers may leave the symbols out where there is code alone.
        let is_code_by_default = self.machine == Machine::RiscV;
        let last = self.is_code.range(..=address).next_back();
        self.sections.iter().any(is_code) && last.map_or(is_code_by_default, |(_, &is_code)| is_code)
    }

    /// Returns the instruction at an address, if there is one.
    pub fn instruction(&self, address: u32) -> Option<Instruction> {
        let half = |address| self.is_code(address).then(|| self.half(address)).flatten();
        let decode = match self.machine {
            Machine::Arm => decode::decode,
            Machine::RiscV => riscv::decode,
        };
        decode(address, half(address)?, half(address.saturating_add(2)))
    }

    /// Returns the contents of a range, in order: instructions, and the half words of data between them.
    pub(crate) fn walk(&self, range: Range<u32>) -> impl Iterator<Item = (u32, Option<Instruction>)> {
        let mut next = range.start;
        iter::from_fn(move || {
            let address = next;
            let instruction = (address < range.end).then(|| self.instruction(address))?;
            next = address.saturating_add(instruction.map_or(2, |instruction| instruction.length));
            Some((address, instruction))
        })
    }

    /// Returns the name of the symbol at an address, as readable as possible.
    pub fn name(&self, address: u32) -> String {
        self.functions.get(&address).map_or_else(|| format!("{address:#010x}"), |function| readable(&function.name))
    }
}

#[cfg(test)]
impl Program {
    /// Returns a program with only this code.
    pub(crate) fn of_code(start: u32, code: &[u8]) -> Self {
        let mut program = Self::default();
        program.add(start, code.to_vec(), SectionKind::Text);
        program.is_code.insert(start, true);
        program
    }

    /// Adds a section.
    pub(crate) fn add(&mut self, start: u32, bytes: Vec<u8>, kind: SectionKind) {
        self.sections.push(Section { start, size: bytes.len() as u64, bytes, kind });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    /// Returns a file of one loaded part, with these flags, sections (name, type, flags, address, bytes) and symbols (name, address, size, kind).
    fn elf(flags: u32, sections: &[(&str, u32, u32, u32, Vec<u8>)], symbols: &[(&str, u32, u32, u8)]) -> Vec<u8> {
        let (mut names, mut table) = (vec![0], words(&[0; 4]));
        let name = |names: &mut Vec<u8>, name: &str| {
            let place = names.len() as u32;
            names.extend(name.bytes().chain([0]));
            place
        };
        for (symbol, address, size, kind) in symbols {
            table.extend(words(&[name(&mut names, symbol), *address, *size]));
            table.extend([*kind, 0, 2, 0]);
        }
        let own = [(".symtab", 2, 0, 0, table), (".strtab", 3, 0, 0, Vec::new())];
        let (mut contents, mut headers) = (Vec::new(), words(&[0; 10]));
        let strings = sections.len() as u32 + 2;
        for (section, kind, flags, address, bytes) in sections.iter().chain(&own) {
            let place = name(&mut names, section);
            // The names come last, whole.
            let bytes = if *kind == 3 { &names } else { bytes };
            let offset = 52 + 32 + contents.len() as u32;
            let [link, entry] = if *kind == 2 { [strings, 16] } else { [0, 0] };
            headers.extend(words(&[place, *kind, *flags, *address, offset, bytes.len() as u32, link, 0, 4, entry]));
            contents.extend(bytes);
        }
        let offset = 52 + 32 + contents.len() as u32;
        let mut file = words(&[0x464c_457f, 0x0001_0101, 0, 0, 40 << 16 | 2, 1, 0, 52, offset, flags]);
        file.extend([52, 32, 1, 40, strings as u16 + 1, strings as u16].map(u16::to_le_bytes).concat());
        // Loaded: the place in the file, the address, where it is stored, the bytes there and where it is used.
        file.extend(words(&[1, 52, 0x2000_0000, 0x500, 4, 8, 6, 4]));
        [file, contents, headers].concat()
    }

    #[test]
    fn a_linkers_file_is_read() {
        let code = vec![0x10, 0xb5, 0x10, 0xbd, 0x2d, 0xe9, 0xf0, 0x4f, 0x2a, 0x00];
        let sections = [
            (".vector_table", 1, 2, 0, words(&[0x2000_0400, 0x401])),
            (".text", 1, 6, 0x400, code),
            (".comment", 1, 0, 0, vec![7; 4]),
        ];
        let symbols = [
            ("Reset", 0x401, 0, 2),
            ("DefaultHandler", 0x405, 4, 2),
            ("alias", 0x405, 0, 2),
            ("$t", 0x400, 0, 0),
            ("$d.1", 0x408, 0, 0),
        ];
        let program = Program::read(&elf(0x400, &sections, &symbols)).unwrap();
        assert_eq!(program.vectors, 0..8);
        assert_eq!(
            [program.word(4), program.half(0x402).map(u32::from), program.word(0x408)],
            [Some(0x401), Some(0xbd10), None]
        );
        let functions = program.functions.iter().map(|(start, function)| (*start, function.end, &*function.name));
        assert_eq!(functions.collect::<Vec<_>>(), [(0x400, 0x404, "Reset"), (0x404, 0x408, "DefaultHandler")]);
        assert_eq!([0x404, 0x408, 0x500].map(|at| program.instruction(at).map(|it| it.length)), [Some(4), None, None]);
        assert_eq!([program.name(0x404), program.name(0x10)], ["DefaultHandler", "0x00000010"]);
        let [Segment { address: 0x2000_0000, place: 0x500, size: 8, stored: 4 }] = program.segments[..] else {
            panic!()
        };
        assert!(program.has_fpu && !Program::read(&elf(0, &sections, &symbols)).unwrap().has_fpu);
    }

    #[test]
    fn a_function_is_found_by_a_part_of_its_symbol() {
        let mut program = Program::of_code(0x400, &[0; 8]);
        for (start, name) in [(0x400, "one::a"), (0x402, "one::b"), (0x404, "two")] {
            program.functions.insert(start, Function { end: start + 2, name: name.to_owned() });
        }
        assert_eq!(program.function("tw").unwrap(), 0x404);
        let error = |part| program.function(part).unwrap_err().to_string();
        assert_eq!(error("three"), "the program has no function `three`");
        assert_eq!(error("one"), "the program has several functions `one`");
    }

    #[test]
    fn another_file_is_refused() {
        let itself = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        for file in [&itself[..], b"no ELF"] {
            assert_eq!(Program::read(file).err().unwrap().to_string(), "the program is no ELF file of 32 bits");
        }
    }
}
