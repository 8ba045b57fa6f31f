use core::convert::Infallible;

use selvedge::{
    Flat, Layer, Portable,
    arithmetic::normalize,
    idx::Image,
    models::{CLASSES, PIXELS},
    weights::{WeightFile, WeightFileError, hash},
};

use crate::board::Model;

/// The network, its weights in place.
pub struct Network {
    model: &'static Model,
    input: [f32; PIXELS],
}

impl Network {
    /// Bytes of RAM: the network's, and the stack's for activations.
    pub const RAM: usize = size_of::<Self>() + size_of::<<Model as Layer>::Tape>();

    /// Checks the weight file.
    pub fn parse(file: &'static [u8]) -> Result<Self, WeightFileError> {
        Ok(Self { model: WeightFile::parse(file)?.model()?, input: Flat::ZERO })
    }

    /// An image's logits.
    pub fn logits(&mut self, image: &Image) -> Result<[f32; CLASSES], Infallible> {
        for (input, &pixel) in self.input.iter_mut().zip(image) {
            *input = normalize(pixel);
        }
        let mut logits = [0.0; CLASSES];
        self.model.predict(&Portable, &self.input, &mut logits);
        Ok(logits)
    }

    /// What the logits are worth.
    pub fn values(&self, logits: &[f32; CLASSES]) -> [f32; CLASSES] {
        *logits
    }

    /// The logits' hash.
    pub fn hash(logits: &[f32; CLASSES]) -> [u8; 32] {
        hash(logits)
    }
}
