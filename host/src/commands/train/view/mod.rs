//! The view of `train --tui`: a run's curves and figures on the whole terminal, drawn by a separate thread a few times a second.
//!
//! The terminal comes back however the run ends: the view is closed when training returns, a panic closes it before its message is shown, and while it is open
//! no signal ends the program by itself.

mod curve;
mod draw;
mod history;
mod keys;
mod scale;
#[cfg(test)]
mod tests;
mod theme;

use std::{
    io::{self, Stdout, stdout},
    panic, process,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use ratatui::{
    Terminal,
    backend::CrosstermBackend,
    crossterm::{
        cursor::Show,
        execute,
        terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode},
    },
};

use super::interrupt;
pub use history::{About, History};
use keys::Keys;
use theme::Theme;

/// The time between two drawings at the least.
const FRAME: Duration = Duration::from_millis(200);
/// The time that a key waits at the most.
const POLL: Duration = Duration::from_millis(50);
/// The name of the thread that draws.
const THREAD: &str = "view";

/// True while the terminal is the view's.
static IS_OPEN: AtomicBool = AtomicBool::new(false);
/// Held while the terminal is drawn on, or given back.
static TERMINAL: Mutex<()> = Mutex::new(());

/// An open view.
pub struct View {
    history: Arc<Mutex<History>>,
    is_ended: Arc<AtomicBool>,
    thread: JoinHandle<io::Result<()>>,
}

impl View {
    /// Takes the terminal, and draws from then on.
    pub fn open(history: History) -> io::Result<Self> {
        let history = Arc::new(Mutex::new(history));
        let is_ended = Arc::new(AtomicBool::new(false));
        interrupt::watch_from_view();
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            give_back();
            before(panic);
        }));
        IS_OPEN.store(true, Ordering::SeqCst);
        let opened = take().and_then(|terminal| {
            let (history, is_ended) = (history.clone(), is_ended.clone());
            thread::Builder::new().name(THREAD.into()).spawn(move || {
                let result = run(terminal, &history, &is_ended);
                give_back();
                result
            })
        });
        let thread = opened.inspect_err(|_| give_back())?;
        Ok(Self { history, is_ended, thread })
    }

    /// Returns true if the terminal is the view's. It is not after an error of the terminal.
    pub fn is_open(&self) -> bool {
        IS_OPEN.load(Ordering::SeqCst)
    }

    /// Tells the view what the run has done.
    pub fn update(&self, change: impl FnOnce(&mut History)) {
        change(&mut lock(&self.history));
    }

    /// Gives the terminal back. Returns the error that ended the view before.
    pub fn close(self) -> io::Result<()> {
        self.is_ended.store(true, Ordering::SeqCst);
        let result = self.thread.join().unwrap_or_else(|_| Err(io::Error::other("it could not be drawn")));
        give_back();
        result
    }
}

/// Locks a mutex, also after a panic of a thread that held it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes over the whole terminal: keys come unchanged, and the old content of the screen comes back later.
fn take() -> io::Result<Terminal<CrosstermBackend<Stdout>>> {
    enable_raw_mode()?;
    execute!(stdout(), EnterAlternateScreen)?;
    Terminal::new(CrosstermBackend::new(stdout()))
}

/// Gives the terminal back, once.
fn give_back() {
    // The thread that draws may hold the lock, when it panics.
    let _drawing = (thread::current().name() != Some(THREAD)).then(|| lock(&TERMINAL));
    if IS_OPEN.swap(false, Ordering::SeqCst) {
        // Where the terminal is gone, there is nothing to give back.
        let _ = disable_raw_mode();
        let _ = execute!(stdout(), LeaveAlternateScreen, Show);
    }
}

/// Draws, and takes keys and signals, until the run ends.
fn run(
    mut terminal: Terminal<CrosstermBackend<Stdout>>,
    history: &Mutex<History>,
    is_ended: &AtomicBool,
) -> io::Result<()> {
    let (theme, mut keys) = (Theme::of_environment(), Keys::open()?);
    let mut drawn: Option<Instant> = None;
    while !is_ended.load(Ordering::SeqCst) {
        if drawn.is_none_or(|drawn| drawn.elapsed() >= FRAME) {
            let shown = lock(history).clone();
            let drawing = lock(&TERMINAL);
            if !IS_OPEN.load(Ordering::SeqCst) {
                return Ok(());
            }
            terminal.draw(|frame| draw::draw(frame, &shown, &theme))?;
            drop(drawing);
            drawn = Some(Instant::now());
        }
        let is_key = keys.ask_to_end(POLL)?;
        if is_key || interrupt::take_signal() {
            if interrupt::ask() {
                give_back();
                process::exit(interrupt::EXIT_CODE.into());
            }
            lock(history).is_ending = true;
        }
    }
    Ok(())
}
