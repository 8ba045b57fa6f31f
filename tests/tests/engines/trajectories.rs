//! Seven runs of PyTorch, step by step: each optimizer's 200 losses on Fashion-MNIST from the same weights.
//!
//! PyTorch's float64 losses are the truth. The distance that float32 may have from them differs: Adam and RMSProp with a tiny ε amplify
//! rounding, SGD does not. PyTorch's own float32 run shows it, so the tolerance follows that run's distance.
//!
//! If rounding moves an activation across ReLU's corner, a gradient gains or loses a whole term, and the two runs part. In two of the runs
//! our float32 crosses a corner, and PyTorch's does not. With the pixels in another order, PyTorch's float32 crosses one too. These two runs
//! are compared with float64 runs that decide as ours at these places: `crossings.json`.

#![allow(clippy::unwrap_used, reason = "a test's helper functions are tests too")]

use std::{
    fs,
    path::{Path, PathBuf},
    thread,
};

use host::{
    data::{Dataset, load},
    engine::{InstructionSet, Simd},
    interchange::StateDict,
    recipe::Standardize,
    training::{EpochSchedule, Length, Optimizer, State, TrainingOptions, train},
};
use selvedge::{architecture::Architecture, augment::Augmentation, fashion_mnist::Quickstart};
use serde::Deserialize;
use serde_json::Value;
use tests::{Losses, fashion_mnist, selvedge, text, workspace};

/// The largest distance of a correct float32 run from float64, in units of the distance of PyTorch's float32. A factor of 4 is enough for all
/// losses except the sixteenth of RMSProp with ε = 1e-8, which needs 4.13.
const FACTOR: f64 = 4.2;
/// The additional distance that rounding alone may cause, relative to the loss.
const ROUNDING: f64 = 2e-6;
/// The additional distance for each crossing. Many crossings are a sign that the run amplifies rounding.
const CROSSING: f64 = 2e-6;

#[derive(Deserialize)]
struct Trajectories {
    batch_size: usize,
    steps: u64,
    runs: Vec<Run>,
}

/// One run; an option that is not there is zero, or of another optimizer.
#[derive(Deserialize)]
struct Run {
    optimizer: String,
    lr: f64,
    #[serde(default)]
    momentum: f64,
    #[serde(default)]
    nesterov: bool,
    #[serde(default)]
    weight_decay: f64,
    betas: Option<[f64; 2]>,
    alpha: Option<f64>,
    eps: Option<f64>,
    #[serde(rename = "losses")]
    losses_float32: Vec<f64>,
    losses_float64: Vec<f64>,
}

impl Run {
    fn optimizer(&self) -> Optimizer {
        let &Self { momentum, nesterov, weight_decay, .. } = self;
        match self.optimizer.as_str() {
            "sgd" => Optimizer::Sgd { momentum, nesterov, weight_decay },
            name @ ("adam" | "adamw") => Optimizer::Adam {
                betas: self.betas.unwrap(),
                eps: self.eps.unwrap(),
                weight_decay,
                decoupled: name == "adamw",
            },
            "rmsprop" => {
                Optimizer::RmsProp { alpha: self.alpha.unwrap(), eps: self.eps.unwrap(), momentum, weight_decay }
            }
            name => panic!("{name} is none of the optimizers"),
        }
    }

    /// Each loss is as near to float64's as float32 can be asked to be.
    fn check(&self, losses: &[f32], crossed: Option<&Crossed>) {
        let truth = crossed.map_or(&self.losses_float64, |crossed| &crossed.losses_float64);
        assert_eq!(losses.len(), truth.len());
        let mut farthest = 0.0_f64;
        let references = self.losses_float32.iter().zip(&self.losses_float64);
        for (step, ((&loss, truth), (float32, float64))) in losses.iter().zip(truth).zip(references).enumerate() {
            farthest = farthest.max((float32 - float64).abs());
            let crossings = crossed.map_or(0, |crossed| crossed.decisions.iter().filter(|[at, ..]| *at < step).count());
            let allowed = FACTOR * farthest + ROUNDING * truth.abs() + CROSSING * crossings as f64;
            let distance = (f64::from(loss) - truth).abs();
            assert!(
                distance <= allowed,
                "{}, momentum {}, eps {:?}, step {step}: {loss}, not {truth} ({distance:.1e} away, {allowed:.1e} allowed)",
                self.optimizer,
                self.momentum,
                self.eps
            );
        }
    }
}

/// A run of PyTorch's float64 that takes some of ReLU's decisions as ours does.
#[derive(Deserialize)]
struct Crossed {
    /// The index of the run among the seven.
    run: usize,
    /// Step, image of the batch, hidden layer, unit.
    decisions: Vec<[usize; 4]>,
    losses_float64: Vec<f64>,
}

fn data_file(name: &str) -> PathBuf {
    workspace().join("tests/data").join(name)
}

fn trajectories() -> Trajectories {
    serde_json::from_slice(&fs::read(data_file("trajectories.json")).unwrap()).unwrap()
}

fn crossed() -> Vec<Crossed> {
    serde_json::from_slice(&fs::read(data_file("crossings.json")).unwrap()).unwrap()
}

fn initial() -> PathBuf {
    data_file("init-784x512x512x10.safetensors")
}

fn fashion(folder: &Path) -> Dataset {
    let data = load(Some(folder)).unwrap();
    assert_eq!(data.name, "Fashion-MNIST");
    data
}

/// The losses of a run that is given every option.
fn losses(run: &Run, batch_size: usize, steps: u64, data: &Dataset) -> Vec<f32> {
    let options = TrainingOptions {
        length: Length::Steps(steps),
        batch_size,
        accumulate: 1,
        optimizer: run.optimizer(),
        learning_rate: run.lr,
        schedule: EpochSchedule::Constant,
        clip: None,
        dropout: 0.0,
        label_smoothing: 0.0,
        class_weights: None,
        augmentation: Augmentation { flip: false, shift: 0, erase: 0 },
        ema: None,
        early_stop: None,
        seed: 0,
        shuffle: false,
        standardize: Standardize::No,
    };
    let (network, _) = StateDict::read(&initial()).unwrap().network(&Architecture::of::<Quickstart>(), true).unwrap();
    let threads = thread::available_parallelism().unwrap();
    let engine = Simd::new(InstructionSet::from_environment().unwrap(), threads).unwrap();
    let mut losses = Losses::default();
    train(&engine, &mut State::new(network, &options).unwrap(), data, &options, &mut losses).unwrap();
    losses.0
}

#[test]
fn every_optimizer_follows_pytorch_at_every_step() {
    let Some(folder) = fashion_mnist("the seven runs of PyTorch") else { return };
    let Trajectories { batch_size, steps, runs } = trajectories();
    assert_eq!(runs.len(), 7);
    let data = fashion(&folder);
    let crossed = crossed();
    for (number, run) in runs.iter().enumerate() {
        let crossed = crossed.iter().find(|crossed| crossed.run == number);
        run.check(&losses(run, batch_size, steps, &data), crossed);
    }
}

#[test]
fn the_command_line_replays_a_run_of_pytorch() {
    let Some(fashion_mnist) = fashion_mnist("a run of PyTorch from the command line") else { return };
    let Trajectories { batch_size, steps, runs } = trajectories();
    let run = runs.iter().find(|run| run.optimizer == "rmsprop" && run.eps == Some(1e-3)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let options = "--model quickstart --steps 200 --batch-size 64 --accumulate 1 --no-shuffle --seed 1 --optimizer rmsprop \
        --lr 5e-4 --alpha 0.99 --eps 1e-3 --momentum 0.5 --weight-decay 0 --clip 0 --schedule constant --dropout 0 \
        --label-smoothing 0 --augment none --ema 0 --val-split 0 --metrics run.jsonl";
    let mut program = selvedge(folder.path());
    program
        .arg("train")
        .args(options.split_whitespace())
        .arg("--data")
        .arg(&fashion_mnist)
        .arg("--init")
        .arg(initial());
    let output = program.output().unwrap();
    assert!(output.status.success(), "{}", text(&output));

    let metrics = fs::read_to_string(folder.path().join("run.jsonl")).unwrap();
    let lines = metrics.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let replayed: Vec<f32> = lines.filter_map(|line| Some(line.get("loss")?.as_f64()? as f32)).collect();
    assert_eq!(replayed, losses(run, batch_size, steps, &fashion(&fashion_mnist)));
}
