//! The page's folder: the library, the page of `web/page`, models, samples, and what the command line computes.

use std::{ffi::OsString, fs, path::Path, process::Command};

use anyhow::{Context, Result, ensure};
use options::commands::Data;
use selvedge::{fashion_mnist, model_file::FileInfo};
use serde::Deserialize;
use serde_json::{Value, json};

use super::library;
use crate::{
    flash::{EmbedFolder, saved_hash},
    program,
    toolchain::Toolchain,
    workspace,
};

/// The largest numbers of training and test samples in the folder. With them, it stays below 12 MB.
const TRAINING_SAMPLES: u64 = 8000;
const TEST_SAMPLES: u64 = 1000;

/// The networks that come with the project, the first of which the page opens with.
const MODELS: [&str; 2] = ["small", "quickstart"];
/// The networks that the page trains.
const TRAINED: [&str; 2] = ["tiny", "small"];
/// The recipes that it trains them by, with the learning rate that it proposes.
const RECIPES: [(&str, f64); 2] = [("quickstart", 0.1), ("fast", 1.5e-3)];

/// The seed, the epochs and the batch size of the training that the page proposes.
const SEED: u32 = 42;
const EPOCHS: u32 = 3;
const BATCH: u32 = 64;

/// The largest size of a file of the page, in bytes.
const MAX_BYTES: u64 = 64 << 20;

/// The output of `selvedge data --json`.
#[derive(Deserialize)]
struct Overview {
    name: String,
    shape: Vec<u32>,
    element: String,
    task: String,
    classes: Vec<Value>,
    train: u64,
    test: u64,
}

impl Overview {
    /// Checks that the page can show and train on the samples.
    fn check(&self) -> Result<()> {
        let side = fashion_mnist::SIDE as u32;
        let is_image = self.shape == [1, side, side] && self.element == "u8";
        let are_classes = self.task == "classification" && self.classes.len() == fashion_mnist::CLASSES;
        ensure!(
            is_image && are_classes,
            "the page draws grey images of {side}×{side} bytes in {} classes, and {} has samples of {:?} {} in {} classes ({})",
            fashion_mnist::CLASSES,
            self.name,
            self.shape,
            self.element,
            self.classes.len(),
            self.task
        );
        Ok(())
    }
}

/// The parts of the folder that the program `selvedge` makes.
struct Maker<'a> {
    data: Vec<OsString>,
    program: std::path::PathBuf,
    work: EmbedFolder,
    out: &'a Path,
}

/// Writes the folder.
pub fn make(toolchain: &Toolchain, data: &Data, out: &Path) -> Result<()> {
    // Found before what takes long.
    files::check_writable(&out.join("index.html"))?;
    let program = program::program(false)?;
    let work = EmbedFolder::take("web")?;
    let maker = Maker { data: data.arguments(), program, work, out };
    let overview = maker.overview()?;
    overview.check()?;
    // What was downloaded or drawn is named from now on, so each command takes the same.
    let is_builtin = maker.data.is_empty() && overview.name == "builtin";
    let maker =
        Maker { data: if is_builtin { ["--data", "builtin"].map(OsString::from).into() } else { maker.data }, ..maker };

    library::browser(toolchain, &out.join("wasm"))?;
    copy_page(out)?;
    let site = json!({
        "models": MODELS.iter().map(|name| maker.model(name)).collect::<Result<Vec<_>>>()?,
        "instructions": instructions()?,
        "data": maker.samples(&overview)?,
        "training": maker.settings(&overview),
        "native": maker.native(&overview)?,
    });
    files::write_whole(&out.join("site.json"), format!("{site:#}\n").as_bytes())?;
    let bytes = size(out)?;
    say!("Wrote the page to {}: {:.1} MB, for any web server", out.display(), bytes as f64 / 1e6);
    Ok(())
}

impl Maker<'_> {
    fn selvedge(&self, command: &str) -> Command {
        let mut selvedge = Command::new(&self.program);
        selvedge.arg(command);
        selvedge
    }

    fn overview(&self) -> Result<Overview> {
        let text = workspace::output(self.selvedge("data").args(&self.data).arg("--json"))?;
        serde_json::from_str(&text).context("`selvedge data --json` is not as expected")
    }

    /// Copies a network of the project, and quantises it on the samples.
    fn model(&self, name: &str) -> Result<Value> {
        let [float, integers] = ["selvedge", "int8"].map(|ending| format!("models/{name}.{ending}"));
        let source = launch::root().join(&float);
        let bytes = files::read(&source, MAX_BYTES)?;
        let layers = FileInfo::read(&bytes).with_context(|| source.display().to_string())?.architecture;
        files::write_whole(&self.out.join(&float), &bytes)?;
        let mut quantize = self.selvedge("quantize");
        quantize.arg(&source).args(["--format", "int8", "--out"]).arg(self.out.join(&integers)).args(&self.data);
        workspace::output(&mut quantize)?;
        Ok(json!({ "name": name, "layers": layers.expression().to_string(), "float": float, "integers": integers }))
    }

    /// Writes the first samples of both parts.
    fn samples(&self, overview: &Overview) -> Result<Value> {
        let part = |split: &str, count: u64| {
            let mut embed = self.selvedge("embed");
            embed
                .args(["--split", split, "--count", &count.to_string(), "--out"])
                .arg(&self.work.path)
                .args(&self.data);
            workspace::output(&mut embed)?;
            let [samples, labels] = ["samples", "labels"].map(|kind| format!("data/{split}-{kind}.idx"));
            for (name, target) in [("samples.idx", &samples), ("labels.idx", &labels)] {
                let bytes = files::read(&self.work.path.join(name), MAX_BYTES)?;
                files::write_whole(&self.out.join(target), &bytes)?;
            }
            Ok::<_, anyhow::Error>(json!({ "samples": samples, "labels": labels, "count": count }))
        };
        let option: String = self.data.iter().map(|word| format!(" {}", word.display())).collect();
        Ok(json!({
            "name": overview.name,
            "classes": overview.classes.iter().map(|class| &class["name"]).collect::<Vec<_>>(),
            "option": option,
            "train": part("train", limit(overview))?,
            "test": part("test", overview.test.min(TEST_SAMPLES))?,
        }))
    }

    fn settings(&self, overview: &Overview) -> Value {
        let rates: serde_json::Map<_, _> =
            RECIPES.map(|(recipe, rate)| (recipe.to_owned(), rate.into())).into_iter().collect();
        json!({ "seed": SEED, "epochs": EPOCHS, "batch": BATCH, "rates": rates, "limit": limit(overview) })
    }

    /// Trains as the page proposes, by each recipe: the weight hash of each network, and the speed.
    fn native(&self, overview: &Overview) -> Result<Value> {
        let runs = RECIPES.map(|(recipe, rate)| Ok((recipe.to_owned(), self.native_by(recipe, rate, overview)?)));
        runs.into_iter().collect::<Result<serde_json::Map<_, _>>>().map(Value::from)
    }

    fn native_by(&self, recipe: &str, rate: f64, overview: &Overview) -> Result<Value> {
        let mut runs = serde_json::Map::new();
        for model in TRAINED {
            let metrics = self.work.path.join("metrics.jsonl");
            let mut train = self.selvedge("train");
            train.args(["--recipe", recipe, "--device", "cpu", "--model", model]);
            train.args(["--seed", &SEED.to_string(), "--epochs", &EPOCHS.to_string()]);
            train.args(["--batch-size", &BATCH.to_string(), "--lr", &rate.to_string()]);
            train.args(["--limit-train", &limit(overview).to_string()]).args(&self.data);
            train.arg("--metrics").arg(&metrics).arg("--out").arg(self.work.path.join("trained.selvedge"));
            let output = workspace::output(&mut train)?;
            let hash = saved_hash(&output)?;
            let text = files::read(&metrics, MAX_BYTES)?;
            let speed = fastest(&String::from_utf8_lossy(&text)).context("the metrics have no speed")?;
            runs.insert(model.to_owned(), json!({ "hash": hash, "samples_per_second": speed }));
        }
        Ok(runs.into())
    }
}

fn limit(overview: &Overview) -> u64 {
    overview.train.min(TRAINING_SAMPLES)
}

/// Returns the fastest epoch's samples in a second.
fn fastest(metrics: &str) -> Option<f64> {
    let lines = metrics.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter_map(|line| line["samples_per_second"].as_f64()).max_by(f64::total_cmp)
}

/// Returns a prediction's instructions on each board, as docs/bench-device.json has them.
fn instructions() -> Result<Vec<Value>> {
    let path = launch::root().join("docs/bench-device.json");
    let bytes = files::read(&path, MAX_BYTES)?;
    let rows: Vec<Value> = serde_json::from_slice(&bytes).with_context(|| path.display().to_string())?;
    let kept = |row: &Value| json!({ "board": row["board"], "model": row["model"], "format": row["format"], "instructions": row["instructions"] });
    Ok(rows.iter().filter(|row| row["instructions"].is_u64()).map(kept).collect())
}

/// Copies the page, and the look that it shares with reports.
fn copy_page(out: &Path) -> Result<()> {
    let web = launch::root().join("web");
    let mut sources = vec![web.join("look.css")];
    let page = web.join("page");
    for entry in fs::read_dir(&page).with_context(|| format!("cannot open {}", page.display()))? {
        sources.push(entry?.path());
    }
    for source in sources {
        let name = source.file_name().context("a file has a name")?;
        files::write_whole(&out.join(name), &files::read(&source, MAX_BYTES)?)?;
    }
    Ok(())
}

/// Returns the bytes of a folder's files.
fn size(folder: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder).with_context(|| format!("cannot open {}", folder.display()))? {
        let (path, metadata) = entry.and_then(|entry| Ok((entry.path(), entry.metadata()?)))?;
        bytes += if metadata.is_dir() { size(&path)? } else { metadata.len() };
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fastest_epoch_is_the_speed() {
        let metrics = "{\"loss\":1,\"step\":1}\n{\"samples_per_second\":10.5}\nno JSON\n{\"samples_per_second\":9}\n";
        assert_eq!(fastest(metrics), Some(10.5));
        assert_eq!(fastest("{}"), None);
    }

    #[test]
    fn every_model_of_the_page_was_measured_on_a_board() {
        let rows = instructions().unwrap();
        for model in MODELS.iter().chain(&TRAINED) {
            assert!(rows.iter().any(|row| row["model"] == *model), "{model}");
        }
    }

    #[test]
    fn other_data_is_refused() {
        let mut overview = Overview {
            name: "motion".into(),
            shape: vec![1, 28, 28],
            element: "u8".into(),
            task: "classification".into(),
            classes: vec![Value::Null; 10],
            train: 9000,
            test: 10,
        };
        assert!(overview.check().is_ok());
        assert_eq!(limit(&overview), 8000);
        overview.shape = vec![96];
        let error = overview.check().unwrap_err().to_string();
        assert!(error.contains("motion has samples of [96] u8 in 10 classes"), "{error}");
    }
}
