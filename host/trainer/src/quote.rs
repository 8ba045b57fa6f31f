//! A file's own words in a message.

/// Returns a word of a file as it can be shown: in backticks, without control characters, not too long.
pub fn quoted(word: &str) -> String {
    format!("`{}`", one_line(word))
}

/// Returns a text in one line, without control characters, not too long.
pub fn one_line(text: &str) -> String {
    const LONGEST: usize = 160;
    let mut line: String = text.chars().take(LONGEST).flat_map(char::escape_debug).collect();
    if text.chars().nth(LONGEST).is_some() {
        line.push('…');
    }
    line.replace("\\'", "'").replace("\\\"", "\"")
}
