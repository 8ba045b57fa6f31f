//! The options of each command of the program `selvedge`, a file each. `groups`: options that several commands have.

mod completions;
mod convert;
mod data;
pub mod device;
mod embed;
mod eval;
mod export_c;
mod groups;
mod inspect;
mod man;
pub mod new;
pub(crate) mod predict;
mod quantize;
mod recipes;
mod report;
pub mod search;
mod show;
mod source;
pub mod train;

use anyhow::Result;
use clap::{Args, Subcommand};

pub use completions::Completions;
pub use convert::{Convert, Numbers};
pub use data::Overview;
pub use device::Device;
pub use embed::Embed;
pub use eval::Eval;
pub use export_c::ExportC;
pub use groups::{File, Model, Part, Samples, Threads};
pub use inspect::Inspect;
pub use man::Man;
pub use new::New;
pub use predict::Predict;
pub use quantize::{FormatOption, Quantize};
pub use recipes::Recipes;
pub use report::Report;
pub use search::Search;
pub use show::Show;
pub use source::{Color, Data, ElementName, Missing, Size, Source, TaskName};
pub use train::Train;

/// The commands that need no board.
#[derive(Debug, Subcommand)]
#[allow(clippy::large_enum_variant, reason = "a program has one")]
pub enum Command {
    /// Train a model and write its weight file
    Train(Train),
    /// Search for a recipe: train variants in parallel, and compare them on validation samples
    Search(Search),
    /// List the built-in recipes, or print a recipe as a file for `train --recipe`
    Recipes(Recipes),
    /// Evaluate a network's file on the test samples
    Eval(Eval),
    /// Make one HTML page about one run or several runs: curves, mistakes, calibration, costs, and the commands that reproduce them
    Report(Report),
    /// Predict pictures or other samples
    Predict(Predict),
    /// Show the content of a network's file
    Inspect(Inspect),
    /// Convert weights from or to another program's format
    ///
    /// Reads .selvedge, .safetensors, .pth, .npz and .onnx; writes .selvedge, .safetensors, .npz and .onnx.
    Convert(Convert),
    /// Make a model's weights smaller for microcontrollers (int8, int4 or f16), and prove for which test samples the class does not change
    Quantize(Quantize),
    /// Show how the data was read: parts, classes, features, missing values and repeated samples
    Data(Overview),
    /// Show images of the data set, or what a network has learned of them
    Show(Show),
    /// Write samples, and the host's answers to them, for a microcontroller's flash
    Embed(Embed),
    /// Write a network as a C header and source, which give the same predictions, for firmware in C
    ExportC(ExportC),
    /// Make a separate firmware project, with a network in it, that depends on the library
    New(New),
    /// List the engines that this processor has, the fastest first
    ///
    /// A command uses the first engine, unless the environment variable SELVEDGE_ENGINE names another. All engines compute the same bits.
    Engines(Engines),
    /// Print a script for a shell, which completes the commands and options of `selvedge`
    Completions(Completions),
    /// Write the manual pages of `selvedge`, one for each command
    Man(Man),
}

impl Command {
    /// Checks everything that needs no data, as the command itself does later: the recipe, and for `new` the package's name and the hardware.
    /// Other options are checked when they are parsed.
    ///
    /// # Errors
    ///
    /// If the recipe, the search, the package's name or the hardware is invalid, or if options contradict each other.
    pub fn check(&self) -> Result<()> {
        match self {
            Self::Train(train) => Ok(train.check()?),
            Self::Search(search) => search.plan().map(drop),
            Self::Recipes(recipes) => recipes.find().map(drop),
            Self::Quantize(quantize) => quantize.fine_tuning().map(drop),
            Self::New(new) => new.check(),
            _ => Ok(()),
        }
    }
}

/// Options of `engines`.
#[derive(Args, Debug)]
pub struct Engines {}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::{train::Choice, *};

    #[derive(Parser)]
    #[command(bin_name = "cargo xtask")]
    struct Program {
        #[command(subcommand)]
        command: Command,
    }

    #[derive(Parser)]
    struct OnBoard {
        #[command(subcommand)]
        command: Device,
    }

    fn parse(line: &str) -> Result<Command, clap::Error> {
        let program = Program::try_parse_from(["selvedge"].into_iter().chain(line.split_whitespace()));
        program.map(|program| program.command)
    }

    #[test]
    fn the_commands_are_sound() {
        Program::command().debug_assert();
        OnBoard::command().debug_assert();
    }

    #[test]
    fn a_usage_names_no_other_program() {
        for command in Program::command().get_subcommands().map(|command| command.get_name().to_owned()) {
            let help = parse(&format!("{command} --help")).unwrap_err().to_string();
            let usage = help.lines().find_map(|line| line.strip_prefix("Usage: ")).unwrap();
            let names = [format!("cargo xtask {command}"), command];
            assert!(names.iter().any(|name| usage.starts_with(name)), "{usage}");
        }
    }

    #[test]
    fn a_number_is_said_to_be_one() {
        for (line, expected) in [
            ("eval x --threads x", "must be a whole number from 1 to 1024"),
            ("eval x --threads 1025", "must be a whole number from 1 to 1024"),
            ("convert a b --opset x", "must be a whole number from 1 to 255"),
            ("show --count 0", "must be a whole number from 1 to 2000"),
        ] {
            let error = parse(line).unwrap_err().to_string();
            assert!(error.contains(expected), "{line}: {error}");
        }
    }

    #[test]
    fn a_wrong_recipe_is_refused_before_anything_is_done() {
        let check = |line: &str| parse(line).unwrap().check().map_err(|error| format!("{error:#}"));
        for line in ["train", "train --recipe best --lr 1", "recipes", "recipes fast", "quantize x --qat", "engines"] {
            assert_eq!(check(line), Ok(()), "{line}");
        }
        for (line, expected) in [
            ("train --recipe none", "none: neither a built-in recipe"),
            ("train --recipe quickstart --nesterov", "nesterov: there is no velocity"),
            ("train --optimizer adam --momentum 0.9", "momentum: adam has none"),
            ("recipes none", "none: neither"),
            ("quantize x --qat --recipe none", "none: neither"),
            ("search none", "none: neither a built-in recipe"),
            ("search fast", "fast: there is no table [search], which says what is varied; "),
            ("quantize x --qat --format f16", "--qat is for --format int4 and int8"),
        ] {
            let error = check(line).unwrap_err();
            assert!(error.starts_with(expected), "{line}: {error}");
        }
    }

    #[test]
    fn a_resumed_run_takes_a_length_and_no_other_recipe() {
        assert!(parse("train --resume x --model tiny").is_err());
        let check = |options: &str| {
            let command = parse(&format!("train --resume x.checkpoint {options}")).unwrap();
            command.check().map_err(|error| error.to_string())
        };
        for options in ["", "--epochs 7", "--steps 7"] {
            assert_eq!(check(options), Ok(()), "{options}");
        }
        let error = "--resume: the run keeps its recipe, so --seed, --no-shuffle, --lr cannot be given; `train --init x.checkpoint` with \
                     its --model or --layers starts a new run from its weights";
        assert_eq!(check("--lr 1 --no-shuffle --epochs 7 --seed 3"), Err(error.into()));
        for option in ["--recipe fast", "--layers 4,3", "--init x", "--limit-train 5"] {
            let name = option.split(' ').next().unwrap_or_default();
            let expected =
                format!("--resume: the run keeps its recipe, network and samples, so {name} cannot be given; ");
            assert!(check(option).unwrap_err().starts_with(&expected), "{option}");
        }
    }

    #[test]
    fn cuda_is_short_for_its_device() {
        for (line, expected) in [("", Choice::Auto), ("--device cpu", Choice::Cpu), ("--cuda", Choice::Cuda)] {
            let Ok(Command::Train(Train { device, .. })) = parse(&format!("train {line}")) else { panic!("{line}") };
            assert_eq!(device.choice(), expected, "{line}");
        }
        assert!(parse("train --cuda --device cuda").is_err());
    }
}
