use std::{fs, path::Path};

use anyhow::{Context, Result};
use board::{BoardRecipe, Processor};
use options::{
    commands::new::{Hardware, Program},
    package_name::PackageName,
};
use selvedge::task::TaskKind;
use toml::Value;

use super::{library::Library, samples::Samples};
use crate::{files, model_file::ModelFile};

/// A project, to be written.
pub struct Project<'a> {
    pub name: &'a PackageName,
    pub hardware: &'a Hardware,
    pub library: &'a Library,
    pub program: Program,
    /// The network's file.
    pub weights: &'a [u8],
    /// The network of the file, after it was read.
    pub file: &'a ModelFile<'a>,
    pub samples: &'a Samples,
}

/// The target that has no atomic exchange instruction. The training program hands out a `static` once, and needs atomics for that. On this
/// target, a crate provides them.
const WITHOUT_ATOMICS: &str = "thumbv6m-none-eabi";

impl Project<'_> {
    /// Writes all files into a temporary folder beside `folder`, and renames it when all are written.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let write = || {
            let beside = tempfile::Builder::new().prefix(".selvedge-new-").tempdir_in(parent(folder))?;
            let whole = beside.path().join("whole");
            for (name, bytes) in self.files()? {
                files::write_whole(&whole.join(name), &bytes)?;
            }
            if folder.is_dir() {
                fs::remove_dir(folder)?;
            }
            Ok::<_, anyhow::Error>(fs::rename(&whole, folder)?)
        };
        write().with_context(|| format!("cannot make {}", folder.display()))
    }

    /// Returns each file's name and bytes.
    fn files(&self) -> Result<Vec<(String, Vec<u8>)>> {
        let memory = format!(
            "/* The program's memory. A stack that overflows leaves the RAM, and changes no static. */\n{}",
            self.hardware.memory
        );
        let mut files: Vec<(String, Vec<u8>)> = vec![(self.weights_name(), self.weights.into())];
        for (name, text) in [
            ("Cargo.toml", self.manifest()),
            (".cargo/config.toml", self.config()),
            (".gitignore", "/target/\n".into()),
            ("build.rs", include_str!("templates/build.rs.in").into()),
            ("memory.x", memory),
            ("rust-toolchain.toml", self.filled(include_str!("templates/rust-toolchain.toml.in"), &[])),
            ("src/main.rs", self.main()?),
            ("src/samples.rs", self.samples.to_string()),
        ] {
            files.push((name.into(), text.into_bytes()));
        }
        Ok(files)
    }

    /// Returns the name of the network's file. Each format has its ending.
    fn weights_name(&self) -> String {
        let ending = match self.file.format_name() {
            "f32" => "selvedge",
            name => name,
        };
        format!("model.{ending}")
    }

    fn is_arm(&self) -> bool {
        self.hardware.memory.processor == Processor::CortexM
    }

    fn manifest(&self) -> String {
        let mut lines = vec![self.library.to_string()];
        let needs_atomics = self.program == Program::Train && self.hardware.target == WITHOUT_ATOMICS;
        if needs_atomics {
            lines.push("cortex-m = { version = \"0.7\", features = [\"critical-section-single-core\"] }".into());
        }
        lines.push(match self.is_arm() {
            true => "cortex-m-rt = \"0.7\"".into(),
            false => "riscv-rt = { version = \"0.18\", features = [\"memory\", \"single-hart\"] }".into(),
        });
        if needs_atomics {
            lines.push("portable-atomic = { version = \"1\", features = [\"critical-section\"] }".into());
        }
        lines.push("semihosting = { version = \"0.1\", features = [\"panic-handler\", \"stdio\"] }".into());
        if self.program == Program::Train {
            lines.push("static_cell = \"2\"".into());
        }
        let dependencies: String = lines.into_iter().map(|line| line + "\n").collect();
        self.filled(include_str!("templates/Cargo.toml.in"), &[("dependencies", dependencies)])
    }

    fn config(&self) -> String {
        let mut runner = format!("runner = {}", Value::from(self.hardware.runner.clone()));
        if let Some(cpu) = &self.hardware.cpu {
            runner = format!("{runner}\nrustflags = [\"-Ctarget-cpu={cpu}\"]");
        }
        self.filled(include_str!("templates/config.toml.in"), &[("runner", runner)])
    }

    fn main(&self) -> Result<String> {
        let architecture = self.file.architecture();
        let mut values = vec![
            ("file", self.weights_name()),
            ("layers", architecture.expression().to_string()),
            ("runtime", if self.is_arm() { "cortex_m_rt" } else { "riscv_rt" }.into()),
        ];
        let template = match (self.program, self.file) {
            (Program::Train, _) => {
                let BoardRecipe { seed, epochs, batch_size, learning_rate, .. } = BoardRecipe::read()?;
                let needs_atomics = self.hardware.target == WITHOUT_ATOMICS;
                values.extend([
                    ("atomics", if needs_atomics { "use cortex_m as _;\n" } else { "" }.into()),
                    ("inputs", architecture.inputs().to_string()),
                    ("seed", seed.to_string()),
                    ("epochs", epochs.to_string()),
                    ("batch_size", batch_size.to_string()),
                    ("learning_rate", format!("{learning_rate:?}")),
                ]);
                include_str!("templates/train.rs.in")
            }
            (Program::Predict, ModelFile::F32(_)) => include_str!("templates/predict_float.rs.in"),
            (Program::Predict, file) => {
                let (kind, logit) = match file {
                    ModelFile::Int8(_) => ("Int8", "i32"),
                    ModelFile::Int4(_) => ("Int4", "i32"),
                    _ => ("F16", "f32"),
                };
                values.extend([("type", kind.into()), ("logit", logit.into()), ("format", file.format_name().into())]);
                include_str!("templates/predict_quantized.rs.in")
            }
        };
        let are_integers = matches!(self.file, ModelFile::Int8(_) | ModelFile::Int4(_));
        let (uses, answer) = match self.file.signature().task.kind() {
            TaskKind::Classification => ("classification::argmax, ", include_str!("templates/answer_class.rs.in")),
            TaskKind::MultiLabel => ("", include_str!("templates/answer_labels.rs.in")),
            TaskKind::Regression => ("", include_str!("templates/answer_values.rs.in")),
        };
        let (zero, outputs) = match are_integers {
            true => ("0", "logits.map(|sum| sum as f32 * network.record().logit_scale)"),
            false => ("0.0", "logits"),
        };
        let template = template.replace("{{answer}}", answer);
        values.extend([("uses", uses.into()), ("zero", zero.into()), ("outputs", outputs.into())]);
        Ok(self.filled(&template, &values))
    }

    /// Returns a template with its places filled: these, and `name` and `target`.
    fn filled(&self, template: &str, values: &[(&str, String)]) -> String {
        let general = [("name", self.name.to_string()), ("target", self.hardware.target.clone())];
        let values = general.iter().chain(values);
        values.fold(template.to_owned(), |text, (place, value)| text.replace(&format!("{{{{{place}}}}}"), value))
    }
}

/// Returns the folder that a folder lies in.
pub fn parent(folder: &Path) -> &Path {
    folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
