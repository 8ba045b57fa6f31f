//! Scales: the number that an integer of 1 stands for.

use std::ops::RangeInclusive;

/// The largest activation.
pub(super) const MAX_ACTIVATION: f64 = selvedge::quantized::MAX_ACTIVATION as f64;

/// The way in which weights that share a scale become integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WeightMethod {
    /// The largest weight becomes the largest integer.
    Max,
    /// The sum of the squared errors is the smallest. The largest weight may be cut.
    LeastSquares,
}

impl WeightMethod {
    pub const ALL: [Self; 2] = [Self::Max, Self::LeastSquares];

    pub fn name(self) -> &'static str {
        match self {
            Self::Max => "to the largest",
            Self::LeastSquares => "by least squares",
        }
    }

    /// Returns the scale of weights whose integers are in this range, or 0 if all weights are 0.
    pub fn scale(self, weights: &[f32], range: RangeInclusive<f64>) -> f64 {
        let largest = weights.iter().fold(0.0_f32, |largest, weight| largest.max(weight.abs()));
        let scale = f64::from(largest) / range.end();
        match self {
            Self::Max => scale,
            Self::LeastSquares => least_squares(weights, scale, range),
        }
    }
}

/// The conversion of a layer's outputs to integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ActivationMethod {
    /// The largest output on the calibration samples becomes 255.
    Max,
    /// The output at this percentile of the outputs that are not 0 becomes 255. The number is in thousandths of a percent.
    Percentile(u32),
    /// The sum of the squared errors is the smallest.
    LeastSquares,
}

impl ActivationMethod {
    pub const ALL: [Self; 5] =
        [Self::Max, Self::Percentile(99_999), Self::Percentile(99_990), Self::Percentile(99_900), Self::LeastSquares];

    pub fn name(self) -> String {
        match self {
            Self::Max => "to the largest".into(),
            Self::Percentile(thousandths) => {
                let digits = format!("{}.{:03}", thousandths / 1000, thousandths % 1000);
                format!("to the {}th percentile", digits.trim_end_matches('0'))
            }
            Self::LeastSquares => "by least squares".into(),
        }
    }

    /// Returns the scale of outputs, or 1 if none is positive. `sorted` has the positive outputs, ascending.
    pub fn scale(self, sorted: &[f32]) -> f64 {
        let Some(&largest) = sorted.last() else { return 1.0 };
        match self {
            Self::Max => f64::from(largest) / MAX_ACTIVATION,
            Self::Percentile(thousandths) => {
                let rank = (sorted.len() as u64 * u64::from(thousandths)).div_ceil(100_000).max(1);
                f64::from(sorted[rank as usize - 1]) / MAX_ACTIVATION
            }
            Self::LeastSquares => least_squares(sorted, f64::from(largest) / MAX_ACTIVATION, 0.0..=MAX_ACTIVATION),
        }
    }
}

/// Tries 20% to 100% of the scale in steps of 1%, and returns the value with the smallest sum of squared errors.
fn least_squares(values: &[f32], scale: f64, range: RangeInclusive<f64>) -> f64 {
    const HUNDREDTHS: RangeInclusive<u32> = 20..=100;
    let error = |scale: f64| -> f64 {
        let one = |&value: &f32| {
            let value = f64::from(value);
            let integer = round(value / scale).clamp(*range.start(), *range.end());
            (value - scale * integer).powi(2)
        };
        values.iter().map(one).sum()
    };
    if scale == 0.0 {
        return scale;
    }
    let candidates = HUNDREDTHS.rev().map(|hundredths| scale * f64::from(hundredths) / 100.0);
    let errors = candidates.map(|scale| (error(scale), scale));
    errors.reduce(|best, next| if next.0 < best.0 { next } else { best }).map_or(scale, |(_, scale)| scale)
}

/// Returns the nearest integer, and of two the even one, for numbers below 2⁵¹ in size. A library call for each number would be slow.
fn round(x: f64) -> f64 {
    const INTEGERS_BEGIN: f64 = 1.5 * (1_u64 << 52) as f64;
    (x + INTEGERS_BEGIN) - INTEGERS_BEGIN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_to_the_nearest() {
        for (x, rounded) in [(0.4, 0.0), (0.6, 1.0), (-0.6, -1.0), (126.7, 127.0), (2.5, 2.0), (-3.5, -4.0)] {
            assert_eq!(round(x), rounded);
        }
    }

    const INT8: RangeInclusive<f64> = -127.0..=127.0;

    #[test]
    fn least_squares_cuts_what_stands_alone() {
        let mut weights: Vec<f32> = (0..100_000).map(|i| (i as f32 * 0.37).sin() * 0.1).collect();
        assert!(WeightMethod::LeastSquares.scale(&weights, INT8) > 0.9 * WeightMethod::Max.scale(&weights, INT8));
        weights.push(0.2);
        assert_eq!(WeightMethod::Max.scale(&weights, INT8), f64::from(0.2_f32) / 127.0);
        assert!(WeightMethod::LeastSquares.scale(&weights, INT8) < 0.8 * WeightMethod::Max.scale(&weights, INT8));
        assert_eq!(WeightMethod::LeastSquares.scale(&[0.0; 3], INT8), 0.0);
    }

    #[test]
    fn percentiles_are_ranks() {
        let sorted: Vec<f32> = (1..=1000).map(|i| i as f32).collect();
        assert_eq!(ActivationMethod::Percentile(99_900).scale(&sorted), 999.0 / 255.0);
        assert_eq!(ActivationMethod::Percentile(99_990).scale(&sorted), 1000.0 / 255.0);
        assert_eq!(ActivationMethod::Max.scale(&sorted), 1000.0 / 255.0);
        assert_eq!(ActivationMethod::Percentile(99_900).name(), "to the 99.9th percentile");
        assert_eq!(ActivationMethod::LeastSquares.scale(&[]), 1.0);
    }
}
