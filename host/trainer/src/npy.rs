//! One array as NumPy writes it: `\x93NUMPY`, a version, a header that is a Python literal, and the elements.
//!
//! <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>

use crate::quote::quoted;

/// More than the header of any array here takes.
const MAX_HEADER: usize = 4096;

/// The largest number of bytes before the elements: magic, version, the header's length and the header.
pub const MAX_START: usize = MAGIC.len() + 2 + 4 + MAX_HEADER;

/// The first bytes of an array's file.
pub(crate) const MAGIC: &[u8] = b"\x93NUMPY";
/// A text of more characters is of no use here.
const MAX_TEXT: usize = 1 << 16;
/// Elements start at a multiple of this.
const ALIGNMENT: usize = 64;

/// A type of elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Number {
    /// A byte that is 0 or 1.
    Bool,
    /// An unsigned integer of 8 bits.
    U8,
    /// A signed integer of 8 bits.
    I8,
    /// An unsigned integer of 16 bits.
    U16,
    /// A signed integer of 16 bits.
    I16,
    /// An unsigned integer of 32 bits.
    U32,
    /// A signed integer of 32 bits.
    I32,
    /// An unsigned integer of 64 bits.
    U64,
    /// A signed integer of 64 bits.
    I64,
    /// A number of IEEE 754 binary16.
    F16,
    /// A number of IEEE 754 binary32.
    F32,
    /// A number of IEEE 754 binary64.
    F64,
    /// A text of this number of characters, of four bytes each; a shorter one ends with zeros.
    Text(usize),
}

impl Number {
    /// Returns the number type of NumPy's word, such as `<f4`.
    fn of(word: &str) -> Option<Self> {
        let (order, kind) = word.split_at_checked(1)?;
        let is_ordered = matches!(order, "<" | ">");
        Some(match kind {
            "b1" => Self::Bool,
            "u1" => Self::U8,
            "i1" => Self::I8,
            _ if !is_ordered => return None,
            "u2" => Self::U16,
            "i2" => Self::I16,
            "u4" => Self::U32,
            "i4" => Self::I32,
            "u8" => Self::U64,
            "i8" => Self::I64,
            "f2" => Self::F16,
            "f4" => Self::F32,
            "f8" => Self::F64,
            _ => {
                let length =
                    kind.strip_prefix('U').filter(|length| length.bytes().all(|byte| byte.is_ascii_digit()))?;
                Self::Text(length.parse().ok().filter(|&length| (1..=MAX_TEXT).contains(&length))?)
            }
        })
    }

    /// Returns the bytes of an element.
    pub(crate) fn size(self) -> usize {
        match self {
            Self::Bool | Self::U8 | Self::I8 => 1,
            Self::U16 | Self::I16 | Self::F16 => 2,
            Self::U32 | Self::I32 | Self::F32 => 4,
            Self::U64 | Self::I64 | Self::F64 => 8,
            Self::Text(length) => 4 * length,
        }
    }

    /// Returns the number of bytes that are reversed together in a big-endian file: those of an element, or of one character of a text.
    fn unit(self) -> usize {
        if let Self::Text(_) = self { 4 } else { self.size() }
    }
}

/// The description of an array.
#[derive(Debug, PartialEq, Eq)]
pub struct Header {
    /// The elements' type; `None` for one that nothing here reads.
    pub number: Option<Number>,
    /// NumPy's word for the type, as a message shows it.
    pub description: String,
    /// The sizes, the outermost first.
    pub shape: Vec<usize>,
    /// True if the first index runs fastest, as in Fortran.
    pub is_column_major: bool,
    /// True if an element's first byte is its highest.
    pub is_big_endian: bool,
}

impl Header {
    /// Returns the number of bytes of its elements, or `None` for a type that is not read, and for more than can be counted.
    pub fn bytes(&self) -> Option<usize> {
        self.shape.iter().try_fold(self.number?.size(), |product, &size| product.checked_mul(size))
    }

    /// Makes the elements little-endian.
    pub fn reorder(&self, bytes: &mut [u8]) {
        if let (Some(number), true) = (self.number, self.is_big_endian) {
            bytes.chunks_exact_mut(number.unit()).for_each(<[u8]>::reverse);
        }
    }

    /// Returns the stride of each dimension, in elements.
    pub fn strides(&self) -> Vec<usize> {
        let mut next = 1_usize;
        let mut stride = |&size: &usize| {
            let own = next;
            next = next.saturating_mul(size);
            own
        };
        if self.is_column_major {
            return self.shape.iter().map(stride).collect();
        }
        let mut strides: Vec<_> = self.shape.iter().rev().map(&mut stride).collect();
        strides.reverse();
        strides
    }
}

/// Returns the header of a row-major float32 array.
pub fn header(shape: &[usize]) -> Vec<u8> {
    let sizes: String = shape.iter().map(|size| format!("{size}, ")).collect();
    // A tuple of one has its comma, a longer one none at its end.
    let sizes = if shape.len() == 1 { sizes.trim_end() } else { sizes.trim_end_matches(", ") };
    let mut text = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({sizes}), }}");
    let start = MAGIC.len() + 2 + 2;
    let padding = (start + text.len() + 1).next_multiple_of(ALIGNMENT) - start - text.len() - 1;
    text.extend(std::iter::repeat_n(' ', padding));
    text.push('\n');
    let length = u16::try_from(text.len()).unwrap_or(u16::MAX).to_le_bytes();
    [MAGIC, &[1, 0], &length, text.as_bytes()].concat()
}

/// Returns an array's header and its elements' bytes.
///
/// # Errors
///
/// The reason why the array cannot be read. A message can end with this text.
pub fn parse(bytes: &[u8]) -> Result<(Header, &[u8]), String> {
    let rest = bytes.strip_prefix(MAGIC).ok_or("it is no .npy file")?;
    let (version, rest) = rest.split_first_chunk::<2>().ok_or("it is truncated")?;
    let (length, rest) = match version {
        [1, 0] => rest.split_first_chunk().map(|(length, rest)| (usize::from(u16::from_le_bytes(*length)), rest)),
        [2 | 3, 0] => rest.split_first_chunk().map(|(length, rest)| (u32::from_le_bytes(*length) as usize, rest)),
        [major, minor] => return Err(format!("its version is {major}.{minor}; 1.0 to 3.0 are read")),
    }
    .ok_or("it is truncated")?;
    if length > MAX_HEADER {
        return Err(format!("its header has {length} bytes, more than {MAX_HEADER}"));
    }
    let (header, data) = rest.split_at_checked(length).ok_or("it is truncated")?;
    let text = std::str::from_utf8(header).ok().and_then(|text| text.strip_suffix('\n'));
    let header = Literal { rest: text.ok_or("its header does not end with a line")? }.header()?;
    Ok((header, data))
}

/// Reads the one kind of Python literal that a header is.
struct Literal<'a> {
    rest: &'a str,
}

impl<'a> Literal<'a> {
    fn header(mut self) -> Result<Header, String> {
        let (mut element, mut is_row_major, mut shape) = (None, None, None);
        self.demand("{")?;
        while !self.take("}") {
            let key = self.word()?;
            self.demand(":")?;
            let is_new = match key {
                "descr" => element.replace(self.element()?).is_none(),
                "fortran_order" => is_row_major.replace(self.is_false()?).is_none(),
                "shape" => shape.replace(self.sizes()?).is_none(),
                _ => return Err("its header has another key than descr, fortran_order and shape".into()),
            };
            if !is_new {
                return Err(format!("its header has two {key}"));
            }
            if !self.take(",") {
                self.demand("}")?;
                break;
            }
        }
        if !self.rest.trim_matches(' ').is_empty() {
            return Err("its header has more than a dict".into());
        }
        let header = (element, shape, is_row_major);
        let (Some(element), Some(shape), Some(is_row_major)) = header else {
            return Err("its header lacks descr, fortran_order or shape".into());
        };
        let (number, description, is_big_endian) = element;
        Ok(Header { number, description, shape, is_column_major: !is_row_major, is_big_endian })
    }

    fn take(&mut self, token: &str) -> bool {
        match self.rest.trim_start_matches(' ').strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn demand(&mut self, token: &'static str) -> Result<(), String> {
        if self.take(token) { Ok(()) } else { Err(format!("its header has no {token} where one must be")) }
    }

    /// Returns a type, its word, and whether its highest byte is first; of records, which have a list of words, the list.
    fn element(&mut self) -> Result<(Option<Number>, String, bool), String> {
        if !self.rest.trim_start_matches(' ').starts_with('[') {
            let word = self.word()?;
            let shown = if word == "|O" { "`|O`, an array of Python objects".into() } else { quoted(word) };
            return Ok((Number::of(word), shown, word.starts_with('>')));
        }
        let end = self.rest.find("], 'fortran_order'").ok_or("its header has a list without an end")?;
        let (list, rest) = self.rest.split_at(end + 1);
        self.rest = rest;
        Ok((None, quoted(list.trim_matches(' ')), false))
    }

    /// Returns a string without escapes.
    fn word(&mut self) -> Result<&'a str, String> {
        let quote = if self.take("'") { '\'' } else { self.demand("\"").map(|()| '"')? };
        let (word, rest) = self.rest.split_once(quote).ok_or("its header has a string without an end")?;
        self.rest = rest;
        Ok(word)
    }

    fn is_false(&mut self) -> Result<bool, String> {
        if self.take("False") { Ok(true) } else { self.demand("True").map(|()| false) }
    }

    fn sizes(&mut self) -> Result<Vec<usize>, String> {
        let mut sizes = Vec::new();
        self.demand("(")?;
        while !self.take(")") {
            let rest = self.rest.trim_start_matches(' ');
            let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            let (size, rest) = rest.split_at(end);
            sizes.push(size.parse().map_err(|_| "its shape is no tuple of sizes")?);
            self.rest = rest;
            if !self.take(",") {
                self.demand(")")?;
                break;
            }
        }
        Ok(sizes)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn file(text: &str) -> Vec<u8> {
        let text = format!("{text}\n");
        [MAGIC, &[1, 0], &(text.len() as u16).to_le_bytes(), text.as_bytes(), b"data"].concat()
    }

    #[test]
    fn headers_are_numpys_and_read_back() {
        let expected = b"\x93NUMPY\x01\x00\x76\x00{'descr': '<f4', 'fortran_order': False, 'shape': (16, 784), }";
        let written = header(&[16, 784]);
        assert!(written.starts_with(expected) && written.len() == 128 && written.ends_with(b" \n"));
        for shape in [&[][..], &[10], &[16, 784], &[1, 2, 3]] {
            let bytes = header(shape);
            assert_eq!(bytes.len() % ALIGNMENT, 0);
            assert_eq!(
                parse(&bytes).unwrap(),
                (
                    Header {
                        number: Some(Number::F32),
                        description: "`<f4`".into(),
                        shape: shape.to_vec(),
                        is_column_major: false,
                        is_big_endian: false
                    },
                    &[][..]
                )
            );
        }
        let other = file(r#"{"shape":(2,),"fortran_order":True,"descr":"<f8"}"#);
        let vector = Header {
            number: Some(Number::F64),
            description: "`<f8`".into(),
            shape: vec![2],
            is_column_major: true,
            is_big_endian: false,
        };
        assert_eq!(parse(&other).unwrap(), (vector, &b"data"[..]));
    }

    #[test]
    fn what_is_no_header_says_why() {
        let error = |text: &str| parse(&file(text)).unwrap_err();
        let valid = "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }";
        assert!(parse(&file(valid)).is_ok());
        for (from, to, words) in [
            ("False", "None", "no True"),
            ("(1,)", "(1, -2)", "no tuple of sizes"),
            ("(1,)", "(99999999999999999999,)", "no tuple of sizes"),
            ("(1,)", "(1 2)", "no )"),
            ("(1,), }", "(1,), 'x': 1}", "another key"),
            ("(1,), }", "(1,), 'shape': (1,)}", "two shape"),
            ("(1,), }", "(1,), } 1", "more than a dict"),
            ("'shape': (1,), ", "", "lacks"),
            ("{'descr'", "{'descr", "no :"),
        ] {
            let text = valid.replace(from, to);
            assert!(error(&text).contains(words), "{text}: {}", error(&text));
        }
        let of_type = |word: &str| {
            let header = parse(&file(&valid.replace("'<f4'", word))).unwrap().0;
            (header.number, header.description)
        };
        assert_eq!(of_type("'>f4'"), (Some(Number::F32), "`>f4`".into()));
        assert_eq!(of_type("'>i4'"), (Some(Number::I32), "`>i4`".into()));
        assert_eq!(of_type("'|b1'").0, Some(Number::Bool));
        assert_eq!(of_type("'>U12'").0.map(|number| (number, number.size())), Some((Number::Text(12), 48)));
        for word in ["'|f4'", "'<c8'", "'<U'", "'<U0'", "'<U-1'", "'<U99999999999999999999'", "'<U65537'", "''", "'é'"]
        {
            assert_eq!(of_type(word).0, None, "{word}");
        }
        assert!(of_type("'|O'").1.starts_with("`|O`"));
        assert_eq!(of_type("[('a', '<i4'), ('b', '<f4', (2,))]").1, "`[('a', '<i4'), ('b', '<f4', (2,))]`");
        let column_major = parse(&file(&valid.replace("False", "True").replace("(1,)", "(2, 3)"))).unwrap().0.strides();
        assert_eq!(column_major, [1, 2]);
        assert_eq!(parse(&header(&[2, 3])).unwrap().0.strides(), [3, 1]);
        assert!(parse(b"\x93NUMPY\x04\x00").unwrap_err().contains("version is 4.0"));
        let long = [MAGIC, &[2, 0], &u32::MAX.to_le_bytes()].concat();
        assert!(parse(&long).unwrap_err().contains("more than 4096"));
    }

    proptest! {
        #[test]
        fn no_array_panics(changes in prop::collection::vec((any::<usize>(), any::<u8>()), 1..6), cut in 0_usize..3) {
            let mut bytes = [header(&[2, 3]), vec![0; 24]].concat();
            for (place, value) in changes {
                let place = place % bytes.len();
                bytes[place] = value;
            }
            bytes.truncate(bytes.len() - cut);
            let _ = parse(&bytes);
        }
    }
}
