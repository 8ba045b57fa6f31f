//! A run by core's plain loops.

use cuda::{memory::EVALUATED, task};
use selvedge::{
    Engine, Flat, Layer, Portable,
    classification::argmax,
    layers::{self, Draws, Features},
    optimizer::{Accumulate, Average, Gradient, Optimizer},
    preparation::Preparation,
    random::{Generator, Purpose},
    training::{self, Batch, StepWorkspace, clip_grad_norm},
    with_rule,
};

use crate::{
    Case, Log, Outcome, Rules, Tested, bits,
    loss::{CaseLoss, Target},
};

/// Returns a model's first weights.
pub fn initialized<M: Layer>(seed: u64) -> Box<M> {
    let mut model = Box::new(M::ZERO);
    layers::initialize(&mut *model, seed);
    model
}

/// Returns the run by core's plain loops.
pub fn portable<M: Layer>(case: &Case) -> Outcome {
    let class_weights = case.class_weights(M::Output::LEN);
    let loss = CaseLoss::new(case.loss, case.label_smoothing, class_weights.as_deref());
    let all_targets = case.targets(M::Output::LEN);
    let all_targets = Target::of_samples(&all_targets, M::Output::LEN);
    let mut model = initialized::<M>(case.seed);
    let mut state: Vec<Box<M>> = (0..case.rules.states()).map(|_| Box::new(M::ZERO)).collect();
    let mut average = case.decay.map(|_| Box::new(M::ZERO));
    let mut grad = Box::new(M::ZERO);
    let values = case.samples(M::Input::LEN);
    let features = M::Input::LEN;
    let table = case.values.table(features);
    let preparation = case.values.preparation(&table, features);
    let sample_len = preparation.sample_len(features);
    let keeps = case.settings().keeps_grad();
    let mut log = Log::default();
    'training: for epoch in 0..case.epochs {
        let order = case.order(epoch);
        let mut step = case.first_step(epoch);
        for batch in case.batches(epoch, M::Output::LEN) {
            let samples = &order[batch.first as usize..][..batch.samples as usize];
            let generator = Generator::new(case.seed, Purpose::Augmentation, epoch);
            let mut input = vec![0.0; samples.len() * features];
            for (&index, input) in samples.iter().zip(input.chunks_exact_mut(features)) {
                let sample = &values[index as usize * sample_len..][..sample_len];
                if case.augmentation.is_none() {
                    preparation.write(sample, input);
                } else {
                    case.augmentation.write(&generator, index.into(), case.input(M::Input::LEN), sample, input);
                }
            }
            let targets: Vec<_> = samples.iter().map(|&index| all_targets[index as usize]).collect();
            let draws = Draws::new(case.seed, batch.number, case.dropout);
            let core = Batch { input: M::Input::batch(&input), targets: &targets, draws };
            let mut tape = vec![f32::NAN; samples.len() * M::Tape::LEN];
            let mut grad_tape = tape.clone();
            let mut workspace = StepWorkspace { tape: &mut tape, grad_tape: &mut grad_tape };
            let value = workspace
                .forward(&Portable, &*model, &loss, core, Some(batch.total_weight))
                .expect("a batch with targets that are classes");
            log.losses.extend(bits(&[value]));
            if !value.is_finite() {
                break 'training;
            }
            if keeps {
                let state = [&mut *grad];
                let done = if batch.is_first == 1 {
                    workspace.backward(&Portable, &Gradient, state, &mut *model, core)
                } else {
                    workspace.backward(&Portable, &Accumulate, state, &mut *model, core)
                };
                done.expect("the same batch");
            }
            if batch.is_last == 0 {
                continue;
            }
            if let Some(clip) = case.clip {
                log.norms.push(clip_grad_norm(&Portable, grad.as_flat_mut(), clip).to_bits());
            }
            let mut by = Apply { workspace, model: &mut *model, grad: keeps.then_some(&*grad), core };
            by.step(case.rules, step, &mut state);
            if let (Some(decay), Some(average)) = (case.decay, &mut average) {
                let flat = average.as_flat_mut();
                if step == 1 {
                    flat.copy_from_slice(model.as_flat());
                } else {
                    Portable.update(&Average::new(decay), flat, model.as_flat(), []);
                }
            }
            step += 1;
        }
    }
    Outcome {
        test: test(case, average.as_deref().unwrap_or(&*model), preparation, &values, &all_targets),
        model: bits(model.as_flat()),
        state: state.iter().map(|state| bits(state.as_flat())).collect(),
        average: average.as_ref().map(|average| bits(average.as_flat())),
        log,
    }
}

/// Returns an evaluation of the samples, with neither label smoothing nor class weights.
fn test<M: Layer>(
    case: &Case,
    model: &M,
    preparation: Preparation<'_>,
    values: &[u8],
    targets: &[Target<'_>],
) -> Tested {
    let loss = CaseLoss::new(case.loss, 0.0, None);
    let mut tested = Tested::default();
    let sample_len = preparation.sample_len(M::Input::LEN);
    for (values, targets) in values.chunks(EVALUATED * sample_len).zip(targets.chunks(EVALUATED)) {
        let mut input = vec![0.0; values.len() / sample_len * M::Input::LEN];
        for (sample, input) in values.chunks(sample_len).zip(input.chunks_mut(M::Input::LEN)) {
            preparation.write(sample, input);
        }
        let mut tape = vec![f32::NAN; values.len() / sample_len * M::Tape::LEN];
        let batch = Batch::new(M::Input::batch(&input), targets);
        let (outputs, loss) = training::evaluate(&Portable, model, &loss, batch, &mut tape)
            .expect("a batch with targets that are classes");
        tested.losses.extend(bits(&[loss]));
        if case.loss == task::Loss::CrossEntropy {
            tested.classes.extend(outputs.iter().map(|outputs| argmax(outputs.as_ref()) as u16));
        } else {
            tested.outputs.extend(bits(M::Output::flat(outputs)));
        }
    }
    tested
}

/// The update of one step: by the pass itself, or by a gradient that was stored.
struct Apply<'a, M: Layer, T> {
    workspace: StepWorkspace<'a>,
    model: &'a mut M,
    grad: Option<&'a M>,
    core: Batch<'a, M::Input, T>,
}

impl<M: Layer, T: Copy> Apply<'_, M, T> {
    fn step(&mut self, rules: Rules, number: u64, state: &mut [Box<M>]) {
        with_rule!(&rules.step(number), state, (rule, state) => self.by(rule, state));
    }

    fn by<O: Optimizer<STATE>, const STATE: usize>(&mut self, rule: &O, state: [&mut M; STATE]) {
        match self.grad {
            Some(grad) => training::update(&Portable, rule, self.model, grad, state),
            None => self.workspace.backward(&Portable, rule, state, self.model, self.core).expect("the same batch"),
        }
    }
}
