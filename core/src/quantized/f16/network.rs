use core::slice::ChunksExact;

use super::{F16, kernel::dot, row_bytes};
use crate::{
    Activation, Relu,
    flat::words_as_floats_mut,
    preparation::Value,
    quantized::{QuantizedFile, WorkspaceError, layout::Shape},
};

impl QuantizedFile<'_, F16> {
    /// Returns the network's numbers in binary32: the weights of each layer, row after row, and then its biases.
    pub fn parameters(&self) -> impl Iterator<Item = f32> + '_ {
        self.layers().flat_map(|(shape, bytes)| {
            let (biases, rows) = parts(shape, bytes);
            let weights = rows.flat_map(move |row| row.as_chunks().0.iter().take(shape.inputs));
            let weights = weights.map(|&bytes| F16::widen(u16::from_le_bytes(bytes)));
            weights.chain(biases.iter().map(|&bytes| f32::from_le_bytes(bytes)))
        })
    }

    /// Returns the logits of a sample, given as the bytes of its raw values. The file's [`Preparation`](crate::preparation::Preparation) turns them
    /// into inputs. The class is the [`argmax`](crate::classification::argmax) of the logits.
    ///
    /// # Errors
    ///
    /// [`WorkspaceError`] if the sample or the logits do not have exactly the network's size, or if the workspace is shorter than
    /// [`required_words`](Self::required_words).
    pub fn run<const OUTPUTS: usize>(
        &self,
        sample: &[u8],
        workspace: &mut [u32],
    ) -> Result<[f32; OUTPUTS], WorkspaceError> {
        let mut logits = [0.0; OUTPUTS];
        self.predict(sample, workspace, &mut logits)?;
        Ok(logits)
    }

    /// Returns the logits of a sample's raw values. The file's [`Preparation`](crate::preparation::Preparation) turns them into inputs. It does
    /// the same as [`run`](Self::run), for values that are Rust's numbers instead of bytes.
    ///
    /// # Errors
    ///
    /// The errors of [`run`](Self::run), and [`WorkspaceError::Value`] if the number type of the values is not the file's
    /// [`Element`](crate::preparation::Element).
    pub fn run_raw<T: Value, const INPUTS: usize, const OUTPUTS: usize>(
        &self,
        values: &[T; INPUTS],
        workspace: &mut [u32],
    ) -> Result<[f32; OUTPUTS], WorkspaceError> {
        self.run(self.signature().preparation.bytes_of(values, INPUTS)?, workspace)
    }

    /// Writes a sample's logits. It does the same as [`run`](Self::run), for a network whose number of outputs is known only at run time.
    ///
    /// # Errors
    ///
    /// The errors of [`run`](Self::run).
    pub fn predict(&self, sample: &[u8], workspace: &mut [u32], logits: &mut [f32]) -> Result<(), WorkspaceError> {
        self.predict_by_layer(sample, workspace, logits, |_| {})
    }

    /// Does the same as [`predict`](Self::predict), and calls `computed` after each linear layer, with the index of this linear layer, from 0.
    ///
    /// # Errors
    ///
    /// The errors of [`run`](Self::run).
    #[inline]
    pub fn predict_by_layer(
        &self,
        sample: &[u8],
        workspace: &mut [u32],
        logits: &mut [f32],
        mut computed: impl FnMut(usize),
    ) -> Result<(), WorkspaceError> {
        self.predict_with_activations(sample, workspace, logits, |layer, _| computed(layer))
    }

    /// Does the same as [`predict_by_layer`](Self::predict_by_layer), and also gives each layer's activations to `computed`. The last layer
    /// writes into `logits`. For this layer, `computed` gets an empty slice.
    ///
    /// # Errors
    ///
    /// The errors of [`run`](Self::run).
    #[inline]
    pub fn predict_with_activations(
        &self,
        sample: &[u8],
        workspace: &mut [u32],
        logits: &mut [f32],
        mut computed: impl FnMut(usize, &[f32]),
    ) -> Result<(), WorkspaceError> {
        let workspace = words_as_floats_mut(workspace);
        let inputs = self.layers().next().map_or(0, |(shape, _)| shape.inputs);
        let preparation = self.signature().preparation;
        if sample.len() != preparation.sample_len(inputs) {
            return Err(WorkspaceError::Sample);
        }
        preparation.write(sample, workspace.get_mut(..inputs).ok_or(WorkspaceError::Workspace)?);
        for (layer, (shape, bytes)) in self.layers().enumerate() {
            let Shape { inputs, outputs } = shape;
            if self.is_last(layer) {
                if logits.len() != outputs {
                    return Err(WorkspaceError::Logits);
                }
                let input = in_front(layer, workspace, inputs, 0).ok_or(WorkspaceError::Workspace)?.0;
                sums(shape, bytes, input, logits);
                computed(layer, &[]);
            } else {
                let (input, output) = in_front(layer, workspace, inputs, outputs).ok_or(WorkspaceError::Workspace)?;
                sums(shape, bytes, input, output);
                output.iter_mut().for_each(|x| *x = Relu::apply(*x));
                computed(layer, output);
            }
        }
        Ok(())
    }
}

/// Returns a layer's inputs and outputs. They lie at the two ends of the workspace. The ends change places with each layer.
fn in_front(layer: usize, workspace: &mut [f32], inputs: usize, outputs: usize) -> Option<(&[f32], &mut [f32])> {
    let middle = workspace.len().checked_sub(if layer.is_multiple_of(2) { outputs } else { inputs })?;
    let (front, back) = workspace.split_at_mut(middle);
    if layer.is_multiple_of(2) { Some((front.get(..inputs)?, back)) } else { Some((back, front.get_mut(..outputs)?)) }
}

/// Writes `output[o] = bias[o] + Σₖ input[k] · weight[o][k]`, k ascending, with one fused multiply-add for each term.
fn sums(shape: Shape, bytes: &[u8], input: &[f32], output: &mut [f32]) {
    let (biases, rows) = parts(shape, bytes);
    for ((output, &bias), row) in output.iter_mut().zip(biases).zip(rows) {
        *output = dot(f32::from_le_bytes(bias), input, row.as_chunks().0);
    }
}

/// Returns a layer's biases, and its rows of weights.
fn parts(shape: Shape, bytes: &[u8]) -> (&[[u8; 4]], ChunksExact<'_, u8>) {
    let (biases, rows) = bytes.split_at_checked(shape.outputs * size_of::<f32>()).unwrap_or_default();
    // A row that cannot be counted is in no file.
    (biases.as_chunks().0, rows.chunks_exact(row_bytes(shape.inputs).unwrap_or(usize::MAX)))
}
