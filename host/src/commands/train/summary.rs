//! The summary at the end of a run.

use crate::{
    record::{EpochLine, Metrics},
    score::{ACCURACY, R2, shown},
};

/// The best epoch of a run so far.
#[derive(Clone, Debug, PartialEq)]
pub struct Best {
    /// The number of the epoch, from 1.
    pub epoch: u32,
    judged: Metrics,
    /// The samples that judged it.
    samples: &'static str,
}

impl Best {
    /// Returns the epoch, judged as `--early-stop` does by the loss on the validation samples, or else by the score on the test samples.
    pub fn of(line: &EpochLine) -> Self {
        let (judged, samples) = match &line.validation {
            Some(validation) => (validation, "validation"),
            None => (&line.test, "test"),
        };
        Self { epoch: line.epoch, judged: judged.clone(), samples }
    }

    /// Returns the better of two epochs, the earlier where they are equal.
    pub fn or(self, later: Self) -> Self {
        let is_better = match (self.samples, later.samples) {
            ("test", "test") => score(&later.judged).1 > score(&self.judged).1,
            _ => later.judged.loss < self.judged.loss,
        };
        if is_better { later } else { self }
    }

    /// `Best epoch: 13 of 15, accuracy 90.12% on the test samples`.
    pub fn line(&self, epochs: u32) -> String {
        let (name, value) = score(&self.judged);
        format!("Best epoch: {} of {epochs}, {name} {} on the {} samples", self.epoch, shown(name, value), self.samples)
    }
}

/// Returns the score of these metrics, by its name.
fn score(metrics: &Metrics) -> (&'static str, f64) {
    match metrics.accuracy {
        Some(accuracy) => (ACCURACY, accuracy),
        None => (R2, metrics.r2.unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(epoch: u32, test: f64, validation_loss: Option<f64>) -> EpochLine {
        let metrics = |accuracy, loss| Metrics { accuracy: Some(accuracy), loss, ..Metrics::default() };
        let validation = validation_loss.map(|loss| metrics(0.5, loss));
        EpochLine { epoch, step: 10, seconds: 1.0, test: metrics(test, 9.0), validation }
    }

    fn best(lines: &[EpochLine]) -> String {
        lines.iter().map(Best::of).reduce(Best::or).unwrap().line(3)
    }

    #[test]
    fn test_samples_judge_by_their_score() {
        let lines = [line(1, 0.8, None), line(2, 0.9, None), line(3, 0.9, None)];
        assert_eq!(best(&lines), "Best epoch: 2 of 3, accuracy 90.00% on the test samples");
    }

    #[test]
    fn validation_samples_judge_by_their_loss() {
        let lines = [line(1, 0.8, Some(0.3)), line(2, 0.9, Some(0.4)), line(3, 0.9, Some(0.2))];
        assert_eq!(best(&lines), "Best epoch: 3 of 3, accuracy 50.00% on the validation samples");
    }

    #[test]
    fn a_regressions_score_is_r2() {
        let mut line = line(1, 0.0, None);
        line.test = Metrics { r2: Some(0.75), ..Metrics::default() };
        assert_eq!(best(&[line]), "Best epoch: 1 of 3, R² 0.7500 on the test samples");
    }
}
