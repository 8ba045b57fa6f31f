//! The range of an axis, and its labels at round numbers.

/// The fraction of a step within which a value lies on a label. Most round numbers are not exact in binary64.
const SLACK: f64 = 1e-9;

/// A range with labels at both ends and at equal distances between them.
#[derive(Clone, Debug, PartialEq)]
pub struct Scale {
    pub low: f64,
    pub high: f64,
    pub labels: Vec<String>,
}

impl Scale {
    /// Returns a range that contains all these values, with labels that divide it into about this number of parts. `unit` is written after each label.
    pub fn of(values: impl Iterator<Item = f64>, parts: usize, unit: &str) -> Self {
        let ends = values.filter(|value| value.is_finite()).fold(None, |ends: Option<(f64, f64)>, value| {
            Some(ends.map_or((value, value), |(low, high)| (low.min(value), high.max(value))))
        });
        let (mut low, mut high) = ends.unwrap_or((0.0, 1.0));
        if high - low <= f64::EPSILON * low.abs().max(high.abs()) {
            let half = if low == 0.0 { 0.5 } else { low.abs() / 10.0 };
            (low, high) = (low - half, high + half);
        }
        let step = round_up((high - low) / parts.max(1) as f64);
        let (first, last) = ((low / step + SLACK).floor(), (high / step - SLACK).ceil());
        let numbers = (0..=(last - first) as usize).map(|index| (first + index as f64) * step);
        let labels = numbers.map(|number| format!("{}{unit}", shown(number, step))).collect();
        Self { low: first * step, high: last * step, labels }
    }

    pub fn bounds(&self) -> [f64; 2] {
        [self.low, self.high]
    }
}

/// Returns the least of 1, 2, 2.5, 5 and 10 times a power of ten that is not less than `number`.
fn round_up(number: f64) -> f64 {
    let power = 10.0_f64.powf(number.log10().floor());
    let factor = [1.0, 2.0, 2.5, 5.0].into_iter().find(|factor| factor * power >= number * (1.0 - SLACK));
    factor.unwrap_or(10.0) * power
}

/// Returns a number with as many decimals as the step between two labels has.
fn shown(number: f64, step: f64) -> String {
    let digits = -step.log10().floor();
    // 2.5 has a digit more than 2.
    let is_round = (step * 10.0_f64.powf(digits)).fract().abs() < 1e-6;
    let digits = if is_round { digits } else { digits + 1.0 };
    if number == 0.0 {
        "0".into()
    } else if digits > 4.0 || number.abs() >= 1e6 {
        format!("{number:.1e}")
    } else {
        format!("{number:.*}", digits.max(0.0) as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_round_numbers() {
        for (values, parts, unit, expected) in [
            (&[0.13, 0.87][..], 4, "", &["0", "0.2", "0.4", "0.6", "0.8", "1.0"][..]),
            (&[0.0, 7.2], 4, "", &["0", "2", "4", "6", "8"]),
            (&[81.0, 89.5], 4, "%", &["80.0%", "82.5%", "85.0%", "87.5%", "90.0%"]),
            (&[0.001], 2, "", &["0.0009", "0.0010", "0.0011"]),
            (&[3e-7, 9e-7], 2, "", &["0", "5.0e-7", "1.0e-6"]),
            (&[150_000.0, 152_000.0], 2, "", &["150000", "151000", "152000"]),
            (&[], 2, "", &["0", "0.5", "1.0"]),
            (&[f64::NAN, 0.0], 2, "", &["-0.5", "0", "0.5"]),
        ] {
            let scale = Scale::of(values.iter().copied(), parts, unit);
            assert_eq!(scale.labels, expected, "{values:?}");
            let inside = values
                .iter()
                .filter(|value| value.is_finite())
                .all(|&value| scale.low - 1e-9 <= value && value <= scale.high + 1e-9);
            assert!(inside, "{values:?} {scale:?}");
        }
    }
}
