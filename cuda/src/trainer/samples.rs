//! Samples on the GPU.

use super::{Context, EVALUATED, Samples};
use crate::{
    driver::{Buffer, CudaError, Gpu},
    task::Batch,
};

/// Samples and their classes. There is a class for each sample, and each is one of the network's.
pub(super) struct Resident {
    pub(super) values: Buffer<u8>,
    pub(super) labels: Buffer<u16>,
    /// Samples.
    pub(super) len: usize,
}

impl Resident {
    /// Brings samples of so many features to the GPU.
    ///
    /// # Errors
    ///
    /// [`CudaError`].
    ///
    /// # Panics
    ///
    /// Where the values are not those of a sample for each label.
    pub(super) fn new(gpu: &Gpu, samples: Samples<'_>, features: usize, classes: usize) -> Result<Self, CudaError> {
        let len = samples.labels.len();
        assert_eq!(
            Some(samples.values.len()),
            len.checked_mul(features),
            "values of {len} samples of {features} features"
        );
        // The kernels count samples by 32 bits.
        assert!(u32::try_from(len).is_ok(), "{len} samples");
        let mut labels = samples.labels.iter().enumerate();
        if let Some((sample, &label)) = labels.find(|&(_, &label)| usize::from(label) >= classes) {
            return Err(CudaError::Label { sample, label, classes });
        }
        let mut values = Buffer::allocate(gpu, samples.values.len(), "the samples")?;
        let mut labels = Buffer::allocate(gpu, len, "the labels")?;
        values.upload(samples.values)?;
        labels.upload(samples.labels)?;
        Ok(Self { values, labels, len })
    }
}

/// Samples to evaluate, and where the answers go.
pub(super) struct Test {
    pub(super) samples: Resident,
    pub(super) classes: Buffer<u16>,
    pub(super) batches: Buffer<Batch>,
    pub(super) losses: Buffer<f32>,
}

impl Test {
    /// Samples that were brought, in batches of at most [`EVALUATED`].
    ///
    /// # Errors
    ///
    /// [`CudaError`].
    pub(super) fn new(gpu: &Gpu, samples: Resident) -> Result<Self, CudaError> {
        let batch = |first: usize| {
            let count = EVALUATED.min(samples.len - first);
            let (first, samples) = (first as u32, count as u32);
            Batch { first, samples, is_first: 1, total_weight: count as f32, ..Batch::default() }
        };
        let records: Vec<_> = (0..samples.len).step_by(EVALUATED).map(batch).collect();
        let classes = Buffer::allocate(gpu, samples.len, "the classes")?;
        let mut batches = Buffer::allocate(gpu, records.len(), "what the batches are")?;
        let losses = Buffer::allocate(gpu, records.len(), "the losses")?;
        batches.upload(&records)?;
        Ok(Self { samples, classes, batches, losses })
    }

    /// `context` with these samples, and these places for the answers.
    pub(super) fn context(&self, context: Context) -> Context {
        Context {
            samples: self.samples.values.address(),
            labels: self.samples.labels.address(),
            batches: self.batches.address(),
            classes: self.classes.address(),
            losses: self.losses.address(),
            ..context
        }
    }
}
