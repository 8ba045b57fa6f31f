//! What must hold of both networks together.

use std::num::NonZero;

use proptest::prelude::*;
use selvedge::{
    Portable,
    architecture::Architecture,
    classification::argmax,
    idx::Image,
    quantized::{BIAS_LIMIT, QuantizationRecord, QuantizedFile, SUM_LIMIT},
    random::{Generator, Purpose},
};

use super::{
    certificate::Networks,
    integer::{IntegerNetwork, LayerPlan, Means, PIXEL_SCALE},
    scales::WeightMethod,
    *,
};
use crate::{
    data::{Dataset, Split},
    engine::{InstructionSet, Simd},
};

const RECORD: QuantizationRecord<'static> =
    QuantizationRecord { source: &[1; 32], logit_scale: 1.0, float_accuracy: 0.5, accuracy: 0.5, method: b"by hand" };

/// Numbers from −1 to 1.
fn draws(seed: u64) -> impl FnMut() -> f32 {
    let generator = Generator::new(seed, Purpose::Initialization, 0);
    let mut counter = 0;
    move || {
        counter += 1;
        generator.symmetric(counter, 1.0)
    }
}

/// A network with sums of about 1.
fn float_network(hidden: &[usize], seed: u64) -> FloatNetwork {
    let widths: Vec<String> = [784].iter().chain(hidden).chain(&[10]).map(ToString::to_string).collect();
    let architecture: Architecture = widths.join(",").parse().unwrap();
    let mut draw = draws(seed);
    let mut flat = Vec::new();
    for parameter in architecture.parameters() {
        let size = parameter.shape.get(1).map_or(0.3, |&inputs| 3.0 / (inputs as f32).sqrt());
        flat.extend((0..parameter.len).map(|_| size * draw()));
    }
    FloatNetwork::new(&architecture, &flat).unwrap()
}

fn image(seed: u64) -> Image {
    let mut draw = draws(seed);
    std::array::from_fn(|_| (draw().max(0.0) * 255.0) as u8)
}

/// The integers where each hidden layer's outputs have this scale.
fn integer_network(float: &FloatNetwork, output_scale: f64) -> IntegerNetwork {
    let mut network = IntegerNetwork { layers: Vec::new(), output_scales: Vec::new() };
    let mut input_scale = PIXEL_SCALE;
    for (index, layer) in float.layers.iter().enumerate() {
        let scales: Vec<f64> =
            layer.weight.chunks_exact(layer.inputs).map(|row| WeightMethod::Max.scale(row)).collect();
        let is_last = index + 1 == float.layers.len();
        let output_scale = (!is_last).then_some(output_scale);
        let integers;
        (integers, input_scale) =
            LayerPlan { index, float: layer, scales: &scales, input_scale, output_scale }.quantize(None).unwrap();
        network.layers.push(integers);
        network.output_scales.push(input_scale);
    }
    network
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Also where activations are cut, where they are coarse, and without hidden layers, where rounding is all that there is to bound.
    #[test]
    fn bounds_bound_and_what_is_certified_keeps_its_class(
        hidden in prop::collection::vec(1_usize..24, 0..4),
        scale in -11_i32..-3,
        seed in any::<u64>(),
    ) {
        let float = float_network(&hidden, seed);
        let integer = integer_network(&float, f64::from(scale).exp2());
        let networks = Networks { float: &float, integer: &integer };
        for i in 0..4 {
            let image = image(seed ^ i);
            let (sums, run) = (float.run(&image), integer.run(&image));
            let logits = sums.last().unwrap();
            for class in 0..10 {
                let bounds = networks.bounds(&image, &run, class);
                for other in 0..10 {
                    let floats = f64::from(logits[class]) - f64::from(logits[other]);
                    let integers = integer.logit_scale() * (f64::from(run.logits[class]) - f64::from(run.logits[other]));
                    let error = (floats - integers).abs();
                    prop_assert!(error <= bounds[other], "{class} {other}: {error} > {}", bounds[other]);
                }
            }
            let certificate = Certificate::of(&networks, &image, &run, logits);
            if certificate.is_certified() {
                prop_assert_eq!(certificate.class, argmax(&run.logits));
            }
        }
    }

    #[test]
    fn the_files_kernel_computes_the_exporters_integers_in_any_order(
        hidden in prop::collection::vec(1_usize..40, 0..4),
        seed in any::<u64>(),
    ) {
        let float = float_network(&hidden, seed);
        let integer = integer_network(&float, 0.01);
        let orders: Vec<Vec<usize>> = hidden.iter().map(|&width| (0..width).rev().collect()).collect();
        let ordered = integer.ordered(&orders);
        let file = ordered.encode(float.architecture(), &RECORD).unwrap();
        let file = QuantizedFile::parse(&file).unwrap();
        let mut predictor = Predictor::new(&file);
        for i in 0..3 {
            let image = image(seed ^ i);
            prop_assert_eq!(predictor.integers(&image).unwrap().to_vec(), integer.run(&image).logits);
        }
    }
}

/// In binary32 the hidden unit's sum is −∞ from the fourth term on; in integers it is what it would be exactly.
#[test]
fn numbers_that_overflow_are_not_certified() {
    let architecture: Architecture = "784,1,10".parse().unwrap();
    let large = f32::MAX / 3.0;
    let fine = [large, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
    let overflowing = [-large, -large, -large, -large, large, large, large, large, large];
    for (row, is_certified) in [(fine, true), (overflowing, false)] {
        let mut flat = vec![0.0; architecture.parameter_count().unwrap()];
        flat[..row.len()].copy_from_slice(&row);
        // One class has the unit's output, another a bias of 1.
        (flat[785], flat[796]) = (4.0 / large, 1.0);
        let float = FloatNetwork::new(&architecture, &flat).unwrap();
        let integer = integer_network(&float, f64::from(large) / 200.0);
        let run = integer.run(&[255; 784]);
        assert_eq!(argmax(&run.logits), 0);
        let logits = float.run(&[255; 784]).pop().unwrap();
        let networks = Networks { float: &float, integer: &integer };
        let certificate = Certificate::of(&networks, &[255; 784], &run, &logits);
        assert_eq!((certificate.class, certificate.is_certified()), (usize::from(!is_certified), is_certified));
    }
}

/// A layer of one output.
fn row(weights: &[f32], bias: f32) -> FloatNetwork {
    let architecture: Architecture = format!("{},1", weights.len()).parse().unwrap();
    FloatNetwork::new(&architecture, &[weights, &[bias]].concat()).unwrap()
}

#[test]
fn weights_that_could_overflow_are_made_smaller() {
    for sign in [-1.0, 1.0] {
        let float = row(&[sign; 784], 0.0);
        let network = integer_network(&float, 1.0);
        let sum: u32 = network.layers[0].weights.iter().map(|weight| u32::from(weight.unsigned_abs())).sum();
        assert!(255 * sum < SUM_LIMIT && network.layers[0].weights[0].unsigned_abs() == 41, "{sum}");
        assert_eq!(network.shrunk(), 1);
        assert!(network.encode(float.architecture(), &RECORD).is_ok());
    }
    assert_eq!(integer_network(&row(&[1.0; 200], 0.0), 1.0).shrunk(), 0);
}

#[test]
fn biases_stay_in_their_range() {
    for (weight, bias) in [(1e-9, 1e3), (0.0, 1e3), (0.0, 0.0), (1.0, -1e20)] {
        let float = row(&[weight], bias);
        let network = integer_network(&float, 1.0);
        assert!(network.layers[0].biases[0].unsigned_abs() < BIAS_LIMIT);
        assert!(network.encode(float.architecture(), &RECORD).is_ok());
        let logit = network.logit_scale() * f64::from(network.run(&[0]).logits[0]);
        assert!((logit - f64::from(bias)).abs() <= 1e-6 * f64::from(bias).abs(), "{logit}, not {bias}");
    }
}

#[test]
fn what_has_no_place_in_the_range_is_named() {
    let float = row(&[100.0, 100.0], 0.0);
    let scales = [100.0 / 127.0];
    let plan = |output_scale| LayerPlan {
        index: 3,
        float: &float.layers[0],
        scales: &scales,
        input_scale: 1.0,
        output_scale: Some(output_scale),
    };
    assert!(plan(1.6).quantize(None).is_ok());
    let error = plan(1.5).quantize(None).unwrap_err();
    assert!(matches!(error, QuantizationError::Range { layer: 3, row: 0 }), "{error}");
}

#[test]
fn corrected_biases_make_up_for_the_mean_error() {
    let float = row(&[1.0, 0.3], 0.25);
    let scales = [0.25];
    let plan =
        LayerPlan { index: 0, float: &float.layers[0], scales: &scales, input_scale: 0.5, output_scale: Some(1.0) };
    let plain = plan.quantize(None).unwrap().0;
    assert_eq!((&plain.weights[..], plain.biases[0]), (&[4, 1][..], 2));
    // At inputs of 10 and 20, which are 5 and 10: 5 + 3 + 0.25, not 5 + 2.5 + 0.25.
    let means = Means { inputs: &[10.0, 20.0], sums: &[8.25] };
    assert_eq!(plan.quantize(Some(&means)).unwrap().0.biases[0], 6);
}

/// Noise, labelled by the model itself.
fn data(float: &FloatNetwork, count: u64) -> Dataset {
    let images: Vec<Image> = (1_000..1_000 + count).map(image).collect();
    let label = |image: &Image| selvedge::classification::argmax(float.run(image).last().unwrap()) as u8;
    let split = Split { labels: images.iter().map(label).collect(), images };
    Dataset {
        name: "noise".into(),
        checksum: split.checksum(),
        train: split.clone(),
        validation: None,
        test: split,
        notice: None,
    }
}

#[test]
fn the_same_file_whatever_the_threads_and_a_report_of_it() {
    let float = float_network(&[31, 12], 5);
    let data = data(&float, 300);
    let mut seen = Vec::new();
    let portable = quantize(&Portable, &float, data.clone(), |done, of| seen.push((done, of))).unwrap();
    assert_eq!(seen, (0..=20).map(|done| (done, 20)).collect::<Vec<_>>());
    let expected = portable.encode([1; 32], [1.0, 0.9]).unwrap();
    let report = Report::new(&Portable, &float, &portable, &data.test);
    for threads in [1, 2, 3] {
        let engine = Simd::new(InstructionSet::from_environment().unwrap(), NonZero::new(threads).unwrap()).unwrap();
        let quantized = quantize(&engine, &float, data.clone(), |_, _| {}).unwrap();
        assert_eq!(quantized.encode([1; 32], [1.0, 0.9]).unwrap(), expected);
        assert_eq!(Report::new(&engine, &float, &quantized, &data.test), report);
    }
    assert_eq!((report.float_accuracy(), report.verdicts.len(), report.layers.len()), (1.0, 300, 3));
    assert!(report.accuracy() > 0.9 && report.changes() == 300 - (report.accuracy() * 300.0).round() as usize);
    assert!(report.certified() + report.changes() <= 300);
    let file = QuantizedFile::parse(&expected).unwrap();
    let evaluation = evaluate(&Portable, &file, &data.test).unwrap();
    assert_eq!(evaluation.accuracy(), report.accuracy());
    assert!(report.layers.iter().all(|layer| layer.relative_error < 0.05), "{:?}", report.layers);
    for [_, before, after] in report.layers.iter().filter_map(|layer| layer.density) {
        assert!(after < before);
    }
}

#[test]
fn too_few_images_are_an_error() {
    let float = float_network(&[4], 1);
    let error = quantize(&Portable, &float, data(&float, 4), |_, _| {}).unwrap_err();
    assert!(matches!(error, QuantizationError::Images { found: 4, least: 5 }), "{error}");
    assert!(quantize(&Portable, &float, data(&float, 5), |_, _| {}).is_ok());
}
