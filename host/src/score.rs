//! The figure by which runs are compared.

use crate::evaluation::Evaluation;

/// A figure of an evaluation: the greater, the better.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// Its name.
    pub name: &'static str,
    /// Its value.
    pub value: f64,
}

impl Score {
    /// The score of a classifier: the part of the samples whose class was found, 0 to 1.
    pub fn of(evaluation: &Evaluation) -> Self {
        Self { name: ACCURACY, value: evaluation.accuracy() }
    }
}

/// The name of a score that is a part of the samples.
const ACCURACY: &str = "accuracy";

/// A score as tables have it, by its name: `91.3%`.
pub fn shown(name: &str, value: f64) -> String {
    if name == ACCURACY { format!("{:.2}%", 100.0 * value) } else { format!("{value:.4}") }
}

/// Mean and sample standard deviation, `√(Σ(x − mean)² / (n − 1))`; 0 of one value.
pub fn mean_and_spread(values: impl ExactSizeIterator<Item = f64> + Clone) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.clone().sum::<f64>() / count;
    let squares: f64 = values.map(|value| (value - mean).powi(2)).sum();
    (mean, (squares / (count - 1.0).max(1.0)).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spread_is_that_of_a_sample() {
        assert_eq!(mean_and_spread([1.0, 2.0, 3.0, 4.0].into_iter()), (2.5, (5.0_f64 / 3.0).sqrt()));
        assert_eq!(mean_and_spread([7.0].into_iter()), (7.0, 0.0));
    }

    #[test]
    fn a_classifiers_score_is_its_accuracy() {
        let score = Score::of(&Evaluation::with_loss(0.5, 2, &[0, 1, 1, 0], &[0, 1, 1, 1]));
        assert_eq!(score, Score { name: "accuracy", value: 0.75 });
        assert_eq!(shown(score.name, score.value), "75.00%");
        assert_eq!(shown("R²", 0.75), "0.7500");
    }
}
