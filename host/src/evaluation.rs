//! How good a model is on a set of images.

use selvedge::{
    Engine, Flat,
    arithmetic::normalize,
    classification::argmax,
    idx::Image,
    layers::Features,
    loss::CrossEntropy,
    models::{CLASSES, PIXELS},
    training::{self, Batch},
};

use crate::{aligned::Aligned, data::Split, models::Model};

/// Samples in a forward pass: their mean loss is rounded once.
pub const BATCH: usize = 500;

/// What a model made of a set of images.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// Mean cross-entropy over the images.
    pub loss: f64,
    /// How often an image of the first class was taken for the second.
    pub confusion: [[u32; CLASSES]; CLASSES],
}

impl Evaluation {
    /// From each image's label and predicted class, and the mean loss of each [`BATCH`] images (of the last, of those that are left).
    ///
    /// # Panics
    ///
    /// Where a label or a class is none of the [`CLASSES`].
    pub fn new(labels: &[u8], classes: &[u8], losses: &[f32]) -> Self {
        let mut confusion = [[0; CLASSES]; CLASSES];
        for (&label, &class) in labels.iter().zip(classes) {
            confusion[usize::from(label)][usize::from(class)] += 1;
        }
        let batches = labels.chunks(BATCH).zip(losses);
        let sum: f64 = batches.map(|(labels, &loss)| f64::from(loss) * labels.len() as f64).sum();
        Self { loss: sum / labels.len() as f64, confusion }
    }

    /// Images.
    pub fn total(&self) -> u32 {
        self.confusion.as_flattened().iter().sum()
    }

    /// Images whose class was found.
    pub fn right(&self) -> u32 {
        (0..CLASSES).map(|class| self.confusion[class][class]).sum()
    }

    /// The part whose class was found, 0 to 1.
    pub fn accuracy(&self) -> f64 {
        f64::from(self.right()) / f64::from(self.total())
    }

    /// Of the images taken for the class, the part that is; `None` where none was.
    pub fn precision(&self, class: usize) -> Option<f64> {
        let taken: u32 = self.confusion.iter().map(|row| row[class]).sum();
        (taken > 0).then(|| f64::from(self.confusion[class][class]) / f64::from(taken))
    }

    /// Of the class's images, the part that was found; `None` where there are none.
    pub fn recall(&self, class: usize) -> Option<f64> {
        let there: u32 = self.confusion[class].iter().sum();
        (there > 0).then(|| f64::from(self.confusion[class][class]) / f64::from(there))
    }
}

/// Runs a model on a set, and hands each batch's logits to `see` (with the first image's index).
///
/// # Errors
///
/// [`training::StepError`] for labels that name no class.
pub fn run<M: Model, E: Engine>(
    engine: &E,
    model: &M,
    split: &Split,
    mut see: impl FnMut(usize, &[[f32; CLASSES]]),
) -> Result<Evaluation, training::StepError> {
    let mut tape = Aligned::zeroed(BATCH * M::Tape::LEN);
    let mut input = Aligned::zeroed(BATCH * PIXELS);
    let input = <[f32; PIXELS]>::batch_mut(&mut input);
    let (mut classes, mut losses) = (Vec::with_capacity(split.labels.len()), Vec::new());
    for (index, (images, labels)) in split.images.chunks(BATCH).zip(split.labels.chunks(BATCH)).enumerate() {
        let input = &mut input[..images.len()];
        engine.share_out(input, |first, input| {
            for (input, image) in input.iter_mut().zip(&images[first..]) {
                load(image, input);
            }
        });
        let (logits, loss) =
            training::evaluate(engine, model, &CrossEntropy::default(), Batch::new(input, labels), &mut tape)?;
        losses.push(loss);
        classes.extend(logits.iter().map(|logits| argmax(logits) as u8));
        see(index * BATCH, logits);
    }
    Ok(Evaluation::new(&split.labels, &classes, &losses))
}

/// An image as a network's input.
pub fn load(image: &Image, input: &mut [f32; PIXELS]) {
    for (x, &pixel) in input.iter_mut().zip(image) {
        *x = normalize(pixel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_batch_counts_as_often_as_it_has_images() {
        let mut labels = vec![0; BATCH];
        labels.extend([1, 2]);
        let mut classes = vec![0; BATCH];
        classes.extend([2, 2]);
        let evaluation = Evaluation::new(&labels, &classes, &[1.0, 4.0]);
        assert_eq!(evaluation.loss, 508.0 / 502.0);
        let mut confusion = [[0; CLASSES]; CLASSES];
        (confusion[0][0], confusion[1][2], confusion[2][2]) = (500, 1, 1);
        assert_eq!(evaluation.confusion, confusion);
    }

    #[test]
    fn counts_what_the_matrix_says() {
        let mut confusion = [[0; CLASSES]; CLASSES];
        confusion[0][0] = 3;
        confusion[0][1] = 1;
        confusion[2][1] = 4;
        let evaluation = Evaluation { loss: 0.0, confusion };
        assert_eq!((evaluation.total(), evaluation.right(), evaluation.accuracy()), (8, 3, 0.375));
        assert_eq!((evaluation.precision(0), evaluation.recall(0)), (Some(1.0), Some(0.75)));
        assert_eq!((evaluation.precision(1), evaluation.recall(1)), (Some(0.0), None));
        assert_eq!((evaluation.precision(2), evaluation.recall(2)), (None, Some(0.0)));
    }
}
