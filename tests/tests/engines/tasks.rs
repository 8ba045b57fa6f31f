//! A run of PyTorch for each task, step by step, and scikit-learn's metrics of what it learned.
//!
//! PyTorch's float64 losses are the truth. Its float32 run shows how far rounding leads from them, and the tolerance follows that distance, as in
//! `trajectories`.

#![allow(clippy::unwrap_used, reason = "a test's helper functions are tests too")]

use std::{fs, num::NonZero};

use host::{
    classes::Classes,
    data::{Dataset, Split, Store},
    engine::{InstructionSet, Simd},
    evaluation::{self, Answers},
    network::Network,
    recipe::Standardize,
    task::{TargetRows, Targets},
    training::{Length, Optimizer, State, TrainingOptions, train},
};
use selvedge::{architecture::Architecture, preparation::Element, shape::InputShape};
use serde::Deserialize;
use serde_json::Value;
use tests::{Losses, workspace};

#[derive(Deserialize)]
struct Reference {
    train: usize,
    samples: Vec<Vec<f32>>,
    classification: Run,
    multi_label: Run,
    regression: Run,
}

#[derive(Deserialize)]
struct Run {
    outputs: usize,
    /// A class for each sample, or a list of numbers.
    targets: Value,
    initial: Vec<f32>,
    #[serde(rename = "losses")]
    losses_float32: Vec<f64>,
    losses_float64: Vec<f64>,
    test_loss: f64,
    metrics: Value,
}

fn reference() -> Reference {
    serde_json::from_slice(&fs::read(workspace().join("tests/data/tasks.json")).unwrap()).unwrap()
}

impl Run {
    fn classes(&self) -> Targets {
        serde_json::from_value::<Vec<u16>>(self.targets.clone()).unwrap().into()
    }

    fn rows(&self) -> TargetRows {
        let rows: Vec<Vec<f32>> = serde_json::from_value(self.targets.clone()).unwrap();
        TargetRows::new(self.outputs, rows.concat())
    }

    /// Trains as PyTorch did, compares each loss, and returns the evaluation of the test samples.
    fn follow(
        &self,
        samples: &[Vec<f32>],
        train_count: usize,
        targets: Targets,
        threads: usize,
    ) -> evaluation::Evaluation {
        let bytes = samples.iter().flatten().flat_map(|value| value.to_le_bytes()).collect();
        let features = samples[0].len();
        let all = Split::of(features, Element::F32, Store::Memory(bytes), targets);
        let part = |from: usize, to: usize| all.chosen(&(from as u32..to as u32).collect::<Vec<_>>());
        let splits = [part(0, train_count), part(train_count, all.len())];
        let input = InputShape::Features(features as u32);
        let mut data = Dataset::new("noise", input, Classes::numbered(self.outputs), splits);
        data.standardize(Standardize::No);
        let options = TrainingOptions {
            length: Length::Steps(self.losses_float64.len() as u64),
            batch_size: 32,
            optimizer: Optimizer::Sgd { momentum: 0.9, nesterov: false, weight_decay: 0.0 },
            learning_rate: 0.05,
            shuffle: false,
            ..TrainingOptions::QUICKSTART
        };
        let architecture: Architecture = format!("6 => 16 Tanh => 12 Tanh => {}", self.outputs).parse().unwrap();
        let network = Network::with_parameters(&architecture, &self.initial).unwrap();
        let engine = Simd::new(InstructionSet::from_environment().unwrap(), NonZero::new(threads).unwrap()).unwrap();
        let (mut state, mut losses) = (State::new(network, &options).unwrap(), Losses::default());
        train(&engine, &mut state, &data, &options, &mut losses).unwrap();
        let mut farthest = 0.0_f64;
        let references = self.losses_float32.iter().zip(&self.losses_float64);
        for (step, (&loss, (float32, float64))) in losses.0.iter().zip(references).enumerate() {
            farthest = farthest.max((float32 - float64).abs());
            let (distance, allowed) = ((f64::from(loss) - float64).abs(), 4.0 * farthest + 1e-6 * float64.abs());
            assert!(
                distance <= allowed,
                "step {step}: {loss}, not {float64} ({distance:.1e} away, {allowed:.1e} allowed)"
            );
        }
        assert_eq!(losses.0.len(), self.losses_float64.len());
        let found = evaluation::run(&engine, state.result(), data.meaning(), &data.test).unwrap();
        assert!((found.loss - self.test_loss).abs() < 2e-6 * self.test_loss, "{}, not {}", found.loss, self.test_loss);
        found
    }

    fn number(&self, name: &str) -> f64 {
        self.metrics[name].as_f64().unwrap()
    }

    fn numbers(&self, name: &str) -> Vec<f64> {
        serde_json::from_value(self.metrics[name].clone()).unwrap()
    }

    fn check_areas(&self, found: &evaluation::Evaluation) {
        let found: Vec<f64> = found.roc_auc.iter().map(|area| area.unwrap()).collect();
        near(&found, &self.numbers("roc_auc"), 1e-12);
    }
}

fn near(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() <= tolerance * expected.abs(), "{found}, not {expected}");
    }
}

#[test]
fn a_classification_is_pytorchs_and_its_metrics_scikit_learns() {
    let Reference { train, samples, classification: run, .. } = reference();
    let found = run.follow(&samples, train, run.classes(), 2);
    let Answers::Classes(answers) = &found.answers else { panic!("{found:?}") };
    let all = [answers.accuracy(), answers.balanced_accuracy(), answers.f1()];
    near(&all, &["accuracy", "balanced_accuracy", "f1"].map(|name| run.number(name)), 1e-12);
    run.check_areas(&found);
}

#[test]
fn a_multi_label_network_is_pytorchs_and_its_metrics_scikit_learns() {
    let Reference { train, samples, multi_label: run, .. } = reference();
    let found = run.follow(&samples, train, Targets::Labels(run.rows()), 2);
    let Answers::Labels(answers) = &found.answers else { panic!("{found:?}") };
    let exact = answers.exact() as f64 / answers.total() as f64;
    let all = [answers.accuracy(), exact, answers.balanced_accuracy(), answers.f1()];
    near(&all, &["accuracy", "exact", "balanced_accuracy", "f1"].map(|name| run.number(name)), 1e-12);
    run.check_areas(&found);
}

#[test]
fn a_regression_is_pytorchs_and_its_errors_scikit_learns() {
    let Reference { train, samples, regression: run, .. } = reference();
    let found = run.follow(&samples, train, Targets::Values(run.rows()), 1);
    assert_eq!(run.follow(&samples, train, Targets::Values(run.rows()), 2), found);
    let Answers::Values(answers) = &found.answers else { panic!("{found:?}") };
    let of = |value: fn(&evaluation::ValueErrors) -> f64| answers.targets().iter().map(value).collect::<Vec<_>>();
    near(&of(|target| target.mae), &run.numbers("mae"), 2e-6);
    near(&of(|target| target.rmse), &run.numbers("rmse"), 2e-6);
    near(&of(|target| target.r2.unwrap()), &run.numbers("r2"), 2e-6);
}
