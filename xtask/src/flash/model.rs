//! Which model, and which weights for it: asked of the program `selvedge`, which alone knows models and weight files.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::Format;
use crate::{selvedge::Build, workspace};

/// A model to be trained or found.
pub struct Model {
    /// The program that has the model's type.
    program: PathBuf,
    /// `--model` or `--layers`.
    option: &'static str,
    /// The option's value.
    value: String,
    /// `--data`, passed on.
    data: Option<OsString>,
}

/// A weight file that has been read.
#[derive(Debug)]
pub struct Weights {
    /// The file.
    pub file: PathBuf,
    /// `784-128-10`.
    pub architecture: String,
    /// `784,128,10`.
    pub layers: String,
    /// The layers once batch normalisation is folded.
    folded_layers: String,
    /// `f32`, `f16`, `int8` or `int4`.
    format: String,
    /// The program that has the model's type.
    pub program: PathBuf,
}

/// Layers as `selvedge inspect` writes them: without dropout, and by their widths where those say it all.
fn normalized(layers: &str) -> String {
    if !layers.contains("=>") {
        return layers.split_whitespace().collect();
    }
    let words = |part: &str| part.split_whitespace().filter(|word| *word != "Dropout").collect::<Vec<_>>().join(" ");
    let parts: Vec<_> = layers.split("=>").map(words).collect();
    let widths = parts.iter().enumerate().map(|(place, part)| {
        let is_hidden = place > 0 && place + 1 < parts.len();
        let width = if is_hidden { part.strip_suffix(" Relu")? } else { part };
        (!width.contains(' ')).then_some(width)
    });
    let widths: Option<Vec<_>> = widths.collect();
    widths.map_or_else(|| parts.join(" => "), |widths| widths.join(","))
}

/// The models that have a name, and their layers.
const NAMED: [(&str, &str); 3] = [("quickstart", "784,512,512,10"), ("small", "784,128,10"), ("tiny", "784,16,10")];

/// The name that `selvedge train` gives to a model's files: of these layers, or of this name.
fn file_name(model: &str) -> String {
    let named = NAMED.iter().find(|(_, layers)| *layers == model);
    named.map_or_else(|| model.replace(" => ", "-").replace([',', ' '], "-"), |(name, _)| (*name).to_owned())
}

/// What `selvedge inspect --json` says, as far as it is of use here.
#[derive(Debug, Deserialize)]
struct Inspection {
    architecture: String,
    layers: String,
    folded_layers: String,
    format: String,
    /// The model's name, if these are the layers of a named one.
    model: Option<String>,
}

impl Model {
    /// `quickstart`, `small` or `tiny`.
    pub fn named(name: &str, data: Option<OsString>) -> Result<Self> {
        Self::built(name, &Build::default(), data)
    }

    /// A named model, trained by a program of this build.
    pub fn built(name: &str, build: &Build, data: Option<OsString>) -> Result<Self> {
        Ok(Self { program: build.program()?, option: "--model", value: name.to_owned(), data })
    }

    /// Any topology, `784,256,64,10`.
    pub fn of_layers(layers: &str, data: Option<OsString>) -> Result<Self> {
        let value = normalized(layers);
        let program = Build::with_layers(&value).program()?;
        Ok(Self { program, option: "--layers", value, data })
    }

    /// The one of these layers, or of this name, or else of the default's.
    pub fn asked_for(name: Option<&str>, layers: Option<&str>, default: &str, data: Option<OsString>) -> Result<Self> {
        match layers {
            Some(layers) => Self::of_layers(layers, data),
            None => Self::named(name.unwrap_or(default), data),
        }
    }

    /// `selvedge train` for this model.
    pub fn train_command(&self, out: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command.args(["train", self.option, &self.value, "--out"]).arg(out);
        self.with_data(command)
    }

    /// `selvedge embed`: the first images of a split and, with weights, those and what the host makes of the images.
    pub fn embed_command(&self, weights: Option<&Weights>, split: &str, count: &str, out: &Path) -> Command {
        let mut command = Command::new(weights.map_or(&self.program, |weights| &weights.program));
        command.arg("embed").args(weights.map(|weights| &weights.file));
        command.args(["--split", split, "--count", count, "--out"]).arg(out);
        self.with_data(command)
    }

    fn with_data(&self, mut command: Command) -> Command {
        if let Some(data) = &self.data {
            command.arg("--data").arg(data);
        }
        command
    }

    /// Reads a weight file; with `check`, its model must be this one.
    pub fn read(&self, file: &Path, check: bool) -> Result<Weights> {
        let text = workspace::output(Command::new(&self.program).arg("inspect").arg(file).arg("--json"))?;
        let found: Inspection =
            serde_json::from_str(&text).context("`selvedge inspect --json` printed something else")?;
        if check {
            found.must_be(file, self.option, &self.value)?;
        }
        let program = match found.model {
            None if found.layers != self.value => Build::with_layers(&found.layers).program()?,
            _ => self.program.clone(),
        };
        let Inspection { architecture, layers, folded_layers, format, .. } = found;
        Ok(Weights { file: file.to_owned(), architecture, layers, folded_layers, format, program })
    }

    /// What a device predicts with, in this folder: the weights with batch normalisation folded, where there is any to fold, or
    /// quantised.
    pub fn deployed(&self, weights: Weights, format: Format, folder: &Path) -> Result<Weights> {
        if format != Format::F32 && weights.format == Format::F32.name() {
            let file = folder.join("quantized").with_extension(format.name());
            let mut quantize = Command::new(&self.program);
            quantize.arg("quantize").arg(&weights.file).args(["--format", format.name(), "--out"]).arg(&file);
            workspace::output_shown(&mut self.with_data(quantize))?;
            return self.read(&file, false);
        }
        if weights.folded_layers == weights.layers {
            return Ok(weights);
        }
        let file = folder.join("folded.selvedge");
        workspace::output(Command::new(&self.program).arg("convert").args([&weights.file, &file]).arg("--fold"))?;
        say!(
            "Folded batch normalisation into the layers before it: {} is now {}",
            weights.layers,
            weights.folded_layers
        );
        self.read(&file, false)
    }

    /// The weights that come with the project, or where it has none, such as its default recipe trains, in this folder.
    pub fn reference(&self, folder: &Path) -> Result<Weights> {
        let name = format!("{}.selvedge", file_name(&self.value));
        let committed = workspace::root().join("models").join(&name);
        if committed.exists() {
            return self.read(&committed, true);
        }
        let file = folder.join(name);
        workspace::output_shown(&mut self.train_command(&file))?;
        self.read(&file, true)
    }

    /// The weights of a file, whose model must be this one where `check` is set; without a file, [`Model::weights`].
    pub fn weights_or(&self, file: Option<&Path>, check: bool) -> Result<Weights> {
        match file {
            Some(file) => self.read(file, check),
            None => self.weights(),
        }
    }

    /// The weights that `selvedge train` last left for this model, or else those that come with the project; where there are
    /// none, trains them.
    pub fn weights(&self) -> Result<Weights> {
        let name = format!("{}.selvedge", file_name(&self.value));
        let file = Path::new("weights").join(&name);
        let committed = workspace::root().join("models").join(&name);
        if !file.exists() {
            if committed.exists() {
                say!("There is no {}: taking models/{name}, which comes with the project", file.display());
                return self.read(&committed, true);
            }
            let mut train = self.train_command(&file);
            say!("There is no {}: training it first, by `{}`", file.display(), workspace::shown(&train));
            workspace::run(&mut train)?;
        }
        self.read(&file, true)
    }
}

impl Inspection {
    fn must_be(&self, file: &Path, option: &str, value: &str) -> Result<()> {
        let same = if option == "--layers" { self.layers == value } else { self.model.as_deref() == Some(value) };
        if !same {
            let name = self.model.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
            bail!(
                "{} holds a {} network{name}, but {option} {value} is asked for: leave out one of them",
                file.display(),
                self.architecture
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn layers_are_compared_as_they_are_written() {
        assert_eq!(normalized(" 784, 128,10"), "784,128,10");
        assert_eq!(normalized("784=>128  Relu =>10"), "784,128,10");
        assert_eq!(normalized("784 => 128 Relu Dropout => 64 Relu => 10"), "784,128,64,10");
        assert_eq!(normalized("784=>128  BatchNorm1d Relu Dropout=>10"), "784 => 128 BatchNorm1d Relu => 10");
        for other in ["784 => 128 => 10", "784 => 128 Relu => 10 Relu", "784 => 128 Tanh => 64 Relu => 10"] {
            assert_eq!(normalized(other), other);
        }
    }

    #[test]
    fn files_have_the_models_name_or_its_layers() {
        assert_eq!(file_name("small"), "small");
        assert_eq!(file_name("784,128,10"), "small");
        assert_eq!(file_name("784,129,10"), "784-129-10");
        assert_eq!(file_name("784 => 128 BatchNorm1d Relu => 10"), "784-128-BatchNorm1d-Relu-10");
    }

    #[test]
    fn the_named_models_are_cores() {
        let source = fs::read_to_string(workspace::root().join("core/src/models.rs")).unwrap();
        assert!(source.contains(&format!("NAMES: [&str; {}] = {:?};", NAMED.len(), NAMED.map(|(name, _)| name))));
        for (name, layers) in NAMED {
            let start = format!("pub type {}{} = mlp!(", name[..1].to_uppercase(), &name[1..]);
            let (_, chain) = source.split_once(&start).expect("the type has the model's name");
            assert_eq!(normalized(chain.split_once(')').unwrap().0), layers);
        }
    }

    #[test]
    fn a_contradiction_names_both() {
        let file = Path::new("a.selvedge");
        let mut small = Inspection {
            architecture: "784-128-10".into(),
            layers: "784,128,10".into(),
            folded_layers: "784,128,10".into(),
            format: "f32".into(),
            model: Some("small".into()),
        };
        assert!(small.must_be(file, "--model", "small").is_ok());
        assert!(small.must_be(file, "--layers", "784,128,10").is_ok());
        for (option, value) in [("--model", "tiny"), ("--layers", "784,16,10")] {
            let error = small.must_be(file, option, value).unwrap_err().to_string();
            assert!(error.contains("784-128-10 network (small)") && error.contains(value), "{error}");
        }
        small.model = None;
        assert!(small.must_be(file, "--model", "small").is_err());
    }
}
