use core::fmt;

use super::{Integers, MAX_ACTIVATION, QuantizedFile, active::Entry, block::ROWS, blocks};

/// The memory that a prediction in integers works in: the entries of its widest layer's inputs, as many as the format says
/// ([`Int8::entries`](super::Int8::entries), [`Int4::entries`](super::Int4::entries)), and activations of the widest layer between others, filled
/// up to a multiple of eight.
#[derive(Clone, Debug)]
pub struct Workspace<const ENTRIES: usize, const WIDTH: usize> {
    entries: [Entry; ENTRIES],
    activations: [u8; WIDTH],
}

impl<const ENTRIES: usize, const WIDTH: usize> Workspace<ENTRIES, WIDTH> {
    /// Memory that is zero: a `static` of it takes no flash.
    pub const EMPTY: Self = Self { entries: [Entry::EMPTY; ENTRIES], activations: [0; WIDTH] };
}

/// `WIDTH` of a [`Workspace`] for a layer of so many outputs.
pub const fn width(outputs: usize) -> usize {
    outputs.next_multiple_of(ROWS)
}

/// A workspace, a sample or a place for logits that is not as large as the network's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct WorkspaceError;

impl fmt::Display for WorkspaceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the sample, the workspace or the place for logits is not of the size that the network has")
    }
}

impl core::error::Error for WorkspaceError {}

impl<F: Integers> QuantizedFile<'_, F> {
    /// The logits of a sample's codes, which the file's [`Preparation`](crate::preparation::Preparation) makes of its raw values; where that is
    /// `Bytes` the values are the codes. The logits' unit is the record's [`logit_scale`](super::QuantizationRecord::logit_scale).
    ///
    /// # Errors
    ///
    /// [`WorkspaceError`] where a size is not the network's; a sample and logits have exactly its, a workspace at least.
    pub fn predict<const ENTRIES: usize, const WIDTH: usize>(
        &self,
        sample: &[u8],
        workspace: &mut Workspace<ENTRIES, WIDTH>,
        logits: &mut [i32],
    ) -> Result<(), WorkspaceError> {
        self.predict_by_layer(sample, workspace, logits, |_| {})
    }

    /// [`predict`](Self::predict) that says when it has computed a linear layer, and which.
    ///
    /// # Errors
    ///
    /// As [`predict`](Self::predict).
    #[inline]
    pub fn predict_by_layer<const ENTRIES: usize, const WIDTH: usize>(
        &self,
        sample: &[u8],
        workspace: &mut Workspace<ENTRIES, WIDTH>,
        logits: &mut [i32],
        computed: impl FnMut(usize),
    ) -> Result<(), WorkspaceError> {
        self.run(sample, &mut workspace.entries, &mut workspace.activations, logits, computed)
    }

    /// How many entries and activations a prediction needs: the least `ENTRIES` and `WIDTH` of a [`Workspace`].
    pub fn workspace(&self) -> (usize, usize) {
        let mut layers = self.layers().map(|(shape, _)| shape);
        let first = layers.next().map_or(0, |shape| shape.inputs);
        let widest = layers.map(|shape| shape.inputs).max().unwrap_or(0);
        (F::entries(first.max(widest)), width(widest))
    }

    /// [`predict`](Self::predict) in memory whose size is known at run time: that of [`workspace`](Self::workspace), or more.
    ///
    /// # Errors
    ///
    /// As [`predict`](Self::predict).
    pub fn predict_in(
        &self,
        sample: &[u8],
        entries: &mut [Entry],
        activations: &mut [u8],
        logits: &mut [i32],
    ) -> Result<(), WorkspaceError> {
        self.run(sample, entries, activations, logits, |_| {})
    }

    #[inline]
    fn run(
        &self,
        sample: &[u8],
        entries: &mut [Entry],
        activations: &mut [u8],
        logits: &mut [i32],
        mut computed: impl FnMut(usize),
    ) -> Result<(), WorkspaceError> {
        let mut layers = self.layers().enumerate().peekable();
        while let Some((layer, (shape, bytes))) = layers.next() {
            let inputs = if layer == 0 { Some(sample) } else { activations.get(..shape.inputs) };
            let inputs = inputs.filter(|inputs| inputs.len() == shape.inputs).ok_or(WorkspaceError)?;
            let active = F::list(inputs, entries).ok_or(WorkspaceError)?;
            if layers.peek().is_none() {
                if logits.len() != shape.outputs {
                    return Err(WorkspaceError);
                }
                for (logits, block) in logits.chunks_mut(ROWS).zip(blocks::all::<F>(shape, bytes)) {
                    for (logit, row) in logits.iter_mut().zip(F::rows(&active, block)) {
                        *logit = row;
                    }
                }
            } else {
                let outputs = activations.get_mut(..width(shape.outputs)).ok_or(WorkspaceError)?;
                for (outputs, block) in outputs.as_chunks_mut().0.iter_mut().zip(blocks::all::<F>(shape, bytes)) {
                    *outputs = F::rows(&active, block).map(|row| row.clamp(0, MAX_ACTIVATION.into()) as u8);
                }
            }
            computed(layer);
        }
        Ok(())
    }
}
