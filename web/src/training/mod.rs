//! A training run as `selvedge train` takes it: the same steps, in the same order, with the same bits.
//!
//! - [`recipe`]: `quickstart` and `fast`.
//! - [`step`]: a model of any type, and one step of it.

pub mod recipe;
pub mod step;

use alloc::{
    boxed::Box,
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};

use selvedge::{
    fashion_mnist::{CLASS_NAMES, CLASSES, PIXELS, SHAPE, Small, Tiny},
    optimizer::Adam,
    random,
    shape::{Names, Signature},
    weights::{HexHash, TrainingRecord, encode_flat, encoded_len, hash},
};
use wasm_bindgen::prelude::*;

use self::{
    recipe::{Fast, Quickstart},
    step::{Place, Step, Trainer},
};
use crate::samples::Samples;

/// A training run, and the place that it has reached.
#[wasm_bindgen]
pub struct TrainingRun {
    samples: Samples,
    options: RunOptions,
    trainer: Box<dyn Step>,
    order: Vec<u32>,
    epoch: u32,
    /// The number of samples that were seen in this epoch.
    seen: usize,
    steps: u32,
}

/// The options of `selvedge train` with the same names.
struct RunOptions {
    seed: u32,
    epochs: u32,
    batch_size: usize,
    learning_rate: f64,
}

#[wasm_bindgen]
impl TrainingRun {
    /// Begins a run of a model, `tiny` or `small`, by a recipe, `quickstart` or `fast`, on all of these samples.
    ///
    /// # Errors
    ///
    /// Another model or recipe, samples that do not have 784 bytes (28×28), labels above 9, `epochs` of 0, a `batch_size` outside 1 to 1024, and a
    /// `learning_rate` that is not a finite number above 0.
    #[wasm_bindgen(constructor)]
    pub fn new(
        model: &str,
        recipe: &str,
        samples: Samples,
        seed: u32,
        epochs: u32,
        batch_size: u32,
        learning_rate: f64,
    ) -> Result<TrainingRun, JsError> {
        Self::begin(model, recipe, samples, seed, epochs, batch_size, learning_rate)
            .map_err(|error| JsError::new(&error))
    }

    /// Takes a step. Returns the mean loss of its samples before the step.
    ///
    /// # Errors
    ///
    /// If the loss is infinite or NaN, because the run diverged, or if the run has ended.
    pub fn step(&mut self) -> Result<f32, JsError> {
        self.advance().map_err(|error| JsError::new(&error))
    }

    /// Returns true if every epoch was taken.
    #[wasm_bindgen(getter, js_name = isDone)]
    pub fn is_done(&self) -> bool {
        self.epoch >= self.options.epochs
    }

    /// Returns the number of steps taken so far.
    #[wasm_bindgen(getter)]
    pub fn steps(&self) -> u32 {
        self.steps
    }

    /// Returns the number of steps of the whole run.
    #[wasm_bindgen(getter, js_name = totalSteps)]
    pub fn total_steps(&self) -> u32 {
        self.options.epochs * self.samples.count().div_ceil(self.options.batch_size) as u32
    }

    /// Returns the number of whole epochs taken so far.
    #[wasm_bindgen(getter)]
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Returns the weight hash.
    #[wasm_bindgen(getter, js_name = weightHash)]
    pub fn weight_hash(&self) -> String {
        HexHash(hash(self.trainer.parameters())).to_string()
    }

    /// Returns the weight file.
    ///
    /// # Errors
    ///
    /// A valid run has no errors.
    pub fn file(&self) -> Result<Vec<u8>, JsError> {
        self.encoded().map_err(|error| JsError::new(&error))
    }
}

impl TrainingRun {
    /// Does the same as [`new`](Self::new), with the error as a text.
    ///
    /// # Errors
    ///
    /// The errors of [`new`](Self::new).
    pub fn begin(
        model: &str,
        recipe: &str,
        samples: Samples,
        seed: u32,
        epochs: u32,
        batch_size: u32,
        learning_rate: f64,
    ) -> Result<Self, String> {
        if samples.sample_len() != PIXELS {
            return Err(format!(
                "the page trains on images of 28×28 pixels, and a sample has {}",
                samples.sample_len()
            ));
        }
        if let Some((_, label)) = samples.iter().find(|&(_, label)| usize::from(label) >= CLASSES) {
            return Err(format!("the page trains {CLASSES} classes, and a sample has the label {label}"));
        }
        if epochs == 0 || !(1..=1024).contains(&batch_size) {
            return Err("a run has an epoch at least, and a batch 1 to 1024 samples".to_string());
        }
        if !(learning_rate > 0.0 && learning_rate.is_finite()) {
            return Err("the learning rate must be a number above 0".to_string());
        }
        let batch_size = batch_size as usize;
        let total = u64::from(epochs) * samples.count().div_ceil(batch_size) as u64;
        let Some(trainer) = trainer(model, recipe, seed.into(), batch_size, total) else {
            return Err(format!("the page trains tiny and small by quickstart and fast, and not {model} by {recipe}"));
        };
        let order = vec![0; samples.count()];
        let options = RunOptions { seed, epochs, batch_size, learning_rate };
        let mut training = Self { samples, options, trainer, order, epoch: 0, seen: 0, steps: 0 };
        training.shuffle();
        Ok(training)
    }

    fn shuffle(&mut self) {
        random::shuffle(&mut self.order, self.options.seed.into(), self.epoch.into());
    }

    /// Does the same as [`step`](Self::step), with the error as a text.
    ///
    /// # Errors
    ///
    /// The errors of [`step`](Self::step).
    pub fn advance(&mut self) -> Result<f32, String> {
        if self.is_done() {
            return Err("the run has ended".to_string());
        }
        let end = self.order.len().min(self.seen + self.options.batch_size);
        let RunOptions { seed, learning_rate, .. } = self.options;
        let batch = &self.order[self.seen..end];
        let place = Place { seed: seed.into(), steps: self.steps.into(), learning_rate, batch };
        let loss = self.trainer.step(&self.samples, place)?;
        self.steps += 1;
        if !loss.is_finite() {
            return Err(format!(
                "the loss is {loss} at step {}: training diverged; take a smaller learning rate",
                self.steps
            ));
        }
        self.seen = end;
        if self.seen == self.order.len() {
            (self.seen, self.epoch) = (0, self.epoch + 1);
            if !self.is_done() {
                self.shuffle();
            }
        }
        Ok(loss)
    }

    /// Does the same as [`file`](Self::file), with the error as a text.
    ///
    /// # Errors
    ///
    /// The errors of [`file`](Self::file).
    pub fn encoded(&self) -> Result<Vec<u8>, String> {
        let RunOptions { seed, batch_size, learning_rate, .. } = self.options;
        let (mut names, mut len) = ([0; 256], 0);
        for name in CLASS_NAMES {
            len = Names::push(&mut names, len, name).unwrap_or(len);
        }
        let signature = Signature {
            input: Some(SHAPE),
            output_names: Names::parse(&names[..len], CLASSES).unwrap_or_default(),
            ..Signature::default()
        };
        let record = TrainingRecord {
            seed: seed.into(),
            dataset: "the page's samples",
            samples: self.order.len() as u32,
            shuffled: true,
            epochs: self.epoch,
            steps: self.steps.into(),
            batch_size: batch_size as u32,
            learning_rate: learning_rate as f32,
            ..TrainingRecord::default()
        };
        let (architecture, parameters) = (self.trainer.architecture(), self.trainer.parameters());
        let room = encoded_len(architecture.layers().len(), parameters.len(), &signature, &record);
        let mut file = vec![0; room];
        let len = encode_flat(&architecture, parameters, &signature, &record, &mut file);
        file.truncate(len.map_err(|error| error.to_string())?);
        Ok(file)
    }
}

/// Returns a trainer for the model's type.
fn trainer(model: &str, recipe: &str, seed: u64, batch_size: usize, total: u64) -> Option<Box<dyn Step>> {
    Some(match (model, recipe) {
        ("small", "quickstart") => Box::new(Trainer::<Small, Quickstart, 0>::new(seed, batch_size, total)),
        ("tiny", "quickstart") => Box::new(Trainer::<Tiny, Quickstart, 0>::new(seed, batch_size, total)),
        ("small", "fast") => Box::new(Trainer::<Small, Fast, { Adam::STATE }>::new(seed, batch_size, total)),
        ("tiny", "fast") => Box::new(Trainer::<Tiny, Fast, { Adam::STATE }>::new(seed, batch_size, total)),
        _ => return None,
    })
}
