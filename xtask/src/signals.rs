//! The signals that ask this program to end.

use std::io;

/// Calls `end`, in a thread of its own, each time that Ctrl-C is pressed or the system asks this program to end.
///
/// A signal that was ignored when this program started stays ignored, so `nohup` holds. Where there are no such signals, nothing is watched.
#[cfg(unix)]
pub fn on_end(end: impl Fn() + Send + 'static) -> io::Result<()> {
    use signal_hook::{
        consts::{SIGHUP, SIGINT, SIGTERM},
        iterator::Signals,
    };

    let all = [("INT", SIGINT), ("TERM", SIGTERM), ("HUP", SIGHUP)];
    let mut heeded = Vec::new();
    for (name, signal) in all {
        if !is_ignored(name)? {
            heeded.push(signal);
        }
    }
    let mut signals = Signals::new(heeded)?;
    std::thread::spawn(move || signals.forever().for_each(|_| end()));
    Ok(())
}

#[cfg(not(unix))]
pub fn on_end(_end: impl Fn() + Send + 'static) -> io::Result<()> {
    Ok(())
}

/// Tells whether this program was started so that it ignores a signal: a shell that sends it to itself lives on then, as programs inherit that.
#[cfg(unix)]
fn is_ignored(signal: &str) -> io::Result<bool> {
    let mut shell = std::process::Command::new("sh");
    Ok(shell.args(["-c", &format!("kill -{signal} $$")]).status()?.success())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn an_ignored_signal_is_found() {
        // No signal that a test runner ignores.
        assert!(!is_ignored("USR1").unwrap());
        // A window's change is ignored from the start.
        assert!(is_ignored("WINCH").unwrap());
    }
}
