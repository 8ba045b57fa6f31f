//! Text and numbers in the form that C needs.

use std::ffi::OsStr;

use os_display::Quotable;

/// Returns a finite float as a hexadecimal literal. It is exact, however a compiler reads decimals.
pub fn float(x: f32) -> String {
    let (sign, bits) = (if x.is_sign_negative() { "-" } else { "" }, x.to_bits() & 0x7fff_ffff);
    let fraction = format!("{:06x}", (bits & 0x007f_ffff) << 1);
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    match (bits >> 23, bits) {
        (0, 0) => format!("{sign}0.0f"),
        (0, _) => format!("{sign}0x0{point}{fraction}p-126f"),
        (field, _) => format!("{sign}0x1{point}{fraction}p{:+}f", field as i32 - 127),
    }
}

/// Returns a string literal. Bytes that are not printable ASCII become octal escapes, which always have three digits. A question mark is
/// escaped too, because two of them can begin a trigraph.
pub fn string(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'"' | b'\\' | b'?' => format!("\\{}", char::from(byte)),
        b' '..=b'~' => char::from(byte).into(),
        _ => format!("\\{byte:03o}"),
    };
    format!("\"{}\"", text.bytes().map(byte).collect::<String>())
}

/// Returns a word for a shell, in printable ASCII.
pub fn shell_word(word: &OsStr) -> String {
    let is_plain = |byte: &u8| matches!(byte, b' '..=b'~');
    if word.as_encoded_bytes().iter().all(is_plain) {
        return word.maybe_quote().to_string();
    }
    let byte = |&byte: &u8| match byte {
        b'\'' | b'\\' => format!("\\{}", char::from(byte)),
        b' '..=b'~' => char::from(byte).into(),
        _ => format!("\\x{byte:02x}"),
    };
    format!("$'{}'", word.as_encoded_bytes().iter().map(byte).collect::<String>())
}

/// Returns printable ASCII for a comment. A backslash separates characters that would end the comment or begin another one.
pub fn in_comment(text: &str) -> String {
    let mut shown = String::new();
    let mut before = ' ';
    for letter in text.chars() {
        if matches!((before, letter), ('*', '/') | ('/', '*')) {
            shown.push('\\');
        }
        shown.push(letter);
        before = letter;
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_float_is_exact() {
        for (x, expected) in [
            (0.0, "0.0f"),
            (-0.0, "-0.0f"),
            (1.0, "0x1p+0f"),
            (-0.75, "-0x1.8p-1f"),
            (0.1, "0x1.99999ap-4f"),
            (f32::MAX, "0x1.fffffep+127f"),
            (f32::MIN_POSITIVE, "0x1p-126f"),
            (f32::from_bits(1), "0x0.000002p-126f"),
            (f32::from_bits(0x0040_0000), "0x0.8p-126f"),
        ] {
            assert_eq!(float(x), expected);
        }
    }

    #[test]
    fn a_string_holds_any_name() {
        assert_eq!(string("T-shirt/top"), "\"T-shirt/top\"");
        assert_eq!(string("größe 1"), "\"gr\\303\\266\\303\\237e 1\"");
        assert_eq!(string("??/\"\\\n"), "\"\\?\\?/\\\"\\\\\\012\"");
    }

    #[test]
    fn a_comment_goes_on() {
        assert_eq!(in_comment("a/*b*/c**/"), "a/\\*b*\\/c**\\/");
        assert_eq!(shell_word(OsStr::new("it's")), "\"it's\"");
        assert_eq!(shell_word(OsStr::new("ö\n'")), "$'\\xc3\\xb6\\x0a\\''");
    }
}
