//! Calibration: whether a class that is given 80% is right in 80 of 100 samples.

/// Bins of equal width.
pub const BINS: usize = 15;

/// A classification's confidences beside what came true.
#[derive(Clone, Debug, PartialEq)]
pub struct Calibration {
    /// The bins from 0 to 1, in [`BINS`] equal parts.
    pub bins: [Bin; BINS],
    /// The expected calibration error: Σ (n_b / n) |accuracy_b − confidence_b| over the bins, of n samples in all and n_b in a bin (Guo, Pleiss, Sun,
    /// Weinberger, "On Calibration of Modern Neural Networks", 2017). A sample's confidence is the probability of its predicted class; bin b, from 1, has
    /// those in ((b − 1) / 15, b / 15].
    pub error: f64,
}

/// The samples of a bin.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bin {
    /// Their number.
    pub samples: usize,
    /// Those whose class was found.
    pub right: usize,
    /// The sum of their confidences.
    pub confidence: f64,
}

impl Bin {
    /// The part whose class was found; `None` without samples.
    pub fn accuracy(&self) -> Option<f64> {
        (self.samples > 0).then(|| self.right as f64 / self.samples as f64)
    }
}

impl Calibration {
    /// From each sample's confidence, 0 to 1, and whether its class was found.
    pub fn of(answers: impl Iterator<Item = (f32, bool)>) -> Self {
        let mut bins = [Bin::default(); BINS];
        let mut total = 0_usize;
        for (confidence, is_right) in answers {
            let confidence = f64::from(confidence);
            let place = (confidence * BINS as f64).ceil() as usize;
            let bin = &mut bins[place.clamp(1, BINS) - 1];
            bin.samples += 1;
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
        let samples: Vec<_> = found.bins.iter().map(|bin| bin.samples).collect();
        assert_eq!(samples, [0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 2, 1]);
        assert_eq!((found.bins[13].accuracy(), found.bins[0].accuracy()), (Some(0.5), None));
    }

    #[test]
    fn the_ends_are_in_bins_too() {
        let found = Calibration::of([(0.0, false), (f32::NAN, false)].into_iter());
        assert_eq!(found.bins[0].samples, 2);
        assert_eq!(Calibration::of(std::iter::empty()).error, 0.0);
    }
}
