//! Tests of the search, of its file and of its report.

use std::num::NonZero;

use super::*;
use crate::{
    data::Store,
    engine::InstructionSet,
    task::{TargetRows, Targets},
    training::{Length, Optimizer, TrainingOptions},
};

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

fn made(engine: &Simd, integers: Integers, float: &Reference, data: &Dataset) -> Quantized {
    Quantizer::new(engine, float, integers, data.clone()).unwrap().search(&mut |_, _| {}).unwrap()
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
        let engine = Simd::portable();
        let quantizer = Quantizer::new(&engine, &float, Integers::Int8, data(&float, 100)).unwrap();
        quantizer.search(&mut |_, _| {}).unwrap_err().to_string()
    };
    for (layer, row) in [(0, 0), (0, 7), (0, 30), (1, 3), (1, 11)] {
        let words = format!("linear layer {layer}, output {row} (both counted from 0): ");
        for (weight, takes) in [(1e3, "; --format f16 takes them"), (1e6, "; --format f32 takes them")] {
            let error = named(layer, row, weight);
            assert!(error.starts_with(&words) && error.ends_with(takes), "{error}");
        }
    }
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
        let quantized = made(&Simd::portable(), Integers::Int8, &float, &data);
        let report = Report::new(&Simd::portable(), &float, quantized.orders(), &data.test, &|values| {
            quantized.outputs(&Simd::portable(), values)
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

#[test]
fn the_same_file_whatever_the_threads_and_a_report_of_it() {
    let float = reference([50, 7], &[31, 12], 5);
    let data = data(&float, 300);
    let mut seen = Vec::new();
    let plain = Simd::portable();
    let quantizer = Quantizer::new(&plain, &float, Integers::Int8, data.clone()).unwrap();
    let portable = quantizer.search(&mut |done, of| seen.push((done, of))).unwrap();
    assert_eq!(seen, (0..=20).map(|done| (done, 20)).collect::<Vec<_>>());
    let expected = portable.encode(&Signature::default(), [1; 32], [1.0, 0.9]).unwrap();
    let report = Report::new(&plain, &float, portable.orders(), &data.test, &|values| portable.outputs(&plain, values));
    for threads in [1, 2, 3] {
        let engine = Simd::new(InstructionSet::from_environment().unwrap(), NonZero::new(threads).unwrap()).unwrap();
        let quantized = made(&engine, Integers::Int8, &float, &data);
        assert_eq!(quantized.encode(&Signature::default(), [1; 32], [1.0, 0.9]).unwrap(), expected);
        let again =
            Report::new(&engine, &float, quantized.orders(), &data.test, &|values| quantized.outputs(&plain, values));
        assert_eq!(again, report);
    }
    let right = |class: fn(&Verdict) -> usize| {
        report.verdicts.iter().filter(|verdict| class(verdict) == usize::from(verdict.label)).count()
    };
    let (float_right, right) = (right(|verdict| verdict.model_class), right(|verdict| verdict.class));
    assert_eq!((float_right, report.verdicts.len(), report.layers.len()), (300, 300, 3));
    assert!(right > 270 && report.changes() == 300 - right);
    assert!(report.certified() + report.changes() <= 300);
    let evaluation = ModelFile::parse(&expected).unwrap().evaluate(&plain, &data.test).unwrap();
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
        Report::new(&Simd::portable(), &float, quantized.orders(), &data.test, &|values| {
            quantized.outputs(&Simd::portable(), values)
        })
    };
    let [int8, int4] =
        [Integers::Int8, Integers::Int4].map(|integers| report(&made(&Simd::portable(), integers, &float, &data)));
    for (eight, four) in int8.layers.iter().zip(&int4.layers) {
        assert!(four.relative_error > 2.0 * eight.relative_error, "{:?} {:?}", int8.layers, int4.layers);
    }
    let f16 = F16Network::new(&float).unwrap();
    let f16 = Report::new(&Simd::portable(), &float, &[], &data.test, &|values| f16.outputs(&Simd::portable(), values));
    assert!(f16.layers[1].relative_error < 0.1 * int8.layers[1].relative_error && f16.layers[0].density.is_none());

    let options = TrainingOptions {
        optimizer: Optimizer::Adam { betas: [0.9, 0.999], eps: 1e-8, weight_decay: 0.0, decoupled: true },
        learning_rate: 1e-3,
        length: Length::Epochs(6),
        ..TrainingOptions::QUICKSTART
    };
    let engine = Simd::portable();
    let mut quantizer = Quantizer::new(&engine, &float, Integers::Int4, data.clone()).unwrap();
    let mut epochs = Vec::new();
    quantizer.fine_tune(&options, &mut |epoch| epochs.push(epoch.test.score())).unwrap();
    let tuned = quantizer.search(&mut |_, _| {}).unwrap();
    assert!(epochs.len() == 6 && tuned.method().starts_with("weights fine-tuned for 150 steps"), "{}", tuned.method());
    // What was tested in fine-tuning is what the integers are, but for their activations.
    assert!((tuned.held_out_accuracy.unwrap() - epochs[5]).abs() < 0.02, "{epochs:?} {:?}", tuned.held_out_accuracy);
    assert!(epochs[5] > epochs[0] + 0.02, "{epochs:?}");
}

#[test]
fn too_few_samples_are_an_error() {
    let float = reference([3, 2], &[4], 1);
    let quantizer = |count| Quantizer::new(&Simd::portable(), &float, Integers::Int8, data(&float, count)).map(|_| ());
    let error = quantizer(4).unwrap_err();
    assert!(matches!(error, QuantizationError::Samples { found: 4, least: 5, .. }), "{error}");
    assert!(quantizer(5).is_ok());
}
