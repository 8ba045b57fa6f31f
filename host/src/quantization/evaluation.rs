//! An integer network's file at work on the host.

use selvedge::{
    Engine,
    arithmetic::log_sum_exp,
    classification::argmax,
    idx::Image,
    models::CLASSES,
    quantized::{Entry, QuantizedFile, WorkspaceError},
};

use crate::{data::Split, evaluation::Evaluation};

/// Runs a network from an image's pixels to the classes' logits.
#[derive(Debug)]
pub struct Predictor<'a> {
    file: &'a QuantizedFile<'a>,
    entries: Vec<Entry>,
    activations: Vec<u8>,
}

impl<'a> Predictor<'a> {
    /// With the memory that the network needs.
    pub fn new(file: &'a QuantizedFile<'a>) -> Self {
        let (entries, width) = file.workspace();
        Self { file, entries: vec![Entry::EMPTY; entries], activations: vec![0; width] }
    }

    /// An image's logits as the device has them.
    ///
    /// # Errors
    ///
    /// [`WorkspaceError`] for a network of other inputs or outputs.
    pub fn integers(&mut self, image: &Image) -> Result<[i32; CLASSES], WorkspaceError> {
        let mut logits = [0; CLASSES];
        self.file.predict_in(image, &mut self.entries, &mut self.activations, &mut logits)?;
        Ok(logits)
    }

    /// An image's logits in the floating-point network's unit.
    ///
    /// # Errors
    ///
    /// [`WorkspaceError`] for a network of other inputs or outputs.
    pub fn logits(&mut self, image: &Image) -> Result<[f32; CLASSES], WorkspaceError> {
        let logits = self.integers(image)?;
        Ok(self.scaled(logits))
    }

    fn scaled(&self, logits: [i32; CLASSES]) -> [f32; CLASSES] {
        let scale = f64::from(self.file.record().logit_scale);
        logits.map(|logit| (scale * f64::from(logit)) as f32)
    }
}

/// The RAM that a prediction works in on a device, its [`Workspace`](selvedge::quantized::Workspace), in bytes.
pub fn ram_bytes(file: &QuantizedFile<'_>) -> usize {
    let (entries, width) = file.workspace();
    entries * size_of::<Entry>() + width
}

/// Runs a network on a set of images.
///
/// # Errors
///
/// [`WorkspaceError`] for a network of other inputs or outputs than images and classes.
pub fn evaluate<E: Engine>(engine: &E, file: &QuantizedFile<'_>, split: &Split) -> Result<Evaluation, WorkspaceError> {
    let mut logits = vec![Ok([0; CLASSES]); split.images.len()];
    engine.share_out(&mut logits, |first, logits| {
        let mut predictor = Predictor::new(file);
        for (logits, image) in logits.iter_mut().zip(&split.images[first..]) {
            *logits = predictor.integers(image);
        }
    });
    let predictor = Predictor::new(file);
    let mut evaluation = Evaluation { loss: 0.0, confusion: [[0; CLASSES]; CLASSES] };
    for (logits, &label) in logits.into_iter().zip(&split.labels) {
        let (logits, label) = (logits?, usize::from(label));
        let scaled = predictor.scaled(logits);
        evaluation.loss += f64::from(log_sum_exp(&scaled) - scaled[label]);
        evaluation.confusion[label][argmax(&logits)] += 1;
    }
    evaluation.loss /= f64::from(evaluation.total());
    Ok(evaluation)
}
