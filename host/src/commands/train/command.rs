//! The command that goes on with a run.

use std::{
    env,
    ffi::{OsStr, OsString},
    path::Path,
};

use options::commands::Train;
use os_display::Quotable;

use super::files::WEIGHTS;

/// The variable with the words that start this program, such as `cargo xtask`. Without it, the program's path starts it.
pub const NAME: &str = "SELVEDGE_COMMAND";

/// Returns the shell command that resumes a run from this checkpoint, with the same data, files and processor.
pub fn to_go_on(run: &Train, out: &Path, checkpoint: &Path) -> String {
    let out = (out != checkpoint.with_extension(WEIGHTS)).then(|| out.into());
    // A pipe's reader has gone, and a device may be the cause of the error.
    let metrics = run.metrics.as_ref().filter(|path| path.is_file());
    let files: [(&str, Option<OsString>); 2] = [("resume", Some(checkpoint.into())), ("out", out)];
    let data = run.data.given().into_iter().map(|(option, value)| (option, Some(value)));
    let others: [(&str, Option<OsString>); 5] = [
        ("metrics", metrics.map(Into::into)),
        ("tensorboard", run.tensorboard.as_ref().map(Into::into)),
        ("checkpoint-every", run.checkpoint_every.map(|every| every.to_string().into())),
        ("device", run.device.choice().given().map(Into::into)),
        ("threads", run.threads.threads.map(|threads| threads.to_string().into())),
    ];
    let given = files.into_iter().chain(data).chain(others).filter_map(|(option, value)| Some((option, value?)));
    let flags = [(run.tui, " --tui"), (run.quiet, " --quiet")].into_iter().filter(|(is_given, _)| *is_given);
    format!("{} train{}{}", program(), shown(given), flags.map(|(_, flag)| flag).collect::<String>())
}

/// Options and their values for a shell, each after a space.
pub fn shown<'a>(options: impl IntoIterator<Item = (&'a str, OsString)>) -> String {
    let mut text = String::new();
    for (option, value) in options {
        // Without the equals sign, such a value would be an option.
        let between = if value.to_string_lossy().starts_with('-') { '=' } else { ' ' };
        text += &format!(" --{option}{between}{}", quoted(&value));
    }
    text
}

/// Returns the words that start this program.
pub fn program() -> String {
    env::var(NAME).unwrap_or_else(|_| {
        let program = env::args_os().next().unwrap_or_else(|| "selvedge".into());
        quoted(&program)
    })
}

/// Quotes a value for a shell. If a terminal would not show all its letters, special bytes become numbers.
pub fn quoted(value: &OsStr) -> String {
    let text = value.maybe_quote().to_string();
    if terminal::printable(&text) == text {
        return text;
    }
    let byte = |&byte: &u8| match byte {
        b'\'' | b'\\' => format!("\\{}", char::from(byte)),
        b' '..=b'~' => char::from(byte).into(),
        _ => format!("\\x{byte:02x}"),
    };
    format!("$'{}'", value.as_encoded_bytes().iter().map(byte).collect::<String>())
}

#[cfg(all(test, unix))]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        train: Train,
    }

    #[test]
    fn a_command_has_all_options_of_the_data() {
        let options = "--data waves.csv --label kind --features ax,ay --window 8 --stride 4 --test-split 0.3,seed=2 --missing drop";
        let line = format!("train {options} --lr 1 --threads 2 --out a.selvedge --tui --tensorboard events");
        let Program { train } = Program::try_parse_from(line.split(' ')).unwrap();
        let command = to_go_on(&train, "a.selvedge".as_ref(), "a.checkpoint".as_ref());
        let options = options.replace("0.3,seed=2", "'0.3,seed=2'");
        let end = format!(" train --resume a.checkpoint {options} --tensorboard events --threads 2 --tui");
        assert!(command.ends_with(&end), "{command}");
    }

    #[test]
    fn a_shell_takes_what_is_quoted() {
        for name in [
            "plain.checkpoint",
            "it's here",
            "\u{202e}x\u{202c}'\\ 9",
            "\x1b[2J",
            "a\nb",
            "$HOME `x`",
            "\u{2066}1\u{2069}",
        ] {
            let text = quoted(name.as_ref());
            assert_eq!(terminal::printable(&text), text, "{name:?}");
            let output =
                std::process::Command::new("bash").args(["-c", &format!("printf %s {text}")]).output().unwrap();
            assert_eq!(String::from_utf8(output.stdout).unwrap(), name, "{text}");
        }
    }
}
