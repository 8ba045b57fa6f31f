//! The view of `train --tui`, on its own terminal.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test's helper functions are tests too")]

use std::{
    fs,
    io::{Read, Write},
    num::NonZero,
    path::Path,
    process::Command,
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use tests::{said, selvedge};

/// The options of a run without its number of epochs. An epoch has 20 steps.
const RUN: &str =
    "train --data builtin --model tiny --limit-train 320 --batch-size 16 --recipe quickstart --out a.selvedge";

/// A program on a terminal.
struct Terminal {
    master: Box<dyn MasterPty + Send>,
    child: Box<dyn Child + Send + Sync>,
    screen: Arc<Mutex<vt100::Parser>>,
    reader: JoinHandle<()>,
    writer: Box<dyn Write + Send>,
}

fn size(columns: u16, rows: u16) -> PtySize {
    PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }
}

/// Columns or rows, of which there is one at least.
fn counted(side: u16) -> NonZero<u16> {
    NonZero::new(side).unwrap()
}

impl Terminal {
    /// Starts a line of the shell, in which `"$0"` is the program.
    fn start(folder: &Path, line: &str, (columns, rows): (u16, u16)) -> Self {
        let pair = native_pty_system().openpty(size(columns, rows)).unwrap();
        let program = selvedge(folder);
        let mut command = CommandBuilder::new("bash");
        command.args(["-c", line]);
        command.arg(program.get_program());
        command.cwd(folder);
        command.env("TERM", "xterm-256color");
        for name in ["NO_COLOR", "COLORTERM"] {
            command.env_remove(name);
        }
        for (name, value) in program.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            }
        }
        let child = pair.slave.spawn_command(command).unwrap();
        // The reader comes to the end when the program has ended.
        drop(pair.slave);
        let screen = Arc::new(Mutex::new(vt100::Parser::new(counted(rows), counted(columns), 1000)));
        let (shown, mut output) = (screen.clone(), pair.master.try_clone_reader().unwrap());
        let reader = thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = output.read(&mut bytes) {
                shown.lock().unwrap().process(&bytes[..count]);
            }
        });
        let writer = pair.master.take_writer().unwrap();
        Self { master: pair.master, child, screen, reader, writer }
    }

    fn text(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    fn is_viewed(&self) -> bool {
        self.screen.lock().unwrap().screen().alternate_screen()
    }

    /// Waits until the screen shows all of these.
    fn wait_for(&self, words: &[&str]) {
        let started = Instant::now();
        while !words.iter().all(|words| self.text().contains(words)) {
            assert!(started.elapsed() < Duration::from_secs(60), "{words:?}:\n{}", self.text());
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn type_in(&mut self, keys: &[u8]) {
        self.writer.write_all(keys).unwrap();
    }

    fn resize(&self, (columns, rows): (u16, u16)) {
        // A program may draw for the old size until it sees the new one.
        self.screen.lock().unwrap().screen_mut().set_size(counted(rows), counted(columns));
        self.master.resize(size(columns, rows)).unwrap();
    }

    /// Waits for the end. Returns the exit code and what stands on the screen then, which is the one of before again.
    fn end(mut self) -> (u32, String) {
        let code = self.child.wait().unwrap().exit_code();
        let terminal = self.master.get_termios().unwrap();
        drop((self.writer, self.master));
        self.reader.join().unwrap();
        let screen = self.screen.lock().unwrap();
        assert!(
            !screen.screen().alternate_screen() && !screen.screen().hide_cursor(),
            "{}",
            screen.screen().contents()
        );
        let flags = format!("{:?}", terminal.local_flags);
        assert!(flags.contains("ICANON") && flags.contains("ECHO") && flags.contains("ISIG"), "{flags}");
        (code, screen.screen().contents())
    }
}

fn hash(text: &str) -> &str {
    text.split_once("SHA-256 ").unwrap().1.lines().next().unwrap()
}

#[test]
fn the_last_lines_stay_and_the_weights_are_those_of_any_run() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let expected = said(folder, &format!("{RUN} --epochs 40"));
    let terminal = Terminal::start(folder, &format!("\"$0\" {RUN} --epochs 40 --tui"), (100, 60));
    let (code, text) = terminal.end();
    assert_eq!(code, 0, "{text}");
    for words in ["Using cpu", "Epoch 40", "Test Error:", "Accuracy: ", "Saved a.selvedge, SHA-256 "] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert_eq!(hash(&text), hash(&expected));
    // Only the last epoch is told.
    assert!(!text.contains("Epoch 39"), "{text}");
}

#[test]
fn a_key_ends_the_run_as_control_c_does() {
    for (keys, window) in [(&b"q"[..], (80, 24)), (b"\x03", (120, 40))] {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let mut terminal = Terminal::start(folder, &format!("\"$0\" {RUN} --epochs 1000000 --tui"), window);
        terminal.wait_for(&[
            "recipe quickstart",
            "data builtin",
            "Loss",
            "Accuracy",
            "epoch",
            "of 20,000,000",
            "samples/s",
            "q ends",
        ]);
        assert!(terminal.is_viewed());
        terminal.type_in(keys);
        let (code, text) = terminal.end();
        let text = text.replace('\n', "");
        assert_eq!(code, 130, "{text}");
        assert!(text.contains("error: interrupted after step") && text.contains("--resume a.checkpoint"), "{text}");
        assert!(folder.join("a.checkpoint").exists());
    }
}

#[test]
fn a_signal_gives_the_terminal_back() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let terminal = Terminal::start(folder, &format!("exec \"$0\" {RUN} --epochs 1000000 --tui"), (80, 24));
    terminal.wait_for(&["test after epoch"]);
    let process = terminal.child.process_id().unwrap().to_string();
    assert!(Command::new("kill").args(["-TERM", &process]).status().unwrap().success());
    let (code, text) = terminal.end();
    assert_eq!(code, 130, "{text}");
    assert!(text.contains("interrupted after step"), "{text}");
}

/// The run ends and is saved when the window is closed, and no thread waits for keys that never come.
#[test]
fn a_closed_terminal_ends_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let terminal = Terminal::start(folder, &format!("exec \"$0\" {RUN} --epochs 1000000 --tui"), (80, 24));
    terminal.wait_for(&["test after epoch"]);
    let Terminal { master, writer, mut child, .. } = terminal;
    // The reader's own end is closed by a signal to it no sooner than the program ends, so the signal of a closed terminal is sent by hand.
    drop((writer, master));
    let process = child.process_id().unwrap().to_string();
    assert!(Command::new("kill").args(["-HUP", &process]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().exit_code(), 130);
    assert!(folder.join("a.checkpoint").exists());
}

#[test]
fn an_error_gives_the_terminal_back() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let line = format!("ulimit -f 400; \"$0\" {RUN} --epochs 1000000 --tui --tensorboard events");
    let (code, text) = Terminal::start(folder, &line, (200, 24)).end();
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("error: cannot write events/"), "{text}");
}

#[test]
fn a_window_of_any_size_is_drawn_on() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut terminal = Terminal::start(folder, &format!("\"$0\" {RUN} --epochs 1000000 --tui"), (80, 24));
    terminal.wait_for(&["Loss", "q ends"]);
    terminal.resize((120, 40));
    terminal.wait_for(&["Learning rate", "Samples per second"]);
    terminal.resize((20, 5));
    terminal.wait_for(&["epoch", "q ends"]);
    terminal.resize((1, 1));
    terminal.resize((80, 24));
    terminal.wait_for(&["Loss", "q ends"]);
    terminal.type_in(b"q");
    assert_eq!(terminal.end().0, 130);
}

#[test]
fn without_a_terminal_lines_are_printed() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let plain = said(folder, &format!("{RUN} --epochs 1"));
    let text = said(folder, &format!("{RUN} --epochs 1 --tui"));
    assert!(text.contains("note: --tui: standard output is no terminal, so the run prints lines"), "{text}");
    assert_eq!(hash(&text), hash(&plain));
    assert!(text.contains("Epoch 1\n-------------------------------\nloss: "), "{text}");
    assert!(!text.contains('\x1b'), "{text:?}");
    let (code, text) = Terminal::start(folder, &format!("TERM=dumb \"$0\" {RUN} --epochs 1 --tui"), (100, 60)).end();
    assert!(code == 0 && text.contains("TERM says that this terminal cannot be drawn on"), "{text}");
}

/// A folder's name is a command to the terminal.
#[test]
fn names_are_text() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::write(folder.join("x\x1b[2Jy.toml"), "epochs = 1000000\nlr = 0.001").unwrap();
    let line = format!("\"$0\" {} --recipe $'x\\e[2Jy.toml' --tui", RUN.replace(" --recipe quickstart", ""));
    let mut terminal = Terminal::start(folder, &line, (80, 24));
    terminal.wait_for(&[r"recipe x\u001b[2Jy.toml", "q ends"]);
    terminal.type_in(b"q");
    assert_eq!(terminal.end().0, 130);
}
