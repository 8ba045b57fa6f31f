//! The figure by which runs are compared.

use crate::evaluation::{Answers, Evaluation};

/// A figure of an evaluation: the greater, the better.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// The name of the score.
    pub name: &'static str,
    /// The value of the score.
    pub value: f64,
}

impl Score {
    /// Returns the accuracy of classes or labels, 0 to 1, or the mean R² of a regression: see [`Evaluation::score`].
    pub fn of(evaluation: &Evaluation) -> Self {
        let name = if matches!(evaluation.answers, Answers::Values(_)) { R2 } else { ACCURACY };
        Self { name, value: evaluation.score() }
    }
}

/// The name of a score that is a fraction of the samples or of their labels.
pub const ACCURACY: &str = "accuracy";
/// The name of a regression's score.
pub const R2: &str = "R²";

/// Returns a score's key in files of metrics.
pub fn key(name: &str) -> &str {
    if name == R2 { "r2" } else { name }
}

/// Returns a score as tables have it, by its name: `91.30%`.
pub fn shown(name: &str, value: f64) -> String {
    if name == ACCURACY { format!("{:.2}%", 100.0 * value) } else { format!("{value:.4}") }
}

/// Returns the mean and the sample standard deviation, `√(Σ(x − mean)² / (n − 1))`. For a single value the deviation is 0.
pub fn mean_and_spread(values: impl ExactSizeIterator<Item = f64> + Clone) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.clone().sum::<f64>() / count;
    let squares: f64 = values.map(|value| (value - mean).powi(2)).sum();
    (mean, (squares / (count - 1.0).max(1.0)).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluation::ValueAnswers;

    #[test]
    fn the_spread_is_that_of_a_sample() {
        assert_eq!(mean_and_spread([1.0, 2.0, 3.0, 4.0].into_iter()), (2.5, (5.0_f64 / 3.0).sqrt()));
        assert_eq!(mean_and_spread([7.0].into_iter()), (7.0, 0.0));
    }

    #[test]
    fn a_classifiers_score_is_its_accuracy_and_a_regressions_its_r2() {
        let score = Score::of(&Evaluation::of_classes(2, &[0, 1, 1, 0], &[0, 1, 1, 1], &[0.5]));
        assert_eq!(score, Score { name: "accuracy", value: 0.75 });
        assert_eq!(shown(score.name, score.value), "75.00%");
        let answers = Answers::Values(ValueAnswers::new(1, &[1.0, 3.0], &[1.0, 2.0]));
        let score = Score::of(&Evaluation { loss: 0.5, answers, roc_auc: Vec::new() });
        assert_eq!((score.name, shown(score.name, score.value).as_str(), key(score.name)), ("R²", "0.5000", "r2"));
    }
}
