//! `cargo xtask device`: a board that answers over its UART. This module starts the emulator, or a chip through its probe. The program `selvedge`
//! then sends the requests.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{RecvTimeoutError, channel},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use board::Board;
use clap::{Args, Subcommand};
use tempfile::TempDir;

use crate::{
    flash::{
        self, Device, Program, Run, Running, Started,
        model::{Choice, Model, Weights},
    },
    signals, workspace,
};

/// The exit code of a program that was interrupted.
const INTERRUPTED: u8 = 130;

/// The question to the board, and the board.
#[derive(Args)]
pub struct DeviceOptions {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    target: Target,
}

#[derive(Subcommand)]
enum Action {
    /// Show the board and its network
    Info,
    /// Predict pictures or other samples on the board
    Predict {
        /// Pictures of one object, CSV files or IDX files, as for `predict`; --weights names the network's file
        #[arg(required_unless_present = "values")]
        inputs: Vec<PathBuf>,
        /// Resize pictures to the network's input and change nothing else
        #[arg(long, requires = "inputs")]
        resize: bool,
        /// The values of a sample, one for each input of the network
        #[arg(long, value_name = "V,V,…", allow_hyphen_values = true)]
        values: Vec<String>,
    },
    /// Predict test samples on the board, and compare each class and every bit of the logits with the host's
    Eval {
        /// The number of test samples, from the first [default: all]
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
        count: Option<u32>,
    },
    /// Start the board, print its address, and keep it running until Ctrl-C
    Serve,
}

#[derive(Args)]
struct Target {
    /// The board: a file in firmware/boards, without its ending .toml
    #[arg(long, global = true, value_name = "NAME", default_value = board::DEFAULT)]
    board: String,
    /// The serial port of a real board; the board must already run `serve`, or --probe starts it
    #[arg(long, global = true, value_name = "PATH")]
    port: Option<String>,
    /// Start `serve` on the real chip, through probe-rs
    #[arg(long, global = true, requires = "port")]
    probe: bool,
    /// The longest time to wait for an answer, in seconds
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..))]
    timeout: u32,
    #[command(flatten)]
    network: Choice,
}

impl Target {
    fn device(&self) -> Option<Device> {
        match (&self.port, self.probe) {
            (None, _) => Some(Device::Emulator),
            (Some(_), true) => Some(Device::Probe),
            (Some(_), false) => None,
        }
    }
}

/// Starts the board if it does not run, and asks it. Returns the exit code of `selvedge`.
pub fn run(options: &DeviceOptions) -> Result<ExitCode> {
    let DeviceOptions { action, target } = options;
    match (target.device(), &target.port) {
        (None, Some(port)) => {
            let board = Board::named(&target.board)?;
            if let Action::Serve = action {
                bail!("a board at --port runs already: ask it, or leave out --port");
            }
            let named = target.network.weights()?;
            let model = target.network.model(&board.model)?;
            let weights = match action {
                Action::Eval { .. } => Some(named.map_or_else(|| model.weights(), Ok)?),
                Action::Predict { .. } => named,
                Action::Info | Action::Serve => None,
            };
            Ok(launch::hand_over(&mut question(options, &board, port, &model, weights.as_ref()))?)
        }
        (device, port) => start(options, device.unwrap_or(Device::Emulator), port.as_deref()),
    }
}

/// Returns the command `selvedge device …` for the board at an address.
fn question(
    options: &DeviceOptions,
    board: &Board,
    address: &str,
    model: &Model,
    weights: Option<&Weights>,
) -> Command {
    let DeviceOptions { action, target } = options;
    let mut selvedge = model.device_command();
    let connect =
        ["--connect", address, "--baud", &board.uart.baud.to_string(), "--timeout", &target.timeout.to_string()]
            .map(str::to_owned);
    match action {
        Action::Info | Action::Serve => {
            selvedge.arg("info").args(connect);
        }
        Action::Predict { inputs, resize, values } => {
            selvedge.arg("predict").args(connect).args(inputs).args(resize.then_some("--resize"));
            selvedge.args(weights.iter().flat_map(|weights| ["--file".as_ref(), weights.file.as_os_str()]));
            selvedge.args(values.iter().flat_map(|values| ["--values", values]));
        }
        Action::Eval { count } => {
            selvedge.arg("eval").args(connect).args(weights.map(|weights| &weights.file));
            selvedge.args(count.iter().flat_map(|count| ["--count".into(), count.to_string()]));
            selvedge.args(target.network.data.arguments());
        }
    }
    selvedge
}

fn start(options: &DeviceOptions, device: Device, port: Option<&str>) -> Result<ExitCode> {
    let DeviceOptions { action, target } = options;
    let run = Run::new(&target.board, Program::Serve, device, target.timeout.into())?;
    let (model, weights) = target.network.fitting(&run, Some(0))?;
    let network = weights.architecture.folded();
    let load = weights.load(Program::Serve, &network, target.network.format, Some(0));
    let weights = model.deployed(weights, target.network.format, &run.embed.path)?;
    let embedded = run.embed.path.join("weights.selvedge");
    fs::copy(&weights.file, &embedded).with_context(|| format!("cannot write {}", embedded.display()))?;

    let folder = SocketFolder::new(&run.embed.path.with_extension("socket"))?;
    let socket = folder.folder.path().join("uart");
    let serial = format!("unix:{},server=on,wait=off", socket.display().to_string().replace(',', ",,"));
    let address = port.map_or_else(|| format!("unix:{}", socket.display()), str::to_owned);
    let started = run.build_and_start(&serial).map_err(|error| load.explain(error, &run.board))?;
    let serving = Serving::wait_for(started, target.timeout)?;
    if let Action::Serve = action {
        say!("It answers at {address}, as `selvedge device info --connect {address}` shows; Ctrl-C ends it");
        return serving.wait();
    }
    let status = workspace::status(&mut question(options, &run.board, &address, &model, Some(&weights)))?;
    if serving.end()? { Ok(INTERRUPTED.into()) } else { flash::exit_code(status) }
}

/// The folder of the emulator's socket. It is in the system's temporary folder, because a socket's path must be short. No other user can read it.
///
/// A file notes its place, so the next run can remove the folder of a killed one.
struct SocketFolder {
    folder: TempDir,
    note: PathBuf,
}

impl SocketFolder {
    const START: &str = "selvedge-";

    fn new(note: &Path) -> Result<Self> {
        let left = fs::read_to_string(note).map(PathBuf::from).ok();
        // Only what was made here.
        let is_ours =
            |folder: &Path| folder.file_name().is_some_and(|name| name.display().to_string().starts_with(Self::START));
        if let Some(left) = left.filter(|folder| folder.parent() == Some(&env::temp_dir()) && is_ours(folder)) {
            // What is gone already needs no more.
            let _ = fs::remove_dir_all(left);
        }
        let folder =
            tempfile::Builder::new().prefix(Self::START).tempdir().context("no place for the board's socket")?;
        fs::write(note, folder.path().as_os_str().as_encoded_bytes())
            .with_context(|| format!("cannot write {}", note.display()))?;
        Ok(Self { folder, note: note.to_owned() })
    }
}

impl Drop for SocketFolder {
    fn drop(&mut self) {
        // A note of a folder that is gone harms nobody.
        let _ = fs::remove_file(&self.note);
    }
}

/// A board that has begun to serve, and does not outlive this handle.
struct Serving {
    process: Process,
    log: JoinHandle<Result<()>>,
    is_interrupted: Arc<AtomicBool>,
}

impl Serving {
    /// Waits for the first line of the program, which it prints when it is ready.
    fn wait_for(Started { process, log }: Started, timeout: u32) -> Result<Self> {
        let (sender, first_line) = channel();
        let log = thread::spawn(move || {
            log.follow(Duration::MAX, |line| {
                say!("{line}");
                // Nobody waits for the second one.
                let _ = sender.send(());
            })
        });
        let serving = Self { process: Process(Arc::new(Mutex::new(process))), log, is_interrupted: Arc::default() };
        serving.end_on_interrupt()?;
        match first_line.recv_timeout(Duration::from_secs(timeout.into())) {
            Ok(()) => Ok(serving),
            Err(RecvTimeoutError::Timeout) => {
                bail!("the board has not begun to serve for {timeout} s; --timeout allows more")
            }
            Err(RecvTimeoutError::Disconnected) => {
                serving.wait()?;
                bail!("interrupted")
            }
        }
    }

    /// Ends the board at Ctrl-C, or when the system asks this program to end. Programs that wait for the board then end too. Under `nohup` it
    /// ignores the signal.
    fn end_on_interrupt(&self) -> Result<()> {
        let (process, is_interrupted) = (Arc::clone(&self.process.0), Arc::clone(&self.is_interrupted));
        signals::on_end(move || {
            is_interrupted.store(true, Ordering::Relaxed);
            running(&process).kill();
        })
        .context("cannot watch for Ctrl-C")
    }

    /// Waits until Ctrl-C ends the board.
    fn wait(self) -> Result<ExitCode> {
        self.log.join().unwrap_or(Ok(()))?;
        let status = running(&self.process.0).wait()?;
        if self.is_interrupted.load(Ordering::Relaxed) {
            return Ok(INTERRUPTED.into());
        }
        bail!("the program on the board has ended ({status})")
    }

    /// Ends the board. Returns true if Ctrl-C had already ended it.
    fn end(self) -> Result<bool> {
        drop(self.process);
        // What it said at last.
        self.log.join().unwrap_or(Ok(()))?;
        Ok(self.is_interrupted.load(Ordering::Relaxed))
    }
}

/// A process with two owners, which may both end it: the watch for Ctrl-C, which lasts as long as this program, and the handle.
struct Process(Arc<Mutex<Running>>);

impl Drop for Process {
    fn drop(&mut self) {
        running(&self.0).end();
    }
}

fn running(process: &Mutex<Running>) -> MutexGuard<'_, Running> {
    process.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        options: DeviceOptions,
    }

    fn parse(line: &str) -> Result<DeviceOptions, clap::Error> {
        Cli::try_parse_from(line.split(' ')).map(|cli| cli.options)
    }

    #[test]
    fn options_stand_before_and_after_what_is_asked() {
        for line in ["device --board microbit eval --count 5", "device eval --count 5 --board microbit"] {
            let options = parse(line).unwrap();
            assert_eq!(options.target.board, "microbit");
            assert!(matches!(options.action, Action::Eval { count: Some(5) }));
        }
        assert!(parse("device").is_err());
        assert!(parse("device predict").is_err());
        assert!(parse("device eval --count 0").is_err());
        assert!(parse("device info --model tiny --layers 784,16,10").is_err());
    }

    #[test]
    fn a_port_is_a_board_that_runs_unless_a_probe_starts_it() {
        let device = |line| parse(line).unwrap().target.device();
        assert_eq!(device("device info"), Some(Device::Emulator));
        assert_eq!(device("device info --port /dev/ttyUSB0"), None);
        assert_eq!(device("device info --port /dev/ttyUSB0 --probe"), Some(Device::Probe));
        assert!(parse("device info --probe").is_err());
        let error = run(&parse("device serve --port /dev/ttyUSB0").unwrap()).unwrap_err();
        assert!(error.to_string().contains("leave out --port"), "{error}");
    }

    #[test]
    fn the_socket_is_gone_with_its_folder_and_that_of_a_killed_run_with_the_next() {
        let notes = tempfile::tempdir().unwrap();
        let note = notes.path().join("microbit-serve.socket");
        let killed = SocketFolder::new(&note).unwrap();
        let path = killed.folder.path().to_owned();
        fs::write(path.join("uart"), "").unwrap();
        std::mem::forget(killed);
        let next = SocketFolder::new(&note).unwrap();
        let next_path = next.folder.path().to_owned();
        assert!(!path.exists() && next_path.exists());
        drop(next);
        assert!(!next_path.exists() && !note.exists());
        // Nothing else goes.
        fs::write(&note, notes.path().as_os_str().as_encoded_bytes()).unwrap();
        SocketFolder::new(&note).unwrap();
        assert!(notes.path().exists());
    }
}
