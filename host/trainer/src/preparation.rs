//! The conversion of a sample's raw values into a network's inputs, fitted on data.

use selvedge::preparation::{CodeRange, Coded, Element, Preparation, Scaled};

/// A [`Preparation`] with memory of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum PreparationBuf {
    /// Bytes, which are divided by 255: [`Preparation::Bytes`].
    #[default]
    Bytes,
    /// [`Preparation::Scaled`], with its element and table.
    Scaled(Element, Vec<u8>),
    /// [`Preparation::Coded`], with its element and table.
    Coded(Element, Vec<u8>),
}

impl PreparationBuf {
    /// Returns a preparation that does not change the values of this element.
    pub fn unscaled(element: Element) -> Self {
        Self::scaled(element, [(1.0, 0.0)])
    }

    /// Returns the preparation with these scales and shifts: one pair for each feature, or one for all.
    fn scaled(element: Element, rows: impl IntoIterator<Item = (f32, f32)>) -> Self {
        let bytes = rows.into_iter().flat_map(|(scale, shift)| [scale, shift]).flat_map(f32::to_le_bytes);
        Self::Scaled(element, bytes.collect())
    }

    /// Returns the standardisation by the mean and the standard deviation of each feature.
    ///
    /// A feature with deviation 0, or with a scale that an f32 cannot hold, becomes 0, because it carries no information.
    pub fn standardized(element: Element, moments: &[Moments]) -> Self {
        Self::scaled(
            element,
            moments.iter().map(|moments| {
                let [scale, shift] = [1.0 / moments.deviation, -moments.mean / moments.deviation].map(|x| x as f32);
                let is_scale = moments.deviation > 0.0 && scale.is_finite() && shift.is_finite();
                if is_scale { (scale, shift) } else { (0.0, 0.0) }
            }),
        )
    }

    /// Returns the preparation as a file stores it.
    pub fn get(&self) -> Preparation<'_> {
        const CHECKED: &str = "a table is checked where it is made";
        match self {
            Self::Bytes => Preparation::Bytes,
            Self::Scaled(element, table) => {
                Preparation::Scaled(Scaled::parse(*element, table, table.len() / 8).expect(CHECKED))
            }
            Self::Coded(element, table) => {
                Preparation::Coded(Coded::parse(*element, table, table.len() / 12).expect(CHECKED))
            }
        }
    }
}

impl From<Preparation<'_>> for PreparationBuf {
    fn from(preparation: Preparation<'_>) -> Self {
        match preparation {
            Preparation::Bytes => Self::Bytes,
            Preparation::Scaled(scaled) => Self::Scaled(preparation.element(), scaled.as_bytes().to_vec()),
            Preparation::Coded(coded) => Self::Coded(preparation.element(), coded.as_bytes().to_vec()),
        }
    }
}

/// The mean and the standard deviation of a feature or a target over the samples. The variance is the mean squared distance from the mean:
/// its divisor is the number of samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moments {
    /// The mean.
    pub mean: f64,
    /// The standard deviation.
    pub deviation: f64,
    /// The smallest value.
    pub least: f32,
    /// The largest value.
    pub greatest: f32,
}

impl Moments {
    /// Returns the moments of each column of the rows, in binary64. It reads the rows twice: for the means, then for the
    /// deviations. If all values of a column are equal, the mean is that value, so the deviation is exactly 0.
    pub fn of_rows<Row: Iterator<Item = f32>, Rows: ExactSizeIterator<Item = Row>>(
        width: usize,
        rows: impl Fn() -> Rows,
    ) -> Vec<Self> {
        let count = rows().len().max(1) as f64;
        let start = Self { mean: 0.0, deviation: 0.0, least: f32::INFINITY, greatest: f32::NEG_INFINITY };
        let mut moments = vec![start; width];
        for row in rows() {
            for (moments, value) in moments.iter_mut().zip(row) {
                moments.mean += f64::from(value);
                moments.least = moments.least.min(value);
                moments.greatest = moments.greatest.max(value);
            }
        }
        for moments in &mut moments {
            moments.mean /= count;
            if moments.least == moments.greatest {
                moments.mean = moments.least.into();
            }
        }
        for row in rows() {
            for (moments, value) in moments.iter_mut().zip(row) {
                moments.deviation += (f64::from(value) - moments.mean).powi(2);
            }
        }
        moments.iter_mut().for_each(|moments| moments.deviation = (moments.deviation / count).sqrt());
        moments
    }
}

/// Chooses codes for the inputs of an integer network, for values of this element. For an element of one byte, each value has its own
/// code. For any other element, a feature's codes span the range of the samples.
///
/// Returns the preparation, and for each feature the value of code 0 and the difference of value from one code to the next.
pub fn coded(element: Element, moments: &[Moments]) -> (PreparationBuf, Vec<CodeScale>) {
    if element.size() == 1 {
        let low = if element == Element::I8 { -128.0 } else { 0.0 };
        let scales = vec![CodeScale { low, step: 1.0 }; moments.len()];
        let preparation =
            if element == Element::U8 { PreparationBuf::Bytes } else { PreparationBuf::Coded(element, Vec::new()) };
        return (preparation, scales);
    }
    let ranges = moments.iter().map(|moments| match element {
        Element::F32 => floats(moments.least, moments.greatest),
        _ => integers(moments.least as i32, moments.greatest as i32),
    });
    let (ranges, scales): (Vec<_>, Vec<_>) = ranges.unzip();
    let table = ranges.iter().flat_map(|range: &CodeRange| range.to_bytes()).collect();
    (PreparationBuf::Coded(element, table), scales)
}

/// The values that a feature's codes stand for: `value = low + step · code`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CodeScale {
    /// The value of code 0.
    pub low: f64,
    /// The difference of value from one code to the next.
    pub step: f64,
}

/// Returns the codes of a feature that is an integer from `low` to `high`. If there are at most 256 values, each has its own code.
fn integers(low: i32, high: i32) -> (CodeRange, CodeScale) {
    let length = (high - low).max(1) as u32;
    let factor = if length <= 255 { 1 << 16 } else { (255 << 16) / length };
    let step = f64::from(1 << 16) / f64::from(factor);
    (CodeRange::Integers { low, high, factor }, CodeScale { low: low.into(), step })
}

/// Returns the codes of a feature that is a number from `low` to `high`. If `high − low` is not an f32, or too small to divide by, all have code 0.
fn floats(low: f32, high: f32) -> (CodeRange, CodeScale) {
    let mut factor = 255.0 / (high - low);
    if !(factor.is_finite() && (high - low).is_finite()) {
        factor = 0.0;
    }
    // Rounding may make the last code 256.
    while (high - low) * factor + 0.5 >= 256.0 {
        factor = factor.next_down();
    }
    let high = if (high - low).is_finite() { high } else { low };
    let step = if factor > 0.0 { 1.0 / f64::from(factor) } else { 0.0 };
    (CodeRange::Floats { low, high, factor }, CodeScale { low: low.into(), step })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::data::{Split, Store};

    fn split(values: &[f32], features: usize) -> Split {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        Split::of(features, Element::F32, Store::Memory(bytes), vec![0; values.len() / features])
    }

    #[test]
    fn standardised_values_have_mean_0_and_deviation_1() {
        let split = split(&[1.0, 7.0, -3.0, 3.0, 7.0, 5.0, 8.0, 7.0, -8.0], 3);
        let preparation = PreparationBuf::standardized(Element::F32, &split.moments());
        let mut inputs = [[0.0; 3]; 3];
        for (sample, input) in split.samples().zip(&mut inputs) {
            preparation.get().write(sample, input);
        }
        for feature in [0, 2] {
            let values = inputs.map(|input| f64::from(input[feature]));
            assert!(values.iter().sum::<f64>().abs() < 1e-6);
            assert!((values.map(|x| x * x).iter().sum::<f64>() / 3.0 - 1.0).abs() < 1e-6);
        }
        // A constant tells nothing.
        assert_eq!(inputs.map(|input| input[1]), [0.0; 3]);
    }

    #[test]
    fn extreme_features_have_a_table() {
        let split = split(&[f32::MAX, 1e-45, 0.1, f32::MIN, 0.0, 0.1], 3);
        let moments = split.moments();
        for preparation in [PreparationBuf::standardized(Element::F32, &moments), coded(Element::F32, &moments).0] {
            let (mut input, mut codes) = ([9.0; 3], [9; 3]);
            for sample in split.samples() {
                preparation.get().write(sample, &mut input);
                preparation.get().write_codes(sample, &mut codes);
                assert!(input.iter().all(|x| x.is_finite()));
            }
        }
    }

    proptest! {
        /// A value within the range is at most half a step from its code's.
        #[test]
        fn codes_are_the_nearest(a: i16, b: i16, value: i16, scale in 1e-3_f32..1e3) {
            let (low, high) = (a.min(b), a.max(b));
            let value = value.clamp(low, high);
            let moments = |of: &dyn Fn(i16) -> f32| Moments { mean: 0.0, deviation: 0.0, least: of(low), greatest: of(high) };
            for (element, moments, value, bytes) in [
                (Element::I16, moments(&f32::from), f32::from(value), value.to_le_bytes().to_vec()),
                (Element::F32, moments(&|x| f32::from(x) * scale), f32::from(value) * scale,
                    (f32::from(value) * scale).to_le_bytes().to_vec()),
            ] {
                let (preparation, scales) = coded(element, &[moments]);
                let mut code = [0];
                preparation.get().write_codes(&bytes, &mut code);
                let worth = scales[0].low + scales[0].step * f64::from(code[0]);
                let room = 1e-3 * (scales[0].step + f64::from(scale));
                prop_assert!((worth - f64::from(value)).abs() <= scales[0].step / 2.0 + room, "{element}: {worth}, {value}");
            }
        }
    }
}
