//! Each format's kernel against its formulas.

use std::{format, vec, vec::Vec};

use proptest::prelude::*;

use super::*;
use crate::{
    Activation, Relu,
    architecture::Architecture,
    arithmetic::{fma, normalize},
    random::{Generator, Purpose},
    shape::Signature,
    weights::WeightFileError,
};

const RECORD: QuantizationRecord<'static> =
    QuantizationRecord { source: &[7; 32], logit_scale: 0.5, float_accuracy: 0.9, accuracy: 0.89, method: b"by hand" };

/// Returns a generator of 32-bit numbers.
fn draws(seed: u64) -> impl FnMut() -> u32 {
    let stream = Generator::new(seed, Purpose::Fingerprint, 0);
    let mut counter = 0;
    move || {
        counter += 1;
        (stream.bits(counter) >> 32) as u32
    }
}

fn architecture(widths: &[usize]) -> Architecture {
    let text: Vec<_> = widths.iter().map(|width| format!("{width}")).collect();
    text.join(",").parse().unwrap()
}

fn encoded<F: QuantizedFormat>(architecture: &Architecture, layers: &[F::Layer<'_>]) -> Vec<u8> {
    let mut bytes = vec![0; encoded_len::<F>(architecture, &Signature::default(), &RECORD).unwrap()];
    let len = encode::<F>(architecture, layers, &Signature::default(), &RECORD, &mut bytes).unwrap();
    bytes.truncate(len);
    bytes
}

fn sample(width: usize, zeros: u32, draw: &mut impl FnMut() -> u32) -> Vec<u8> {
    (0..width).map(|_| if draw() % 10 < zeros { 0 } else { draw() as u8 }).collect()
}

/// A layer of integers. In int8, all scales are 1.
struct Layer {
    inputs: usize,
    weights: Vec<i8>,
    scales: Vec<u8>,
    biases: Vec<i32>,
    multipliers: Vec<i32>,
}

impl Layer {
    fn draw(
        pair: &[usize],
        weight: impl Fn(u32) -> i32,
        scale: impl Fn(u32) -> u8,
        draw: &mut impl FnMut() -> u32,
    ) -> Self {
        let &[inputs, outputs] = pair else { panic!("two widths") };
        Self {
            inputs,
            weights: (0..inputs * outputs).map(|_| weight(draw()) as i8).collect(),
            scales: (0..inputs.div_ceil(Int4::COLUMNS) * outputs).map(|_| scale(draw())).collect(),
            biases: (0..outputs).map(|_| (draw() % (BIAS_LIMIT / 100)) as i32 - (BIAS_LIMIT / 200) as i32).collect(),
            multipliers: (0..outputs).map(|_| (draw() >> (1 + draw() % 15)) as i32).collect(),
        }
    }

    fn int8(&self) -> Int8Layer<'_> {
        Int8Layer { weights: &self.weights, biases: &self.biases, multipliers: &self.multipliers }
    }

    fn int4(&self) -> Int4Layer<'_> {
        let Self { weights, scales, biases, multipliers, .. } = self;
        Int4Layer { weights, scales, biases, multipliers }
    }

    /// Returns the outputs by the documentation's formulas, in 128 bits.
    fn outputs(&self, inputs: &[u8]) -> Vec<i128> {
        let groups = self.inputs.div_ceil(Int4::COLUMNS);
        let row = |o: usize| {
            let mut sum = i128::from(self.biases[o]);
            for (i, &x) in inputs.iter().enumerate() {
                let scale = self.scales[o * groups + i / Int4::COLUMNS];
                sum += i128::from(scale) * i128::from(self.weights[o * self.inputs + i]) * i128::from(x);
            }
            (sum * i128::from(self.multipliers[o]) + (1 << 31)).div_euclid(1 << 32)
        };
        (0..self.biases.len()).map(row).collect()
    }
}

fn plain(layers: &[Layer], sample: &[u8]) -> Vec<i128> {
    let (last, hidden) = layers.split_last().unwrap();
    let mut inputs = sample.to_vec();
    for layer in hidden {
        inputs = layer.outputs(&inputs).into_iter().map(|r| r.clamp(0, 255) as u8).collect();
    }
    last.outputs(&inputs)
}

fn check<F: Integers>(bytes: &[u8], layers: &[Layer], sample: &[u8]) -> Result<(), TestCaseError> {
    let network = QuantizedFile::<F>::parse(bytes).unwrap();
    let mut workspace = vec![0; network.required_words()];
    prop_assert_eq!(workspace.len(), required_words(bytes));
    let mut logits = vec![0; layers.last().unwrap().biases.len()];
    network.predict(sample, &mut workspace, &mut logits).unwrap();
    // What was in the workspace, and that it is longer, changes nothing.
    let mut again = vec![0; logits.len()];
    network.predict(sample, &mut vec![u32::MAX; workspace.len() + 3], &mut again).unwrap();
    prop_assert_eq!(&again, &logits);
    let found: Vec<_> = logits.iter().map(|&logit| i128::from(logit)).collect();
    prop_assert_eq!(found, plain(layers, sample));
    // Words that are too few are an error where they would be needed, and in no case a panic.
    for words in [0, 1, workspace.len() / 2, workspace.len() - 1] {
        let _ = network.predict(sample, &mut workspace[..words], &mut again);
    }
    Ok(())
}

proptest! {
    #[test]
    fn int8_computes_the_formulas(widths in prop::collection::vec(1_usize..70, 2..5), seed in any::<u64>(), zeros in 0_u32..10) {
        let mut draw = draws(seed);
        let layer = |pair: &[usize]| {
            // As large as the proof allows.
            let most = (Int8::SUM_LIMIT / 255 / pair[0] as u32).clamp(1, 127);
            Layer::draw(pair, |draw| (draw % (2 * most + 1)) as i32 - most as i32, |_| 1, &mut draw)
        };
        let layers: Vec<_> = widths.windows(2).map(layer).collect();
        let parts: Vec<_> = layers.iter().map(Layer::int8).collect();
        let bytes = encoded::<Int8>(&architecture(&widths), &parts);
        for _ in 0..3 {
            check::<Int8>(&bytes, &layers, &sample(widths[0], zeros, &mut draw))?;
        }
    }

    #[test]
    fn int4_computes_the_formulas(widths in prop::collection::vec(1_usize..200, 2..5), seed in any::<u64>(), zeros in 0_u32..10) {
        let mut draw = draws(seed);
        let layer = |pair: &[usize]| {
            Layer::draw(pair, |draw| (draw % 16) as i32 - 8, |draw| (draw % 256) as u8, &mut draw)
        };
        let layers: Vec<_> = widths.windows(2).map(layer).collect();
        let parts: Vec<_> = layers.iter().map(Layer::int4).collect();
        let bytes = encoded::<Int4>(&architecture(&widths), &parts);
        for _ in 0..3 {
            check::<Int4>(&bytes, &layers, &sample(widths[0], zeros, &mut draw))?;
        }
    }

    #[test]
    fn f16_has_the_bits_of_its_weights_in_binary32(
        widths in prop::collection::vec(1_usize..40, 2..5),
        seed in any::<u64>(),
    ) {
        let mut draw = draws(seed);
        // Numbers up to 2 in size, subnormal ones too.
        let mut bits = || (draw() & 0xbfff) as u16;
        let layers: Vec<(usize, Vec<u16>, Vec<f32>)> = widths
            .windows(2)
            .map(|pair| {
                let weight = (0..pair[0] * pair[1]).map(|_| bits()).collect();
                (pair[0], weight, (0..pair[1]).map(|_| F16::widen(bits())).collect())
            })
            .collect();
        let parts: Vec<_> = layers.iter().map(|(_, weight, bias)| F16Layer { weight, bias }).collect();
        let bytes = encoded::<F16>(&architecture(&widths), &parts);
        let network = QuantizedFile::<F16>::parse(&bytes).unwrap();
        let sample = sample(widths[0], 3, &mut draw);
        let mut logits = vec![0.0; *widths.last().unwrap()];
        let mut workspace = vec![0; network.required_words()];
        prop_assert_eq!(workspace.len(), required_words(&bytes));
        network.predict(&sample, &mut workspace, &mut logits).unwrap();

        let mut outputs: Vec<f32> = sample.iter().map(|&pixel| normalize(pixel)).collect();
        for (place, (inputs, weight, bias)) in layers.iter().enumerate() {
            let row = |(row, &bias): (&[u16], &f32)| {
                row.iter().zip(&outputs).fold(bias, |sum, (&w, &x)| fma(x, F16::widen(w), sum))
            };
            let sums: Vec<f32> = weight.chunks(*inputs).zip(bias).map(row).collect();
            let is_last = place + 1 == layers.len();
            outputs = if is_last { sums } else { sums.into_iter().map(Relu::apply).collect() };
        }
        let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
        prop_assert_eq!(bits(&logits), bits(&outputs));
        let short = &mut workspace[1..];
        prop_assert_eq!(network.predict(&sample, short, &mut logits), Err(WorkspaceError::Workspace));
        prop_assert_eq!(network.predict(&sample[1..], &mut workspace, &mut logits), Err(WorkspaceError::Sample));
        prop_assert_eq!(network.predict(&sample, &mut workspace, &mut logits[1..]), Err(WorkspaceError::Logits));
    }
}

/// The file of the documentation's example, written again: 2-2-2, by hand.
#[test]
fn the_examples_file_is_exclusive_or() {
    const HALF: i32 = i32::MAX;
    // The hidden units are x + y, up to 255, and x + y − 255. The logits are 128, and the first less twice the second.
    let layers = [
        Int8Layer { weights: &[2, 2, 2, 2], biases: &[0, -510], multipliers: &[HALF; 2] },
        Int8Layer { weights: &[0, 0, 2, -4], biases: &[256, 0], multipliers: &[HALF; 2] },
    ];
    let file = encoded::<Int8>(&architecture(&[2, 2, 2]), &layers);
    assert_eq!(file, include_bytes!("../../examples/xor.int8"));
    let network = QuantizedFile::<Int8>::parse(crate::embed!("../../examples/xor.int8")).unwrap();
    for (sample, logits) in
        [([0, 0], [128, 0]), ([0, 255], [128, 255]), ([255, 0], [128, 255]), ([255, 255], [128, -255])]
    {
        assert_eq!(network.run(&sample, &mut [0; Int8::required_words(&[2; 3])]), Ok(logits), "{sample:?}");
    }
}

#[test]
fn int4_refuses_what_could_overflow_and_what_has_no_nibble() {
    let overflow = |row| Err(WeightFileError::Overflow { layer: 0, row });
    let columns = 2432;
    let architecture = architecture(&[columns, 9]);
    let mut buffer = vec![0; encoded_len::<Int4>(&architecture, &Signature::default(), &RECORD).unwrap()];
    let mut weights = vec![0; 9 * columns];
    let mut encode = |weights: &[i8], scale: u8, bias: i32| {
        let (scales, biases) = (vec![scale; 9 * columns / 64], vec![bias; 9]);
        let layer = Int4Layer { weights, scales: &scales, biases: &biases, multipliers: &[1; 9] };
        super::encode::<Int4>(&architecture, &[layer], &Signature::default(), &RECORD, &mut buffer).map(|_| ())
    };
    assert_eq!(encode(&weights, 255, BIAS_LIMIT as i32), overflow(0));
    assert_eq!(encode(&weights, 255, BIAS_LIMIT as i32 - 1), Ok(()));
    // Scales of 255 and inputs of 255: 16,512 · 255² < 2³⁰ ≤ 16,513 · 255².
    for (weight, count, rest) in [(-8, 2064, 0), (7, 2358, 6)] {
        weights.fill(0);
        let last = &mut weights[8 * columns..];
        last[..count].fill(weight);
        last[count] = rest;
        assert_eq!(encode(&weights, 255, 0), Ok(()));
        weights[8 * columns + count] += weight.signum();
        assert_eq!(encode(&weights, 255, 0), overflow(8), "{weight}");
    }
    weights.fill(0);
    for (weight, is_there) in [(7, true), (8, false), (-8, true), (-9, false)] {
        weights[8 * columns] = weight;
        assert_eq!(encode(&weights, 1, 0), if is_there { Ok(()) } else { overflow(8) }, "{weight}");
    }
}

#[test]
fn a_format_takes_no_other_formats_file() {
    let layer = Layer::draw(&[5, 3], |draw| (draw % 16) as i32 - 8, |_| 1, &mut draws(1));
    let (five_three, bias) = (architecture(&[5, 3]), [1.0; 3]);
    let f16 = F16Layer { weight: &[0; 15], bias: &bias };
    let files = [
        encoded::<Int8>(&five_three, &[layer.int8()]),
        encoded::<Int4>(&five_three, &[layer.int4()]),
        encoded::<F16>(&five_three, &[f16]),
    ];
    for (place, file) in files.iter().enumerate() {
        let taken = [
            QuantizedFile::<Int8>::parse(file).map(|_| ()),
            QuantizedFile::<Int4>::parse(file).map(|_| ()),
            QuantizedFile::<F16>::parse(file).map(|_| ()),
        ];
        for (other, taken) in taken.into_iter().enumerate() {
            assert_eq!(taken, if other == place { Ok(()) } else { Err(WeightFileError::Magic) });
        }
        for end in 0..file.len() {
            assert!(
                QuantizedFile::<Int4>::parse(&file[..end]).is_err()
                    && QuantizedFile::<F16>::parse(&file[..end]).is_err()
            );
        }
    }
}
