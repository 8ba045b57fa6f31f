use selvedge::{
    idx::Image,
    models::CLASSES,
    quantized::{QuantizedFile, WorkspaceError, hash},
    weights::WeightFileError,
};

use crate::board::Workspace;

/// The network, its weights in place.
pub struct Network {
    file: QuantizedFile<'static>,
    workspace: Workspace,
}

impl Network {
    /// Bytes of RAM.
    pub const RAM: usize = size_of::<Self>();

    /// Checks the weight file.
    pub fn parse(file: &'static [u8]) -> Result<Self, WeightFileError> {
        Ok(Self { file: QuantizedFile::parse(file)?, workspace: Workspace::EMPTY })
    }

    /// An image's logits.
    pub fn logits(&mut self, image: &Image) -> Result<[i32; CLASSES], WorkspaceError> {
        let mut logits = [0; CLASSES];
        self.file.predict(image, &mut self.workspace, &mut logits)?;
        Ok(logits)
    }

    /// What the logits are worth.
    pub fn values(&self, logits: &[i32; CLASSES]) -> [f32; CLASSES] {
        let scale = self.file.record().logit_scale;
        logits.map(|logit| logit as f32 * scale)
    }

    /// The logits' hash.
    pub fn hash(logits: &[i32; CLASSES]) -> [u8; 32] {
        hash(logits)
    }
}
