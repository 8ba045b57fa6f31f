//! Checkpoints: all that a run needs to go on as if it had never stopped. docs/formats.md has each part and each byte of the file.
//!
//! The loader is strict: each value has the one encoding that a writer gives it. The numbers are the [parts](super::State::parts) of the
//! state, one after the other.
//!
//! Draws are addressed by (seed, epoch, index), so the generator's position is the state's [`Progress`].

use std::{
    io,
    path::{Path, PathBuf},
};

use selvedge::{architecture::Architecture, flat::as_bytes, weights::MAX_NUMBERS};
use sha2::{Digest, Sha256};

use super::{Options, Progress, State};
use crate::{
    data::Dataset,
    files,
    network::{Network, NetworkError},
};

const MAGIC: [u8; 8] = *b"SELVCKPT";
const VERSION: u16 = 1;
const CHECKSUM_BYTES: usize = 32;
/// The most bytes of a checkpoint: those of eight flat models, which is more than the parts of any state, and of what describes them.
const MAX_BYTES: u64 = (8 * MAX_NUMBERS * size_of::<f32>() + (1 << 20)) as u64;

/// The description of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Description {
    /// The recipe, as its file.
    pub recipe: String,
    /// The network's layers, as `--layers` takes them.
    pub layers: String,
    /// The data set's name.
    pub dataset: String,
    /// The number of its training samples that are used, with those that are held out.
    pub samples: u32,
    /// SHA-256 of these samples, then their labels.
    pub dataset_checksum: [u8; 32],
    /// How far the run is.
    pub progress: Progress,
}

impl Description {
    /// The description of a run with this recipe, network and data, of which nothing was held out yet.
    pub fn new(recipe: String, layers: String, data: &Dataset) -> Self {
        Self {
            recipe,
            layers,
            dataset: data.name.clone(),
            samples: data.train.len() as u32,
            dataset_checksum: data.checksum,
            progress: Progress::default(),
        }
    }

    /// The bytes: the order here is the format's.
    fn encode(&self) -> Vec<u8> {
        let Progress { epochs, seen, steps, batches, best_loss, epochs_since_best } = self.progress;
        let progress = (epochs, seen, steps, batches, best_loss, epochs_since_best);
        let Self { recipe, layers, dataset, samples, dataset_checksum, .. } = self;
        let all = (VERSION, recipe, layers, dataset, samples, dataset_checksum, progress);
        postcard::to_stdvec(&all).expect("a vector takes all that is written to it")
    }

    /// Takes a description from the front of bytes. Of the encodings that postcard reads (a varint may have bytes too many), only the
    /// one that it writes is taken.
    fn take(bytes: &[u8]) -> Result<(Self, &[u8]), Problem> {
        type Fields = (String, String, String, u32, [u8; 32], (u32, u64, u64, u64, Option<f64>, u32));
        let (version, rest) = postcard::take_from_bytes::<u16>(bytes).map_err(|_| Problem::Description)?;
        if version != VERSION {
            return Err(Problem::Version { found: version });
        }
        let (fields, rest) = postcard::take_from_bytes::<Fields>(rest).map_err(|_| Problem::Description)?;
        let (recipe, layers, dataset, samples, dataset_checksum, progress) = fields;
        let (epochs, seen, steps, batches, best_loss, epochs_since_best) = progress;
        let progress = Progress { epochs, seen, steps, batches, best_loss, epochs_since_best };
        let description = Self { recipe, layers, dataset, samples, dataset_checksum, progress };
        let taken = &bytes[..bytes.len() - rest.len()];
        if taken == description.encode() { Ok((description, rest)) } else { Err(Problem::Description) }
    }
}

/// A checkpoint that was read and found whole.
#[derive(Debug)]
pub struct Checkpoint {
    path: PathBuf,
    /// The run.
    pub description: Description,
    numbers: Vec<f32>,
}

/// A checkpoint cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{}: {problem}", path.display())]
pub struct CheckpointError {
    path: PathBuf,
    problem: Problem,
}

#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error("cannot read the checkpoint: {0}")]
    Read(#[from] io::Error),
    #[error("this is no checkpoint of Selvedge")]
    Magic,
    #[error("the checkpoint is truncated: it has {found} bytes of {expected}")]
    Truncated { expected: u64, found: u64 },
    #[error("the checkpoint is damaged: its checksum does not match")]
    Checksum,
    #[error("the checkpoint's description cannot be read")]
    Description,
    #[error("the checkpoint has version {found}, this program reads version {VERSION}")]
    Version { found: u16 },
    #[error("the checkpoint holds {found} numbers, but a run of its recipe and network has {expected}")]
    Numbers { expected: usize, found: usize },
    #[error(transparent)]
    Network(#[from] NetworkError),
}

/// Writes a state whole or not at all: a checkpoint that stood in its place stays until the new one is on disk.
///
/// # Errors
///
/// [`files::WriteError`].
pub fn save(path: &Path, state: &State, description: &Description) -> Result<(), files::WriteError> {
    let description = Description { progress: state.progress, ..description.clone() }.encode();
    let numbers: usize = state.parts().map(size_of_val).sum();
    let length = MAGIC.len() + size_of::<u64>() + description.len() + numbers + CHECKSUM_BYTES;
    let mut file = Vec::with_capacity(length);
    file.extend_from_slice(&MAGIC);
    file.extend_from_slice(&(length as u64).to_le_bytes());
    file.extend_from_slice(&description);
    state.parts().for_each(|part| file.extend_from_slice(as_bytes(part)));
    let checksum = Sha256::digest(&file);
    file.extend_from_slice(&checksum);
    files::write_whole(path, &file)
}

/// Reads and checks a checkpoint.
///
/// # Errors
///
/// [`CheckpointError`] for a file that is no checkpoint, not all of one, or changed.
pub fn load(path: &Path) -> Result<Checkpoint, CheckpointError> {
    let read = || {
        let file = files::read(path, MAX_BYTES).map_err(io::Error::from)?;
        let (description, numbers) = parse(&file)?;
        Ok((description, numbers))
    };
    match read() {
        Ok((description, numbers)) => Ok(Checkpoint { path: path.into(), description, numbers }),
        Err(problem) => Err(CheckpointError { path: path.into(), problem }),
    }
}

fn parse(file: &[u8]) -> Result<(Description, Vec<f32>), Problem> {
    let known = file.len().min(MAGIC.len());
    if file[..known] != MAGIC[..known] {
        return Err(Problem::Magic);
    }
    let found = file.len() as u64;
    let minimum = (MAGIC.len() + size_of::<u64>() + CHECKSUM_BYTES) as u64;
    let length = file[known..].first_chunk().map_or(minimum, |bytes| u64::from_le_bytes(*bytes)).max(minimum);
    if found < length {
        return Err(Problem::Truncated { expected: length, found });
    }
    let Some((checked, checksum)) = file.split_last_chunk::<CHECKSUM_BYTES>() else {
        return Err(Problem::Truncated { expected: length, found });
    };
    if found != length || Sha256::digest(checked)[..] != checksum[..] {
        return Err(Problem::Checksum);
    }
    let body = &checked[MAGIC.len() + size_of::<u64>()..];
    let (description, numbers) = Description::take(body)?;
    match numbers.as_chunks() {
        (numbers, []) => Ok((description, numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())),
        _ => Err(Problem::Description),
    }
}

impl Checkpoint {
    /// Where it was read.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The state, for a run with the checkpoint's own network and options.
    ///
    /// # Errors
    ///
    /// [`CheckpointError`] where it holds more or fewer numbers than such a run.
    pub fn into_state(self, architecture: &Architecture, options: &Options) -> Result<State, CheckpointError> {
        let Self { path, description, numbers } = self;
        Self::state(architecture, options, &description, &numbers).map_err(|problem| CheckpointError { path, problem })
    }

    fn state(
        architecture: &Architecture,
        options: &Options,
        description: &Description,
        numbers: &[f32],
    ) -> Result<State, Problem> {
        // A small file may name a huge network: its numbers are counted before there is memory for them.
        let layers = || NetworkError::Layers(architecture.to_string());
        let of_model = architecture.parameter_count().ok_or_else(layers)?;
        let (expected, found) = (of_model.saturating_mul(parts(options)), numbers.len());
        if expected != found {
            return Err(Problem::Numbers { expected, found });
        }
        let network = Network::zeroed(architecture)?;
        let mut state = State::new(network, options).map_err(NetworkError::from)?;
        let mut rest = numbers;
        for part in state.parts_mut() {
            let own;
            (own, rest) = rest.split_at(part.len());
            part.copy_from_slice(own);
        }
        state.progress = description.progress;
        Ok(state)
    }
}

/// The number of flat models that a state with these options keeps.
fn parts(options: &Options) -> usize {
    1 + options.optimizer.states() + usize::from(options.ema.is_some()) + usize::from(options.early_stop.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::training::Optimizer;

    const LAYERS: &str = "3,2,2";

    fn progress() -> Progress {
        Progress { epochs: 1, seen: 300, steps: 1 << 40, batches: 5, best_loss: Some(0.5), epochs_since_best: 2 }
    }

    fn description() -> Description {
        Description {
            recipe: "lr = 0.5\n".into(),
            layers: LAYERS.into(),
            dataset: "test".into(),
            samples: 300,
            dataset_checksum: [7; 32],
            progress: progress(),
        }
    }

    /// A file with this description and one number.
    fn file_of(description: &[u8]) -> Vec<u8> {
        let length = (MAGIC.len() + size_of::<u64>() + description.len() + size_of::<f32>() + CHECKSUM_BYTES) as u64;
        let mut file = [&MAGIC[..], &length.to_le_bytes(), description, &0.25_f32.to_le_bytes()].concat();
        let checksum = Sha256::digest(&file);
        file.extend_from_slice(&checksum);
        file
    }

    #[test]
    fn each_value_has_one_encoding() {
        let encoded = description().encode();
        let (read, numbers) = parse(&file_of(&encoded)).unwrap();
        assert_eq!((read, numbers), (description(), vec![0.25]));
        // The version, a text's length, the samples and the steps, each with a byte more that says nothing.
        let samples = encoded.windows(2).position(|pair| pair == [0xac, 2]).unwrap();
        let steps = encoded.windows(6).position(|bytes| bytes == [0x80, 0x80, 0x80, 0x80, 0x80, 0x20]).unwrap();
        for last in [0, 1, samples + 1, steps + 5] {
            let mut longer = encoded.clone();
            longer[last] |= 0x80;
            longer.insert(last + 1, 0);
            let error = parse(&file_of(&longer)).unwrap_err();
            assert!(matches!(error, Problem::Description), "{last}: {error}");
        }
    }

    #[test]
    fn a_small_file_with_a_huge_network_is_an_error_before_there_is_memory_for_it() {
        let huge: Architecture = ["65536"; 33].join(",").parse().unwrap();
        let adam = Optimizer::Adam { betas: [0.9, 0.999], eps: 1e-8, weight_decay: 0.0, decoupled: false };
        let options = Options { optimizer: adam, ..Options::QUICKSTART };
        let checkpoint = Checkpoint { path: "a.checkpoint".into(), description: description(), numbers: vec![0.0; 3] };
        let error = checkpoint.into_state(&huge, &options).unwrap_err().to_string();
        assert_eq!(
            error,
            "a.checkpoint: the checkpoint holds 3 numbers, but a run of its recipe and network has 412323151872"
        );
        // What a weight file could hold, in numbers that no memory here may have.
        let large: Architecture = "32000,32000,100".parse().unwrap();
        let error = Checkpoint::state(&large, &options, &description(), &[0.0; 3]).unwrap_err();
        assert!(matches!(error, Problem::Numbers { found: 3, .. }), "{error}");
    }

    #[test]
    fn a_state_has_as_many_parts_as_are_counted() {
        let sgd = |momentum| Optimizer::Sgd { momentum, nesterov: false, weight_decay: 0.0 };
        let rms_prop = |momentum| Optimizer::RmsProp { alpha: 0.99, eps: 1e-8, momentum, weight_decay: 0.0 };
        let adam = Optimizer::Adam { betas: [0.9, 0.999], eps: 1e-8, weight_decay: 0.0, decoupled: true };
        let architecture: Architecture = LAYERS.parse().unwrap();
        for (optimizer, kept) in [(sgd(0.0), 0), (sgd(0.9), 1), (adam, 2), (rms_prop(0.0), 1), (rms_prop(0.9), 2)] {
            for (ema, early_stop, more) in
                [(None, None, 0), (Some(0.9), None, 1), (None, Some(3), 1), (Some(0.9), Some(3), 2)]
            {
                let options = Options { optimizer, ema, early_stop, ..Options::QUICKSTART };
                let state = State::initialized(&architecture, &options).unwrap();
                assert_eq!((state.parts().count(), parts(&options)), (1 + kept + more, 1 + kept + more), "{options:?}");
                let numbers: Vec<f32> = (0_u16..).map(f32::from).take((1 + kept + more) * 14).collect();
                let state = Checkpoint::state(&architecture, &options, &description(), &numbers).unwrap();
                assert_eq!((state.parts().collect::<Vec<_>>().concat(), state.progress), (numbers, progress()));
            }
        }
    }
}
