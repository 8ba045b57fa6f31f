//! A multi-label network's answers.

use super::classes::{mean, part};

/// Counts of each label's answers.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelAnswers {
    samples: usize,
    /// The number of samples of which every label was right.
    exact: usize,
    labels: Vec<LabelCounts>,
}

/// The number of samples of each kind, for one label.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LabelCounts {
    /// True positives: samples that have the label, and got it.
    pub found: usize,
    /// False negatives: samples that have the label, and did not get it.
    pub missed: usize,
    /// False positives: samples that do not have the label, and got it.
    pub invented: usize,
    /// True negatives: samples that do not have the label, and did not get it.
    pub passed: usize,
}

impl LabelCounts {
    /// Returns the precision: the fraction of the samples with this label as answer that have the label. `None` if the network gave the label to no
    /// sample.
    pub fn precision(&self) -> Option<f64> {
        part(self.found, self.found + self.invented)
    }

    /// Returns the recall: the fraction of the samples with this label to which the network gave it. `None` if no sample has the label.
    pub fn recall(&self) -> Option<f64> {
        part(self.found, self.found + self.missed)
    }

    /// Returns F1: `2 · found / (2 · found + missed + invented)`. It is 0 if no sample has the label and the network gave it to none.
    pub fn f1(&self) -> f64 {
        part(2 * self.found, 2 * self.found + self.missed + self.invented).unwrap_or(0.0)
    }

    /// Returns the mean of two fractions: of the samples with the label that got it, and of the samples without the label that did not get it.
    /// If all samples have the label, or none has it, the result is the only fraction. `None` if there are no samples.
    pub fn balanced_accuracy(&self) -> Option<f64> {
        let without = part(self.passed, self.passed + self.invented);
        mean([self.recall(), without].into_iter().flatten())
    }
}

impl LabelAnswers {
    /// Returns empty counts.
    pub fn new(labels: usize) -> Self {
        Self { samples: 0, exact: 0, labels: vec![LabelCounts::default(); labels] }
    }

    /// Counts a sample: its labels, each 1 or 0, and the network's outputs. An output above 0 gives its label.
    pub fn add(&mut self, labels: &[f32], outputs: impl Iterator<Item = f32>) {
        let mut is_exact = true;
        for ((counts, &label), output) in self.labels.iter_mut().zip(labels).zip(outputs) {
            match (label > 0.0, output > 0.0) {
                (true, true) => counts.found += 1,
                (true, false) => counts.missed += 1,
                (false, true) => counts.invented += 1,
                (false, false) => counts.passed += 1,
            }
            is_exact &= (label > 0.0) == (output > 0.0);
        }
        self.samples += 1;
        self.exact += usize::from(is_exact);
    }

    /// Returns the number of samples.
    pub fn total(&self) -> usize {
        self.samples
    }

    /// Returns the number of samples whose labels are all right.
    pub fn exact(&self) -> usize {
        self.exact
    }

    /// Returns the counts of each label.
    pub fn labels(&self) -> &[LabelCounts] {
        &self.labels
    }

    /// Returns the fraction of right labels over all samples, 0 to 1.
    pub fn accuracy(&self) -> f64 {
        let right: usize = self.labels.iter().map(|counts| counts.found + counts.passed).sum();
        right as f64 / (self.samples * self.labels.len()) as f64
    }

    /// Returns the mean of [`LabelCounts::balanced_accuracy`] over the labels.
    pub fn balanced_accuracy(&self) -> f64 {
        mean(self.labels.iter().filter_map(LabelCounts::balanced_accuracy)).unwrap_or(0.0)
    }

    /// Returns the mean F1 of the labels, 0 to 1.
    pub fn f1(&self) -> f64 {
        mean(self.labels.iter().map(LabelCounts::f1)).unwrap_or(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_what_the_answers_say() {
        let mut answers = LabelAnswers::new(2);
        for (labels, outputs) in [([1.0, 0.0], [2.0, -1.0]), ([1.0, 1.0], [0.0, 3.0]), ([0.0, 0.0], [0.5, -1.0])] {
            answers.add(&labels, outputs.into_iter());
        }
        assert_eq!((answers.total(), answers.exact(), answers.accuracy()), (3, 1, 4.0 / 6.0));
        let first = LabelCounts { found: 1, missed: 1, invented: 1, passed: 0 };
        let second = LabelCounts { found: 1, missed: 0, invented: 0, passed: 2 };
        assert_eq!(answers.labels(), [first, second]);
        assert_eq!((first.precision(), first.recall(), first.f1()), (Some(0.5), Some(0.5), 0.5));
        assert_eq!((answers.f1(), answers.balanced_accuracy()), (0.75, 0.625));
        assert_eq!(LabelCounts::default().f1(), 0.0);
    }
}
