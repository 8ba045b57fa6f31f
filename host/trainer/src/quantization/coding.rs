//! The inputs of an integer network: bytes (codes) that stand for a sample's raw values.

use selvedge::preparation::Preparation;

use super::{QuantizationError, Reference};
use crate::{
    data::{Dataset, Split},
    network::Network,
    preparation::{CodeScale, PreparationBuf, coded},
};

/// The codes of a data set's values. For an element of one byte, each value has its own code. For any other element, a feature's codes span the
/// range of the training samples.
#[derive(Clone, Debug)]
pub struct Coding {
    preparation: PreparationBuf,
    /// The values that each feature's codes stand for.
    scales: Vec<CodeScale>,
}

impl Coding {
    /// Finds the range of each feature.
    pub fn fit(train: &Split) -> Self {
        let (preparation, scales) = coded(train.element(), &train.moments());
        Self { preparation, scales }
    }

    /// Returns the conversion of raw values into codes.
    pub fn preparation(&self) -> &PreparationBuf {
        &self.preparation
    }

    /// Returns the data with codes in place of the values.
    pub fn data(&self, data: &Dataset) -> Dataset {
        let codes = |split: &Split| {
            if self.preparation == PreparationBuf::Bytes {
                // A byte is its own code.
                return split.clone();
            }
            split.rewritten(Default::default(), |sample, codes| self.preparation.get().write_codes(sample, codes))
        };
        Dataset {
            preparation: PreparationBuf::Bytes,
            train: codes(&data.train),
            test: codes(&data.test),
            validation: data.validation.as_ref().map(codes),
            ..data.clone()
        }
    }

    /// Returns the network that takes codes, each divided by 255. `reference` takes the values that these codes stand for.
    ///
    /// An input is `scale · value + shift`, and a value is `low + step · code`. So a weight `w` becomes `255 · w · scale · step`, and
    /// `w · (scale · low + shift)` is added to the bias. Both are computed in binary64 and rounded once.
    ///
    /// # Errors
    ///
    /// [`QuantizationError::NotFinite`] if a weight is outside a float32's range. [`QuantizationError::Network`] if there is not enough memory.
    pub fn fold(&self, reference: &Reference) -> Result<Reference, QuantizationError> {
        let scaled: Vec<(f32, f32)> = match reference.preparation() {
            Preparation::Scaled(scaled) => scaled.rows().collect(),
            _ => vec![(1.0 / 255.0, 0.0)],
        };
        let factors: Vec<[f64; 2]> = scaled
            .iter()
            .cycle()
            .zip(&self.scales)
            .map(|(&(scale, shift), CodeScale { low, step })| {
                let (scale, shift) = (f64::from(scale), f64::from(shift));
                [255.0 * scale * step, scale * low + shift]
            })
            .collect();
        let mut network = Network::with_parameters(reference.architecture(), reference.network().parameters())?;
        if let Some(stage) = network.stages().first().copied() {
            let (weight, bias) = stage.widths().split_mut(&mut network.parameters_mut()[stage.values()]);
            for (row, bias) in weight.chunks_exact_mut(stage.inputs).zip(bias) {
                let mut sum = f64::from(*bias);
                for (weight, [factor, offset]) in row.iter_mut().zip(&factors) {
                    sum += f64::from(*weight) * offset;
                    *weight = (f64::from(*weight) * factor) as f32;
                }
                *bias = sum as f32;
            }
        }
        Reference::of(network)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use selvedge::preparation::Element;

    use super::*;
    use crate::{data::Store, engine::Simd};

    proptest! {
        /// If each value has its own code, the folded network computes the network's results, except for rounding.
        #[test]
        fn codes_give_the_networks_sums(values in proptest::collection::vec(-100..=155_i16, 12), seed: u64) {
            let architecture: selvedge::architecture::Architecture = "3,4,2".parse().unwrap();
            let network = Network::initialized(&architecture, seed).unwrap();
            let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            let split = Split::of(3, Element::I16, Store::Memory(bytes), vec![0; 4]);
            let preparation = PreparationBuf::standardized(Element::I16, &split.moments());
            let reference = Reference::new(&architecture, network.parameters()).unwrap().with_preparation(preparation);
            let coding = Coding::fit(&split);
            let folded = coding.fold(&reference).unwrap();
            let codes = split.rewritten(Element::U8, |sample, codes| coding.preparation.get().write_codes(sample, codes));
            let [expected, found] = [(&reference, &split), (&folded, &codes)]
                .map(|(reference, split)| reference.sums(&Simd::portable(), &split.values()).pop().unwrap());
            for (expected, found) in expected.iter().zip(&found) {
                prop_assert!((expected - found).abs() < 1e-4 * (1.0 + expected.abs()), "{expected} {found}");
            }
        }
    }
}
