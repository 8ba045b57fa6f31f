//! Compares a quantised network's labels or values with its model's, and bounds the difference.

use selvedge::task::{Task, TaskKind};

use super::{certificate, outputs::Values, reference::Reference};

/// Both networks' outputs for a sample whose target is not a class.
#[derive(Clone, Debug, PartialEq)]
pub struct OutputVerdict {
    /// The outputs of the floating-point network on the same inputs. They are the model's outputs, unless inputs are rounded to codes.
    pub float: Vec<f32>,
    /// The model's outputs.
    pub model: Vec<f32>,
    /// The quantised network's outputs.
    pub quantized: Vec<f64>,
    /// For each output, a bound of the distance of `quantized` from `float`.
    pub bounds: Vec<f64>,
}

impl OutputVerdict {
    /// Returns the verdict from the quantised network's numbers and the floating-point network's outputs.
    pub(super) fn of(reference: &Reference, sample: &[u8], quantized: &Values, float: &[f32]) -> Self {
        let bounds = certificate::output_bounds(reference, sample, quantized);
        let (float, model) = (float.to_vec(), float.to_vec());
        Self { float, model, quantized: quantized.logits.clone(), bounds }
    }

    /// Returns true if both networks give the same labels.
    pub fn has_equal_labels(&self) -> bool {
        self.model.iter().zip(&self.quantized).all(|(&model, &quantized)| (model > 0.0) == (quantized > 0.0))
    }

    /// Returns an output's distance from 0 and the bound of its error. If every output's bound is below its distance, it is the output with the
    /// smallest difference of the two, and the labels are proved to be those of `float`. Otherwise it is the first output whose distance is not above
    /// its bound. The proved labels are the model's if `float` and `model` also have the same labels.
    pub fn nearest_label(&self) -> (f64, f64) {
        let pairs = self.float.iter().map(|&output| f64::from(output).abs()).zip(self.bounds.iter().copied());
        let slack = |(distance, bound): (f64, f64)| if distance > bound { distance - bound } else { f64::NEG_INFINITY };
        pairs.min_by(|&a, &b| slack(a).total_cmp(&slack(b))).unwrap_or((f64::INFINITY, 0.0))
    }

    /// Returns true if the labels are proved to be the model's.
    pub fn is_certified(&self) -> bool {
        let (distance, bound) = self.nearest_label();
        let is_models = self.model.iter().zip(&self.float).all(|(&model, &float)| (model > 0.0) == (float > 0.0));
        bound < distance && is_models
    }

    /// Returns, for each value, its distance from the model's value and a bound of this distance, in the target's unit. The bound includes the
    /// rounding of both values to 32 bits.
    pub fn errors(&self, task: Task<'_>) -> Vec<(f64, f64)> {
        let scales: Vec<(f64, f64)> = match task {
            Task::Regression(scale) => scale.rows().map(|(scale, shift)| (scale.into(), shift.into())).collect(),
            Task::Classification | Task::MultiLabel => vec![(1.0, 0.0); self.model.len()],
        };
        let error = |(place, &(scale, shift)): (usize, &(f64, f64))| {
            let [float, model] = [self.float[place], self.model[place]].map(f64::from);
            let quantized = self.quantized[place];
            // A sum and its worth are rounded, and so is the value in its unit; the shift may cancel.
            let size = scale * (quantized.abs() + model.abs())
                + (scale * quantized + shift).abs()
                + (scale * model + shift).abs();
            let rounding = f64::from(f32::EPSILON) * 2.0 * size;
            let bound = scale * (self.bounds[place] + (float - model).abs()) + rounding;
            (scale * (quantized - model).abs(), bound)
        };
        scales.iter().enumerate().map(error).collect()
    }
}

/// Returns the certificates as comma-separated values. For labels, each sample has a line. For a regression, each output of each sample has a line.
pub fn certificates(verdicts: &[OutputVerdict], task: Task<'_>) -> String {
    let mut lines = String::new();
    match task.kind() {
        TaskKind::Regression => lines.push_str("index,output,error,bound\n"),
        TaskKind::Classification | TaskKind::MultiLabel => lines.push_str("index,margin,bound,certified\n"),
    }
    for (index, verdict) in verdicts.iter().enumerate() {
        if task.kind() == TaskKind::Regression {
            for (output, (error, bound)) in verdict.errors(task).into_iter().enumerate() {
                lines += &format!("{index},{output},{error},{bound}\n");
            }
        } else {
            let (margin, bound) = verdict.nearest_label();
            lines += &format!("{index},{margin},{bound},{}\n", verdict.is_certified());
        }
    }
    lines
}
