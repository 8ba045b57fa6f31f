use core::fmt;

use super::{
    MAX_ACTIVATION, QuantizedFile,
    active::{Active, Entry},
    layout::{Block, ROWS},
    product::rows,
};

/// The memory that a prediction works in: [`entries`](entries()) of its widest layer's inputs, and activations of the widest
/// layer between others, filled up to a multiple of eight.
#[derive(Clone, Debug)]
pub struct Workspace<const ENTRIES: usize, const WIDTH: usize> {
    entries: [Entry; ENTRIES],
    activations: [u8; WIDTH],
}

impl<const ENTRIES: usize, const WIDTH: usize> Workspace<ENTRIES, WIDTH> {
    /// Memory that is zero: a `static` of it takes no flash.
    pub const EMPTY: Self = Self { entries: [Entry::EMPTY; ENTRIES], activations: [0; WIDTH] };
}

/// `ENTRIES` of a [`Workspace`] for a layer of so many inputs.
pub const fn entries(inputs: usize) -> usize {
    Entry::most(inputs)
}

/// `WIDTH` of a [`Workspace`] for a layer of so many outputs.
pub const fn width(outputs: usize) -> usize {
    outputs.next_multiple_of(ROWS)
}

/// A workspace, an image or a place for logits that is not as large as the network's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct WorkspaceError;

impl fmt::Display for WorkspaceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the image, the workspace or the place for logits is not of the size that the int8 network has")
    }
}

impl core::error::Error for WorkspaceError {}

impl QuantizedFile<'_> {
    /// An image's logits; their unit is the record's [`logit_scale`](super::QuantizationRecord::logit_scale).
    ///
    /// # Errors
    ///
    /// [`WorkspaceError`] where a size is not the network's; an image and logits have exactly its, a workspace at least.
    pub fn predict<const ENTRIES: usize, const WIDTH: usize>(
        &self,
        image: &[u8],
        workspace: &mut Workspace<ENTRIES, WIDTH>,
        logits: &mut [i32],
    ) -> Result<(), WorkspaceError> {
        self.predict_by_layer(image, workspace, logits, |_| {})
    }

    /// [`predict`](Self::predict) that says when it has computed a linear layer, and which.
    ///
    /// # Errors
    ///
    /// As [`predict`](Self::predict).
    #[inline]
    pub fn predict_by_layer<const ENTRIES: usize, const WIDTH: usize>(
        &self,
        image: &[u8],
        workspace: &mut Workspace<ENTRIES, WIDTH>,
        logits: &mut [i32],
        computed: impl FnMut(usize),
    ) -> Result<(), WorkspaceError> {
        self.run(image, &mut workspace.entries, &mut workspace.activations, logits, computed)
    }

    /// How many entries and activations a prediction needs: the least `ENTRIES` and `WIDTH` of a [`Workspace`].
    pub fn workspace(&self) -> (usize, usize) {
        let mut layers = self.layers().map(|(shape, _)| shape);
        let first = layers.next().map_or(0, |shape| shape.inputs);
        let widest = layers.map(|shape| shape.inputs).max().unwrap_or(0);
        (entries(first.max(widest)), width(widest))
    }

    /// [`predict`](Self::predict) in memory whose size is known at run time: that of [`workspace`](Self::workspace), or more.
    ///
    /// # Errors
    ///
    /// As [`predict`](Self::predict).
    pub fn predict_in(
        &self,
        image: &[u8],
        entries: &mut [Entry],
        activations: &mut [u8],
        logits: &mut [i32],
    ) -> Result<(), WorkspaceError> {
        self.run(image, entries, activations, logits, |_| {})
    }

    #[inline]
    fn run(
        &self,
        image: &[u8],
        entries: &mut [Entry],
        activations: &mut [u8],
        logits: &mut [i32],
        mut computed: impl FnMut(usize),
    ) -> Result<(), WorkspaceError> {
        let mut layers = self.layers().enumerate().peekable();
        while let Some((layer, (shape, blocks))) = layers.next() {
            let inputs = if layer == 0 { Some(image) } else { activations.get(..shape.inputs) };
            let inputs = inputs.filter(|inputs| inputs.len() == shape.inputs).ok_or(WorkspaceError)?;
            let active = Active::list(inputs, entries).ok_or(WorkspaceError)?;
            if layers.peek().is_none() {
                if logits.len() != shape.outputs {
                    return Err(WorkspaceError);
                }
                for (logits, block) in logits.chunks_mut(ROWS).zip(Block::all(shape, blocks)) {
                    for (logit, row) in logits.iter_mut().zip(rows(&active, block)) {
                        *logit = row;
                    }
                }
            } else {
                let outputs = activations.get_mut(..width(shape.outputs)).ok_or(WorkspaceError)?;
                for (outputs, block) in outputs.as_chunks_mut().0.iter_mut().zip(Block::all(shape, blocks)) {
                    *outputs = rows(&active, block).map(|row| row.clamp(0, MAX_ACTIVATION.into()) as u8);
                }
            }
            computed(layer);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::{format, vec, vec::Vec};

    use proptest::prelude::*;

    use super::*;
    use crate::{
        architecture::Architecture,
        quantized::{BIAS_LIMIT, Layer, QuantizationRecord, SUM_LIMIT, encode, encoded_len, layout::Shape},
        random::{Generator, Purpose},
    };

    const RECORD: QuantizationRecord<'static> = QuantizationRecord {
        source: &[7; 32],
        logit_scale: 0.5,
        float_accuracy: 0.9,
        accuracy: 0.89,
        method: b"by hand",
    };

    struct Integers {
        shape: Shape,
        weights: Vec<i8>,
        biases: Vec<i32>,
        multipliers: Vec<i32>,
    }

    impl Integers {
        fn draw(shape: Shape, draw: &mut impl FnMut() -> u32) -> Self {
            let Shape { inputs, outputs } = shape;
            // As large as the proof allows.
            let most = (SUM_LIMIT / 255 / inputs as u32).clamp(1, 127) as i32;
            let weight = |draw: u32| (draw % (2 * most as u32 + 1)) as i32 - most;
            Self {
                shape,
                weights: (0..inputs * outputs).map(|_| weight(draw()) as i8).collect(),
                biases: (0..outputs)
                    .map(|_| (draw() % (BIAS_LIMIT / 100)) as i32 - (BIAS_LIMIT / 200) as i32)
                    .collect(),
                multipliers: (0..outputs).map(|_| (draw() >> (1 + draw() % 15)) as i32).collect(),
            }
        }

        /// The documentation's formulas, in 128 bits.
        fn outputs(&self, inputs: &[u8]) -> Vec<i128> {
            let row = |o: usize| {
                let weights = &self.weights[o * self.shape.inputs..][..self.shape.inputs];
                let sum: i128 = weights.iter().zip(inputs).map(|(&w, &x)| i128::from(w) * i128::from(x)).sum();
                let product = (i128::from(self.biases[o]) + sum) * i128::from(self.multipliers[o]);
                (product + (1 << 31)).div_euclid(1 << 32)
            };
            (0..self.shape.outputs).map(row).collect()
        }
    }

    fn plain(layers: &[Integers], image: &[u8]) -> Vec<i128> {
        let (last, hidden) = layers.split_last().unwrap();
        let mut inputs = image.to_vec();
        for layer in hidden {
            inputs = layer.outputs(&inputs).into_iter().map(|r| r.clamp(0, 255) as u8).collect();
        }
        last.outputs(&inputs)
    }

    fn file(architecture: &Architecture, layers: &[Integers]) -> Vec<u8> {
        let parts: Vec<_> = layers
            .iter()
            .map(|l| Layer { weights: &l.weights, biases: &l.biases, multipliers: &l.multipliers })
            .collect();
        let mut bytes = vec![0; encoded_len(architecture, &RECORD).unwrap()];
        let len = encode(architecture, &parts, &RECORD, &mut bytes).unwrap();
        bytes.truncate(len);
        bytes
    }

    proptest! {
        #[test]
        fn the_kernel_computes_the_formulas(
            widths in prop::collection::vec(1_usize..70, 2..5),
            seed in any::<u64>(),
            zeros in 0_u32..10,
        ) {
            let stream = Generator::new(seed, Purpose::Fingerprint, 0);
            let mut counter = 0;
            let mut draw = || {
                counter += 1;
                (stream.bits(counter) >> 32) as u32
            };
            let text: Vec<_> = widths.iter().map(|width| format!("{width}")).collect();
            let architecture: Architecture = text.join(",").parse().unwrap();
            let layers: Vec<_> = widths
                .windows(2)
                .map(|pair| Integers::draw(Shape { inputs: pair[0], outputs: pair[1] }, &mut draw))
                .collect();
            let bytes = file(&architecture, &layers);
            let network = QuantizedFile::parse(&bytes).unwrap();
            let mut workspace = Workspace::<{ entries(70) }, 72>::EMPTY;
            for _ in 0..3 {
                let image: Vec<u8> = (0..widths[0]).map(|_| if draw() % 10 < zeros { 0 } else { draw() as u8 }).collect();
                let mut logits = vec![0; *widths.last().unwrap()];
                network.predict(&image, &mut workspace, &mut logits).unwrap();
                let (entries, width) = network.workspace();
                let (mut least, mut activations) = (vec![Entry::EMPTY; entries], vec![0; width]);
                let mut again = vec![0; logits.len()];
                network.predict_in(&image, &mut least, &mut activations, &mut again).unwrap();
                prop_assert_eq!(&again, &logits);
                prop_assert!(network.predict_in(&image, &mut least[1..], &mut activations, &mut again).is_err());
                let found: Vec<_> = logits.iter().map(|&logit| i128::from(logit)).collect();
                prop_assert_eq!(found, plain(&layers, &image));
            }
        }
    }
}
