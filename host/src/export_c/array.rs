//! Constant arrays in C.

use std::{
    borrow::Cow,
    io::{self, Write},
};

use super::text::float;

/// A constant array.
#[derive(Debug)]
pub struct Array<'a> {
    /// The array's name, as a template has it.
    pub name: String,
    /// The meaning of the array's numbers.
    pub meaning: String,
    pub numbers: Numbers<'a>,
}

/// The numbers of an array.
#[derive(Debug)]
pub enum Numbers<'a> {
    /// Words of 32 bits, little-endian, four bytes each.
    Words(&'a [u8]),
    /// Bits of f16.
    F16(Vec<u16>),
    /// Finite numbers.
    Floats(Cow<'a, [f32]>),
}

impl Array<'_> {
    /// Returns the number of bytes in flash.
    pub fn bytes(&self) -> usize {
        match &self.numbers {
            Numbers::Words(bytes) => bytes.len(),
            Numbers::F16(numbers) => 2 * numbers.len(),
            Numbers::Floats(floats) => 4 * floats.len(),
        }
    }

    /// Writes the array under this name.
    pub fn write(&self, name: &str, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "/* {} */", self.meaning)?;
        match &self.numbers {
            Numbers::Words(bytes) => {
                let words = bytes.as_chunks().0.iter().map(|&bytes| u32::from_le_bytes(bytes));
                list(out, &format!("uint32_t {name}"), 8, words, |word| format!("0x{word:08x}"))
            }
            Numbers::F16(numbers) => {
                list(out, &format!("uint16_t {name}"), 12, numbers.iter().copied(), |bits| format!("0x{bits:04x}"))
            }
            Numbers::Floats(floats) => list(out, &format!("float {name}"), 6, floats.iter().copied(), float),
        }
    }
}

/// Writes numbers, with this number of them in each line.
fn list<T>(
    out: &mut dyn Write,
    declared: &str,
    in_line: usize,
    numbers: impl ExactSizeIterator<Item = T>,
    shown: impl Fn(T) -> String,
) -> io::Result<()> {
    write!(out, "static const {declared}[{}] = {{", numbers.len())?;
    for (place, number) in numbers.enumerate() {
        let between = if place % in_line == 0 { "\n    " } else { " " };
        write!(out, "{between}{},", shown(number))?;
    }
    writeln!(out, "\n}};\n")
}
