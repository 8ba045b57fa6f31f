use core::hint::black_box;

use selvedge::{
    Engine, Flat, Layer, Portable,
    arithmetic::normalize,
    message::{Logits, WeightFormat},
    preparation::Preparation,
    quantized::WorkspaceError,
    shape::{Names, Signature},
    weights::{WeightFile, WeightFileError, hash},
};

use super::{observed::Observed, sized};
use crate::board::{INPUTS, IS_PREPARED, Model, OUTPUTS};

/// A sample's values as numbers.
pub type PredictionWorkspace = [f32; INPUTS];
/// The logits.
pub type Outputs = [f32; OUTPUTS];

/// The network, with its weights in flash.
pub struct EmbeddedNetwork {
    model: &'static Model,
    names: Names<'static>,
    preparation: Preparation<'static>,
}

impl EmbeddedNetwork {
    /// The number format of the weights.
    pub const FORMAT: WeightFormat = WeightFormat::F32;
    /// The number of bytes of RAM in which a prediction works.
    pub const RAM: usize = size_of::<PredictionWorkspace>() + size_of::<<Model as Layer>::Tape>();
    /// The workspace before the first prediction.
    pub const WORKSPACE: PredictionWorkspace = Flat::ZERO;

    /// The logits before the first prediction.
    pub const OUTPUTS: Outputs = [0.0; OUTPUTS];

    /// Checks the weight file.
    pub fn parse(file: &'static [u8]) -> Result<Self, WeightFileError> {
        let file = WeightFile::parse(file)?;
        let Signature { output_names: names, preparation, .. } = file.signature();
        Ok(Self { model: file.model()?, names, preparation })
    }

    /// Returns the meaning of the inputs and outputs of a weight file. It checks the file.
    pub fn signature(file: &'static [u8]) -> Result<Signature<'static>, WeightFileError> {
        Ok(WeightFile::parse(file)?.signature())
    }

    /// Returns the outputs' names, if the file has them.
    pub fn output_names(&self) -> Names<'static> {
        self.names
    }

    /// Writes a sample's logits.
    pub fn predict(
        &self,
        sample: &[u8],
        input: &mut PredictionWorkspace,
        logits: &mut Outputs,
    ) -> Result<(), WorkspaceError> {
        self.predict_by(&Portable, sample, input, logits)
    }

    /// Predicts, and calls `computed` after each linear layer, with the index of this linear layer, from 0. Returns [`WorkspaceError::Sample`]
    /// for a sample of another length.
    pub fn by_layer(
        &self,
        sample: &[u8],
        input: &mut PredictionWorkspace,
        computed: impl FnMut(usize),
    ) -> Result<(), WorkspaceError> {
        let mut logits = Self::OUTPUTS;
        self.predict_by(&Observed::new(computed), sample, input, &mut logits)?;
        black_box(logits);
        Ok(())
    }

    fn predict_by(
        &self,
        engine: &impl Engine,
        sample: &[u8],
        input: &mut PredictionWorkspace,
        logits: &mut Outputs,
    ) -> Result<(), WorkspaceError> {
        let sample = sized(sample)?;
        if IS_PREPARED {
            self.preparation.write(sample, input);
        } else {
            input.iter_mut().zip(sample).for_each(|(input, &byte)| *input = normalize(byte));
        }
        self.model.predict(engine, input, logits);
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
