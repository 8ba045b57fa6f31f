//! Output that is safe for a terminal: control characters in names are shown as text. Also [the signals](ending_signals) that end the program.
//!
//! A file's name, a class's name or a board's answer may hold control characters: they can clear the screen, rename the window or change the
//! direction of the text. The writers here show each of them as JSON does: `\u001b`. So JSON stays valid, and keeps its meaning.

mod signals;

use std::{
    borrow::Cow,
    fmt,
    io::{self, IsTerminal, Stderr, Stdout, Write},
};

pub use signals::ending_signals;

/// Returns standard output. Control characters in a text are written as text.
pub fn stdout() -> Printed<Stdout> {
    Printed { writer: io::stdout(), name: "standard output" }
}

/// Returns standard error. Control characters in a text are written as text.
pub fn stderr() -> Printed<Stderr> {
    Printed { writer: io::stderr(), name: "standard error" }
}

/// Returns a text in which control characters are shown as text. Line feeds and tabs stay.
///
/// ```
/// assert_eq!(terminal::printable("\x1b[2Jcat.png"), "\\u001b[2Jcat.png");
/// ```
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(is_command) {
        return text.into();
    }
    let shown = |letter: char| match letter {
        letter if is_command(letter) => format!("\\u{:04x}", u32::from(letter)),
        letter => letter.into(),
    };
    text.chars().map(shown).collect::<String>().into()
}

/// C0, DEL and C1, and what changes the direction of the text behind it.
fn is_command(letter: char) -> bool {
    letter.is_control() && !['\n', '\t'].contains(&letter)
        || matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A writer that makes all text [`printable`]. Bytes that are not UTF-8 become `�`.
#[derive(Debug)]
pub struct Printed<W> {
    writer: W,
    name: &'static str,
}

impl<W: Write> Printed<W> {
    /// Writes text without a change, with its control characters, such as colours. Use it only for text that the program made itself.
    ///
    /// # Errors
    ///
    /// The error of the writer.
    pub fn write_drawing(&mut self, text: &str) -> io::Result<()> {
        self.writer.write_all(text.as_bytes()).map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &io::Error) -> io::Error {
        io::Error::new(error.kind(), format!("cannot write to {}: {error}", self.name))
    }
}

impl<W: IsTerminal> Printed<W> {
    /// Returns true if the output goes to a terminal.
    pub fn is_terminal(&self) -> bool {
        self.writer.is_terminal()
    }
}

impl<W: Write> Write for Printed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_drawing(&printable(&String::from_utf8_lossy(bytes)))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush().map_err(|error| self.failed(&error))
    }

    /// Writes all parts at once. So no letter is cut, and lines of two programs do not mix.
    fn write_fmt(&mut self, parts: fmt::Arguments<'_>) -> io::Result<()> {
        let mut text = String::new();
        fmt::write(&mut text, parts).map_err(io::Error::other)?;
        self.write_all(text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown() {
        for (text, expected) in [
            ("größer\tT-shirt/top\n日本 👕", "größer\tT-shirt/top\n日本 👕"),
            ("\x1b]0;title\x07", r"\u001b]0;title\u0007"),
            ("\x1b[2J\r", r"\u001b[2J\u000d"),
            ("\0\x08\x7f", r"\u0000\u0008\u007f"),
            ("\u{80}\u{9b}31m\u{a0}", "\\u0080\\u009b31m\u{a0}"),
            ("gnp.\u{202e}exe\u{2066}x\u{2069}", r"gnp.\u202eexe\u2066x\u2069"),
        ] {
            assert_eq!(printable(text), expected);
        }
    }

    #[test]
    fn a_writer_shows_all_but_a_drawing() {
        let mut out = Printed { writer: Vec::new(), name: "memory" };
        let [first, second] = ["a\x1b", "[1m\u{9b}"];
        write!(out, "{first}{second}").unwrap();
        out.write_all(b"\xff\x9b").unwrap();
        out.write_drawing("\x1b[0m").unwrap();
        assert_eq!(out.writer, "a\\u001b[1m\\u009b��\x1b[0m".as_bytes());
    }
}
