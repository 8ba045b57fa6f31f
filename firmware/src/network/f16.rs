use core::hint::black_box;

use selvedge::{
    message::{Logits, WeightFormat},
    quantized::{F16, QuantizedFile, WorkspaceError},
    shape::{Names, Signature},
    weights::{WeightFileError, hash},
};

use super::sized;
use crate::board::{self, OUTPUTS};

/// The memory in which a prediction works.
pub type PredictionWorkspace = [u32; F16::required_words(&board::WIDTHS)];
/// The logits.
pub type Outputs = [f32; OUTPUTS];

/// The network, with its weights in flash.
pub struct EmbeddedNetwork {
    file: QuantizedFile<'static, F16>,
}

impl EmbeddedNetwork {
    /// The number format of the weights.
    pub const FORMAT: WeightFormat = WeightFormat::F16;
    /// The number of bytes of RAM in which a prediction works.
    pub const RAM: usize = size_of::<PredictionWorkspace>();
    /// The workspace before the first prediction.
    pub const WORKSPACE: PredictionWorkspace = [0; _];

    /// The logits before the first prediction.
    pub const OUTPUTS: Outputs = [0.0; OUTPUTS];

    /// Checks the weight file.
    pub fn parse(file: &'static [u8]) -> Result<Self, WeightFileError> {
        Ok(Self { file: QuantizedFile::parse(file)? })
    }

    /// Returns the meaning of the inputs and outputs of a weight file. It checks the file.
    pub fn signature(file: &'static [u8]) -> Result<Signature<'static>, WeightFileError> {
        Ok(QuantizedFile::<F16>::parse(file)?.signature())
    }

    /// Returns the outputs' names, if the file has them.
    pub fn output_names(&self) -> Names<'static> {
        self.file.signature().output_names
    }

    /// Writes a sample's logits.
    pub fn predict(
        &self,
        sample: &[u8],
        workspace: &mut PredictionWorkspace,
        logits: &mut Outputs,
    ) -> Result<(), WorkspaceError> {
        self.file.predict(sized(sample)?, workspace, logits)
    }

    /// Predicts, and calls `computed` after each linear layer, with the index of this linear layer, from 0. Returns [`WorkspaceError::Sample`]
    /// for a sample of another length.
    pub fn by_layer(
        &self,
        sample: &[u8],
        workspace: &mut PredictionWorkspace,
        computed: impl FnMut(usize),
    ) -> Result<(), WorkspaceError> {
        let mut logits = Self::OUTPUTS;
        self.file.predict_by_layer(sized(sample)?, workspace, &mut logits, computed)?;
        black_box(logits);
        Ok(())
    }

    /// Returns the logits as numbers.
    pub fn values(&self, logits: &Outputs) -> Outputs {
        *logits
    }

    /// Returns the logits in the form for a host.
    pub fn answer<'a>(&self, logits: &'a Outputs) -> Logits<'a> {
        Logits::float32(logits)
    }

    /// Returns the logits' hash.
    pub fn hash(logits: &Outputs) -> [u8; 32] {
        hash(logits)
    }
}
