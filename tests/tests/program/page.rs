//! The page's library, on this machine: its runs are those of the command line.

use std::fs;

use tests::said;
use web::{samples::Samples, training::Training};

#[test]
fn each_recipe_trains_each_model_to_the_command_lines_hash() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    said(folder, "embed --data builtin --split train --count 700 --out data");
    let [samples, labels] =
        ["samples", "labels"].map(|kind| fs::read(folder.join(format!("data/{kind}.idx"))).unwrap());
    for (recipe, rate) in [("quickstart", 0.1), ("fast", 0.001)] {
        for model in ["tiny", "small"] {
            // The last batch of an epoch is smaller.
            let options = format!("--recipe {recipe} --model {model} --seed 7 --epochs 2 --batch-size 48 --lr {rate}");
            let native =
                said(folder, &format!("train --data builtin --limit-train 700 {options} --out native.selvedge"));
            let samples = Samples::read(&samples, &labels, 0).unwrap();
            let mut training = Training::begin(model, recipe, samples, 7, 2, 48, rate).unwrap();
            while !training.is_done() {
                training.advance().unwrap();
            }
            let hash = training.weight_hash();
            assert!(native.trim_end().ends_with(&hash), "{options}: {hash}, and {native}");
            // Dropout is no part of the file.
            fs::write(folder.join("page.selvedge"), training.encoded().unwrap()).unwrap();
            let shown = ["page", "native"].map(|name| said(folder, &format!("inspect {name}.selvedge --json")));
            let layers = shown.map(|json| serde_json::from_str::<serde_json::Value>(&json).unwrap()["layers"].clone());
            assert_eq!(layers[0], layers[1], "{options}");
        }
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
        let error = Training::begin(model, recipe, samples(), 1, 1, 1, 0.1).err().unwrap();
        assert_eq!(
            error,
            format!("the page trains tiny and small by quickstart and fast, and not {model} by {recipe}")
        );
    }
}
