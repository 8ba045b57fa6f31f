//! Ctrl-C, and a system that asks the program to end: the run saves a checkpoint first.

use std::{
    fmt, process,
    sync::atomic::{AtomicBool, Ordering},
};

/// The exit code of a program that was interrupted.
pub const EXIT_CODE: u8 = 130;

static IS_ASKED: AtomicBool = AtomicBool::new(false);

/// From here on, the first signal asks the run to end after its step, and the second ends the program.
pub fn watch() {
    let ask = || {
        if IS_ASKED.swap(true, Ordering::Relaxed) {
            process::exit(EXIT_CODE.into());
        }
    };
    // Without a handler, Ctrl-C ends the program at once, and the last checkpoint is the one that was asked for.
    let _ = ctrlc::set_handler(ask);
}

/// Whether the run is asked to end.
pub fn is_asked() -> bool {
    IS_ASKED.load(Ordering::Relaxed)
}

/// The run was interrupted, and can go on.
#[derive(Debug)]
pub struct Interrupted {
    /// After which step.
    pub step: u64,
    /// The command that goes on with it.
    pub to_go_on: String,
}

impl Interrupted {
    /// What the program ends with.
    pub const EXIT_CODE: u8 = EXIT_CODE;
}

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "interrupted after step {}; the run is saved: `{}` goes on with it", self.step, self.to_go_on)
    }
}

impl std::error::Error for Interrupted {}
