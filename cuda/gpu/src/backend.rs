//! An NVIDIA GPU as a backend. A launch takes many steps, and the next ones are begun while it works. The weights stay on the GPU until the
//! host wants them.

use std::collections::VecDeque;

use cuda::{
    driver::{CudaError, Gpu},
    memory::Settings,
    task::{self, Batch},
    trainer::{self, Evaluated, IN_FLIGHT, MAX_BATCHES, Part, Run, Samples, Trained, Trainer},
};

use host::{
    data::{Dataset, Split},
    evaluation::{self, Evaluation},
    task::{Targets, standardized},
    training::{Backend, Evaluations, State, StepInput, StepOutput, Steps, TrainingError, TrainingOptions},
};

const _: () = assert!(evaluation::BATCH == cuda::memory::EVALUATED, "a mean loss is that of as many samples");

/// A run on a GPU.
pub struct Cuda<'a> {
    trainer: Trainer,
    data: &'a Dataset,
    options: &'a TrainingOptions,
    /// The number of outputs of the network.
    outputs: usize,
    /// The epoch whose order is on the GPU.
    epoch: Option<u32>,
    /// The batches of a start.
    batches: Vec<Batch>,
    /// For each batch that is not finished, true if it ends a step.
    ends_step: VecDeque<bool>,
}

/// The numbers by which the backend knows the tests.
const TEST: usize = 0;
const VALIDATION: usize = 1;

impl<'a> Cuda<'a> {
    /// Returns a run from a state. The state and the samples are copied to the GPU.
    ///
    /// # Errors
    ///
    /// [`CudaError`] if the GPU cannot be used.
    pub fn new(gpu: Gpu, state: &State, data: &'a Dataset, options: &'a TrainingOptions) -> Result<Self, CudaError> {
        let run = Run {
            architecture: state.network.architecture().clone(),
            settings: Settings {
                batch: options.batch_size.min(data.train.len()),
                loss: match data.train.targets() {
                    Targets::Classes(_) => task::Loss::CrossEntropy,
                    Targets::Labels(_) => task::Loss::BceWithLogits,
                    Targets::Values(_) => task::Loss::Mse,
                },
                optimizer: task::Optimizer::from(&options.optimizer.step(1, options.learning_rate)),
                accumulates: options.accumulate > 1,
                clips: options.clip.is_some(),
                averages: state.has_average(),
            },
            seed: options.seed,
            dropout: options.dropout,
            label_smoothing: options.label_smoothing,
            class_weights: options.class_weights.as_deref(),
            clip: options.clip,
            input: data.input,
            preparation: data.preparation.get(),
            augmentation: options.augmentation,
        };
        let targets = |split: &Split| standardized(data.task.get(), split.targets());
        let mut trainer = Trainer::new(gpu, &run, samples(&data.train.values(), &targets(&data.train)))?;
        for split in [&data.test].into_iter().chain(&data.validation) {
            trainer.add_test(samples(&split.values(), &targets(split)))?;
        }
        for (part, flat) in kept(state).zip(state.trained()) {
            trainer.upload(part, flat)?;
        }
        let outputs = state.network.outputs();
        Ok(Self { trainer, data, options, outputs, epoch: None, batches: Vec::new(), ends_step: VecDeque::new() })
    }

    fn start_steps(&mut self, steps: &Steps<'_>) -> Result<(), CudaError> {
        if self.epoch != Some(steps.epoch) {
            self.trainer.set_order(steps.order)?;
            self.epoch = Some(steps.epoch);
        }
        self.batches.clear();
        for input in steps.inputs {
            self.batches.extend(batches(steps.epoch, input, self.options));
        }
        self.trainer.start(&self.batches)?;
        self.ends_step.extend(self.batches.iter().map(|batch| batch.is_last == 1));
        Ok(())
    }

    fn finish_steps(&mut self, outputs: &mut Vec<StepOutput>) -> Result<(), CudaError> {
        let Trained { losses, norms } = self.trainer.finish()?;
        let ends_step = self.ends_step.drain(..losses.len());
        let mut output = StepOutput { loss: 0.0, grad_norm: None };
        for (index, (loss, ends_step)) in losses.iter().zip(ends_step).enumerate() {
            output.loss += loss;
            let has_stopped = !output.loss.is_finite();
            if ends_step || has_stopped {
                output.grad_norm = self.options.clip.and(norms.get(index).copied());
                outputs.push(output);
                output.loss = 0.0;
            }
            if has_stopped {
                break;
            }
        }
        Ok(())
    }

    fn evaluation(&mut self, test: usize, tested: Part, split: &Split) -> Result<Evaluation, CudaError> {
        let Evaluated { losses, classes, outputs } = self.trainer.evaluate(test, tested)?;
        Ok(match split.targets() {
            Targets::Classes(labels) => Evaluation::of_classes(self.outputs, labels, &classes, &losses),
            targets => Evaluation::of_outputs(self.data.task.get(), targets, self.outputs, &outputs, &losses),
        })
    }
}

fn samples<'a>(values: &'a [u8], targets: &'a Targets) -> Samples<'a> {
    let targets = match targets {
        Targets::Classes(labels) => trainer::Targets::Classes(labels),
        Targets::Labels(rows) | Targets::Values(rows) => trainer::Targets::Numbers(rows.numbers()),
    };
    Samples { values, targets }
}

/// Returns a step's batches, in the form for the kernels.
fn batches(epoch: u32, input: &StepInput, options: &TrainingOptions) -> impl Iterator<Item = Batch> {
    let rule = task::Rule::from(&input.rule);
    let average = options.ema.map_or(0.0, |decay| (1.0 - decay) as f32);
    let (starts_average, total_weight) = ((input.number == 1).into(), input.total_weight);
    input.batches().map(move |batch| Batch {
        number: batch.number,
        epoch: epoch.into(),
        first: batch.samples.start as u32,
        samples: batch.samples.len() as u32,
        is_first: batch.is_first.into(),
        is_last: batch.is_last.into(),
        total_weight,
        average,
        starts_average,
        rule,
    })
}

/// Returns the parts of a state that the GPU changes, in the state's order.
fn kept(state: &State) -> impl Iterator<Item = Part> {
    let optimizer = (0..state.optimizer_models()).map(Part::State);
    std::iter::once(Part::Model).chain(optimizer).chain(state.has_average().then_some(Part::Average))
}

pub(crate) fn failed(error: CudaError) -> TrainingError {
    TrainingError::Backend(error.into())
}

impl Backend for Cuda<'_> {
    fn max_steps(&self) -> usize {
        (MAX_BATCHES / self.options.accumulate).max(1)
    }

    fn max_started(&self) -> usize {
        IN_FLIGHT
    }

    fn start(&mut self, _state: &mut State, steps: &Steps<'_>) -> Result<(), TrainingError> {
        self.start_steps(steps).map_err(failed)
    }

    fn finish(&mut self, outputs: &mut Vec<StepOutput>) -> Result<(), TrainingError> {
        self.finish_steps(outputs).map_err(failed)
    }

    fn fetch(&mut self, state: &mut State) -> Result<(), TrainingError> {
        let parts: Vec<_> = kept(state).collect();
        for (part, flat) in parts.into_iter().zip(state.trained_mut()) {
            self.trainer.download(part, flat).map_err(failed)?;
        }
        Ok(())
    }

    fn evaluate(&mut self, state: &State) -> Result<Evaluations, TrainingError> {
        let tested = if state.tests_average() { Part::Average } else { Part::Model };
        let data = self.data;
        let validation = data.validation.as_ref().map(|split| self.evaluation(VALIDATION, tested, split));
        Ok(Evaluations {
            validation: validation.transpose().map_err(failed)?,
            test: self.evaluation(TEST, tested, &data.test).map_err(failed)?,
        })
    }
}
