//! Reads the start of an embedded file while the program is built. Postcard does not run then, so this module reads the integers by hand, as
//! docs/formats.md describes them. It panics if a file is not as expected. In a constant, that is an error of the build.

use crate::architecture::{CUSTOM, LayerDescription, LayerKind};

/// The rest of a file's header, which has not been read yet.
pub struct Header<'a> {
    rest: &'a [u8],
}

impl<'a> Header<'a> {
    /// Returns true if a file begins with this magic.
    pub const fn is_of(file: &[u8], magic: [u8; 8]) -> bool {
        match file.first_chunk() {
            Some(found) => u64::from_le_bytes(*found) == u64::from_le_bytes(magic),
            None => false,
        }
    }

    /// Takes the magic, version and length, and checks that they are the file's.
    pub const fn new(file: &'a [u8], magic: [u8; 8], oldest: u16, newest: u16) -> Self {
        assert!(Self::is_of(file, magic), "the embedded file is not of this format of Selvedge's");
        let mut header = Self { rest: file.split_at(magic.len()).1 };
        let version = u16::from_le_bytes(header.take());
        assert!(
            oldest <= version && version <= newest,
            "the embedded file has a version that this build does not read"
        );
        assert!(header.u32() as usize == file.len(), "the embedded file is not as long as it says: it is not whole");
        header
    }

    /// Takes an integer of four bytes.
    pub const fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take())
    }

    /// Takes an integer with seven bits in each byte, the lowest bits first.
    pub const fn varint(&mut self) -> u32 {
        let (mut value, mut shift) = (0, 0);
        loop {
            let [byte] = self.take();
            assert!(shift < 32, "the embedded file has a number that is too large");
            value |= (byte as u32 & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 {
                return value;
            }
        }
    }

    /// Takes a layer, and returns true if it is the expected one.
    pub const fn layer(&mut self, expected: LayerDescription) -> bool {
        let [number] = self.take();
        let expected_number = match expected {
            LayerDescription::Known(layer) => layer.number(),
            LayerDescription::Custom(_) => CUSTOM,
        };
        if number != expected_number {
            return false;
        }
        let (inputs, outputs) = expected.widths();
        match expected {
            LayerDescription::Known(LayerKind::Linear { .. }) => self.varint() == inputs && self.varint() == outputs,
            LayerDescription::Custom(layer) => {
                self.text(layer.name().as_bytes())
                    && self.varint() == inputs
                    && self.varint() == outputs
                    && self.varint() == layer.parameters()
            }
            _ => self.varint() == inputs,
        }
    }

    /// Takes bytes with their number in front, and returns true if they are the expected ones.
    const fn text(&mut self, expected: &[u8]) -> bool {
        let (mut is_same, mut place) = (self.varint() as usize == expected.len(), 0);
        while is_same && place < expected.len() {
            let [byte] = self.take();
            is_same = byte == expected[place];
            place += 1;
        }
        is_same
    }

    /// Takes `LEN` bytes.
    pub const fn take<const LEN: usize>(&mut self) -> [u8; LEN] {
        let Some((taken, rest)) = self.rest.split_first_chunk() else {
            panic!("the embedded file ends within its header");
        };
        self.rest = rest;
        *taken
    }
}
