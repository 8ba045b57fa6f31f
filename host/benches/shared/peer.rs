//! Another program that trains, and prints how long its epochs took.

use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

/// Lines of a peer's standard error that an error quotes.
const QUOTED: usize = 8;

/// A command of the shell, with places for what is measured.
#[derive(Clone, Copy, Debug)]
pub struct Peer<'a>(pub &'a str);

/// The measurements of a process of a peer.
#[derive(Debug, PartialEq)]
pub struct Epochs {
    /// The name that it prints.
    pub name: String,
    /// Each epoch's, without the first.
    pub seconds: Vec<f64>,
}

impl Peer<'_> {
    /// Returns the command with its places filled.
    fn command(&self, batch_size: u32, threads: usize, epochs: u32) -> String {
        let fill = |text: String, place: &str, value: usize| text.replace(place, &value.to_string());
        let text = fill(self.0.to_owned(), "{batch}", batch_size as usize);
        // The first is a warm-up.
        fill(fill(text, "{threads}", threads), "{epochs}", epochs as usize + 1)
    }

    /// Runs the program to its end.
    ///
    /// # Errors
    ///
    /// If the program does not start, fails, or prints fewer than two epochs. The error has the end of its output.
    pub fn run(&self, batch_size: u32, threads: usize, epochs: u32) -> Result<Epochs> {
        let command = self.command(batch_size, threads, epochs);
        let [shell, option] = if cfg!(windows) { ["cmd", "/C"] } else { ["sh", "-c"] };
        let output = Command::new(shell).args([option, &command]).output();
        let output = output.with_context(|| format!("--peer: cannot start the shell {shell}"))?;
        let words = last_lines(&String::from_utf8_lossy(&output.stderr));
        ensure!(output.status.success(), "--peer: `{command}` failed ({}){words}", output.status);
        let lines: Vec<_> = String::from_utf8_lossy(&output.stdout).lines().filter_map(Line::read).collect();
        let [first, measured @ ..] = &*lines else {
            bail!("--peer: `{command}` printed no epochs, which are lines with `1.23 s` in them{words}");
        };
        ensure!(
            !measured.is_empty(),
            "--peer: `{command}` printed one epoch, and the first is left out: let it train {{epochs}} of them{words}"
        );
        Ok(Epochs { name: first.name.clone(), seconds: measured.iter().map(|line| line.seconds).collect() })
    }
}

/// Returns the end of a program's standard error, to follow a message.
fn last_lines(text: &str) -> String {
    let lines: Vec<_> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = &lines[lines.len().saturating_sub(QUOTED)..];
    if last.is_empty() { String::new() } else { format!("; its last words:\n  {}", last.join("\n  ")) }
}

/// A line about an epoch: `pytorch eager cpu batch 64 epoch 0 1.4842 s 40403 samples/s`.
#[derive(Debug, PartialEq)]
struct Line {
    /// The words before the first of `batch`, `epoch` and any number.
    name: String,
    seconds: f64,
}

impl Line {
    /// `None` for a line about something else.
    fn read(line: &str) -> Option<Self> {
        let words: Vec<_> = line.split_whitespace().collect();
        let number = |word: &str| word.parse::<f64>().ok();
        let seconds = words.windows(2).find(|pair| pair[1] == "s").and_then(|pair| number(pair[0]))?;
        let is_about = |word: &str| ["batch", "epoch"].iter().any(|about| word.eq_ignore_ascii_case(about));
        let is_name = |word: &&&str| !is_about(word.trim_end_matches(':')) && number(word).is_none();
        let name = words.iter().take_while(is_name).copied().collect::<Vec<_>>().join(" ");
        let name = if name.is_empty() { "peer".into() } else { name };
        (seconds > 0.0 && seconds.is_finite()).then_some(Self { name, seconds })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_filled() {
        let peer = Peer("train --batch {batch} -j{threads} --epochs {epochs} {other}");
        assert_eq!(peer.command(64, 2, 3), "train --batch 64 -j2 --epochs 4 {other}");
    }

    #[test]
    fn lines_name_the_program_and_its_seconds() {
        let read = |line| Line::read(line).map(|line| (line.name, line.seconds));
        let line = "pytorch eager cpu batch 64 epoch 0 1.4842 s 40403 samples/s accuracy 0.4";
        assert_eq!(read(line), Some(("pytorch eager cpu".into(), 1.4842)));
        assert_eq!(read("Epoch 3: 0.5 s"), Some(("peer".into(), 0.5)));
        assert_eq!(read("2 s"), Some(("peer".into(), 2.0)));
        for other in ["", "s", "loading took long", "about s", "1.5 ms", "0 s", "-1 s", "NaN s", "inf s"] {
            assert_eq!(read(other), None, "{other}");
        }
    }

    fn run(command: &str) -> Result<Epochs, String> {
        Peer(command).run(64, 2, 2).map_err(|error| error.to_string())
    }

    #[cfg(unix)]
    #[test]
    fn the_first_epoch_is_left_out() {
        let epochs = run("echo started; for i in 9 2 {epochs}; do echo fake batch {batch} epoch 0 $i s; done");
        assert_eq!(epochs, Ok(Epochs { name: "fake".into(), seconds: vec![2.0, 3.0] }));
    }

    #[cfg(unix)]
    #[test]
    fn a_failing_peer_is_quoted() {
        let error = run("no-such-program --batch {batch}").unwrap_err();
        assert!(error.starts_with("--peer: `no-such-program --batch 64` failed (exit status: 127); its last words:\n"));
        let error = run("for i in $(seq 20); do echo line $i >&2; done; exit 3").unwrap_err();
        assert!(error.contains("(exit status: 3)") && error.ends_with("\n  line 19\n  line 20"), "{error}");
        assert!(!error.contains("line 12\n"), "{error}");
        assert!(run("echo hello").unwrap_err().contains("printed no epochs"));
        assert!(run("echo 1 s").unwrap_err().contains("{epochs}"));
    }
}
