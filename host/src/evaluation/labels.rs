//! A multi-label network's answers.

use super::classes::{mean, part};

/// Counts of each label's answers.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelAnswers {
    samples: usize,
    /// Samples of which every label was right.
    exact: usize,
    labels: Vec<LabelCounts>,
}

/// The samples of each kind, for one label.
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
    /// The part of the samples with this label as their answer that have it; `None` if no sample got it.
    pub fn precision(&self) -> Option<f64> {
        part(self.found, self.found + self.invented)
    }

    /// The part of the samples with this label that got it; `None` if no sample has it.
    pub fn recall(&self) -> Option<f64> {
        part(self.found, self.found + self.missed)
    }

    /// `2 · found / (2 · found + missed + invented)`; 0 where no sample has the label or was given it.
    pub fn f1(&self) -> f64 {
        part(2 * self.found, 2 * self.found + self.missed + self.invented).unwrap_or(0.0)
    }

    /// The mean of two parts: the samples with the label that got it, and the samples without the label that did not.
    pub fn balanced_accuracy(&self) -> Option<f64> {
        let without = part(self.passed, self.passed + self.invented);
        mean([self.recall(), without].into_iter().flatten())
    }
}

impl LabelAnswers {
    /// No answers yet.
    pub fn new(labels: usize) -> Self {
        Self { samples: 0, exact: 0, labels: vec![LabelCounts::default(); labels] }
    }

    /// Counts a sample: its labels, 1 or 0, and a network's outputs, of which those above 0 give their label.
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

    /// Samples.
    pub fn total(&self) -> usize {
        self.samples
    }

    /// Samples of which every label was right.
    pub fn exact(&self) -> usize {
        self.exact
    }

    /// Each label's counts.
    pub fn labels(&self) -> &[LabelCounts] {
        &self.labels
    }

    /// The part of all samples' labels that was right, 0 to 1.
    pub fn accuracy(&self) -> f64 {
        let right: usize = self.labels.iter().map(|counts| counts.found + counts.passed).sum();
        right as f64 / (self.samples * self.labels.len()) as f64
    }

    /// The mean of the labels' [`LabelCounts::balanced_accuracy`].
    pub fn balanced_accuracy(&self) -> f64 {
        mean(self.labels.iter().filter_map(LabelCounts::balanced_accuracy)).unwrap_or(0.0)
    }

    /// The mean F1 of the labels, 0 to 1.
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
