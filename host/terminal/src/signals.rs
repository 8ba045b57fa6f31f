use signal_hook::consts::{SIGINT, SIGTERM};

/// Returns the signals that ask a program to end: SIGINT (Ctrl-C), SIGTERM, and on Unix SIGHUP (the terminal is closed).
///
/// A signal that was already ignored when the program started is left out. So the program keeps running under `nohup`.
pub fn ending_signals() -> Vec<i32> {
    #[cfg(unix)]
    let all = [SIGINT, SIGTERM, signal_hook::consts::SIGHUP];
    #[cfg(not(unix))]
    let all = [SIGINT, SIGTERM];
    all.into_iter().filter(|&signal| !is_ignored(signal)).collect()
}

#[cfg(unix)]
#[allow(unsafe_code, reason = "no kept crate asks for a signal's present action")]
fn is_ignored(signal: i32) -> bool {
    let mut present = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: Without a new action, sigaction changes nothing. It writes the present one where it has room for it. The zeros that are there
    // before are an action too.
    unsafe {
        libc::sigaction(signal, std::ptr::null(), present.as_mut_ptr()) == 0
            && present.assume_init().sa_sigaction == libc::SIG_IGN
    }
}

#[cfg(not(unix))]
fn is_ignored(_: i32) -> bool {
    false
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn an_ignored_signal_is_found() {
        assert!(!is_ignored(libc::SIGUSR1));
        // Rust's programs ignore it from the start.
        assert!(is_ignored(libc::SIGPIPE));
    }
}
