//! Calibration: whether a class or label that is given 80% is right in 80 of 100 samples.

use selvedge::activation::{Activation, Sigmoid};

/// The number of bins. They have equal widths.
pub const BINS: usize = 15;

/// The confidences of classes or labels, compared with how often these were right.
#[derive(Clone, Debug, PartialEq)]
pub struct Calibration {
    /// The bins from 0 to 1, in [`BINS`] equal parts.
    pub bins: [Bin; BINS],
    /// The expected calibration error: Σ (n_b / n) |accuracy_b − confidence_b| over the bins, with n decisions in all and n_b in bin b (Guo, Pleiss,
    /// Sun, Weinberger, "On Calibration of Modern Neural Networks", 2017). Bin b, from 1, has the confidences in ((b − 1) / 15, b / 15],
    /// and bin 1 also has 0.
    ///
    /// A classification has one decision for each sample. The confidence is the probability of the predicted class, and the accuracy is the fraction
    /// of right classes. For labels, each label of each sample is a decision. The confidence is the label's probability σ(output), and the accuracy
    /// is the fraction of labels that are there.
    pub error: f64,
}

/// The decisions of a bin.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bin {
    /// The number of decisions.
    pub decisions: usize,
    /// For classes, the number of right decisions. For labels, the number of labels that are there.
    pub right: usize,
    /// The sum of the decisions' confidences.
    pub confidence: f64,
}

impl Bin {
    /// Returns `right / decisions`, or `None` without decisions.
    pub fn accuracy(&self) -> Option<f64> {
        (self.decisions > 0).then(|| self.right as f64 / self.decisions as f64)
    }
}

impl Calibration {
    /// Returns the calibration of labels. Each item is the network's output for a label of a sample, and true if the label is there.
    pub fn of_labels(outputs: impl Iterator<Item = (f32, bool)>) -> Self {
        Self::of(outputs.map(|(output, is_there)| (Sigmoid::apply(output), is_there)))
    }

    /// Returns the calibration of decisions. Each item is the confidence, 0 to 1, and true if the decision was right (for labels: if the label is
    /// there).
    pub fn of(decisions: impl Iterator<Item = (f32, bool)>) -> Self {
        let mut bins = [Bin::default(); BINS];
        let mut total = 0_usize;
        for (confidence, is_right) in decisions {
            let confidence = f64::from(confidence);
            let place = (confidence * BINS as f64).ceil() as usize;
            let bin = &mut bins[place.clamp(1, BINS) - 1];
            bin.decisions += 1;
            bin.right += usize::from(is_right);
            bin.confidence += confidence;
            total += 1;
        }
        // n_b |accuracy − confidence| is |right − Σ confidence|.
        let sum: f64 = bins.iter().map(|bin| (bin.right as f64 - bin.confidence).abs()).sum();
        Self { bins, error: sum / total.max(1) as f64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Four samples in three bins. In (13/15, 14/15] are 0.9 and 0.92, one of them right: |1 − 1.82| = 0.82. In (8/15, 9/15] is 0.59, right: 0.41. In
    /// (14/15, 1] is 1, right: 0. The sum is 1.23, of four samples 0.3075.
    #[test]
    fn the_error_is_as_worked_out_by_hand() {
        let found = Calibration::of([(0.9, true), (0.92, false), (0.59, true), (1.0, true)].into_iter());
        assert!((found.error - 0.3075).abs() < 1e-7, "{}", found.error);
        let decisions: Vec<_> = found.bins.iter().map(|bin| bin.decisions).collect();
        assert_eq!(decisions, [0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 2, 1]);
        assert_eq!((found.bins[13].accuracy(), found.bins[0].accuracy()), (Some(0.5), None));
    }

    /// Three samples of two labels. σ(±ln 3) is 0.75 and 0.25, σ(±ln 9) 0.9 and 0.1, each in its own bin. At 0.75 one of two labels is there:
    /// |1 − 1.5| = 0.5. At 0.25 none of two: 0.5. At 0.9 the only one: 0.1. At 0.1 the only one: 0.9. The sum is 2, of six decisions a third.
    #[test]
    fn the_error_of_labels_is_as_worked_out_by_hand() {
        let (low, high) = (3.0_f32.ln(), 9.0_f32.ln());
        let samples = [[(low, true), (-low, false)], [(low, false), (-high, true)], [(high, true), (-low, false)]];
        let found = Calibration::of_labels(samples.into_iter().flatten());
        assert!((found.error - 1.0 / 3.0).abs() < 1e-6, "{}", found.error);
        let decisions: Vec<_> = found.bins.iter().map(|bin| bin.decisions).collect();
        assert_eq!(decisions, [0, 1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1, 0]);
        assert_eq!([1, 3, 11, 13].map(|bin| found.bins[bin].accuracy()), [Some(1.0), Some(0.0), Some(0.5), Some(1.0)]);
    }

    #[test]
    fn the_ends_are_in_bins_too() {
        let found = Calibration::of([(0.0, false), (f32::NAN, false)].into_iter());
        assert_eq!(found.bins[0].decisions, 2);
        assert_eq!(Calibration::of(std::iter::empty()).error, 0.0);
    }
}
