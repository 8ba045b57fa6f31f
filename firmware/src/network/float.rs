use core::{convert::Infallible, hint::black_box};

use selvedge::{
    Engine, Flat, Layer, Portable,
    arithmetic::normalize,
    idx::Image,
    message::{Format, Logits},
    models::{CLASSES, PIXELS},
    weights::{WeightFile, WeightFileError, hash},
};

use super::observed::Observed;
use crate::board::Model;

/// An image as numbers.
pub type Workspace = [f32; PIXELS];

/// The network, its weights in place.
pub struct Network {
    model: &'static Model,
}

impl Network {
    /// What it computes in.
    pub const FORMAT: Format = Format::Float32;
    /// Bytes of RAM that a prediction works in.
    pub const RAM: usize = size_of::<Workspace>() + size_of::<<Model as Layer>::Tape>();
    /// The workspace before the first prediction.
    pub const WORKSPACE: Workspace = Flat::ZERO;

    /// Checks the weight file.
    pub fn parse(file: &'static [u8]) -> Result<Self, WeightFileError> {
        Ok(Self { model: WeightFile::parse(file)?.model()? })
    }

    /// An image's logits.
    pub fn logits(&self, image: &Image, input: &mut Workspace) -> Result<[f32; CLASSES], Infallible> {
        Ok(self.predict(&Portable, image, input))
    }

    /// Predicts, and says when it has computed a linear layer, and which.
    pub fn by_layer(
        &self,
        image: &Image,
        input: &mut Workspace,
        computed: impl FnMut(usize),
    ) -> Result<(), Infallible> {
        black_box(self.predict(&Observed::new(computed), image, input));
        Ok(())
    }

    fn predict(&self, engine: &impl Engine, image: &Image, input: &mut Workspace) -> [f32; CLASSES] {
        for (input, &pixel) in input.iter_mut().zip(image) {
            *input = normalize(pixel);
        }
        let mut logits = [0.0; CLASSES];
        self.model.predict(engine, input, &mut logits);
        logits
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
