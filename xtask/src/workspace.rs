//! Runs programs and shows them.

use std::{
    env,
    ffi::OsStr,
    fs::{File, TryLockError},
    io::{BufRead, BufReader, Read, Write},
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
};

use anyhow::{Context, Result, bail};

/// Prints a line. It is no error if nobody reads the output.
pub fn say(text: std::fmt::Arguments<'_>) {
    let _ = writeln!(terminal::stdout(), "{text}");
}

/// Returns a number with commas between groups of three digits, such as `1,034,857`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// Returns cargo's target folder.
pub fn target_dir() -> Result<PathBuf> {
    let profile = launch::profile_folder().context("the system does not say where xtask is")?;
    profile.parent().map(Path::to_owned).context("xtask lies in no target folder")
}

/// Waits for this lock and takes it. The lock ends when the file is closed, also if this program is killed.
pub fn lock(path: &Path) -> std::io::Result<File> {
    let file = File::create(path)?;
    if let Err(TryLockError::WouldBlock) = file.try_lock() {
        say!("Waiting for another run of cargo xtask to end: it has {}", path.display());
    }
    file.lock()?;
    Ok(file)
}

/// Returns the file that a program's name stands for, if `PATH` has it.
pub fn on_path(program: &str) -> Option<PathBuf> {
    let file = format!("{program}{}", env::consts::EXE_SUFFIX);
    env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join(&file)).find(|path| path.is_file())
}

/// Returns this machine's target, such as `x86_64-unknown-linux-gnu`.
pub fn host() -> Result<String> {
    let words = output(launch::command("rustc").arg("-vV"))?;
    let host = words.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("`rustc -vV` names no host")?.to_owned())
}

/// Returns a command as a user would type it.
pub fn shown(command: &Command) -> String {
    let file_name = |program: &OsStr| Path::new(program).file_name().unwrap_or(program).to_os_string();
    // If the user typed the command again with the second variable, the tests would use programs that may be out of date.
    let hidden = ["CARGO_TARGET_DIR", launch::BUILT];
    let variables = command.get_envs().filter(|(name, _)| !hidden.iter().any(|hidden| *name == *hidden));
    let variables = variables.filter_map(|(name, value)| Some(format!("{}={}", name.display(), value?.display())));
    let program = [file_name(command.get_program()).display().to_string()];
    let words = variables.chain(program).chain(command.get_args().map(|word| word.display().to_string()));
    let quoted = words.map(|word| if word.contains(char::is_whitespace) { format!("'{word}'") } else { word });
    quoted.collect::<Vec<_>>().join(" ")
}

/// Runs a command to its end, showing what it shows, and returns how it ended.
pub fn status(command: &mut Command) -> Result<ExitStatus> {
    command.status().with_context(|| format!("cannot start `{}`", shown(command)))
}

/// Runs a command that must succeed, showing what it shows.
pub fn run(command: &mut Command) -> Result<()> {
    let status = status(command)?;
    if !status.success() {
        bail!("`{}` failed ({status})", shown(command));
    }
    Ok(())
}

/// Runs a command and returns what it prints. If it fails, the error is what it wrote to standard error.
pub fn output(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("cannot start `{}`", shown(command)))?;
    let errors = String::from_utf8_lossy(&output.stderr);
    match errors.trim() {
        _ if output.status.success() => {}
        "" => bail!("`{}` failed ({})", shown(command), output.status),
        words => bail!("{}", words.trim_start_matches("error: ")),
    }
    String::from_utf8(output.stdout).with_context(|| format!("`{}` printed no text", shown(command)))
}

/// Runs a command to its end, showing what it prints, and returns that too.
pub fn output_shown(command: &mut Command) -> Result<String> {
    let mut child =
        command.stdout(Stdio::piped()).spawn().with_context(|| format!("cannot start `{}`", shown(command)))?;
    let mut text = String::new();
    if let Some(stdout) = child.stdout.take() {
        each_line(stdout, |line| {
            say!("{line}");
            text.push_str(line);
            text.push('\n');
        });
    }
    let status = child.wait()?;
    if !status.success() {
        bail!("`{}` failed ({status})", shown(command));
    }
    Ok(text)
}

fn each_line(source: impl Read, mut take: impl FnMut(&str)) {
    let mut source = BufReader::new(source);
    let mut line = Vec::new();
    // Bytes, not text: a compiler may quote a source line that is no UTF-8.
    while source.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
        take(String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']));
        line.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_shows_as_it_is_typed() {
        let mut command = Command::new("/usr/bin/cargo");
        command.env("RUSTDOCFLAGS", "-D warnings").env_remove("RUSTFLAGS").args(["doc", "--no-deps"]);
        assert_eq!(shown(&command), "'RUSTDOCFLAGS=-D warnings' cargo doc --no-deps");
    }

    #[test]
    fn a_failing_program_is_named() {
        let error = run(Command::new("no-such-program").arg("x")).unwrap_err();
        assert!(format!("{error:#}").starts_with("cannot start `no-such-program x`: "), "{error:#}");
    }

    #[test]
    fn a_programs_own_words_are_the_error() {
        let shell = |script| output(Command::new("sh").args(["-c", script])).map_err(|error| error.to_string());
        assert_eq!(shell("echo found; echo note >&2"), Ok("found\n".to_owned()));
        assert_eq!(shell("echo 'error: no file' >&2; exit 1"), Err("no file".to_owned()));
        assert!(shell("exit 3").unwrap_err().ends_with("failed (exit status: 3)"));
    }

    #[test]
    fn lines_end_without_their_ends() {
        let mut lines = Vec::new();
        each_line(&b"one\r\ntwo \xff\nthree"[..], |line| lines.push(line.to_owned()));
        assert_eq!(lines, ["one", "two \u{fffd}", "three"]);
    }
}
