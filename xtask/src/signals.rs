//! The signals that ask this program to end.

use std::io;

/// Calls `end`, in a separate thread, each time that Ctrl-C is pressed or the system asks this program to end.
///
/// A signal that was ignored when this program started stays ignored. Where there are no such signals, nothing is watched.
#[cfg(unix)]
pub fn on_end(end: impl Fn() + Send + 'static) -> io::Result<()> {
    let mut signals = signal_hook::iterator::Signals::new(terminal::ending_signals())?;
    std::thread::spawn(move || signals.forever().for_each(|_| end()));
    Ok(())
}

#[cfg(not(unix))]
pub fn on_end(_end: impl Fn() + Send + 'static) -> io::Result<()> {
    Ok(())
}
