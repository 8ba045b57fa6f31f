//! A program's command line with its help: examples, and a usage line in the order in which a command is typed.

use clap::{Command, CommandFactory, builder::StyledStr};

use crate::commands::predict::USAGE;

/// A list of commands. Each entry has the words of a command, such as `device eval`, and its examples. An example is the arguments and their
/// effect.
pub type Examples = [(&'static str, &'static [(&'static str, &'static str)])];

/// The examples of the commands of `selvedge`.
const EXAMPLES: &Examples = &[
    (
        "train",
        &[
            ("train", "Fashion-MNIST by the recipe fast, to weights/quickstart.selvedge"),
            ("train --recipe best --device cuda", "the most accurate recipe, on a GPU"),
            (
                "train --data motion.csv --window 32 --layers '… => 24 Relu => …'",
                "a time series, and a network of your own",
            ),
            ("train --resume weights/quickstart.checkpoint", "go on with a run that Ctrl-C ended"),
        ],
    ),
    ("search", &[("search mine.toml --trials 40", "40 recipes; the best is searches/mine/best.toml")]),
    (
        "recipes",
        &[
            ("recipes", "the built-in recipes"),
            ("recipes best > mine.toml", "a file to change, for `train --recipe mine.toml`"),
        ],
    ),
    ("eval", &[("eval weights/quickstart.selvedge", "accuracy, confusion matrix, and each class's figures")]),
    (
        "report",
        &[
            ("report weights/quickstart.selvedge", "report.html, of one run"),
            ("report a.selvedge b.selvedge --out both.html", "two runs, drawn over each other"),
        ],
    ),
    (
        "predict",
        &[
            ("predict weights/quickstart.selvedge shoe.jpg", "class, probability, and the next two classes"),
            ("predict weights/96-24-3.selvedge new.csv --json", "each sample of a table, for another program"),
        ],
    ),
    ("inspect", &[("inspect weights/quickstart.selvedge", "layers, sizes, training record, and hash")]),
    (
        "convert",
        &[
            ("convert model.pth model.selvedge", "PyTorch's weights, for every other command"),
            ("convert weights/quickstart.selvedge model.onnx", "a graph for other programs"),
        ],
    ),
    (
        "quantize",
        &[
            ("quantize weights/quickstart.selvedge", "8 bits: weights/quickstart.int8"),
            (
                "quantize weights/quickstart.selvedge --format int4 --qat",
                "4 bits, after further training with rounded weights",
            ),
        ],
    ),
    (
        "data",
        &[("data --data motion.csv --window 32 --out look.png", "a table as it is understood, and a picture of it")],
    ),
    (
        "show",
        &[
            ("show --count 9", "nine training samples, in samples.png"),
            ("show --weights weights/quickstart.selvedge --saliency", "the pixels that the network looks at"),
        ],
    ),
    ("embed", &[("embed weights/tiny.selvedge --count 20 --out flash", "20 test samples, and the host's answers")]),
    ("export-c", &[("export-c weights/tiny.selvedge --out c", "the network as a header and a source")]),
    (
        "new",
        &[("new ../shoes --weights weights/tiny.selvedge --board microbit", "a project that `cargo run` emulates")],
    ),
    ("engines", &[("engines", "the fastest instructions of this processor come first")]),
    (
        "completions",
        &[
            ("completions bash > ~/.local/share/bash-completion/completions/selvedge", "for bash"),
            ("completions fish > ~/.config/fish/completions/selvedge.fish", "for fish"),
        ],
    ),
    ("man", &[("man --out ~/.local/share/man/man1", "then `man selvedge-train` shows a page")]),
    ("device info", &[("device info --connect /dev/ttyACM0", "the board and its model")]),
    ("device predict", &[("device predict --connect /dev/ttyACM0 shoe.jpg", "the board's answer")]),
    (
        "device eval",
        &[(
            "device eval weights/tiny.selvedge --connect /dev/ttyACM0 --count 100",
            "100 answers, compared bit for bit",
        )],
    ),
];

/// Returns a program's command line. `own` has examples of this program. A command without examples in
/// `own` has those of the program `selvedge`.
pub fn program<P: CommandFactory>(own: &Examples) -> Command {
    let command = P::command();
    let name = command.get_bin_name().unwrap_or_else(|| command.get_name()).to_owned();
    finished(command, &name, "", own)
}

/// Adds its usage and its examples to each command below this one.
fn finished(command: Command, program: &str, words: &str, own: &Examples) -> Command {
    command.mut_subcommands(|command| {
        let words = format!("{words} {}", command.get_name()).trim_start().to_owned();
        let command = if words == "predict" { command.override_usage(format!("{program} {USAGE}")) } else { command };
        let examples = own.iter().chain(EXAMPLES).find(|(of, _)| *of == words);
        let command = match examples {
            Some((_, examples)) => {
                let shown = shown(program, examples, &command);
                command.after_help(shown)
            }
            None => command,
        };
        finished(command, program, &words, own)
    })
}

/// Returns the examples of a command, under a heading like the others.
fn shown(program: &str, examples: &[(&str, &str)], command: &Command) -> StyledStr {
    let header = command.get_styles().get_header();
    let mut text = format!("{header}Examples:{header:#}");
    for (arguments, effect) in examples {
        text += &format!("\n  {program} {arguments}\n      {effect}");
    }
    text.into()
}

#[cfg(test)]
mod tests {
    use clap::{Parser, Subcommand};

    use super::*;
    use crate::{Device, commands};

    #[derive(Parser)]
    #[command(name = "selvedge")]
    struct Selvedge {
        #[command(subcommand)]
        command: Commands,
    }

    #[derive(Subcommand)]
    enum Commands {
        #[command(flatten)]
        Local(Box<commands::Command>),
        #[command(subcommand)]
        Device(Device),
    }

    /// Returns the words of each command that does something, and its help.
    fn helps(command: &Command, words: &str) -> Vec<(String, String)> {
        let name = |command: &Command| format!("{words} {}", command.get_name()).trim_start().to_owned();
        let below = command.get_subcommands().flat_map(|command| match command.has_subcommands() {
            true => helps(command, &name(command)),
            false => vec![(name(command), command.clone().render_help().to_string())],
        });
        below.collect()
    }

    #[test]
    fn each_command_has_an_example_that_it_takes() {
        let helps = helps(&program::<Selvedge>(&[]), "");
        assert_eq!(helps.len(), EXAMPLES.len());
        for (words, help) in helps {
            let (_, examples) = EXAMPLES.iter().find(|(of, _)| *of == words).unwrap_or_else(|| panic!("{words}"));
            for (arguments, _) in *examples {
                assert!(help.contains(&format!("\n  selvedge {arguments}\n")), "{help}");
                let line = arguments.split(" > ").next().unwrap();
                // A word in quotes has spaces.
                let words = line.split('\'').enumerate().flat_map(|(place, part)| match place % 2 {
                    0 => part.split_whitespace().collect(),
                    _ => vec![part],
                });
                let parsed = program::<Selvedge>(&[]).try_get_matches_from(["selvedge"].into_iter().chain(words));
                assert!(parsed.is_ok(), "{arguments}: {}", parsed.unwrap_err());
            }
        }
    }

    #[test]
    fn an_own_example_comes_before_the_others() {
        let own: &Examples = &[("eval", &[("eval x", "of our own")])];
        let help = helps(&program::<Selvedge>(own), "").into_iter().find(|(words, _)| words == "eval").unwrap().1;
        assert!(help.contains("  selvedge eval x\n      of our own") && !help.contains("quickstart"), "{help}");
    }

    #[test]
    fn options_stand_under_headings() {
        let program = program::<Selvedge>(&[]);
        let train = program.find_subcommand("train").unwrap();
        let heading = |name: &str| {
            let option = train.get_arguments().find(|option| option.get_long() == Some(name)).unwrap();
            option.get_help_heading().unwrap_or_default().to_owned()
        };
        for (name, expected) in [
            ("model", "Network"),
            ("init", "Network"),
            ("data", "Data"),
            ("limit-train", "Data"),
            ("recipe", "Recipe"),
            ("threads", "Processor"),
            ("device", "Processor"),
            ("quiet", "Output"),
            ("out", "Output"),
            ("resume", "Checkpoints"),
        ] {
            assert_eq!(heading(name), expected, "{name}");
        }
        let is_loose = |option: &&clap::Arg| option.get_help_heading().is_none() && !option.is_hide_set();
        assert_eq!(train.get_arguments().filter(is_loose).count(), 0);
    }
}
