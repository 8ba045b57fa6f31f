//! A case: a training run with its settings.

use std::ops::Range;

use cuda::{
    memory::Settings,
    task::{Batch, Loss, Optimizer, Rule},
};
use selvedge::{
    augment::Augmentation,
    loss::{self, CrossEntropy},
    optimizer::{self, Adam, Momentum, RmsProp, RmsPropMomentum, Sgd},
    preparation::{Element, Preparation, Scaled},
    random::{self, Generator, Purpose},
    shape::InputShape,
};

/// An optimizer's rule for each step.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the optimizers' own names")]
pub enum Rules {
    Sgd(f32),
    Momentum { learning_rate: f32, nesterov: bool },
    Adam { learning_rate: f64, decoupled: bool },
    RmsProp,
    RmsPropMomentum,
}

impl Rules {
    /// Returns the optimizer, as the kernels have it.
    pub fn optimizer(self) -> Optimizer {
        Optimizer::from(&self.step(1))
    }

    /// Returns the number of values that the optimizer keeps for each parameter.
    pub fn states(self) -> usize {
        self.optimizer().states()
    }

    /// Returns step `number`, from 1.
    pub fn step(self, number: u64) -> optimizer::Rule {
        let rms_prop = RmsProp::new(1e-2, RmsProp::ALPHA, RmsProp::EPSILON, 1e-3);
        match self {
            Self::Sgd(learning_rate) => optimizer::Rule::Sgd(Sgd::new(learning_rate)),
            Self::Momentum { learning_rate, nesterov } => {
                optimizer::Rule::Momentum(Momentum { learning_rate, momentum: 0.9, nesterov, weight_decay: 1e-3 })
            }
            Self::Adam { learning_rate, decoupled } => {
                let new = if decoupled { Adam::decoupled } else { Adam::new };
                optimizer::Rule::Adam(new(number, learning_rate, Adam::BETAS, Adam::EPSILON, 1e-2))
            }
            Self::RmsProp => optimizer::Rule::RmsProp(rms_prop),
            Self::RmsPropMomentum => {
                optimizer::Rule::RmsPropMomentum(RmsPropMomentum { rule: rms_prop, momentum: 0.9 })
            }
        }
    }
}

/// All optimizers. The last one has a smaller step.
pub const ALL_RULES: [Rules; 8] = [
    Rules::Sgd(0.1),
    Rules::Momentum { learning_rate: 0.05, nesterov: false },
    Rules::Momentum { learning_rate: 0.05, nesterov: true },
    Rules::Adam { learning_rate: 1e-2, decoupled: false },
    Rules::Adam { learning_rate: 1e-2, decoupled: true },
    Rules::RmsProp,
    Rules::RmsPropMomentum,
    Rules::Sgd(0.01),
];

/// The values of the samples, and their conversion to a network's inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// Bytes that are divided by 255.
    Plain,
    /// Values of an element with a scale and a shift for all features.
    ScaledAlike(Element),
    /// Values of an element with a scale and a shift for each feature.
    Scaled(Element),
}

impl Values {
    /// Returns the number type of the values.
    pub fn element(self) -> Element {
        match self {
            Self::Plain => Element::U8,
            Self::ScaledAlike(element) | Self::Scaled(element) => element,
        }
    }

    /// Returns the scales and shifts of this number of features, as a file has them: some inputs near 0 and some of either sign.
    pub fn table(self, features: usize) -> Vec<u8> {
        let rows = match self {
            Self::Plain => 0,
            Self::ScaledAlike(_) => 1,
            Self::Scaled(_) => features,
        };
        let unit = match self.element().range() {
            Some((least, most)) => 2.0 / (most - least) as f32,
            None => 1.0,
        };
        let row = |feature: usize| [unit * (1.0 + feature as f32 / 7.0), 0.1 - feature as f32 / 97.0];
        (0..rows).flat_map(row).flat_map(f32::to_le_bytes).collect()
    }

    /// Returns the preparation of this number of features by a [`table`](Self::table).
    ///
    /// # Panics
    ///
    /// If the table belongs to another element.
    pub fn preparation(self, table: &[u8], features: usize) -> Preparation<'_> {
        match self {
            Self::Plain => Preparation::Bytes,
            Self::ScaledAlike(element) | Self::Scaled(element) => {
                Preparation::Scaled(Scaled::parse(element, table, features).expect("the table is the features'"))
            }
        }
    }
}

/// The targets of the samples.
#[derive(Clone, Debug)]
pub enum Targets {
    /// A class for each sample.
    Classes(Vec<u16>),
    /// A number for each output, sample after sample.
    Numbers(Vec<f32>),
}

/// A training run and its settings.
#[derive(Clone, Debug)]
pub struct Case {
    /// The number of samples in an epoch.
    pub samples: usize,
    /// The samples' values.
    pub values: Values,
    /// The loss of the outputs.
    pub loss: Loss,
    /// The sizes of an image, or `None` for a sample that is not an image.
    pub image: Option<[u32; 3]>,
    /// The number of epochs. Each has its own order.
    pub epochs: u64,
    /// The largest number of samples in a batch.
    pub batch: usize,
    /// The largest number of batches in a step.
    pub accumulate: usize,
    /// The optimizer.
    pub rules: Rules,
    /// The largest norm of a gradient.
    pub clip: Option<f32>,
    /// The probability with which an activation is set to 0.
    pub dropout: f32,
    /// The part of a target's probability that is spread evenly over all classes.
    pub label_smoothing: f32,
    /// True if classes have different weights.
    pub weighs_classes: bool,
    /// The change of images.
    pub augmentation: Augmentation,
    /// The part of the weights' moving average that each step keeps.
    pub decay: Option<f64>,
    /// The seed of all random draws.
    pub seed: u64,
}

impl Case {
    /// A case with two epochs of SGD.
    pub const PLAIN: Self = Self {
        samples: 40,
        values: Values::Plain,
        loss: Loss::CrossEntropy,
        image: None,
        epochs: 2,
        batch: 16,
        accumulate: 1,
        rules: Rules::Sgd(0.1),
        clip: None,
        dropout: 0.0,
        label_smoothing: 0.0,
        weighs_classes: false,
        augmentation: Augmentation { flip: false, shift: 0, erase: 0 },
        decay: None,
        seed: 5,
    };

    /// Returns the settings for the buffers of the run.
    pub fn settings(&self) -> Settings {
        Settings {
            batch: self.batch,
            loss: self.loss,
            optimizer: self.rules.optimizer(),
            accumulates: self.accumulate > 1,
            clips: self.clip.is_some(),
            averages: self.decay.is_some(),
        }
    }

    /// Returns the shape of a sample with this number of inputs.
    pub fn input(&self, inputs: usize) -> InputShape {
        match self.image {
            Some([channels, height, width]) => InputShape::Image { channels, height, width },
            None => InputShape::Features(inputs as u32),
        }
    }

    /// Returns the values of samples with this number of inputs, as bytes.
    ///
    /// # Panics
    ///
    /// If an image has another number of values.
    pub fn samples(&self, inputs: usize) -> Vec<u8> {
        assert_eq!(self.input(inputs).features(), inputs);
        let generator = Generator::new(self.seed, Purpose::Drawing, 0);
        let values = (0..(self.samples * inputs) as u64).flat_map(|index| {
            let bits = generator.bits(index);
            let bytes = match self.values.element() {
                // From −1 to 1.
                Element::F32 => generator.symmetric(index, 1.0).to_le_bytes(),
                _ => (bits as u32).to_le_bytes(),
            };
            bytes.into_iter().take(self.values.element().size())
        });
        values.collect()
    }

    /// Returns each sample's targets, for a network with this number of outputs.
    pub fn targets(&self, outputs: usize) -> Targets {
        let generator = Generator::new(self.seed, Purpose::Drawing, 1);
        let numbers = 0..(self.samples * outputs) as u64;
        match self.loss {
            Loss::CrossEntropy => Targets::Classes(self.labels(outputs)),
            Loss::BceWithLogits => Targets::Numbers(numbers.map(|index| generator.below(index, 2) as f32).collect()),
            Loss::Mse => Targets::Numbers(numbers.map(|index| generator.symmetric(index, 2.0)).collect()),
        }
    }

    /// Returns each sample's class, below `classes`.
    fn labels(&self, classes: usize) -> Vec<u16> {
        let generator = Generator::new(self.seed, Purpose::Drawing, 0);
        (0..self.samples as u64).map(|index| generator.below(1 << 40 | index, classes as u32) as u16).collect()
    }

    /// Returns the weight of each class, if they differ. Some are 0.
    pub fn class_weights(&self, classes: usize) -> Option<Vec<f32>> {
        let weight = |class: usize| if class % 5 == 3 { 0.0 } else { 0.3 + class as f32 / 7.0 };
        self.weighs_classes.then(|| (0..classes).map(weight).collect())
    }

    /// Returns the order of an epoch's samples.
    pub fn order(&self, epoch: u64) -> Vec<u32> {
        let mut order = vec![0; self.samples];
        random::shuffle(&mut order, self.seed, epoch);
        order
    }

    /// Returns the number of an epoch's first step, from 1.
    pub(crate) fn first_step(&self, epoch: u64) -> u64 {
        epoch * self.samples.div_ceil(self.batch * self.accumulate) as u64 + 1
    }

    /// Returns the batches of an epoch, for a network with this number of outputs.
    ///
    /// # Panics
    ///
    /// If a sample's class is not below the number of outputs.
    pub fn batches(&self, epoch: u64, outputs: usize) -> Vec<Batch> {
        let (labels, weights) = (self.labels(outputs), self.class_weights(outputs));
        let labels: Vec<u16> = self.order(epoch).iter().map(|&index| labels[index as usize]).collect();
        let classes = CrossEntropy { class_weights: weights.as_deref(), ..CrossEntropy::default() };
        let total_weight = |samples: Range<usize>| match self.loss {
            Loss::CrossEntropy => {
                loss::Loss::total_weight(&classes, outputs, &labels[samples]).expect("each label is a class")
            }
            numbers => numbers.total_weight(samples.len(), outputs),
        };
        let per_epoch = self.samples.div_ceil(self.batch) as u64;
        let in_step = self.batch * self.accumulate;
        let batch = |index: usize| {
            let first = index * self.batch;
            let step_first = first / in_step * in_step;
            let step_end = self.samples.min(step_first + in_step);
            let end = self.samples.min(first + self.batch);
            let step = self.first_step(epoch) + (first / in_step) as u64;
            Batch {
                number: epoch * per_epoch + index as u64,
                epoch,
                first: first as u32,
                samples: (end - first) as u32,
                is_first: (first == step_first).into(),
                is_last: (end == step_end).into(),
                total_weight: total_weight(step_first..step_end),
                average: self.decay.map_or(0.0, |decay| (1.0 - decay) as f32),
                starts_average: (step == 1).into(),
                rule: Rule::from(&self.rules.step(step)),
            }
        };
        (0..per_epoch as usize).map(batch).collect()
    }
}
