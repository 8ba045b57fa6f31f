//! The choice of a model and of its weights. The program `selvedge` computes with them.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use board::BoardRecipe;
use clap::{Args, builder::PossibleValuesParser};
use options::commands::{Data, FormatOption};
use selvedge::{
    architecture::Architecture,
    message,
    model_file::FileInfo,
    models::{self, NAMES},
};

use super::{Load, Program, Run};
use crate::{program, workspace};

/// The largest number of bytes of a network's file: `MAX_NUMBERS` of 32 bits, and the longest header.
const MAX_BYTES: u64 = 1 << 32;

/// The network for a board.
#[derive(Args)]
#[command(next_help_heading = "Network")]
pub struct Choice {
    /// A named model [default: the board's model; tiny for --program train]
    #[arg(long, global = true, value_name = "NAME", value_parser = PossibleValuesParser::new(NAMES))]
    #[arg(conflicts_with_all = ["layers", "weights"])]
    model: Option<String>,
    /// Any other network, such as 784,256,64,10
    #[arg(long, global = true, conflicts_with = "weights")]
    layers: Option<Architecture>,
    /// The network's file [default: weights/MODEL.selvedge, from the last training; else models/MODEL.selvedge; if there is neither, the network is
    /// trained first]
    #[arg(long, global = true, value_name = "FILE")]
    pub weights: Option<PathBuf>,
    /// The number format of the weights; a file that is already quantised keeps its format
    #[arg(long, global = true, value_enum, value_name = "FORMAT", default_value_t = FormatOption::F32)]
    pub format: FormatOption,
    /// The source of the samples.
    #[command(flatten)]
    pub data: Data,
}

impl Choice {
    /// Reads the named file, if there is one. This does not build a program.
    pub fn weights(&self) -> Result<Option<Weights>> {
        self.weights.as_deref().map(Weights::read).transpose()
    }

    /// Returns the model and its weights, after the check that they fit the run's board with the program and this number of samples, as far as the
    /// sizes are known.
    ///
    /// A named file that does not fit is refused before the program `selvedge` is built.
    pub fn fitting(&self, run: &Run, samples: Option<u32>) -> Result<(Model, Weights)> {
        let check = |weights: Weights| {
            let network = weights.architecture.folded();
            weights.load(run.program(), &network, self.format, samples).check(&run.board)?;
            Ok::<_, anyhow::Error>(weights)
        };
        let named = self.weights()?.map(check).transpose()?;
        let model = self.model(&run.board.model)?;
        let weights = named.map_or_else(|| model.weights().and_then(check), Ok)?;
        Ok((model, weights))
    }

    /// Returns the model of the options, or the default.
    pub fn model(&self, default: &str) -> Result<Model> {
        let named = || NetworkChoice::Named(self.model.as_deref().unwrap_or(default).to_owned());
        let network = self.layers.as_ref().map_or_else(named, |layers| NetworkChoice::Layers(layers.clone().into()));
        Ok(Model { program: program::program(false)?, network, data: self.data.arguments() })
    }
}

/// A model that is to be trained, or whose weights are to be found.
pub struct Model {
    /// The program `selvedge`.
    program: PathBuf,
    network: NetworkChoice,
    /// The options of the data, passed on.
    data: Vec<OsString>,
}

/// The choice of a network on the command line.
enum NetworkChoice {
    /// `--model`: a name. The data decides the inputs and outputs.
    Named(String),
    /// `--layers`.
    Layers(Box<Architecture>),
}

/// A network's file, after it was read.
#[derive(Debug)]
pub struct Weights {
    /// The file.
    pub file: PathBuf,
    /// The layers.
    pub architecture: Architecture,
    /// The number format of the weights.
    format: message::WeightFormat,
}

impl Weights {
    /// Reads a file.
    pub fn read(file: &Path) -> Result<Self> {
        let bytes = files::read(file, MAX_BYTES)?;
        let FileInfo { format, architecture, .. } =
            FileInfo::read(&bytes).with_context(|| file.display().to_string())?;
        Ok(Self { file: file.to_owned(), architecture, format })
    }
}

impl Weights {
    /// Returns the load of these weights on a board. Their format is that of `--format`, or the file's own if it is quantised. `network` is their
    /// network, with batch normalisation folded.
    pub fn load<'a>(
        &self,
        program: Program,
        network: &'a Architecture,
        format: FormatOption,
        samples: Option<u32>,
    ) -> Load<'a> {
        let is_quantised = self.format != message::WeightFormat::F32;
        let asked_for = match format {
            FormatOption::F32 => message::WeightFormat::F32,
            FormatOption::F16 => message::WeightFormat::F16,
            FormatOption::Int8 => message::WeightFormat::Int8,
            FormatOption::Int4 => message::WeightFormat::Int4,
        };
        Load { program, network, format: if is_quantised { self.format } else { asked_for }, is_quantised, samples }
    }
}

impl Model {
    /// Returns the named model `quickstart`, `small` or `tiny`.
    pub fn named(name: &str, data: Vec<OsString>) -> Result<Self> {
        Ok(Self::with_program(program::program(false)?, name, data))
    }

    /// Returns a named model, trained by this program.
    pub fn with_program(program: PathBuf, name: &str, data: Vec<OsString>) -> Self {
        Self { program, network: NetworkChoice::Named(name.to_owned()), data }
    }

    /// Returns the name of the model's files, without their ending.
    fn file_name(&self) -> String {
        match &self.network {
            NetworkChoice::Named(name) => name.clone(),
            NetworkChoice::Layers(layers) => models::file_name(layers).to_string(),
        }
    }

    /// Returns the command `selvedge train` for this model.
    pub fn train_command(&self, out: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("train");
        match &self.network {
            NetworkChoice::Named(name) => command.args(["--model", name]),
            NetworkChoice::Layers(layers) => command.args(["--layers", &format!("{:#}", layers.expression())]),
        };
        command.arg("--out").arg(out);
        self.with_data(command)
    }

    /// Returns the command `selvedge train` with a board's recipe.
    pub fn board_training(&self, recipe: &BoardRecipe, out: &Path) -> Command {
        let BoardRecipe { seed, epochs, batch_size, learning_rate, samples } = recipe;
        let mut selvedge = self.train_command(out);
        selvedge.args(["--recipe", "quickstart", "--seed", &seed.to_string(), "--epochs", &epochs.to_string()]);
        selvedge.args(["--batch-size", &batch_size.to_string(), "--lr", &learning_rate.to_string()]);
        selvedge.args(["--limit-train", &samples.to_string()]);
        selvedge
    }

    /// Returns the command `selvedge embed`: it writes the first samples of a part and, if weights are given, the weights and the host's answers.
    pub fn embed_command(&self, weights: Option<&Weights>, split: &str, count: Option<u32>, out: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("embed").args(weights.map(|weights| &weights.file));
        command.args(["--split", split, "--out"]).arg(out);
        command.args(count.iter().flat_map(|count| ["--count".into(), count.to_string()]));
        self.with_data(command)
    }

    /// Returns the command `selvedge device`.
    pub fn device_command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("device");
        command
    }

    fn with_data(&self, mut command: Command) -> Command {
        command.args(&self.data);
        command
    }

    /// Reads the file with the model's name, which must contain this model.
    fn read(&self, file: &Path) -> Result<Weights> {
        let weights = Weights::read(file)?;
        let found = &weights.architecture;
        let (is_it, asked_for) = match &self.network {
            NetworkChoice::Named(name) => (models::name_of(found) == Some(name), format!("--model {name}")),
            NetworkChoice::Layers(layers) => {
                (*found == layers.for_prediction(), format!("--layers '{:#}'", layers.expression()))
            }
        };
        ensure!(
            is_it,
            "{} holds a {found} network, not that of {asked_for}: name the file by --weights, or train anew",
            file.display()
        );
        Ok(weights)
    }

    /// Writes the file for a device into this folder: the weights quantised, or with batch normalisation folded.
    /// Both kinds of files name the classes, if they are known.
    pub fn deployed(&self, weights: Weights, format: FormatOption, folder: &Path) -> Result<Weights> {
        if format != FormatOption::F32 && weights.format == message::WeightFormat::F32 {
            let file = folder.join("quantized").with_extension(format.name());
            let mut quantize = Command::new(&self.program);
            quantize.arg("quantize").arg(&weights.file).args(["--format", format.name(), "--out"]).arg(&file);
            workspace::output_shown(&mut self.with_data(quantize))?;
            return Weights::read(&file);
        }
        if weights.format != message::WeightFormat::F32 {
            return Ok(weights);
        }
        let file = folder.join("deployed.selvedge");
        let mut convert = Command::new(&self.program);
        convert.arg("convert").args([&weights.file, &file]);
        let folded = weights.architecture.folded();
        let is_folded = folded != weights.architecture;
        workspace::output(convert.args(is_folded.then_some("--fold")))?;
        if is_folded {
            let [before, after] = [&weights.architecture, &folded].map(Architecture::expression);
            say!("Folded batch normalisation into the layers before it: {before:#} is now {after:#}");
        }
        Weights::read(&file)
    }

    /// Returns the weights that come with the project. If it has none, this trains them by the default recipe, in this folder.
    pub fn reference(&self, folder: &Path) -> Result<Weights> {
        let name = format!("{}.selvedge", self.file_name());
        let committed = launch::root().join("models").join(&name);
        if committed.exists() {
            return self.read(&committed);
        }
        let file = folder.join(name);
        workspace::output_shown(&mut self.train_command(&file))?;
        self.read(&file)
    }

    /// Returns the weights of the last `selvedge train` for this model, or else the weights that come with the project. If there are
    /// none, this trains them.
    pub fn weights(&self) -> Result<Weights> {
        let name = format!("{}.selvedge", self.file_name());
        let file = Path::new("weights").join(&name);
        let committed = launch::root().join("models").join(&name);
        if !file.exists() {
            if committed.exists() {
                say!("There is no {}: taking models/{name}, which comes with the project", file.display());
                return self.read(&committed);
            }
            let mut train = self.train_command(&file);
            say!("There is no {}: training it first, by `{}`", file.display(), workspace::shown(&train));
            workspace::run(&mut train)?;
        }
        self.read(&file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(network: NetworkChoice) -> Model {
        Model { program: PathBuf::new(), network, data: Vec::new() }
    }

    #[test]
    fn a_file_must_be_the_models() {
        let small = launch::root().join("models/small.selvedge");
        let named = |name: &str| model(NetworkChoice::Named(name.into()));
        let layers = |text: &str| model(NetworkChoice::Layers(Box::new(text.parse().unwrap())));
        for model in [named("small"), layers("784 => 128 Relu Dropout => 10")] {
            assert_eq!(model.read(&small).unwrap().architecture.to_string(), "784-128-10");
            assert_eq!(model.file_name(), "small");
        }
        for (model, words) in [(named("tiny"), "--model tiny"), (layers("784,20,10"), "--layers '784,20,10'")] {
            let error = model.read(&small).unwrap_err().to_string();
            assert!(error.contains("784-128-10") && error.contains(words), "{error}");
        }
    }
}
