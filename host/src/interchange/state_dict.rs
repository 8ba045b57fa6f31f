use std::path::{Path, PathBuf};

use selvedge::{
    architecture::Architecture,
    shape::Signature,
    weights::{MAX_NUMBERS, TrainingRecord},
};

use super::{
    InterchangeError,
    error::Problem,
    infer,
    keys::LoadReport,
    load::load,
    map,
    matching::Settings,
    names, npz, onnx, pth, safetensors,
    tensors::{NamedTensor, Tensors},
};
use crate::{
    classes::SignatureBuf,
    file_kind::{self, FileFormat, Kind},
    files,
    model_file::{Assumption, ModelFile},
    network::Network,
    weights::WeightsError,
};

/// The largest number of bytes of a file: the largest network's numbers in the widest type, and the headers.
const MAX_FILE_BYTES: u64 = (MAX_NUMBERS * size_of::<f64>()) as u64 + (1 << 24);

/// The user's options for reading a file.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// The entry that holds the state dict. Dots separate nested names.
    pub key: Option<String>,
    /// Names of tensors or layers, each with the name of its parameter or layer.
    pub map: Vec<(String, String)>,
    /// True if weights are stored as inputs × outputs, false if as outputs × inputs, and `None` if the user does not say.
    pub transpose: Option<bool>,
}

/// Named tensors, read from a file of any format.
#[derive(Clone, Debug)]
pub struct StateDict {
    path: PathBuf,
    tensors: Vec<NamedTensor>,
    settings: Settings,
    /// The layers in a weight file or a graph.
    architecture: Option<Architecture>,
    signature: SignatureBuf,
    record: TrainingRecord<'static>,
    dataset: String,
    recipe: String,
    notes: Vec<String>,
}

/// The record of weights whose training is not known.
const UNKNOWN: TrainingRecord<'static> = TrainingRecord {
    seed: 0,
    dataset: "unknown",
    dataset_checksum: [0; 32],
    samples: 0,
    shuffled: false,
    epochs: 0,
    steps: 0,
    batch_size: 0,
    learning_rate: 0.0,
    accuracy: 0.0,
    recipe: "",
};

impl StateDict {
    /// Reads a file. Its bytes tell its format; its name does not matter.
    ///
    /// # Errors
    ///
    /// [`InterchangeError`] if a file is not entirely correct for its format.
    pub fn read(path: &Path) -> Result<Self, InterchangeError> {
        Self::read_as(path, &Reading::default())
    }

    /// Does the same as [`read`](Self::read) with the user's options.
    ///
    /// # Errors
    ///
    /// [`InterchangeError`], also for a key or a name that the file does not have.
    pub fn read_as(path: &Path, reading: &Reading) -> Result<Self, InterchangeError> {
        let bytes = files::read(path, MAX_FILE_BYTES)?;
        Self::parse_in(path, &bytes, reading, Some(path.parent().unwrap_or(Path::new(""))))
    }

    /// Does the same as [`read_as`](Self::read_as) with bytes that are in memory. `path` is their name in errors. No file is read, not even
    /// one that a graph names.
    ///
    /// # Errors
    ///
    /// The errors of [`read_as`](Self::read_as).
    pub fn parse(path: &Path, bytes: &[u8], reading: &Reading) -> Result<Self, InterchangeError> {
        Self::parse_in(path, bytes, reading, None)
    }

    fn parse_in(path: &Path, bytes: &[u8], reading: &Reading, folder: Option<&Path>) -> Result<Self, InterchangeError> {
        let mut tensors = Tensors::of_file(bytes.len());
        let (mut architecture, mut signature, mut record) = (None, SignatureBuf::default(), UNKNOWN);
        let mut notes = Vec::new();
        let (mut dataset, mut recipe) = (UNKNOWN.dataset.to_owned(), String::new());
        let format = match file_kind::of(bytes) {
            Kind::Read(format) => format,
            Kind::Other(what) => return Err(Problem::Other { what }.in_file(path)),
            Kind::Unknown => {
                let what =
                    "no file of weights that is known; .selvedge, .safetensors, .pth, .npz and .onnx are read".into();
                return Err(Problem::Other { what }.in_file(path));
            }
        };
        match format {
            FileFormat::Selvedge => {
                let model = ModelFile::parse(bytes).map_err(WeightsError::in_file(path))?;
                if model.assumes() == Some(Assumption::Known) {
                    signature = SignatureBuf::new(model.input(), &model.classes());
                } else {
                    signature = SignatureBuf::from(&model.signature());
                }
                architecture = Some(model.architecture());
                match &model {
                    ModelFile::F32(file) => {
                        dataset = file.record().dataset.to_owned();
                        recipe = file.record().recipe.to_owned();
                        record = TrainingRecord { dataset: UNKNOWN.dataset, recipe: UNKNOWN.recipe, ..*file.record() };
                        tensors.push_all_of(file)
                    }
                    _ => Err(Problem::Quantized { format: model.format_name() }),
                }
            }
            FileFormat::Safetensors => safetensors::read(bytes, &mut tensors),
            FileFormat::Pth => pth::read(bytes, reading.key.as_deref(), &mut tensors),
            FileFormat::Npz => npz::read(bytes, &mut tensors),
            FileFormat::Onnx => onnx::read(bytes, folder).and_then(|graph| {
                tensors = Tensors::of_file(bytes.len() + graph.bytes_beside);
                notes = graph.notes;
                tensors.push_flat(&graph.architecture, &graph.flat)?;
                architecture = Some(graph.architecture);
                Ok(())
            }),
        }
        .map_err(|problem| problem.in_file(path))?;
        let mut tensors = tensors.all;
        if format != FileFormat::Pth {
            keep_key(&mut tensors, reading.key.as_deref()).map_err(|problem| problem.in_file(path))?;
        }
        if !tensors.iter().any(NamedTensor::is_tensor) {
            return Err(Problem::Empty.in_file(path));
        }
        map::apply(&mut tensors, &reading.map).map_err(|problem| problem.in_file(path))?;
        tensors.iter_mut().for_each(NamedTensor::flatten_bias);
        let settings = Settings {
            keeps_order: format != FileFormat::Safetensors,
            is_mapped: !reading.map.is_empty(),
            transpose: reading.transpose,
        };
        Ok(Self { path: path.into(), tensors, settings, architecture, signature, record, dataset, recipe, notes })
    }

    /// Returns the tensors in the file's order.
    pub fn tensors(&self) -> &[NamedTensor] {
        &self.tensors
    }

    /// Returns the layers of a weight file or a graph. For any other file, returns linear layers with ReLU between them, found by the names and
    /// shapes of the tensors.
    ///
    /// # Errors
    ///
    /// [`InterchangeError`] if the names and shapes do not belong to such a network.
    pub fn architecture(&self) -> Result<Architecture, InterchangeError> {
        match &self.architecture {
            Some(architecture) => Ok(architecture.clone()),
            None => infer::infer(&self.tensors, self.settings).map_err(|problem| problem.in_file(&self.path)),
        }
    }

    /// Returns notes for the user on how the file was read, one in each line.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Returns the meaning of inputs and outputs that a weight file has. For other files, nothing is known.
    pub fn signature(&self) -> Signature<'_> {
        self.signature.get()
    }

    /// Returns the record of the training that a weight file has. For other files, nothing is known.
    pub fn record(&self) -> TrainingRecord<'_> {
        TrainingRecord { dataset: &self.dataset, recipe: &self.recipe, ..self.record }
    }

    /// Returns the network of these layers, with the file's tensors. The tensors are matched by name, or, if the names differ, by order and shape.
    /// With `strict`, no tensor may be missing or left over. Without `strict`, a missing bias is 0, and a missing scale of a batch normalisation
    /// is 1. The names may count dropout among the layers, as in PyTorch's `nn.Sequential`, or leave it out.
    ///
    /// # Errors
    ///
    /// [`InterchangeError`] for a weight file of another network, for names and shapes that do not fit, and for layers that do not form a network.
    pub fn network(
        &self,
        architecture: &Architecture,
        strict: bool,
    ) -> Result<(Network, LoadReport), InterchangeError> {
        let network = || {
            let mut network = Network::zeroed(architecture)?;
            let keys = self.copy_to(architecture, network.parameters_mut(), strict)?;
            Ok((network, keys))
        };
        network().map_err(|problem: Problem| problem.in_file(&self.path))
    }

    fn copy_to(&self, architecture: &Architecture, flat: &mut [f32], strict: bool) -> Result<LoadReport, Problem> {
        let deployed = architecture.for_prediction();
        match &self.architecture {
            Some(found) if *found != deployed => {
                return Err(Problem::Architecture { expected: deployed.to_string(), found: found.to_string() });
            }
            _ => {}
        }
        load(architecture, flat, &self.tensors, strict, self.settings)
    }
}

/// Keeps only the tensors under a key: `params` for `params/Dense_0/kernel`.
fn keep_key(tensors: &mut Vec<NamedTensor>, key: Option<&str>) -> Result<(), Problem> {
    let Some(key) = key else { return Ok(()) };
    if !tensors.iter().any(|tensor| names::is_under(tensor.name(), key)) {
        let mut names: Vec<_> = tensors.iter().map(|tensor| names::prefix(tensor.name())).collect();
        names.sort_unstable();
        names.dedup();
        let names = names.into_iter().filter(|name| !name.is_empty()).map(str::to_owned).collect();
        return Err(Problem::Key { key: key.into(), names });
    }
    tensors.retain(|tensor| names::is_under(tensor.name(), key));
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use zip::{ZipWriter, write::SimpleFileOptions};

    use super::*;
    use crate::npy;

    /// Returns an archive of arrays of zeros, or with other words in their headers.
    fn archive(arrays: &[(&str, &[usize])], [from, to]: [&[u8]; 2]) -> Vec<u8> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, shape) in arrays {
            zip.start_file(format!("{name}.npy"), SimpleFileOptions::default()).unwrap();
            let mut header = npy::header(shape);
            if let Some(at) = header.windows(from.len()).position(|window| window == from) {
                header.splice(at..at + from.len(), to.iter().copied());
            }
            zip.write_all(&header).unwrap();
            let len = shape.iter().product::<usize>();
            (0..len).for_each(|_| zip.write_all(&1.5_f32.to_be_bytes()).unwrap());
        }
        zip.finish().unwrap().into_inner()
    }

    const BIG: [&[u8]; 2] = [b"<f4", b">f4"];

    fn parsed(bytes: &[u8], key: Option<&str>) -> Result<StateDict, String> {
        let reading = Reading { key: key.map(str::to_owned), ..Reading::default() };
        StateDict::parse(Path::new("file"), bytes, &reading).map_err(|error| error.to_string())
    }

    fn names(bytes: &[u8], key: &str) -> Result<Vec<String>, String> {
        let tensors = parsed(bytes, Some(key))?.tensors;
        Ok(tensors.iter().map(|tensor| tensor.name().to_owned()).collect())
    }

    #[test]
    fn a_key_is_the_beginning_of_names() {
        let all: [(&str, &[usize]); 3] =
            [("0.weight", &[1, 2]), ("ema.net.0.weight", &[1, 2]), ("ema.0.weight", &[1, 2])];
        let bytes = archive(&all, BIG);
        assert_eq!(names(&bytes, "").unwrap(), ["0.weight"]);
        assert_eq!(names(&bytes, "ema.net").unwrap(), ["ema.net.0.weight"]);
        assert_eq!(names(&bytes, "ema").unwrap(), ["ema.net.0.weight", "ema.0.weight"]);
        assert!(names(&bytes, "em").unwrap_err().contains("there are ema, ema.net"), "{:?}", names(&bytes, "em"));
    }

    #[test]
    fn numbers_of_big_endian_machines_and_biases_of_a_row_or_a_column_are_read() {
        for bias in [[2, 1], [1, 2]] {
            let arrays: [(&str, &[usize]); 2] = [("W1", &[2, 3]), ("b1", &bias)];
            let weights = parsed(&archive(&arrays, BIG), None).unwrap();
            let (network, _) = weights.network(&weights.architecture().unwrap(), true).unwrap();
            assert_eq!(network.parameters(), [1.5; 8]);
        }
    }

    #[test]
    fn a_type_that_is_not_read_is_named() {
        let arrays: [(&str, &[usize]); 2] = [("0.weight", &[2, 3]), ("0.bias", &[2])];
        for (to, words) in [(b"|O8", "`|O8`"), (b"<c8", "`<c8`"), (b"<i4", "`<i4`")] {
            let weights = parsed(&archive(&arrays, [b"<f4", to]), None).unwrap();
            let error = weights.architecture().unwrap_err().to_string();
            assert!(error.contains(&format!("the tensor 0.weight is {words}")), "{error}");
        }
        let empty = ZipWriter::new(Cursor::new(Vec::new())).finish().unwrap().into_inner();
        assert!(parsed(&empty, None).unwrap_err().contains("it holds no tensors"));
    }
}
