//! Symbols as a reader knows their names.

/// Returns a mangled symbol in a readable form. In the symbol, each name follows its length: `_ZN4core3fmt5write17h…E` becomes `core::fmt::write`.
pub fn readable(symbol: &str) -> String {
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
    }
}
