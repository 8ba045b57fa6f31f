//! Samples on the GPU.

use std::rc::Rc;

use selvedge::{
    architecture::Architecture,
    preparation::{Element, Preparation},
};

use super::{Context, EVALUATED, Run, Samples};
use crate::{
    driver::{Allocation, Buffer, CudaError, Gpu},
    task::{Address, Batch, Values},
};

/// The way from values to inputs: a table on the GPU, or none where values are plain bytes.
pub(super) struct Scales {
    table: Option<Buffer<f32>>,
    element: Element,
    /// The same for the kernels.
    pub(super) values: Values,
}

impl Scales {
    /// Brings a run's scales to the GPU.
    ///
    /// # Errors
    ///
    /// [`CudaError`].
    ///
    /// # Panics
    ///
    /// Where there is not a scale for each feature or for all, and where scaled values are to be changed as images.
    pub(super) fn new(gpu: &Gpu, run: &Run<'_>) -> Result<Self, CudaError> {
        let Preparation::Scaled(scaled) = run.preparation else {
            return Ok(Self { table: None, element: Element::U8, values: Values::default() });
        };
        let features = run.input.features();
        let rows = scaled.rows().count();
        assert!(rows == 1 || rows == features, "{rows} scales for {features} features");
        assert!(run.augmentation.is_none(), "images of plain bytes alone are changed");
        let numbers: Vec<f32> = scaled.rows().flat_map(|(scale, shift)| [scale, shift]).collect();
        let mut table = Buffer::allocate(gpu, numbers.len(), "the features' scales")?;
        table.upload(&numbers)?;
        let element = run.preparation.element();
        Ok(Self { table: Some(table), element, values: Values::new(element, scaled.as_bytes()) })
    }

    /// The table's address, or 0.
    pub(super) fn address(&self) -> Address {
        self.table.as_ref().map_or(0, Buffer::address)
    }

    /// The table's memory.
    pub(super) fn memory(&self) -> Option<Rc<Allocation>> {
        self.table.as_ref().map(Buffer::memory)
    }
}

/// Brings a weight for each class to the GPU.
///
/// # Errors
///
/// [`CudaError`].
///
/// # Panics
///
/// Where there is not one for each output.
pub(super) fn class_weights(gpu: &Gpu, weights: &[f32], network: &Architecture) -> Result<Buffer<f32>, CudaError> {
    let (found, expected) = (weights.len(), network.outputs());
    assert_eq!(found, expected, "class weights, and outputs of {network}");
    let mut buffer = Buffer::allocate(gpu, found, "the classes' weights")?;
    buffer.upload(weights)?;
    Ok(buffer)
}

/// Samples and their classes. There is a class for each sample, and each is one of the network's.
pub(super) struct Resident {
    pub(super) values: Buffer<u8>,
    pub(super) labels: Buffer<u16>,
    /// Samples.
    pub(super) len: usize,
}

impl Resident {
    /// Brings a network's samples to the GPU.
    ///
    /// # Errors
    ///
    /// [`CudaError`].
    ///
    /// # Panics
    ///
    /// Where the values are not those of a sample for each label.
    pub(super) fn new(
        gpu: &Gpu,
        samples: Samples<'_>,
        scales: &Scales,
        network: &Architecture,
    ) -> Result<Self, CudaError> {
        let (features, classes) = (network.inputs(), network.outputs());
        let len = samples.labels.len();
        let bytes = len.checked_mul(features).and_then(|values| values.checked_mul(scales.element.size()));
        assert_eq!(Some(samples.values.len()), bytes, "values of {len} samples of {features} features");
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
