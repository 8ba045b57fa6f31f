//! Networks of random numbers, as files.

use host::{classes::SignatureBuf, weights};
use selvedge::{
    architecture::Architecture,
    quantized::{
        self, BIAS_LIMIT, F16, F16Layer, Int4, Int4Layer, Int8, Int8Layer, QuantizationRecord, QuantizedFormat,
    },
    random::{Generator, Purpose},
    weights::TrainingRecord,
};

/// Numbers that the seed decides.
pub struct Draws {
    generator: Generator,
    next: u64,
}

impl Draws {
    pub fn new(seed: u64) -> Self {
        Self { generator: Generator::new(seed, Purpose::Drawing, 0), next: 0 }
    }

    pub fn bits(&mut self) -> u32 {
        self.next += 1;
        (self.generator.bits(self.next) >> 32) as u32
    }

    pub fn below(&mut self, end: u32) -> u32 {
        self.bits() % end
    }

    /// From −1 to 1.
    pub fn symmetric(&mut self) -> f32 {
        self.next += 1;
        self.generator.symmetric(self.next, 1.0)
    }
}

/// The scale is no power of two, so that a logit is rounded.
const RECORD: QuantizationRecord<'static> =
    QuantizationRecord { source: &[7; 32], logit_scale: 0.3, float_accuracy: 0.9, accuracy: 0.89, method: b"by hand" };

fn encode<F: QuantizedFormat>(widths: &[u32], layers: &[F::Layer<'_>], signature: &SignatureBuf) -> Vec<u8> {
    let text: Vec<_> = widths.iter().map(u32::to_string).collect();
    let architecture: Architecture = text.join(",").parse().unwrap();
    let signature = signature.get();
    let mut bytes = vec![0; quantized::encoded_len::<F>(&architecture, &signature, &RECORD).unwrap()];
    let len = quantized::encode::<F>(&architecture, layers, &signature, &RECORD, &mut bytes).unwrap();
    bytes.truncate(len);
    bytes
}

/// A layer of integers; int8 has no scales.
struct Layer {
    weights: Vec<i8>,
    scales: Vec<u8>,
    biases: Vec<i32>,
    multipliers: Vec<i32>,
}

/// Layers whose outputs are spread over what a byte holds, and to both sides of it; the last one's over some thousands.
fn layers(widths: &[u32], draws: &mut Draws, weight: impl Fn(&mut Draws) -> i8, size: f32) -> Vec<Layer> {
    let count = widths.len() - 1;
    let layer = |(place, pair): (usize, &[u32])| {
        let (inputs, outputs) = (pair[0], pair[1]);
        // About as large as the sums are, and what they are to become.
        let sum = size * 128.0 * (inputs as f32).sqrt();
        let target = if place + 1 == count { 5_000.0 } else { 150.0 };
        Layer {
            weights: (0..inputs * outputs).map(|_| weight(draws)).collect(),
            scales: (0..inputs.div_ceil(64) * outputs).map(|_| draws.bits() as u8).collect(),
            // Mostly above 0: with all hidden units at 0, a sample would decide nothing.
            biases: (0..outputs).map(|_| (sum * (draws.symmetric() + 0.5)) as i32).collect(),
            multipliers: (0..outputs)
                .map(|_| (target / sum * 4_294_967_296.0 * (draws.symmetric().abs() + 0.1)) as i32)
                .collect(),
        }
    };
    widths.windows(2).enumerate().map(layer).collect()
}

pub fn int8(widths: &[u32], draws: &mut Draws, signature: &SignatureBuf) -> Vec<u8> {
    // As large as any width's sums allow.
    let most = ((Int8::SUM_LIMIT / 255).div_ceil(*widths.iter().max().unwrap()) - 1).clamp(1, 127);
    let weight = |draws: &mut Draws| (draws.below(2 * most + 1) as i32 - most as i32) as i8;
    let layers = layers(widths, draws, weight, most as f32 / 2.0);
    let parts: Vec<_> = layers
        .iter()
        .map(|Layer { weights, biases, multipliers, .. }| Int8Layer { weights, biases, multipliers })
        .collect();
    encode::<Int8>(widths, &parts, signature)
}

pub fn int4(widths: &[u32], draws: &mut Draws, signature: &SignatureBuf) -> Vec<u8> {
    let layers = layers(widths, draws, |draws| draws.below(16) as i8 - 8, 600.0);
    let parts: Vec<_> = layers
        .iter()
        .map(|Layer { weights, scales, biases, multipliers }| Int4Layer { weights, scales, biases, multipliers })
        .collect();
    encode::<Int4>(widths, &parts, signature)
}

/// Networks whose sums, biases and multipliers are as large as a file may have them, of both signs.
pub fn limits() -> Vec<(&'static str, Vec<u8>)> {
    let bias = BIAS_LIMIT as i32 - 1;
    let (biases, multipliers) = ([bias, -bias, bias, -bias, 0], [i32::MAX, i32::MAX, 0, 1, i32::MAX]);
    let alternate = |columns: usize, most: i8, least: i8| -> Vec<i8> {
        (0..5 * columns).map(|place| if (place / columns).is_multiple_of(2) { most } else { least }).collect()
    };
    let wide = alternate(259, 127, -127);
    let int8 = Int8Layer { weights: &wide, biases: &biases, multipliers: &multipliers };
    let digits = alternate(2064, 7, -8);
    let scales = vec![255; 5 * 2064_usize.div_ceil(64)];
    let int4 = Int4Layer { weights: &digits, scales: &scales, biases: &biases, multipliers: &multipliers };
    let signature = SignatureBuf::default();
    vec![
        ("int8 at its limits", encode::<Int8>(&[259, 5], &[int8], &signature)),
        ("int4 at its limits", encode::<Int4>(&[2064, 5], &[int4], &signature)),
    ]
}

/// f16 weights of all sizes up to 2, subnormal ones too.
pub fn f16(widths: &[u32], draws: &mut Draws, signature: &SignatureBuf) -> Vec<u8> {
    let layers: Vec<(Vec<u16>, Vec<f32>)> = widths
        .windows(2)
        .map(|pair| {
            let weight = (0..pair[0] * pair[1]).map(|_| (draws.bits() & 0xbfff) as u16).collect();
            (weight, (0..pair[1]).map(|_| draws.symmetric()).collect())
        })
        .collect();
    let parts: Vec<_> = layers.iter().map(|(weight, bias)| F16Layer { weight, bias }).collect();
    encode::<F16>(widths, &parts, signature)
}

/// Weights up to `scale` in size. Variances are from 0.
pub fn float32(layers: &str, draws: &mut Draws, scale: f32, signature: &SignatureBuf) -> Vec<u8> {
    let architecture: Architecture = layers.parse().unwrap();
    let mut flat: Vec<f32> = (0..architecture.parameter_count().unwrap()).map(|_| scale * draws.symmetric()).collect();
    for parameter in architecture.parameters().filter(|parameter| parameter.name.ends_with("running_var")) {
        flat[parameter.offset..][..parameter.len].iter_mut().for_each(|variance| *variance = variance.abs());
    }
    let record = TrainingRecord {
        seed: 1,
        dataset: "none",
        dataset_checksum: [0; 32],
        samples: 1,
        shuffled: false,
        epochs: 1,
        steps: 1,
        batch_size: 1,
        learning_rate: 0.1,
        accuracy: 0.5,
        recipe: "",
    };
    weights::encode(&architecture, &flat, &signature.get(), &record).unwrap()
}
