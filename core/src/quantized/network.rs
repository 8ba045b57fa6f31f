use super::{
    Integers, MAX_ACTIVATION, QuantizedFile, WorkspaceError,
    block::ROWS,
    blocks,
    format::Format,
    workspace::{Place, byte_words},
};
use crate::flat::word_bytes_mut;

impl<F: Format> QuantizedFile<'_, F> {
    /// The words of memory that a prediction works in, at least. Where the file is known when a program is built, the function
    /// [`required_words`](super::required_words) tells it then.
    pub fn required_words(&self) -> usize {
        let mut layers = self.layers().enumerate().peekable();
        let mut most = 0;
        while let Some((layer, (shape, _))) = layers.next() {
            most = most.max(F::words(shape, Place { is_first: layer == 0, is_last: layers.peek().is_none() }));
        }
        most
    }
}

impl<F: Integers> QuantizedFile<'_, F> {
    /// A sample's logits, as integers; their unit is the record's [`logit_scale`](super::QuantizationRecord::logit_scale). The class is the
    /// [`argmax`](crate::classification::argmax) of them.
    ///
    /// # Errors
    ///
    /// [`WorkspaceError`] where a sample or logits do not have exactly the network's size, or a workspace not at least its
    /// [`required_words`](Self::required_words).
    pub fn run<const OUTPUTS: usize>(
        &self,
        sample: &[u8],
        workspace: &mut [u32],
    ) -> Result<[i32; OUTPUTS], WorkspaceError> {
        let mut logits = [0; OUTPUTS];
        self.predict(sample, workspace, &mut logits)?;
        Ok(logits)
    }

    /// Writes a sample's logits: [`run`](Self::run) for a network whose outputs are counted at run time.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    pub fn predict(&self, sample: &[u8], workspace: &mut [u32], logits: &mut [i32]) -> Result<(), WorkspaceError> {
        self.predict_by_layer(sample, workspace, logits, |_| {})
    }

    /// [`predict`](Self::predict) that says when it has computed a linear layer, and which.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    #[inline]
    pub fn predict_by_layer(
        &self,
        sample: &[u8],
        workspace: &mut [u32],
        logits: &mut [i32],
        mut computed: impl FnMut(usize),
    ) -> Result<(), WorkspaceError> {
        let mut layers = self.layers().enumerate().peekable();
        while let Some((layer, (shape, bytes))) = layers.next() {
            let is_last = layers.peek().is_none();
            // Activations are the workspace's first bytes. What is listed of them follows, and then they may be overwritten.
            let inputs = if layer == 0 { 0 } else { byte_words(shape.inputs) };
            let outputs = if is_last { 0 } else { byte_words(shape.outputs) };
            let both = workspace.split_at_mut_checked(inputs.max(outputs));
            let (activations, entries) = both.ok_or(WorkspaceError::Workspace)?;
            let activations = word_bytes_mut(activations);
            let inputs = if layer == 0 { sample } else { activations.get(..shape.inputs).unwrap_or_default() };
            if inputs.len() != shape.inputs {
                return Err(WorkspaceError::Sample);
            }
            let entries = entries.as_chunks_mut().0;
            let active = F::list(inputs, entries).ok_or(WorkspaceError::Workspace)?;
            if is_last {
                if logits.len() != shape.outputs {
                    return Err(WorkspaceError::Logits);
                }
                for (logits, block) in logits.chunks_mut(ROWS).zip(blocks::all::<F>(shape, bytes)) {
                    for (logit, row) in logits.iter_mut().zip(F::rows(&active, block)) {
                        *logit = row;
                    }
                }
            } else {
                for (outputs, block) in activations.as_chunks_mut().0.iter_mut().zip(blocks::all::<F>(shape, bytes)) {
                    *outputs = F::rows(&active, block).map(|row| row.clamp(0, MAX_ACTIVATION.into()) as u8);
                }
            }
            computed(layer);
        }
        Ok(())
    }
}
