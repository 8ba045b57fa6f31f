//! The page's library, on this machine: its runs are those of the command line.

use std::fs;

use tests::said;
use web::{model::Model, samples::Samples, training::TrainingRun};

#[test]
fn each_recipe_trains_each_model_to_the_command_lines_hash() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    said(folder, "embed --data builtin --split train --count 700 --out data");
    let [samples, labels] =
        ["samples", "labels"].map(|kind| fs::read(folder.join(format!("data/{kind}.idx"))).unwrap());
    for (recipe, rate) in [("quickstart", 0.1), ("fast", 0.0015)] {
        for model in ["tiny", "small"] {
            // The last batch of an epoch is smaller.
            let options = format!("--recipe {recipe} --model {model} --seed 7 --epochs 2 --batch-size 48 --lr {rate}");
            let native =
                said(folder, &format!("train --data builtin --limit-train 700 {options} --out native.selvedge"));
            let samples = Samples::read(&samples, &labels, 0).unwrap();
            let mut training = TrainingRun::begin(model, recipe, samples, 7, 2, 48, rate).unwrap();
            while !training.is_done() {
                training.advance().unwrap();
            }
            let hash = training.weight_hash();
            assert!(native.trim_end().ends_with(&hash), "{options}: {hash}, and {native}");
            fs::write(folder.join("page.selvedge"), training.encoded().unwrap()).unwrap();
            let shown = ["page", "native"].map(|name| said(folder, &format!("inspect {name}.selvedge --json")));
            let layers = shown.map(|json| serde_json::from_str::<serde_json::Value>(&json).unwrap()["layers"].clone());
            assert_eq!(layers[0], layers[1], "{options}");
        }
    }
}

#[test]
fn a_network_of_any_format_has_activations() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    said(folder, "train --data builtin --limit-train 2000 --model tiny --epochs 2 --out tiny.selvedge");
    said(folder, "embed --data builtin --split test --count 1 --out data");
    let [samples, labels] =
        ["samples", "labels"].map(|kind| fs::read(folder.join(format!("data/{kind}.idx"))).unwrap());
    let sample = Samples::read(&samples, &labels, 0).unwrap().sample(0);
    let run = |file: &str| {
        let mut model = Model::read(fs::read(folder.join(file)).unwrap()).unwrap();
        model.run(&sample).unwrap();
        assert_eq!(model.activation_count(), 2, "{file}");
        assert_eq!(model.activations(1), model.logits(), "{file}");
        model.activations(0)
    };
    let mut exact = run("tiny.selvedge");
    let most = exact.iter().copied().fold(0.0, f32::max);
    assert!(exact.len() == 16 && most > 0.0, "{exact:?}");
    for (format, tolerance) in [("f16", 0.01), ("int8", 0.05), ("int4", 0.2)] {
        let file = format!("tiny.{format}");
        said(folder, &format!("quantize tiny.selvedge --data builtin --format {format} --out {file}"));
        let mut own = run(&file);
        if format != "f16" {
            assert!(own.iter().all(|byte| (0.0..=255.0).contains(byte) && byte.fract() == 0.0), "{format}: {own:?}");
        }
        // The unit is the format's own, one for all of a layer; so is the order.
        own.sort_by(f32::total_cmp);
        exact.sort_by(f32::total_cmp);
        let own_most = own.iter().copied().fold(0.0, f32::max);
        let is_near = |(&own, &exact): (&f32, &f32)| (own / own_most - exact / most).abs() < tolerance;
        assert!(own.iter().zip(&exact).all(is_near), "{format}: {own:?}, {exact:?}");
    }
}

#[test]
fn other_models_and_recipes_are_refused() {
    let samples = || {
        let mut header = [0; selvedge::idx::MAX_HEADER];
        let samples = selvedge::idx::samples_header(1, selvedge::fashion_mnist::SHAPE, &mut header);
        let samples = [samples, &[7; 784]].concat();
        Samples::read(&samples, &[&selvedge::idx::labels_header(1)[..], &[3]].concat(), 0).unwrap()
    };
    for (model, recipe) in [("quickstart", "fast"), ("tiny", "best"), ("", "")] {
        let error = TrainingRun::begin(model, recipe, samples(), 1, 1, 1, 0.1).err().unwrap();
        assert_eq!(
            error,
            format!("the page trains tiny and small by quickstart and fast, and not {model} by {recipe}")
        );
    }
}
