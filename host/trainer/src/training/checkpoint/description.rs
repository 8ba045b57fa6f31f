use super::error::Problem;
use crate::{data::Dataset, training::Progress};

pub(super) const VERSION: u16 = 1;

/// The description of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Description {
    /// The recipe, as its file.
    pub recipe: String,
    /// The network's layers, as `--layers` takes them.
    pub layers: String,
    /// The data set's name.
    pub dataset: String,
    /// The number of training samples that are used, including those that are held out.
    pub samples: u32,
    /// SHA-256 of these samples and then their targets.
    pub dataset_checksum: [u8; 32],
    /// The place in the run.
    pub progress: Progress,
}

impl Description {
    /// Returns the description of a run with this recipe, network and data. If validation samples are already held out of `data.train`, the caller
    /// has to set `samples` to the number with them. The checksum is that of all training samples.
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

    /// Returns true if both have the same recipe, layers and samples. The place in the run and the initial weights are not compared.
    pub fn is_of_run(&self, other: &Self) -> bool {
        let anywhere = |this: &Self| Self { progress: Progress::default(), dataset: String::new(), ..this.clone() };
        anywhere(self) == anywhere(other)
    }

    /// Returns the description as bytes. The order of the fields is that of the format.
    pub(super) fn encode(&self) -> Vec<u8> {
        let Progress { epochs, seen, steps, batches, best_loss, epochs_since_best } = self.progress;
        let progress = (epochs, seen, steps, batches, best_loss, epochs_since_best);
        let Self { recipe, layers, dataset, samples, dataset_checksum, .. } = self;
        let all = (VERSION, recipe, layers, dataset, samples, dataset_checksum, progress);
        postcard::to_stdvec(&all).expect("a vector takes all that is written to it")
    }

    /// Takes a description from the front of bytes. Only the encoding that postcard writes is accepted. Postcard itself would accept others: a
    /// varint may have too many bytes.
    pub(super) fn take(bytes: &[u8]) -> Result<(Self, &[u8]), Problem> {
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
