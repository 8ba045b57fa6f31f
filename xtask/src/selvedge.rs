//! The program `selvedge`: built in release, run with the user's options.

use std::{ffi::OsString, path::PathBuf, process::Command, process::ExitCode};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::{cuda, workspace};

/// Options that `selvedge` itself reads.
#[derive(Args)]
pub struct Options {
    /// Options of `selvedge`; `--help` lists them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub arguments: Vec<OsString>,
}

/// Builds `selvedge` and runs one of its commands. The exit code is the program's.
pub fn run(command: &str, options: &Options) -> Result<ExitCode> {
    let needs = Build::of_options(&options.arguments);
    let mut selvedge = Command::new(needs.program()?);
    selvedge.arg(command).args(&options.arguments);
    hand_over(&mut selvedge)
}

/// What an option asks of the build.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Build {
    /// A topology other than the named models: the program has a type for it.
    pub layers: Option<OsString>,
    /// The CUDA engine.
    pub cuda: bool,
}

impl Build {
    /// A program that knows these layers beside the named models.
    pub fn with_layers(layers: &str) -> Self {
        Self { layers: Some(layers.into()), cuda: false }
    }

    /// The options that the build must know too; all of them stay the program's to judge.
    pub fn of_options(arguments: &[OsString]) -> Self {
        let mut build = Self::default();
        let mut arguments = arguments.iter().take_while(|argument| *argument != "--");
        while let Some(argument) = arguments.next() {
            match argument.to_str() {
                Some("--cuda" | "--device=cuda") => build.cuda = true,
                Some("--device") => build.cuda |= arguments.next().is_some_and(|device| device == "cuda"),
                Some("--layers") => build.layers = arguments.next().cloned(),
                Some(argument) => {
                    if let Some(layers) = argument.strip_prefix("--layers=") {
                        build.layers = Some(layers.into());
                    }
                }
                None => {}
            }
        }
        build
    }

    /// Tells cargo. Where it could only fail, says so first.
    pub fn set(&self, cargo: &mut Command) -> Result<()> {
        if let Some(layers) = &self.layers {
            cargo.env("SELVEDGE_LAYERS", layers);
        }
        if self.cuda {
            cuda::compiler().context("--cuda")?;
            cargo.args(["--features", "cuda"]);
        }
        Ok(())
    }

    /// Builds the program and returns its path.
    pub fn program(&self) -> Result<PathBuf> {
        let mut cargo = workspace::cargo();
        cargo.args(["build", "--release", "--package", "host", "--bin", "selvedge"]);
        self.set(&mut cargo)?;
        match workspace::build(&mut cargo, "selvedge")? {
            Ok(program) => Ok(program),
            Err(failure) => bail!("selvedge was not built: `{}` failed, see above", failure.command),
        }
    }
}

/// Becomes the program, so that signals and the exit code are its own.
#[cfg(unix)]
pub fn hand_over(program: &mut Command) -> Result<ExitCode> {
    use std::os::unix::process::CommandExt;
    Err(program.exec()).with_context(|| format!("cannot start `{}`", workspace::shown(program)))
}

#[cfg(not(unix))]
pub fn hand_over(program: &mut Command) -> Result<ExitCode> {
    let status = program.status().with_context(|| format!("cannot start `{}`", workspace::shown(program)))?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build_of(line: &str) -> Build {
        Build::of_options(&line.split(' ').map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn the_build_knows_what_the_program_is_asked_for() {
        assert_eq!(build_of("--epochs 2 --help"), Build::default());
        for line in ["--cuda", "--device cuda", "--epochs 2 --device=cuda"] {
            assert_eq!(build_of(line), Build { cuda: true, layers: None }, "{line}");
        }
        for line in ["--device cpu", "--device=auto", "--device", "--out cuda", "file -- --device cuda"] {
            assert_eq!(build_of(line), Build::default(), "{line}");
        }
        assert_eq!(build_of("--layers 784,20,10 --lr 0.1"), Build::with_layers("784,20,10"));
        assert_eq!(build_of("--lr 0.1 --layers=784,20,10"), Build::with_layers("784,20,10"));
        assert_eq!(build_of("file.selvedge -- --cuda"), Build::default());
        // Without its value the option is the program's to refuse.
        assert_eq!(build_of("--layers"), Build::default());
    }
}
