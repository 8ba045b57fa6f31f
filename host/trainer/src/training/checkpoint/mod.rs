//! Checkpoints: everything that a run needs to be resumed as if it had never stopped. docs/formats.md has each part and each byte of the file.
//!
//! The loader is strict: each value must have the encoding that the writer gives it. The numbers are the [parts](State::parts) of the
//! state, one after the other.
//!
//! Random draws are addressed by (seed, purpose, epoch, index). Dropout uses the batch's number in place of the epoch. The state's [`Progress`]
//! has both numbers, so the generator has no position of its own.

mod description;
mod error;

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

use options::recipe::RecipeOptions;
use selvedge::{architecture::Architecture, flat::as_bytes, weights::MAX_NUMBERS};
use sha2::{Digest, Sha256};

use super::{Progress, State, TrainingOptions};
use crate::{
    files,
    network::{Network, NetworkError},
    weights::check_all,
};
pub use description::Description;
pub use error::CheckpointError;
use error::Problem;

const MAGIC: [u8; 8] = *b"SELVCKPT";
const CHECKSUM_BYTES: usize = 32;
/// The largest number of bytes of a checkpoint: eight flat models, which is more than any state has, and the description.
pub const MAX_BYTES: u64 = 8 * MAX_NUMBERS as u64 * size_of::<f32>() as u64 + (1 << 20);

/// A checkpoint that was read and checked.
#[derive(Debug)]
pub struct Checkpoint {
    path: PathBuf,
    /// The run.
    pub description: Description,
    numbers: Vec<f32>,
}

/// Writes a state as a whole or not at all. An older checkpoint in its place stays until the new one is on disk.
///
/// # Errors
///
/// [`files::WriteError`].
pub fn save(path: &Path, state: &State, description: &Description) -> Result<(), files::WriteError> {
    files::write_with(path, |file| write(file, state, description))
}

/// Does the same as [`save`], but only if the file does not exist. Returns true if it saved.
///
/// # Errors
///
/// [`files::WriteError`].
pub fn save_new(path: &Path, state: &State, description: &Description) -> Result<bool, files::WriteError> {
    files::write_new(path, |file| write(file, state, description))
}

/// Returns the largest number of bytes of a checkpoint of this run.
pub fn max_len(state: &State, description: &Description) -> u64 {
    let last = Progress {
        epochs: u32::MAX,
        seen: u64::MAX,
        steps: u64::MAX,
        batches: u64::MAX,
        best_loss: Some(0.0),
        epochs_since_best: u32::MAX,
    };
    length(state, &Description { progress: last, ..description.clone() }.encode())
}

fn length(state: &State, description: &[u8]) -> u64 {
    let numbers: usize = state.parts().map(size_of_val).sum();
    (MAGIC.len() + size_of::<u64>() + description.len() + numbers + CHECKSUM_BYTES) as u64
}

fn write(file: &mut dyn Write, state: &State, description: &Description) -> io::Result<()> {
    let description = Description { progress: state.progress, ..description.clone() }.encode();
    let length = length(state, &description).to_le_bytes();
    let mut checksum = Sha256::new();
    for part in [&MAGIC[..], &length, &description].into_iter().chain(state.parts().map(as_bytes)) {
        checksum.update(part);
        file.write_all(part)?;
    }
    file.write_all(&checksum.finalize())
}

/// Returns true if a file begins as a checkpoint does.
pub fn is_one(file: &[u8]) -> bool {
    file.starts_with(&MAGIC)
}

/// Reads and checks a checkpoint.
///
/// # Errors
///
/// [`CheckpointError`] for a file that is not a checkpoint, is cut off, or was changed.
pub fn load(path: &Path) -> Result<Checkpoint, CheckpointError> {
    let file = files::read(path, MAX_BYTES).map_err(io::Error::from);
    Checkpoint::parse(path, &file.map_err(|error| CheckpointError { path: path.into(), problem: error.into() })?)
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
    /// Checks the bytes of a checkpoint. `path` is the file's name in errors.
    ///
    /// # Errors
    ///
    /// The errors of [`load`].
    pub fn parse(path: &Path, file: &[u8]) -> Result<Self, CheckpointError> {
        match parse(file) {
            Ok((description, numbers)) => Ok(Self { path: path.into(), description, numbers }),
            Err(problem) => Err(CheckpointError { path: path.into(), problem }),
        }
    }

    /// Returns the path from which the checkpoint was read.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the state, for a run with the checkpoint's own network and options.
    ///
    /// # Errors
    ///
    /// [`CheckpointError`] if the checkpoint has more or fewer numbers than such a run, if its weights cannot be used, or if there is not enough
    /// memory.
    pub fn into_state(self, architecture: &Architecture, options: &TrainingOptions) -> Result<State, CheckpointError> {
        let Self { path, description, numbers } = self;
        Self::state(architecture, options, &description, &numbers).map_err(|problem| CheckpointError { path, problem })
    }

    /// Returns the result of the checkpoint's run so far ([`State::result`]) as the initial weights of a new run with these layers.
    ///
    /// # Errors
    ///
    /// [`CheckpointError`] if the checkpoint has other layers, or if its recipe cannot be read. Also the errors of
    /// [`into_state`](Self::into_state).
    pub fn into_network(self, architecture: &Architecture) -> Result<Network, CheckpointError> {
        let network = || {
            let Self { path, description, numbers } = &self;
            let recipe = RecipeOptions::parse(&description.recipe, path)?;
            let with = recipe.resolve()?;
            let layers: Architecture = description.layers.parse().map_err(|_| Problem::Description)?;
            let layers = if with.dropout > 0.0 { layers.with_dropout().ok_or(Problem::Description)? } else { layers };
            if layers.for_prediction() != architecture.for_prediction() {
                let [found, expected] = [&layers, architecture].map(|layers| layers.for_prediction().to_string());
                return Err(Problem::Layers { found, expected });
            }
            let state = Self::state(&layers, &with, description, numbers)?;
            let mut network = Network::zeroed(architecture)?;
            network.parameters_mut().copy_from_slice(state.result().parameters());
            Ok(network)
        };
        network().map_err(|problem| CheckpointError { path: self.path.clone(), problem })
    }

    fn state(
        architecture: &Architecture,
        options: &TrainingOptions,
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
        check_weights(architecture, &state)?;
        Ok(state)
    }
}

/// Checks the weights that may become the result of the run.
fn check_weights(architecture: &Architecture, state: &State) -> Result<(), Problem> {
    let Progress { steps, best_loss, .. } = state.progress;
    let best = state.best.as_deref().filter(|_| best_loss.is_some());
    let parts = [
        ("the weights", Some(state.network.parameters())),
        ("their average", state.average.as_deref()),
        ("the best epoch's weights", best),
    ];
    for (part, numbers) in parts {
        let Some(numbers) = numbers else { continue };
        check_all(architecture, numbers).map_err(|problem| Problem::Weight { part, problem })?;
        if steps > 0 && numbers.iter().all(|&number| number == 0.0) {
            return Err(Problem::Zeros { part, steps });
        }
    }
    Ok(())
}

/// Returns the number of flat models that a state with these options keeps.
fn parts(options: &TrainingOptions) -> usize {
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

    /// Returns a file with this description and one number.
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
        let options = TrainingOptions { optimizer: adam, ..TrainingOptions::QUICKSTART };
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
    fn weights_that_no_run_writes_are_refused() {
        let architecture: Architecture = LAYERS.parse().unwrap();
        let options = TrainingOptions { ema: Some(0.9), early_stop: Some(9), ..TrainingOptions::QUICKSTART };
        let error = |part: usize, number: f32| {
            let mut numbers = vec![0.5; 3 * 14];
            numbers[14 * part..][..14].fill(number);
            Checkpoint::state(&architecture, &options, &description(), &numbers).map(drop).unwrap_err().to_string()
        };
        assert!(error(0, f32::NAN).starts_with("the weights: linear_relu_stack.0.weight[0, 0] is NaN"));
        assert!(error(1, f32::INFINITY).starts_with("their average: linear_relu_stack.0.weight[0, 0] is inf"));
        let zeros =
            "after 1099511627776 steps all numbers of the best epoch's weights are 0, so no run has written them";
        assert_eq!(error(2, 0.0), zeros);
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
                let options = TrainingOptions { optimizer, ema, early_stop, ..TrainingOptions::QUICKSTART };
                let state = State::initialized(&architecture, &options).unwrap();
                assert_eq!((state.parts().count(), parts(&options)), (1 + kept + more, 1 + kept + more), "{options:?}");
                let numbers: Vec<f32> = (0_u16..).map(f32::from).take((1 + kept + more) * 14).collect();
                let state = Checkpoint::state(&architecture, &options, &description(), &numbers).unwrap();
                assert_eq!((state.parts().collect::<Vec<_>>().concat(), state.progress), (numbers, progress()));
            }
        }
    }
}
