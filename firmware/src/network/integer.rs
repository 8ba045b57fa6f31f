use core::hint::black_box;

use selvedge::{
    idx::Image,
    message::{Format, Logits},
    models::CLASSES,
    quantized::{self, QuantizedFile, WorkspaceError, hash},
    weights::WeightFileError,
};

use crate::board;

/// What a prediction works in.
pub type Workspace = board::IntegerWorkspace;

/// The network, its weights in place.
pub struct Network {
    file: QuantizedFile<'static, board::IntegerFormat>,
}

impl Network {
    /// What it computes in.
    pub const FORMAT: Format = match <board::IntegerFormat as quantized::Format>::NAME.as_bytes() {
        b"int4" => Format::Int4,
        _ => Format::Int8,
    };
    /// Bytes of RAM that a prediction works in.
    pub const RAM: usize = size_of::<Workspace>();
    /// The workspace before the first prediction.
    pub const WORKSPACE: Workspace = Workspace::EMPTY;

    /// Checks the weight file.
    pub fn parse(file: &'static [u8]) -> Result<Self, WeightFileError> {
        Ok(Self { file: QuantizedFile::parse(file)? })
    }

    /// An image's logits.
    pub fn logits(&self, image: &Image, workspace: &mut Workspace) -> Result<[i32; CLASSES], WorkspaceError> {
        let mut logits = [0; CLASSES];
        self.file.predict(image, workspace, &mut logits)?;
        Ok(logits)
    }

    /// Predicts, and says when it has computed a layer, and which.
    pub fn by_layer(
        &self,
        image: &Image,
        workspace: &mut Workspace,
        computed: impl FnMut(usize),
    ) -> Result<(), WorkspaceError> {
        let mut logits = [0; CLASSES];
        self.file.predict_by_layer(image, workspace, &mut logits, computed)?;
        black_box(logits);
        Ok(())
    }

    /// What the logits are worth.
    pub fn values(&self, logits: &[i32; CLASSES]) -> [f32; CLASSES] {
        let scale = self.file.record().logit_scale;
        logits.map(|logit| logit as f32 * scale)
    }

    /// The logits, for a host.
    pub fn answer(&self, logits: &[i32; CLASSES]) -> Logits {
        Logits::Int32 { values: *logits, scale: self.file.record().logit_scale }
    }

    /// The logits' hash.
    pub fn hash(logits: &[i32; CLASSES]) -> [u8; 32] {
        hash(logits)
    }
}
