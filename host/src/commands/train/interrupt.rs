//! Ctrl-C, and a system that asks the program to end: the run saves a checkpoint first.

use std::{
    fmt,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicBool, Ordering},
    },
};

use signal_hook::flag;

/// The exit code of a program that was interrupted.
pub const EXIT_CODE: u8 = 130;

static IS_ASKED: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);
/// Set by every signal while the [view](super::view) is open.
static IS_SIGNALLED: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// From here on, the first signal asks the run to end after its step, and the second ends the program. A signal that was ignored (by
/// nohup, say) stays so.
pub fn watch() {
    for signal in terminal::ending_signals() {
        // Without a handler, the signal ends the program at once, and the last checkpoint is the one that was asked for.
        let _ = flag::register_conditional_shutdown(signal, EXIT_CODE.into(), IS_ASKED.clone());
        let _ = flag::register(signal, IS_ASKED.clone());
    }
}

/// From here on, a signal asks the run to end after its step. No signal ends the program at once, because the view has to restore the terminal
/// first.
pub fn watch_from_view() {
    for signal in terminal::ending_signals() {
        let _ = flag::register(signal, IS_SIGNALLED.clone());
    }
}

/// Returns whether there was a signal since this was asked last.
pub fn take_signal() -> bool {
    IS_SIGNALLED.swap(false, Ordering::Relaxed)
}

/// Asks the run to end, as the first signal does. Returns whether it was asked before.
pub fn ask() -> bool {
    IS_ASKED.swap(true, Ordering::Relaxed)
}

/// Returns whether the run is asked to end.
pub fn is_asked() -> bool {
    // Also where the view has come to an end before it took the signal.
    IS_ASKED.load(Ordering::Relaxed) || IS_SIGNALLED.load(Ordering::Relaxed)
}

/// The run was interrupted, and can go on.
#[derive(Debug)]
pub struct Interrupted {
    /// The last step that was taken.
    pub step: u64,
    /// The command that goes on with it.
    pub to_go_on: String,
}

impl Interrupted {
    /// The program's exit code after a signal.
    pub const EXIT_CODE: u8 = EXIT_CODE;
}

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The command is a line of its own, for whoever copies it.
        write!(
            f,
            "interrupted after step {}; the run is saved, and this goes on with it:\n{}",
            self.step, self.to_go_on
        )
    }
}

impl std::error::Error for Interrupted {}
