//! Samples on the GPU.

use std::rc::Rc;

use selvedge::{
    architecture::Architecture,
    preparation::{Element, Preparation},
};

use super::{Context, EVALUATED, Run, Samples, Targets};
use crate::{
    driver::{Allocation, Buffer, CudaError, Gpu},
    task::{Address, Batch, Loss, Values},
};

/// The conversion of values into inputs: a table on the GPU, or none if values are plain bytes.
pub(super) struct Scales {
    table: Option<Buffer<f32>>,
    element: Element,
    /// The conversion in the form for the kernels.
    pub(super) values: Values,
}

impl Scales {
    /// Copies a run's scales to the GPU.
    ///
    /// # Errors
    ///
    /// [`CudaError`].
    ///
    /// # Panics
    ///
    /// If there is not a scale for each feature or one for all, or if scaled values are to be augmented.
    pub(super) fn new(gpu: &Gpu, run: &Run<'_>) -> Result<Self, CudaError> {
        let Preparation::Scaled(scaled) = run.preparation else {
            return Ok(Self { table: None, element: Element::U8, values: Values::default() });
        };
        let (features, element) = (run.input.features(), run.preparation.element());
        assert!(run.augmentation.is_none(), "{element} values are scaled, and images of plain bytes alone are changed");
        let rows = scaled.rows().count();
        assert!(rows == 1 || rows == features, "{rows} scales for {features} features");
        let numbers: Vec<f32> = scaled.rows().flat_map(|(scale, shift)| [scale, shift]).collect();
        let mut table = Buffer::allocate(gpu, numbers.len(), "the features' scales")?;
        table.upload(&numbers)?;
        Ok(Self { table: Some(table), element, values: Values::new(element, scaled.as_bytes()) })
    }

    /// Returns the table's address, or 0.
    pub(super) fn address(&self) -> Address {
        self.table.as_ref().map_or(0, Buffer::address)
    }

    /// Returns the table's memory.
    pub(super) fn memory(&self) -> Option<Rc<Allocation>> {
        self.table.as_ref().map(Buffer::memory)
    }
}

/// Copies a weight for each class to the GPU.
///
/// # Errors
///
/// [`CudaError`].
///
/// # Panics
///
/// If there is not one weight for each output.
pub(super) fn class_weights(gpu: &Gpu, weights: &[f32], network: &Architecture) -> Result<Buffer<f32>, CudaError> {
    let (found, expected) = (weights.len(), network.outputs());
    assert_eq!(found, expected, "class weights, and outputs of {network}");
    let mut buffer = Buffer::allocate(gpu, found, "the classes' weights")?;
    buffer.upload(weights)?;
    Ok(buffer)
}

/// Samples and their targets. Each sample has a target, and each class is one of the network's.
pub(super) struct Resident {
    pub(super) values: Buffer<u8>,
    pub(super) targets: ResidentTargets,
    /// The number of samples.
    pub(super) len: usize,
}

/// The targets on the GPU.
pub(super) enum ResidentTargets {
    Classes(Buffer<u16>),
    Numbers(Buffer<f32>),
}

impl ResidentTargets {
    /// Returns the address of the classes, or 0.
    pub(super) fn labels(&self) -> Address {
        if let Self::Classes(classes) = self { classes.address() } else { 0 }
    }

    /// Returns the address of the numbers, or 0.
    pub(super) fn numbers(&self) -> Address {
        if let Self::Numbers(numbers) = self { numbers.address() } else { 0 }
    }

    pub(super) fn memory(&self) -> Rc<Allocation> {
        match self {
            Self::Classes(classes) => classes.memory(),
            Self::Numbers(numbers) => numbers.memory(),
        }
    }
}

impl Resident {
    /// Copies a network's samples to the GPU.
    ///
    /// # Errors
    ///
    /// [`CudaError`].
    ///
    /// # Panics
    ///
    /// If there is not a sample for each target, or if the loss takes other targets.
    pub(super) fn new(
        gpu: &Gpu,
        samples: Samples<'_>,
        scales: &Scales,
        loss: Loss,
        network: &Architecture,
    ) -> Result<Self, CudaError> {
        let (features, outputs) = (network.inputs(), network.outputs());
        let len = match (samples.targets, loss) {
            (Targets::Classes(labels), Loss::CrossEntropy) => labels.len(),
            (Targets::Numbers(numbers), Loss::BceWithLogits | Loss::Mse) => {
                assert!(numbers.len().is_multiple_of(outputs), "{} targets of {outputs} outputs", numbers.len());
                numbers.len() / outputs
            }
            (Targets::Classes(_) | Targets::Numbers(_), _) => panic!("{loss:?} has other targets"),
        };
        let bytes = len.checked_mul(features).and_then(|values| values.checked_mul(scales.element.size()));
        assert_eq!(Some(samples.values.len()), bytes, "values of {len} samples of {features} features");
        // The kernels count samples by 32 bits.
        assert!(u32::try_from(len).is_ok(), "{len} samples");
        if let Targets::Classes(labels) = samples.targets {
            let mut labels = labels.iter().enumerate();
            if let Some((sample, &label)) = labels.find(|&(_, &label)| usize::from(label) >= outputs) {
                return Err(CudaError::Label { sample, label, classes: outputs });
            }
        }
        let mut values = Buffer::allocate(gpu, samples.values.len(), "the samples")?;
        values.upload(samples.values)?;
        let targets = match samples.targets {
            Targets::Classes(labels) => {
                let mut buffer = Buffer::allocate(gpu, len, "the labels")?;
                buffer.upload(labels)?;
                ResidentTargets::Classes(buffer)
            }
            Targets::Numbers(numbers) => {
                let mut buffer = Buffer::allocate(gpu, numbers.len(), "the targets")?;
                buffer.upload(numbers)?;
                ResidentTargets::Numbers(buffer)
            }
        };
        Ok(Self { values, targets, len })
    }
}

/// The results for each sample.
pub(super) enum Answers {
    /// The class of each sample.
    Classes(Buffer<u16>),
    /// The outputs of each sample.
    Outputs(Buffer<f32>),
}

/// Samples to evaluate, and the place for the results.
pub(super) struct Test {
    pub(super) samples: Resident,
    pub(super) answers: Answers,
    pub(super) batches: Buffer<Batch>,
    pub(super) losses: Buffer<f32>,
}

impl Test {
    /// Prepares the evaluation of samples that are on the GPU, in batches of at most [`EVALUATED`].
    ///
    /// # Errors
    ///
    /// [`CudaError`].
    pub(super) fn new(gpu: &Gpu, samples: Resident, loss: Loss, outputs: usize) -> Result<Self, CudaError> {
        let batch = |first: usize| {
            let count = EVALUATED.min(samples.len - first);
            let (first, samples, total_weight) = (first as u32, count as u32, loss.total_weight(count, outputs));
            Batch { first, samples, is_first: 1, total_weight, ..Batch::default() }
        };
        let records: Vec<_> = (0..samples.len).step_by(EVALUATED).map(batch).collect();
        let answers = match &samples.targets {
            ResidentTargets::Classes(labels) => Answers::Classes(Buffer::allocate(gpu, labels.len(), "the classes")?),
            ResidentTargets::Numbers(targets) => Answers::Outputs(Buffer::allocate(gpu, targets.len(), "the outputs")?),
        };
        let mut batches = Buffer::allocate(gpu, records.len(), "what the batches are")?;
        let losses = Buffer::allocate(gpu, records.len(), "the losses")?;
        batches.upload(&records)?;
        Ok(Self { samples, answers, batches, losses })
    }

    /// Returns `context` with these samples, and these places for the results.
    pub(super) fn context(&self, context: Context) -> Context {
        let (classes, outputs) = match &self.answers {
            Answers::Classes(classes) => (classes.address(), 0),
            Answers::Outputs(outputs) => (0, outputs.address()),
        };
        Context {
            samples: self.samples.values.address(),
            labels: self.samples.targets.labels(),
            targets: self.samples.targets.numbers(),
            batches: self.batches.address(),
            classes,
            outputs,
            losses: self.losses.address(),
            ..context
        }
    }
}
