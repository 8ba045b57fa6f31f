//! Boards that answer over their UART, as a user asks them; and what comes over the line, good and bad.

#![allow(clippy::unwrap_used, reason = "a test's helper functions are tests too")]

#[cfg(unix)]
mod line;

#[cfg(not(unix))]
skip::ignored!(boards_on_a_line, "the emulator's line is a Unix socket: test on Linux or macOS");
