//! Which memory a task reads and writes: what decides the tasks that may run side by side.

use std::ops::Range;

use crate::task::{Address, Context, Kind, Task};

/// Addresses that a task reads, and those that it writes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accesses {
    reads: Vec<Range<Address>>,
    writes: Vec<Range<Address>>,
}

impl Accesses {
    /// Those of a task on batches of so many samples at most.
    pub fn of(task: &Task, context: &Context, samples: usize) -> Self {
        let range = |start: Address, elements: u64| start..start + 4 * elements;
        let (samples, inputs, outputs) = (samples as u64, u64::from(task.inputs), u64::from(task.outputs));
        let [input, grad_input] = [task.input, task.grad_input].map(|start| range(start, samples * inputs));
        let [output, grad_output] = [task.output, task.grad_output].map(|start| range(start, samples * outputs));
        let word = |start| range(start, 1);
        let sample_losses = range(context.sample_losses, samples);
        let own = match task.kind {
            Kind::LinearForward | Kind::LinearInputGrad | Kind::LinearUpdate | Kind::Head => (inputs + 1) * outputs,
            Kind::BatchNormForward | Kind::BatchNormBackward => 4 * outputs,
            _ => outputs,
        };
        let [parameters, kept, first, second] =
            [task.parameters, task.kept, task.state[0], task.state[1]].map(|start| range(start, own));
        // Where the gradient is kept, a layer's backward pass changes no parameter.
        let owned = vec![parameters.clone(), first, second];
        let updated = if task.kept == 0 { owned.clone() } else { vec![kept.clone()] };
        let partial_norms = range(context.partial_norms, u64::from(task.outputs).div_ceil(4096));

        let (reads, writes) = match task.kind {
            Kind::Load => (vec![], vec![output]),
            Kind::LinearForward | Kind::BatchNormForward => (vec![input, parameters], vec![output]),
            Kind::LinearInputGrad => (vec![input, grad_output, parameters], vec![grad_input]),
            Kind::LinearUpdate => (vec![input, grad_output, word(context.stopped)], updated),
            Kind::BatchNormBackward => {
                (vec![input, grad_output, word(context.stopped)], [updated, vec![parameters, grad_input]].concat())
            }
            Kind::GeluForward | Kind::DropoutForward | Kind::LogSoftmaxForward => (vec![input], vec![output]),
            Kind::GeluBackward | Kind::DropoutBackward => (vec![input, grad_output], vec![grad_input]),
            Kind::LogSoftmaxBackward => (vec![input, output, grad_output], vec![grad_input]),
            Kind::Loss => (vec![output], vec![grad_output, sample_losses]),
            Kind::Head => (vec![input, parameters], vec![output, grad_output, grad_input, sample_losses]),
            Kind::BatchLoss => (vec![sample_losses], vec![word(context.step_loss), word(context.stopped)]),
            Kind::NormBlocks => (vec![kept], vec![partial_norms]),
            Kind::NormTotal => (vec![partial_norms], vec![word(context.clip_scale)]),
            Kind::Update => (vec![kept, word(context.clip_scale), word(context.stopped)], owned),
            Kind::Average => (vec![parameters, word(context.stopped)], vec![range(task.output, outputs)]),
        };
        Self { reads, writes }
    }

    /// Whether one of two tasks writes what the other reads or writes.
    pub fn conflict_with(&self, other: &Self) -> bool {
        let meet = |a: &[Range<Address>], b: &[Range<Address>]| {
            // What has the address 0 is not there.
            let is_there = |range: &&Range<Address>| range.start > 0;
            a.iter().filter(is_there).any(|a| b.iter().filter(is_there).any(|b| a.start < b.end && b.start < a.end))
        };
        meet(&self.writes, &other.writes) || meet(&self.writes, &other.reads) || meet(&self.reads, &other.writes)
    }
}
