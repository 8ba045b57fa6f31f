use core::hint::black_box;

use selvedge::{
    message::{Logits, WeightFormat},
    preparation::Preparation,
    quantized::{self, QuantizedFile, WorkspaceError, hash},
    shape::{Names, Signature},
    weights::WeightFileError,
};

use super::sized;
use crate::board::{self, INPUTS, IS_PREPARED, OUTPUTS};

/// The memory in which a prediction works.
pub type PredictionWorkspace = [u32; board::IntegerFormat::required_words(&board::WIDTHS)];
/// The logits.
pub type Outputs = [i32; OUTPUTS];

/// The network, with its weights in flash.
pub struct EmbeddedNetwork {
    file: QuantizedFile<'static, board::IntegerFormat>,
    preparation: Preparation<'static>,
}

impl EmbeddedNetwork {
    /// The number format of the weights.
    pub const FORMAT: WeightFormat = match <board::IntegerFormat as quantized::QuantizedFormat>::NAME.as_bytes() {
        b"int4" => WeightFormat::Int4,
        _ => WeightFormat::Int8,
    };
    /// The number of bytes of the workspace. With a preparation, a prediction also has one byte for each input on the stack.
    pub const RAM: usize = size_of::<PredictionWorkspace>();
    /// The workspace before the first prediction.
    pub const WORKSPACE: PredictionWorkspace = [0; _];

    /// The logits before the first prediction.
    pub const OUTPUTS: Outputs = [0; OUTPUTS];

    /// Checks the weight file.
    pub fn parse(file: &'static [u8]) -> Result<Self, WeightFileError> {
        let file = QuantizedFile::parse(file)?;
        let preparation = if IS_PREPARED { file.signature().preparation } else { Preparation::Bytes };
        Ok(Self { file, preparation })
    }

    /// Returns the meaning of the inputs and outputs of a weight file. It checks the file.
    pub fn signature(file: &'static [u8]) -> Result<Signature<'static>, WeightFileError> {
        Ok(QuantizedFile::<board::IntegerFormat>::parse(file)?.signature())
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
        let sample = sized(sample)?;
        if IS_PREPARED {
            self.file.predict(&self.codes(sample), workspace, logits)
        } else {
            self.file.predict(sample, workspace, logits)
        }
    }

    /// Returns the network's inputs for a sample whose values need a preparation.
    fn codes(&self, sample: &[u8]) -> [u8; INPUTS] {
        let mut codes = [0; INPUTS];
        self.preparation.write_codes(sample, &mut codes);
        codes
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
        let sample = sized(sample)?;
        if IS_PREPARED {
            self.file.predict_by_layer(&self.codes(sample), workspace, &mut logits, computed)?;
        } else {
            self.file.predict_by_layer(sample, workspace, &mut logits, computed)?;
        }
        black_box(logits);
        Ok(())
    }

    /// Returns the logits as numbers.
    pub fn values(&self, logits: &Outputs) -> [f32; OUTPUTS] {
        let scale = self.file.record().logit_scale;
        logits.map(|logit| logit as f32 * scale)
    }

    /// Returns the logits in the form for a host.
    pub fn answer<'a>(&self, logits: &'a Outputs) -> Logits<'a> {
        Logits::int32(logits, self.file.record().logit_scale)
    }

    /// Returns the logits' hash.
    pub fn hash(logits: &Outputs) -> [u8; 32] {
        hash(logits)
    }
}
