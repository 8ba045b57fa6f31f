//! A regression's answers.

use super::classes::mean;

/// Sums of each target's errors, in the target's unit.
#[derive(Clone, Debug, PartialEq)]
pub struct ValueAnswers {
    samples: usize,
    targets: Vec<ValueErrors>,
}

/// One target's errors.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ValueErrors {
    /// The mean absolute error.
    pub mae: f64,
    /// The root of the mean squared error.
    pub rmse: f64,
    /// The largest absolute error.
    pub largest: f64,
    /// The coefficient of determination, 1 − Σ (target − value)² / Σ (target − mean)². `None` if all targets are the same.
    pub r2: Option<f64>,
}

impl ValueAnswers {
    /// Compares each sample's targets with a network's values. Both are in the targets' units, `width` for each sample. Sums are in
    /// binary64, the samples in their order.
    pub fn new(width: usize, targets: &[f32], values: &[f32]) -> Self {
        let samples = targets.len() / width;
        let count = samples.max(1) as f64;
        let errors = (0..width).map(|place| {
            let all = |of| -> Box<dyn Iterator<Item = f64>> {
                let of: &[f32] = of;
                Box::new(of.iter().skip(place).step_by(width).map(|&value| f64::from(value)))
            };
            let mean = all(targets).sum::<f64>() / count;
            let spread: f64 = all(targets).map(|target| (target - mean).powi(2)).sum();
            let (mut absolute, mut squares, mut largest) = (0.0, 0.0, 0.0_f64);
            for (target, value) in all(targets).zip(all(values)) {
                let error = (target - value).abs();
                absolute += error;
                squares += error * error;
                largest = largest.max(error);
            }
            ValueErrors {
                mae: absolute / count,
                rmse: (squares / count).sqrt(),
                largest,
                r2: (spread > 0.0).then(|| 1.0 - squares / spread),
            }
        });
        Self { samples, targets: errors.collect() }
    }

    /// Returns the number of samples.
    pub fn total(&self) -> usize {
        self.samples
    }

    /// Returns each target's errors.
    pub fn targets(&self) -> &[ValueErrors] {
        &self.targets
    }

    /// Returns the mean R² of the targets that have one. It is at most 1.
    pub fn r2(&self) -> f64 {
        mean(self.targets.iter().filter_map(|target| target.r2)).unwrap_or(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of scikit-learn's `r2_score`, and a target that is always the same.
    #[test]
    fn errors_are_in_the_targets_units() {
        let targets = [3.0, 1.0, -0.5, 1.0, 2.0, 1.0, 7.0, 1.0];
        let values = [2.5, 1.0, 0.0, 1.0, 2.0, 3.0, 8.0, 1.0];
        let answers = ValueAnswers::new(2, &targets, &values);
        let [first, second] = answers.targets() else { panic!() };
        assert_eq!((answers.total(), first.mae, first.largest), (4, 0.5, 1.0));
        assert!((first.rmse - 0.375_f64.sqrt()).abs() < 1e-15);
        assert!((first.r2.unwrap() - 0.948_608_137_044_967_9).abs() < 1e-12);
        assert_eq!((second.mae, second.r2, answers.r2()), (0.5, None, first.r2.unwrap()));
    }
}
