use core::hint::black_box;

use selvedge::{
    idx::Image,
    message::{Format, Logits},
    models::CLASSES,
    quantized::{Float16, QuantizedFile, WorkspaceError},
    weights::{WeightFileError, hash},
};

use crate::board;

/// What a prediction works in.
pub type Workspace = [f32; board::HALF_FLOATS];

/// The network, its weights in place.
pub struct Network {
    file: QuantizedFile<'static, Float16>,
}

impl Network {
    /// What its weights are.
    pub const FORMAT: Format = Format::Float16;
    /// Bytes of RAM that a prediction works in.
    pub const RAM: usize = size_of::<Workspace>();
    /// The workspace before the first prediction.
    pub const WORKSPACE: Workspace = [0.0; board::HALF_FLOATS];

    /// Checks the weight file.
    pub fn parse(file: &'static [u8]) -> Result<Self, WeightFileError> {
        Ok(Self { file: QuantizedFile::parse(file)? })
    }

    /// An image's logits.
    pub fn logits(&self, image: &Image, workspace: &mut Workspace) -> Result<[f32; CLASSES], WorkspaceError> {
        let mut logits = [0.0; CLASSES];
        self.file.predict(image, workspace, &mut logits)?;
        Ok(logits)
    }

    /// Predicts, and says when it has computed a linear layer, and which.
    pub fn by_layer(
        &self,
        image: &Image,
        workspace: &mut Workspace,
        computed: impl FnMut(usize),
    ) -> Result<(), WorkspaceError> {
        let mut logits = [0.0; CLASSES];
        self.file.predict_by_layer(image, workspace, &mut logits, computed)?;
        black_box(logits);
        Ok(())
    }

    /// What the logits are worth.
    pub fn values(&self, logits: &[f32; CLASSES]) -> [f32; CLASSES] {
        *logits
    }

    /// The logits, for a host.
    pub fn answer(&self, logits: &[f32; CLASSES]) -> Logits {
        Logits::Float32(*logits)
    }

    /// The logits' hash.
    pub fn hash(logits: &[f32; CLASSES]) -> [u8; 32] {
        hash(logits)
    }
}
