use super::{
    Integers, MAX_ACTIVATION, QuantizedFile, WorkspaceError,
    block::ROWS,
    blocks,
    format::QuantizedFormat,
    workspace::{Place, activations},
};
use crate::{
    flat::word_bytes_mut,
    preparation::{Preparation, Value},
};

impl<F: QuantizedFormat> QuantizedFile<'_, F> {
    /// Returns a number of 32-bit words that is enough for the workspace of any sample's prediction. If the file is embedded in the program, the
    /// constant function [`required_words`](super::required_words) gives the number during the build.
    pub fn required_words(&self) -> usize {
        let place = |layer| Place { is_first: layer == 0, is_last: self.is_last(layer) };
        self.layers().enumerate().map(|(layer, (shape, _))| F::words(shape, place(layer))).max().unwrap_or(0)
    }
}

impl<F: Integers> QuantizedFile<'_, F> {
    /// Returns the logits of a sample's codes, as integers. To get a logit as a float, multiply the integer by the record's
    /// [`logit_scale`](super::QuantizationRecord::logit_scale). The class is the [`argmax`](crate::classification::argmax) of the logits.
    ///
    /// The file's [`Preparation`](crate::preparation::Preparation) makes the codes from raw values. If it is `Bytes`, the raw values are
    /// the codes.
    ///
    /// # Errors
    ///
    /// [`WorkspaceError`] if the sample or the logits do not have exactly the network's size, or if the workspace is too short.
    /// [`required_words`](Self::required_words) words are enough for every sample. In int4, fewer can be enough for a sample with many zeros;
    /// then there is no error.
    pub fn run<const OUTPUTS: usize>(
        &self,
        sample: &[u8],
        workspace: &mut [u32],
    ) -> Result<[i32; OUTPUTS], WorkspaceError> {
        let mut logits = [0; OUTPUTS];
        self.predict(sample, workspace, &mut logits)?;
        Ok(logits)
    }

    /// Returns the logits of a sample's raw values. The file's [`Preparation`] turns them into codes.
    ///
    /// ```
    /// use selvedge::{Embedded, classification::argmax, embed, quantized::Int8};
    ///
    /// // The file names no preparation, so the values are bytes and are the codes.
    /// static NETWORK: Embedded<Int8> = embed!("../../examples/xor.int8", as Int8);
    ///
    /// let mut workspace = [0; NETWORK.required_words()];
    /// let logits: [i32; NETWORK.outputs()] = NETWORK.load()?.run_raw(&[0_u8, 255], &mut workspace)?;
    /// assert_eq!(argmax(logits), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The errors of [`run`](Self::run), and [`WorkspaceError::Value`] if the number type of the values is not the file's
    /// [`Element`](crate::preparation::Element).
    pub fn run_raw<T: Value, const INPUTS: usize, const OUTPUTS: usize>(
        &self,
        values: &[T; INPUTS],
        workspace: &mut [u32],
    ) -> Result<[i32; OUTPUTS], WorkspaceError> {
        let preparation = self.signature().preparation;
        let bytes = preparation.bytes_of(values, INPUTS)?;
        if preparation == Preparation::Bytes {
            return self.run(bytes, workspace);
        }
        let mut codes = [0; INPUTS];
        preparation.write_codes(bytes, &mut codes);
        self.run(&codes, workspace)
    }

    /// Writes a sample's logits. It does the same as [`run`](Self::run), for a network whose number of outputs is known only at run time.
    ///
    /// # Errors
    ///
    /// The errors of [`run`](Self::run).
    pub fn predict(&self, sample: &[u8], workspace: &mut [u32], logits: &mut [i32]) -> Result<(), WorkspaceError> {
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
        logits: &mut [i32],
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
        logits: &mut [i32],
        mut computed: impl FnMut(usize, &[u8]),
    ) -> Result<(), WorkspaceError> {
        for (layer, (shape, bytes)) in self.layers().enumerate() {
            // Activations are the workspace's first bytes. What is listed of them follows, and then they may be overwritten.
            let (activations, entries) =
                workspace.split_at_mut_checked(activations(shape, layer == 0)).ok_or(WorkspaceError::Workspace)?;
            let activations = word_bytes_mut(activations);
            let inputs = if layer == 0 { sample } else { activations.get(..shape.inputs).unwrap_or_default() };
            if inputs.len() != shape.inputs {
                return Err(WorkspaceError::Sample);
            }
            let entries = entries.as_chunks_mut().0;
            let active = F::list(inputs, entries).ok_or(WorkspaceError::Workspace)?;
            let blocks = blocks::all::<F>(shape, bytes);
            if self.is_last(layer) {
                if logits.len() != shape.outputs {
                    return Err(WorkspaceError::Logits);
                }
                for (logits, block) in logits.chunks_mut(ROWS).zip(blocks) {
                    for (logit, row) in logits.iter_mut().zip(F::rows(&active, block)) {
                        *logit = row;
                    }
                }
                computed(layer, &[]);
            } else {
                for (outputs, block) in activations.as_chunks_mut().0.iter_mut().zip(blocks) {
                    *outputs = F::rows(&active, block).map(|row| row.clamp(0, MAX_ACTIVATION.into()) as u8);
                }
                computed(layer, activations.get(..shape.outputs).unwrap_or_default());
            }
        }
        Ok(())
    }
}
