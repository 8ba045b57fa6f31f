//! The instructions in a program's file.

use anyhow::{Context, Result, anyhow, ensure};
use object::{Object, ObjectSection, ObjectSymbol, SectionKind};

use super::decode::{self, Instruction};

/// Part of the name of the firmware's function that is followed; the rest is the compiler's.
const FOLLOWED: &str = "7measure8followed";

/// A program's code.
pub struct Program {
    /// Address and bytes of each section.
    code: Vec<(u64, Vec<u8>)>,
    /// Where what is followed begins.
    pub entry: u32,
}

impl Program {
    /// Reads a program `measure`.
    pub fn parse(elf: &[u8]) -> Result<Self> {
        let file = object::File::parse(elf).context("the program is no ELF file")?;
        let mut code = Vec::new();
        for section in file.sections().filter(|section| section.kind() == SectionKind::Text) {
            code.push((section.address(), section.data()?.to_vec()));
        }
        let mut found = file.symbols().filter(|symbol| symbol.name().is_ok_and(|name| name.contains(FOLLOWED)));
        let followed =
            found.next().context("the program has no function `measure::followed`: is it another program?")?;
        ensure!(
            found.next().is_none(),
            "the program has several functions `measure::followed`: one alone can be followed"
        );
        // An address of Thumb code has its lowest bit set.
        Ok(Self { code, entry: u32::try_from(followed.address())? & !1 })
    }

    /// The instruction at an address.
    pub fn instruction(&self, at: u32) -> Result<Instruction> {
        let first = self.half(at).ok_or_else(|| anyhow!("the program has no code at {at:#010x}, but was there"))?;
        let second = self.half(at + 2).filter(|_| decode::is_wide(first));
        decode::decode(first, second.unwrap_or(0)).ok_or_else(|| {
            let bytes = [first].into_iter().chain(second).flat_map(u16::to_le_bytes);
            let bytes: Vec<_> = bytes.map(|byte| format!("{byte:02x}")).collect();
            anyhow!("{at:#010x}: no instruction that xtask/src/bench/cycles/decode knows: {}", bytes.join(" "))
        })
    }

    fn half(&self, at: u32) -> Option<u16> {
        self.code.iter().find_map(|(start, bytes)| {
            let place = usize::try_from(u64::from(at).checked_sub(*start)?).ok()?;
            bytes.get(place..)?.first_chunk().map(|half| u16::from_le_bytes(*half))
        })
    }

    /// A program of this code alone.
    #[cfg(test)]
    pub fn of_code(entry: u32, code: &[u8]) -> Self {
        Self { code: vec![(entry.into(), code.to_vec())], entry }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::cycles::timing::Class;

    #[test]
    fn an_unknown_encoding_is_named() {
        let program = Program::of_code(0x400, &[0x01, 0xde, 0xff, 0xff, 0xff, 0xff, 0xff, 0xe7]);
        let error = |at| program.instruction(at).unwrap_err().to_string();
        assert!(error(0x400).contains("0x00000400") && error(0x400).ends_with("knows: 01 de"), "{}", error(0x400));
        assert!(error(0x402).ends_with("knows: ff ff ff ff"), "{}", error(0x402));
        assert_eq!(program.instruction(0x406).unwrap(), Instruction { bytes: 2, class: Class::Branch });
        assert!(error(0x408).contains("no code at 0x00000408"));
        assert!(error(0x3fe).contains("no code at 0x000003fe"));
    }

    #[test]
    fn another_program_is_refused() {
        let itself = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert!(Program::parse(&itself).is_err_and(|error| error.to_string().contains("measure::followed")));
        assert!(Program::parse(b"no ELF").is_err());
    }
}
