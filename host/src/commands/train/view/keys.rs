//! The keys that end a run.

#[cfg(unix)]
pub use unix::Keys;

#[cfg(not(unix))]
pub use other::Keys;

/// The byte that Ctrl-C is, where the terminal makes no signal of it.
#[cfg(unix)]
const CONTROL_C: u8 = 3;

/// crossterm's events are not taken here: on a terminal that is closed, waiting for one never ends (crossterm 0.29).
#[cfg(unix)]
mod unix {
    use std::{
        fs::File,
        io::{self, IsTerminal, Read, stdin},
        os::fd::AsFd,
        time::Duration,
    };

    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    use super::CONTROL_C;

    /// The terminal's keys, also if standard input is not the terminal.
    pub struct Keys(File);

    impl Keys {
        pub fn open() -> io::Result<Self> {
            if stdin().is_terminal() {
                Ok(Self(stdin().as_fd().try_clone_to_owned()?.into()))
            } else {
                File::open("/dev/tty").map(Self)
            }
        }

        /// Waits at most this long for a key. Returns true if the key asks the run to end: `q`, or Ctrl-C. A closed terminal is an error.
        pub fn ask_to_end(&mut self, wait: Duration) -> io::Result<bool> {
            let wait = Timespec::try_from(wait).map_err(io::Error::other)?;
            match poll(&mut [PollFd::new(&self.0, PollFlags::IN)], Some(&wait)) {
                Ok(0) | Err(rustix::io::Errno::INTR) => return Ok(false),
                ready => ready?,
            };
            let mut bytes = [0; 64];
            match self.0.read(&mut bytes)? {
                0 => Err(io::Error::other("the terminal is closed")),
                count => Ok(bytes[..count].iter().any(|byte| matches!(byte, b'q' | b'Q' | &CONTROL_C))),
            }
        }
    }
}

#[cfg(not(unix))]
mod other {
    use std::{io, time::Duration};

    use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

    /// The terminal's keys.
    pub struct Keys;

    impl Keys {
        pub fn open() -> io::Result<Self> {
            Ok(Self)
        }

        /// Waits at most this long for a key. Returns true if the key asks the run to end: `q`, or Ctrl-C.
        pub fn ask_to_end(&mut self, wait: Duration) -> io::Result<bool> {
            if !event::poll(wait)? {
                return Ok(false);
            }
            let Event::Key(KeyEvent { code, modifiers, kind: KeyEventKind::Press, .. }) = event::read()? else {
                return Ok(false);
            };
            let is_control = modifiers.contains(KeyModifiers::CONTROL);
            Ok(matches!(code, KeyCode::Char('q' | 'Q')) || code == KeyCode::Char('c') && is_control)
        }
    }
}
