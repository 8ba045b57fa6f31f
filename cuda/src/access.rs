//! The memory that a task reads and writes. It decides which tasks may run side by side.

use std::ops::Range;

use crate::task::{Address, Context, Kind, Task, settled};

/// The addresses that a task reads, and those that it writes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accesses {
    reads: Vec<Range<Address>>,
    writes: Vec<Range<Address>>,
}

impl Accesses {
    /// Returns the addresses of a task. `samples` is the largest number of samples of a batch.
    pub fn of(task: &Task, context: &Context, samples: usize) -> Self {
        let range = |start: Address, elements: u64| start..start + 4 * elements;
        let optional = |range: Range<Address>| if range.start == 0 { vec![] } else { vec![range] };
        let (samples, inputs, outputs) = (samples as u64, u64::from(task.inputs), u64::from(task.outputs));
        let [input, grad_input] = [task.input, task.grad_input].map(|start| range(start, samples * inputs));
        let [output, grad_output] = [task.output, task.grad_output].map(|start| range(start, samples * outputs));
        let word = |start| range(start, 1);
        let terms = match task.kind {
            Kind::BatchLoss => outputs,
            _ => context.loss.terms(task.outputs as usize) as u64,
        };
        let loss_terms = range(context.loss_terms, samples * terms);
        let own = match task.kind {
            Kind::LinearForward | Kind::LinearInputGrad | Kind::LinearUpdate | Kind::Head => (inputs + 1) * outputs,
            Kind::BatchNormForward | Kind::BatchNormBackward => 4 * outputs,
            _ => outputs,
        };
        let owned =
            |starts: [Address; 3]| -> Vec<_> { starts.iter().flat_map(|&start| optional(range(start, own))).collect() };
        // What has the address 0 is not there: what no optimizer keeps, an evaluation's gradients, and that before the first layer.
        let parameters = range(task.parameters, own);
        let before = owned([task.parameters, task.state[0], task.state[1]]);
        let after = owned([task.updated, task.updated_state[0], task.updated_state[1]]);
        let kept = range(task.kept, own);
        let partial_norms = range(context.partial_norms, u64::from(task.outputs).div_ceil(4096));
        let (stopped, stops) = (word(task.stopped), word(task.stops));
        // Where the gradient is kept, a layer's backward pass changes no parameter.
        let is_kept = task.kept != 0;
        let updated = if is_kept { vec![kept.clone()] } else { after.clone() };
        let read_for_update = if is_kept { vec![kept.clone()] } else { before.clone() };

        let (reads, writes) = match task.kind {
            Kind::Load => (vec![], vec![output]),
            Kind::LinearForward | Kind::BatchNormForward => (vec![input, parameters], vec![output]),
            Kind::LinearInputGrad => (vec![input, grad_output, parameters], vec![grad_input]),
            Kind::LinearUpdate => ([vec![input, grad_output, stopped], read_for_update].concat(), updated),
            Kind::BatchNormBackward => {
                let written = [updated, vec![range(task.updated, own)], optional(grad_input)].concat();
                ([vec![input, grad_output, stopped, parameters], read_for_update].concat(), written)
            }
            Kind::GeluForward | Kind::DropoutForward | Kind::LogSoftmaxForward => (vec![input], vec![output]),
            Kind::GeluBackward | Kind::DropoutBackward => (vec![input, grad_output], vec![grad_input]),
            Kind::LogSoftmaxBackward => (vec![input, output, grad_output], vec![grad_input]),
            Kind::Loss => (vec![output], [optional(grad_output), vec![loss_terms]].concat()),
            Kind::Head => {
                let grads = [optional(grad_output), optional(grad_input)].concat();
                (vec![input, parameters], [vec![output, loss_terms], grads].concat())
            }
            Kind::BatchLoss => (vec![loss_terms, stopped], vec![word(context.step_loss), stops]),
            Kind::NormBlocks => (vec![kept], vec![partial_norms]),
            Kind::NormTotal => (vec![partial_norms], vec![word(context.clip_scale)]),
            Kind::Update => ([vec![kept, word(context.clip_scale), stopped], before].concat(), after),
            Kind::Average => (vec![parameters, stopped], vec![range(task.output, outputs)]),
        };
        Self { reads, writes }
    }

    /// Returns true if one of two tasks writes what the other reads or writes.
    pub fn conflict_with(&self, other: &Self) -> bool {
        meet(&self.writes, &other.writes) || meet(&self.writes, &other.reads) || meet(&self.reads, &other.writes)
    }

    /// Returns true if the task writes to this operand of another task.
    pub fn write_operand(&self, operand: &Range<Address>) -> bool {
        meet(&self.writes, std::slice::from_ref(operand))
    }

    /// Returns true if each range lies in one of these buffers.
    pub fn are_within(&self, buffers: &[Range<Address>]) -> bool {
        let is_within = |range: &Range<Address>| {
            buffers.iter().any(|buffer| buffer.start <= range.start && range.end <= buffer.end)
        };
        self.reads.iter().chain(&self.writes).all(is_within)
    }
}

/// Returns true if two of the ranges have an address in common.
fn meet(a: &[Range<Address>], b: &[Range<Address>]) -> bool {
    a.iter().any(|a| b.iter().any(|b| a.start < b.end && b.start < a.end))
}

/// Returns the operands that the blocks of a task read: its input, the gradient at its sums and its parameters. Each comes with its bit of
/// [`settled`].
pub fn operands(task: &Task, samples: usize) -> [(u32, Range<Address>); 3] {
    let range = |start: Address, elements: u64| start..start + 4 * elements;
    let (samples, inputs, outputs) = (samples as u64, u64::from(task.inputs), u64::from(task.outputs));
    [
        (settled::INPUT, range(task.input, samples * inputs)),
        (settled::GRAD_OUTPUT, range(task.grad_output, samples * outputs)),
        (settled::PARAMETERS, range(task.parameters, (inputs + 1) * outputs)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context() -> Context {
        Context { loss_terms: 9000, ..Context::new(0) }
    }

    fn loss(grad_output: Address) -> Accesses {
        let task = Task { outputs: 10, output: 1000, grad_output, ..Task::new(Kind::Loss) };
        Accesses::of(&task, &context(), 5)
    }

    #[test]
    fn a_buffer_that_is_too_short_or_missing_is_seen() {
        let (output, grad_output, losses) = (1000..1200, 2000..2200, 9000..9020);
        let all = [output.clone(), grad_output.clone(), losses.clone()];
        assert!(loss(2000).are_within(&all));
        for (place, range) in all.iter().enumerate() {
            for shorter in [range.start..range.end - 1, range.start + 1..range.end, 0..0] {
                let mut others = all.clone();
                others[place] = shorter;
                assert!(!loss(2000).are_within(&others), "{others:?}");
            }
        }
        // Two buffers side by side are not one.
        assert!(!loss(2000).are_within(&[1000..1100, 1100..1200, grad_output, losses.clone()]));
        // An evaluation has no gradient, but it has outputs.
        assert!(loss(0).are_within(&[output, losses]));
        let task = Task { outputs: 10, grad_output: 2000, ..Task::new(Kind::Loss) };
        assert!(!Accesses::of(&task, &context(), 5).are_within(&all));
    }
}
