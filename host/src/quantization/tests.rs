//! Tests of properties that the floating-point and the quantised network have together.

use std::num::NonZero;

use proptest::prelude::*;
use selvedge::{
    Engine, Portable,
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
    certificate::bounds,
    integer::{IntegerNetwork, LayerPlan, Means, PIXEL_SCALE, Run},
    outputs::Values,
    reference::LinearLayer,
    scales::WeightMethod,
    search::weight_scales,
    *,
};
use crate::{
    classes::Classes,
    data::{Dataset, Split, Store},
    engine::{InstructionSet, Simd},
    model_file::ModelFile,
    task::{TargetRows, Targets},
    training::{Length, Optimizer, TrainingOptions},
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
    reference.sums(&Portable, sample)
}

/// Returns the integer network in which each hidden layer's outputs have this scale.
fn integer_network(float: &Reference, integers: Integers, output_scale: f64) -> IntegerNetwork {
    let mut network = IntegerNetwork { layers: Vec::new(), output_scales: Vec::new() };
    let mut input_scale = PIXEL_SCALE;
    let scales = weight_scales(&Portable, integers, float, WeightMethod::Max);
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
            let (sums, run) = (sums(&float, &sample), integer.run(&sample));
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
            let expected = integer.run(&sample).logits;
            let all = file.logits(&Portable, &sample).unwrap();
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
        let outputs = f16.outputs(&Portable, &sample).pop().unwrap();
        let all = file.logits(&Portable, &sample).unwrap();
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
        let run = integer.run(&[255; 784]);
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

/// The search orders a layer's units anew, and counts them as the model does where it names one.
#[test]
fn what_has_no_place_in_the_range_is_named_as_the_model_has_it() {
    let named = |layer: usize, row: usize, weight: f32| {
        let float = reference([50, 7], &[31, 12], 5);
        let mut flat = float.network().parameters().to_vec();
        let start: usize = float.layers().take(layer).map(|layer| layer.weight.len() + layer.bias.len()).sum();
        let LinearLayer { inputs, outputs, .. } = float.layers().nth(layer).unwrap();
        // A unit of large weights that no sample makes fire.
        flat[start + row * inputs..][..inputs].iter_mut().for_each(|value| *value *= weight);
        flat[start + outputs * inputs + row] = -1e9;
        let float = Reference::new(float.architecture(), &flat).unwrap();
        let quantizer = Quantizer::new(&Portable, &float, Integers::Int8, data(&float, 100)).unwrap();
        quantizer.search(|_, _| {}).unwrap_err().to_string()
    };
    for (layer, row) in [(0, 0), (0, 7), (0, 30), (1, 3), (1, 11)] {
        let words = format!("linear layer {layer}, output {row} (both counted from 0): ");
        for (weight, takes) in [(1e3, "; --format f16 takes them"), (1e6, "; --format f32 takes them")] {
            let error = named(layer, row, weight);
            assert!(error.starts_with(&words) && error.ends_with(takes), "{error}");
        }
    }
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

/// Labels and values of a network's outputs: the search and the report take them.
#[test]
fn labels_and_values_are_quantised_too() {
    let float = reference([50, 3], &[31, 12], 5);
    let classes = data(&float, 300);
    let values = classes.train.values();
    let logits = sums(&float, &values).pop().unwrap();
    let labels: Vec<f32> = logits.iter().map(|&logit| f32::from(u8::from(logit > 0.0))).collect();
    for targets in [Targets::Labels(TargetRows::new(3, labels)), Targets::Values(TargetRows::new(3, logits))] {
        let split = Split::of(50, Element::U8, Store::Memory(values.to_vec()), targets);
        let data = Dataset::new("noise", classes.input, Classes::numbered(3), [split.clone(), split]);
        let quantized = made(&Portable, Integers::Int8, &float, &data);
        let report = Report::new(&Portable, &float, quantized.orders(), &data.test, |values| {
            quantized.outputs(&Portable, values)
        });
        assert_eq!((report.outputs.len(), report.verdicts.len()), (300, 0));
        let task = data.task.get();
        let is_multi_label = task == Task::MultiLabel;
        assert_eq!(quantized.held_out_accuracy.is_some(), is_multi_label);
        let table = certificates(&report.outputs, task);
        assert_eq!(table.lines().count(), if is_multi_label { 301 } else { 901 });
        for verdict in &report.outputs {
            assert!(!verdict.is_certified() || verdict.has_equal_labels());
            assert!(verdict.errors(task).iter().all(|(error, bound)| error <= bound));
        }
        let certified = report.outputs.iter().filter(|verdict| verdict.is_certified()).count();
        assert!(certified > 150, "{certified}");
    }
}

/// Returns noise that the model itself has labelled.
fn data(float: &Reference, count: u64) -> Dataset {
    let [inputs, outputs] = [float.architecture().inputs(), float.architecture().outputs()];
    let values: Vec<u8> = (1_000..1_000 + count).flat_map(|seed| sample(inputs, seed)).collect();
    let logits = sums(float, &values).pop().unwrap();
    let labels = logits.chunks_exact(outputs).map(|logits| argmax(logits) as u16).collect();
    let split = Split::new(inputs, values, labels);
    let input = InputShape::Features(inputs as u32);
    Dataset::new("noise", input, Classes::numbered(outputs), [split.clone(), split])
}

fn made<E: Engine>(engine: &E, integers: Integers, float: &Reference, data: &Dataset) -> Quantized {
    Quantizer::new(engine, float, integers, data.clone()).unwrap().search(|_, _| {}).unwrap()
}

#[test]
fn the_same_file_whatever_the_threads_and_a_report_of_it() {
    let float = reference([50, 7], &[31, 12], 5);
    let data = data(&float, 300);
    let mut seen = Vec::new();
    let quantizer = Quantizer::new(&Portable, &float, Integers::Int8, data.clone()).unwrap();
    let portable = quantizer.search(|done, of| seen.push((done, of))).unwrap();
    assert_eq!(seen, (0..=20).map(|done| (done, 20)).collect::<Vec<_>>());
    let expected = portable.encode(&Signature::default(), [1; 32], [1.0, 0.9]).unwrap();
    let report =
        Report::new(&Portable, &float, portable.orders(), &data.test, |values| portable.outputs(&Portable, values));
    for threads in [1, 2, 3] {
        let engine = Simd::new(InstructionSet::from_environment().unwrap(), NonZero::new(threads).unwrap()).unwrap();
        let quantized = made(&engine, Integers::Int8, &float, &data);
        assert_eq!(quantized.encode(&Signature::default(), [1; 32], [1.0, 0.9]).unwrap(), expected);
        let again =
            Report::new(&engine, &float, quantized.orders(), &data.test, |values| quantized.outputs(&Portable, values));
        assert_eq!(again, report);
    }
    let right = |class: fn(&Verdict) -> usize| {
        report.verdicts.iter().filter(|verdict| class(verdict) == usize::from(verdict.label)).count()
    };
    let (float_right, right) = (right(|verdict| verdict.model_class), right(|verdict| verdict.class));
    assert_eq!((float_right, report.verdicts.len(), report.layers.len()), (300, 300, 3));
    assert!(right > 270 && report.changes() == 300 - right);
    assert!(report.certified() + report.changes() <= 300);
    let evaluation = ModelFile::parse(&expected).unwrap().evaluate(&Portable, &data.test).unwrap();
    assert_eq!(evaluation.score(), right as f64 / 300.0);
    assert!(report.layers.iter().all(|layer| layer.relative_error < 0.05), "{:?}", report.layers);
    for [_, before, after] in report.layers.iter().filter_map(|layer| layer.density) {
        assert!(after < before);
    }
}

#[test]
fn fewer_bits_err_more_and_fine_tuning_learns_with_them() {
    let float = reference([784, 10], &[16], 7);
    let data = data(&float, 2000);
    let report = |quantized: &Quantized| {
        Report::new(&Portable, &float, quantized.orders(), &data.test, |values| quantized.outputs(&Portable, values))
    };
    let [int8, int4] =
        [Integers::Int8, Integers::Int4].map(|integers| report(&made(&Portable, integers, &float, &data)));
    for (eight, four) in int8.layers.iter().zip(&int4.layers) {
        assert!(four.relative_error > 2.0 * eight.relative_error, "{:?} {:?}", int8.layers, int4.layers);
    }
    let f16 = F16Network::new(&float).unwrap();
    let f16 = Report::new(&Portable, &float, &[], &data.test, |values| f16.outputs(&Portable, values));
    assert!(f16.layers[1].relative_error < 0.1 * int8.layers[1].relative_error && f16.layers[0].density.is_none());

    let options = TrainingOptions {
        optimizer: Optimizer::Adam { betas: [0.9, 0.999], eps: 1e-8, weight_decay: 0.0, decoupled: true },
        learning_rate: 1e-3,
        length: Length::Epochs(6),
        ..TrainingOptions::QUICKSTART
    };
    let mut quantizer = Quantizer::new(&Portable, &float, Integers::Int4, data.clone()).unwrap();
    let mut epochs = Vec::new();
    quantizer.fine_tune(&options, |epoch| epochs.push(epoch.test.score())).unwrap();
    let tuned = quantizer.search(|_, _| {}).unwrap();
    assert!(epochs.len() == 6 && tuned.method().starts_with("weights fine-tuned for 150 steps"), "{}", tuned.method());
    // What was tested in fine-tuning is what the integers are, but for their activations.
    assert!((tuned.held_out_accuracy.unwrap() - epochs[5]).abs() < 0.02, "{epochs:?} {:?}", tuned.held_out_accuracy);
    assert!(epochs[5] > epochs[0] + 0.02, "{epochs:?}");
}

#[test]
fn too_few_samples_are_an_error() {
    let float = reference([3, 2], &[4], 1);
    let quantizer = |count| Quantizer::new(&Portable, &float, Integers::Int8, data(&float, count)).map(|_| ());
    let error = quantizer(4).unwrap_err();
    assert!(matches!(error, QuantizationError::Samples { found: 4, least: 5, .. }), "{error}");
    assert!(quantizer(5).is_ok());
}

#[test]
fn a_weight_that_16_bits_do_not_reach_is_an_error() {
    assert!(F16Network::new(&row(&[65_519.0], 1e9)).is_ok());
    let error = F16Network::new(&row(&[1.0, -65_520.0], 0.0)).unwrap_err();
    assert!(matches!(error, QuantizationError::F16Range { layer: 0, weight: -65_520.0 }), "{error}");
}
