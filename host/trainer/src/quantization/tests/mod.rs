//! Tests of properties that the floating-point and the quantised network have together.

mod search;

use proptest::prelude::*;
use selvedge::{
    architecture::Architecture,
    classification::argmax,
    message::Logits,
    preparation::Element,
    quantized::{BIAS_LIMIT, Int8, QuantizationRecord},
    random::{Generator, Purpose},
    shape::{InputShape, Signature},
    task::{TargetScale, Task},
};

use super::{
    calibration::weight_scales,
    certificate::bounds,
    integer_network::{FirstSums, IntegerNetwork, Run},
    layer_plan::{LayerPlan, Means, PIXEL_SCALE},
    outputs::Values,
    reference::LinearLayer,
    scales::WeightMethod,
    *,
};
use crate::{
    classes::Classes,
    data::{Dataset, Split},
    engine::Simd,
    model_file::ModelFile,
};

const RECORD: QuantizationRecord<'static> =
    QuantizationRecord { source: &[1; 32], logit_scale: 1.0, float_accuracy: 0.5, accuracy: 0.5, method: b"by hand" };

/// Returns a generator of numbers from −1 to 1.
fn draws(seed: u64) -> impl FnMut() -> f32 {
    let generator = Generator::new(seed, Purpose::Initialization, 0);
    let mut counter = 0;
    move || {
        counter += 1;
        generator.symmetric(counter, 1.0)
    }
}

/// Returns a network with sums of about 1.
fn reference([inputs, outputs]: [usize; 2], hidden: &[usize], seed: u64) -> Reference {
    let widths: Vec<String> = [inputs].iter().chain(hidden).chain(&[outputs]).map(ToString::to_string).collect();
    let architecture: Architecture = widths.join(",").parse().unwrap();
    let mut draw = draws(seed);
    let mut flat = Vec::new();
    for parameter in architecture.parameters() {
        let size = parameter.shape.get(1).map_or(0.3, |&inputs| 3.0 / (inputs as f32).sqrt());
        flat.extend((0..parameter.len).map(|_| size * draw()));
    }
    Reference::new(&architecture, &flat).unwrap()
}

fn sample(features: usize, seed: u64) -> Vec<u8> {
    let mut draw = draws(seed);
    (0..features).map(|_| (draw().max(0.0) * 255.0) as u8).collect()
}

/// Returns each layer's sums for one sample.
fn sums(reference: &Reference, sample: &[u8]) -> Vec<Vec<f32>> {
    reference.sums(&Simd::portable(), sample)
}

/// Returns the integer network in which each hidden layer's outputs have this scale.
fn integer_network(float: &Reference, integers: Integers, output_scale: f64) -> IntegerNetwork {
    let mut network = IntegerNetwork { layers: Vec::new(), output_scales: Vec::new() };
    let mut input_scale = PIXEL_SCALE;
    let scales = weight_scales(&Simd::portable(), integers, float, WeightMethod::Max);
    for (index, float_layer) in float.layers().enumerate() {
        let is_last = index + 1 == float.layers().len();
        let output_scale = (!is_last).then_some(output_scale);
        let plan = LayerPlan { index, integers, float: float_layer, scales: &scales[index], input_scale, output_scale };
        let layer;
        (layer, input_scale) = plan.quantize(None).unwrap();
        network.layers.push(layer);
        network.output_scales.push(input_scale);
    }
    network
}

/// Returns the numbers that a run's integers stand for.
fn values(network: &IntegerNetwork, run: &Run) -> Values {
    let hidden = run.activations.iter().zip(&network.output_scales);
    let worth = |(layer, scale): (&Vec<u8>, &f64)| layer.iter().map(|&x| scale * f64::from(x)).collect();
    let logits = run.logits.iter().map(|&logit| network.logit_scale() * f64::from(logit)).collect();
    Values { activations: hidden.map(worth).collect(), logits }
}

/// Returns numbers of inputs and outputs.
fn ends() -> impl Strategy<Value = [usize; 2]> {
    prop_oneof![Just([784, 10]), (1_usize..130, 1_usize..40).prop_map(|(inputs, outputs)| [inputs, outputs])]
}

fn formats() -> impl Strategy<Value = Integers> {
    prop_oneof![Just(Integers::Int8), Just(Integers::Int4)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Also where activations are cut, where they are coarse, and without hidden layers, where rounding is all that there is to bound.
    #[test]
    fn bounds_bound_and_what_is_certified_keeps_its_class(
        ends in ends(),
        hidden in prop::collection::vec(1_usize..24, 0..4),
        integers in formats(),
        scale in -11_i32..-3,
        seed in any::<u64>(),
    ) {
        let float = reference(ends, &hidden, seed);
        let integer = integer_network(&float, integers, f64::from(scale).exp2());
        for i in 0..4 {
            let sample = sample(ends[0], seed ^ i);
            let (sums, run) = (sums(&float, &sample), integer.run(&Simd::portable(), &sample));
            let values = values(&integer, &run);
            let logits = sums.last().unwrap();
            for class in 0..ends[1] {
                let bounds = bounds(&float, &sample, &values, class);
                for other in 0..ends[1] {
                    let floats = f64::from(logits[class]) - f64::from(logits[other]);
                    let integers = integer.logit_scale() * (f64::from(run.logits[class]) - f64::from(run.logits[other]));
                    let error = (floats - integers).abs();
                    prop_assert!(error <= bounds[other], "{class} {other}: {error} > {}", bounds[other]);
                }
            }
            let certificate = Certificate::of(&float, &sample, &values, logits);
            if certificate.is_certified() {
                prop_assert_eq!(certificate.class, argmax(&run.logits));
            }
            let verdict = OutputVerdict::of(&float, &sample, &values, logits);
            for (output, bound) in verdict.bounds.iter().enumerate() {
                let error = (f64::from(logits[output]) - integer.logit_scale() * f64::from(run.logits[output])).abs();
                prop_assert!(error <= *bound, "{output}: {error} > {bound}");
            }
            if verdict.is_certified() {
                prop_assert!(logits.iter().zip(&run.logits).all(|(&float, &integer)| (float > 0.0) == (integer > 0)));
            }
            // A scale of 3 and a shift of 1e6, where 32 bits are coarse.
            let table: Vec<u8> = [3.0_f32, 1e6].repeat(ends[1]).into_iter().flat_map(f32::to_le_bytes).collect();
            let task = Task::Regression(TargetScale::parse(&table, ends[1]).unwrap());
            let mut floats = logits.to_vec();
            let mut integers: Vec<f32> =
                run.logits.iter().map(|&sum| sum as f32 * integer.logit_scale() as f32).collect();
            task.restore(&mut floats);
            task.restore(&mut integers);
            for ((_, bound), (float, integer)) in verdict.errors(task).iter().zip(floats.iter().zip(integers)) {
                let error = (f64::from(*float) - f64::from(integer)).abs();
                prop_assert!(error <= *bound, "{error} > {bound}");
            }
        }
    }

    #[test]
    fn the_files_kernel_computes_the_exporters_integers(
        ends in ends(),
        hidden in prop::collection::vec(1_usize..90, 0..4),
        integers in formats(),
        seed in any::<u64>(),
    ) {
        let float = reference(ends, &hidden, seed);
        let integer = integer_network(&float, integers, 0.01);
        let file = integer.encode(float.architecture(), &Signature::default(), &RECORD).unwrap();
        let file = ModelFile::parse(&file).unwrap();
        for i in 0..3 {
            let sample = sample(ends[0], seed ^ i);
            let expected = integer.run(&Simd::portable(), &sample).logits;
            let all = file.logits(&Simd::portable(), &sample).unwrap();
            prop_assert_eq!(all.get(0), Logits::int32(&expected, 1.0));
        }
    }

    /// Whatever the order, the function is the same but for rounding.
    #[test]
    fn an_order_changes_no_output(
        ends in ends(),
        hidden in prop::collection::vec(1_usize..40, 1..4),
        seed in any::<u64>(),
    ) {
        // Far above what three layers can make of a sum's last bits, and far below a unit's output.
        const ROUNDING: f32 = 1e-3;
        let float = reference(ends, &hidden, seed);
        let orders: Vec<Vec<usize>> = hidden.iter().map(|&width| (0..width).rev().collect()).collect();
        let ordered = float.ordered(&orders).unwrap();
        let sample = sample(ends[0], seed);
        let (before, after) = (sums(&float, &sample), sums(&ordered, &sample));
        for (a, b) in before.last().unwrap().iter().zip(after.last().unwrap()) {
            prop_assert!((a - b).abs() < ROUNDING, "{a} {b}");
        }
        for ((before, after), order) in before.iter().zip(&after).zip(&orders) {
            for (&unit, sum) in order.iter().zip(after) {
                prop_assert!((before[unit] - sum).abs() < ROUNDING);
            }
        }
    }

    #[test]
    fn weights_of_16_bits_have_the_files_bits_and_bounds_that_bound(
        ends in ends(),
        hidden in prop::collection::vec(1_usize..40, 0..4),
        seed in any::<u64>(),
    ) {
        let float = reference(ends, &hidden, seed);
        let f16 = F16Network::new(&float).unwrap();
        let file = f16.encode(&Signature::default(), [1; 32], [0.5, 0.5]).unwrap();
        let file = ModelFile::parse(&file).unwrap();
        let ModelFile::F16(of_device) = &file else { panic!("another format") };
        let sample = sample(ends[0], seed);
        let outputs = f16.outputs(&Simd::portable(), &sample).pop().unwrap();
        let all = file.logits(&Simd::portable(), &sample).unwrap();
        let logits = all.get(0);
        let (mut device, mut workspace) = (vec![0.0; ends[1]], vec![0; of_device.required_words()]);
        of_device.predict(&sample, &mut workspace, &mut device).unwrap();
        prop_assert!(logits.has_bits_of(&Logits::float32(&device)));
        prop_assert_eq!(logits.values().map(f64::from).collect::<Vec<_>>(), outputs.values.logits.clone());
        let sums = sums(&float, &sample);
        let floats = sums.last().unwrap();
        let bounds = bounds(&float, &sample, &outputs.values, 0);
        for other in 0..ends[1] {
            let [floats, rounded] =
                [f64::from(floats[0]) - f64::from(floats[other]), outputs.values.logits[0] - outputs.values.logits[other]];
            prop_assert!((floats - rounded).abs() <= bounds[other]);
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
        let float = Reference::new(&architecture, &flat).unwrap();
        let integer = integer_network(&float, Integers::Int8, f64::from(large) / 200.0);
        let run = integer.run(&Simd::portable(), &[255; 784]);
        assert_eq!(argmax(&run.logits), 0);
        let logits = sums(&float, &[255; 784]).pop().unwrap();
        let certificate = Certificate::of(&float, &[255; 784], &values(&integer, &run), &logits);
        assert_eq!((certificate.class, certificate.is_certified()), (usize::from(!is_certified), is_certified));
    }
}

/// Returns a layer of one output.
fn row(weights: &[f32], bias: f32) -> Reference {
    let architecture: Architecture = format!("{},1", weights.len()).parse().unwrap();
    Reference::new(&architecture, &[weights, &[bias]].concat()).unwrap()
}

#[test]
fn weights_that_could_overflow_are_made_smaller() {
    for sign in [-1.0, 1.0] {
        let float = row(&[sign; 784], 0.0);
        let network = integer_network(&float, Integers::Int8, 1.0);
        let sum: u32 = network.layers[0].weights.iter().map(|weight| u32::from(weight.unsigned_abs())).sum();
        assert!(255 * sum < Int8::SUM_LIMIT && network.layers[0].weights[0].unsigned_abs() == 41, "{sum}");
        assert_eq!(network.shrunk(), 1);
        assert!(network.encode(float.architecture(), &Signature::default(), &RECORD).is_ok());
    }
    assert_eq!(integer_network(&row(&[1.0; 200], 0.0), Integers::Int8, 1.0).shrunk(), 0);
}

#[test]
fn biases_stay_in_their_range() {
    for (weight, bias) in [(1e-9, 1e3), (0.0, 1e3), (0.0, 0.0), (1.0, -1e20)] {
        let float = row(&[weight], bias);
        let network = integer_network(&float, Integers::Int8, 1.0);
        assert!(network.layers[0].biases[0].unsigned_abs() < BIAS_LIMIT);
        assert!(network.encode(float.architecture(), &Signature::default(), &RECORD).is_ok());
        let logit = network.logit_scale() * f64::from(network.run(&Simd::portable(), &[0]).logits[0]);
        assert!((logit - f64::from(bias)).abs() <= 1e-6 * f64::from(bias).abs(), "{logit}, not {bias}");
    }
}

#[test]
fn what_has_no_place_in_the_range_is_named() {
    let float = row(&[100.0, 100.0], 0.0);
    let scales = [100.0 / 127.0];
    let plan = |output_scale| LayerPlan {
        index: 3,
        integers: Integers::Int8,
        float: float.layers().next().unwrap(),
        scales: &scales,
        input_scale: 1.0,
        output_scale: Some(output_scale),
    };
    assert!(plan(1.6).quantize(None).is_ok());
    let error = plan(1.5).quantize(None).unwrap_err();
    assert!(matches!(error, QuantizationError::Range { layer: 3, row: 0, .. }), "{error}");
}

#[test]
fn corrected_biases_make_up_for_the_mean_error() {
    let float = row(&[1.0, 0.3], 0.25);
    let scales = [0.25];
    let plan = LayerPlan {
        index: 0,
        integers: Integers::Int8,
        float: float.layers().next().unwrap(),
        scales: &scales,
        input_scale: 0.5,
        output_scale: Some(1.0),
    };
    let plain = plan.quantize(None).unwrap().0;
    assert_eq!((&plain.weights[..], plain.biases[0]), (&[4, 1][..], 2));
    // At inputs of 10 and 20, which are 5 and 10: 5 + 3 + 0.25, not 5 + 2.5 + 0.25.
    let means = Means { inputs: &[10.0, 20.0], sums: &[8.25] };
    assert_eq!(plan.quantize(Some(&means)).unwrap().0.biases[0], 6);
}

#[test]
fn a_weight_that_16_bits_do_not_reach_is_an_error() {
    assert!(F16Network::new(&row(&[65_519.0], 1e9)).is_ok());
    let error = F16Network::new(&row(&[1.0, -65_520.0], 0.0)).unwrap_err();
    assert!(matches!(error, QuantizationError::F16Range { layer: 0, weight: -65_520.0 }), "{error}");
}

/// A network whose first layer has other weights, or other biases only, gets the sums of its own weights.
#[test]
fn kept_sums_are_those_of_the_layers_weights() {
    let engine = Simd::portable();
    let samples: Vec<u8> = (0..5).flat_map(|i| sample(70, i)).collect();
    for integers in [Integers::Int8, Integers::Int4] {
        let [one, other] = [5, 6].map(|seed| integer_network(&reference([70, 3], &[67], seed), integers, 0.01));
        let mut biased = one.clone();
        biased.layers[0].biases.iter_mut().for_each(|bias| *bias += 1000);
        let mut first = FirstSums::new(&samples);
        for network in [&one, &other, &one, &biased, &one] {
            let [kept, alone] = [network.run_keeping(&engine, &mut first), network.run(&engine, &samples)];
            assert_eq!((kept.activations, kept.logits), (alone.activations, alone.logits));
        }
        let logits = [&one, &other, &biased].map(|network| network.run(&engine, &samples).logits);
        assert!(logits[0] != logits[1] && logits[0] != logits[2]);
    }
}

#[test]
fn samples_together_give_the_integers_of_each_alone() {
    for integers in [Integers::Int8, Integers::Int4] {
        let network = integer_network(&reference([70, 3], &[67], 5), integers, 0.01);
        // More than a layer takes together.
        let samples: Vec<u8> = (0..600).flat_map(|i| sample(70, i)).collect();
        let alone = samples.chunks_exact(70).flat_map(|sample| network.run(&Simd::portable(), sample).logits);
        assert_eq!(network.run(&Simd::portable(), &samples).logits, alone.collect::<Vec<_>>());
    }
}
