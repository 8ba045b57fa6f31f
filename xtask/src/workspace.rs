//! The workspace's folders, and how programs are run in it.

use std::{
    env,
    ffi::OsStr,
    fs,
    io::{BufRead, BufReader, Read, Write},
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

/// Prints a line; nobody to read it is no error.
pub fn say(text: std::fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// `1,034,857`.
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

/// The folder of the workspace's Cargo.toml.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// The folder of everything built.
pub fn target_dir() -> Result<PathBuf> {
    match env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => std::path::absolute(folder).context("CARGO_TARGET_DIR is no usable path"),
        None => Ok(root().join("target")),
    }
}

/// A command in the workspace's root, with the target folder that this call of cargo has.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root());
    if let (Some(_), Ok(folder)) = (env::var_os("CARGO_TARGET_DIR"), target_dir()) {
        command.env("CARGO_TARGET_DIR", folder);
    }
    command
}

/// The cargo that runs this program.
pub fn cargo() -> Command {
    command(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// The file that a program's name stands for, where `PATH` has it.
pub fn on_path(program: &str) -> Option<PathBuf> {
    let file = format!("{program}{}", env::consts::EXE_SUFFIX);
    env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join(&file)).find(|path| path.is_file())
}

/// A command as a user would type it.
pub fn shown(command: &Command) -> String {
    let file_name = |program: &OsStr| Path::new(program).file_name().unwrap_or(program).to_os_string();
    let variables = command.get_envs().filter(|(name, _)| *name != "CARGO_TARGET_DIR");
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

/// Runs a command and returns what it prints. Where it fails, the error is its own words.
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

/// Why [`build`] built no program.
pub struct BuildFailure {
    /// The command, as shown to the user.
    pub command: String,
}

/// Runs `cargo build` (or another that builds) for the program of a name, showing cargo's messages, and returns its path.
pub fn build(cargo: &mut Command, name: &str) -> Result<Result<PathBuf, BuildFailure>> {
    let text = shown(cargo);
    cargo.args(["--message-format", "json-render-diagnostics"]).stdout(Stdio::piped());
    let mut child = cargo.spawn().with_context(|| format!("cannot start `{text}`"))?;

    /// What is of use here of cargo's JSON messages.
    #[derive(Deserialize)]
    struct Message {
        target: Target,
        executable: Option<PathBuf>,
    }
    #[derive(Deserialize)]
    struct Target {
        name: String,
    }
    let mut executable = None;
    each_line(child.stdout.take().context("cargo has no stdout")?, |line| {
        // A benchmark is built with the package's other programs.
        if let Ok(Message { target, executable: Some(path) }) = serde_json::from_str(line)
            && target.name == name
        {
            executable = Some(path);
        }
    });
    let status = child.wait()?;
    match executable {
        Some(executable) if status.success() => Ok(Ok(executable)),
        _ => Ok(Err(BuildFailure { command: text })),
    }
}

/// Checks that a file can be written later: before the long work, not after it.
pub fn check_writable(path: &Path) -> Result<()> {
    ensure!(!path.is_dir(), "cannot write {}: it is a folder", path.display());
    let partial = partial(path);
    let check = || {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&partial, "")?;
        fs::remove_file(&partial)
    };
    check().with_context(|| format!("cannot write {}", path.display()))
}

/// Writes a file under a temporary name beside its place, and renames it when all is there.
pub fn write_whole(path: &Path, text: &str) -> Result<()> {
    let partial = partial(path);
    let written = fs::write(&partial, text).and_then(|()| fs::rename(&partial, path));
    if written.is_err() {
        // The error is of the writing, not of this.
        let _ = fs::remove_file(&partial);
    }
    written.with_context(|| format!("cannot write {}", path.display()))
}

fn partial(path: &Path) -> PathBuf {
    path.with_added_extension(format!("{}.part", std::process::id()))
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
    fn the_root_is_the_workspace() {
        let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
        assert!(manifest.contains("[workspace]"));
    }

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
    fn files_are_written_whole_and_leave_nothing_else() {
        let folder = env::temp_dir().join(format!("selvedge-xtask-{}", std::process::id()));
        let file = folder.join("a/file.json");
        check_writable(&file).unwrap();
        assert!(!file.exists());
        write_whole(&file, "first").unwrap();
        write_whole(&file, "second").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "second");
        assert_eq!(fs::read_dir(folder.join("a")).unwrap().count(), 1);
        for path in [folder.join("a"), file.join("below")] {
            let error = check_writable(&path).unwrap_err().to_string();
            assert_eq!(error.split(": ").next(), Some(&*format!("cannot write {}", path.display())));
        }
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn lines_end_without_their_ends() {
        let mut lines = Vec::new();
        each_line(&b"one\r\ntwo \xff\nthree"[..], |line| lines.push(line.to_owned()));
        assert_eq!(lines, ["one", "two \u{fffd}", "three"]);
    }
}
