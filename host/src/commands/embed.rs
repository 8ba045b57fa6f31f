use std::{
    fmt::Write as _,
    io::{self, Write as _},
    num::NonZero,
    path::{Path, PathBuf},
};

use anyhow::{Result, bail};
use clap::Args;
use host::{
    data::Split,
    engine::{InstructionSet, Simd},
    evaluation, files,
    models::{Boxed, Model, WithModel, with_model},
    quantization::{Network, Predictor},
    weights::{self, WeightsError, hex},
};
use selvedge::{classification::argmax, idx, weights::WeightFile};
use serde_json::{Value, json};

use super::{DataOptions, LayersOption, Part};

#[derive(Args)]
pub struct Options {
    /// The weight file; without it, only images are written
    file: Option<PathBuf>,

    #[command(flatten)]
    layers: LayersOption,
    #[command(flatten)]
    data: DataOptions,

    /// Which images
    #[arg(long, value_enum, default_value = "test")]
    split: Part,

    /// How many images, from the first
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    count: u32,

    /// Folder for weights.selvedge, images.idx3-ubyte, labels.idx1-ubyte and expected.jsonl
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

impl Options {
    pub fn run(self) -> Result<()> {
        let (name, split) = self.images()?;
        // All that can be wrong is found before the first file is written.
        let weights = self.file.as_deref().map(|path| self.weights(path, &split)).transpose()?;
        let images = [&idx::images_header(self.count)[..], split.images.as_flattened()].concat();
        let labels = [&idx::labels_header(self.count)[..], &split.labels].concat();
        files::write_whole(&self.out.join("images.idx3-ubyte"), &images)?;
        files::write_whole(&self.out.join("labels.idx1-ubyte"), &labels)?;
        if let Some((weights, expected)) = weights {
            files::write_whole(&self.out.join("expected.jsonl"), expected.as_bytes())?;
            files::write_whole(&self.out.join("weights.selvedge"), &weights)?;
        }
        writeln!(io::stdout(), "Wrote {} images of {name} to {}", self.count, self.out.display())?;
        Ok(())
    }

    /// The weight file, and what the host makes of the images with it.
    fn weights(&self, path: &Path, split: &Split) -> Result<(Vec<u8>, String)> {
        let bytes = weights::read(path)?;
        let expected = if Network::is_one(&bytes) {
            let file = Network::parse(&bytes).map_err(WeightsError::in_file(path))?;
            self.layers.check(&file.architecture(), path)?;
            expect_quantized(&file, split)?
        } else {
            let file = WeightFile::parse(&bytes).map_err(WeightsError::in_file(path))?;
            self.layers.check(file.architecture(), path)?;
            with_model(file.architecture(), Expect { file: &file, split })??
        };
        Ok((bytes, expected))
    }

    fn images(&self) -> Result<(String, Split)> {
        let data = self.data.load()?;
        let name = data.name.clone();
        let mut split = self.split.of(data);
        let (count, there) = (self.count as usize, split.images.len());
        if count > there {
            bail!("--count {count}: this part of {name} has only {there} images");
        }
        split.images.truncate(count);
        split.labels.truncate(count);
        Ok((name, split))
    }
}

/// What the host makes of each image with a quantised network.
fn expect_quantized(file: &Network<'_>, split: &Split) -> Result<String> {
    let mut predictor = Predictor::new(file)?;
    let mut lines = String::new();
    for (index, image) in split.images.iter().enumerate() {
        let logits = predictor.logits(image)?;
        // Writing to a string cannot fail.
        let _ = writeln!(lines, "{}", line(index, split, logits.class(), &hex(&logits.hash()[..8])));
    }
    Ok(lines)
}

fn line(index: usize, split: &Split, class: usize, logits: &str) -> Value {
    json!({ "index": index, "label": split.labels[index], "class": class, "logits": logits })
}

/// What the host makes of each image.
struct Expect<'a> {
    file: &'a WeightFile<'a>,
    split: &'a Split,
}

impl WithModel for Expect<'_> {
    type Output = Result<String>;

    fn run<M: Model>(self) -> Result<String> {
        let mut model = Boxed::<M>::zeroed();
        self.file.copy_to(&mut *model)?;
        let mut lines = String::new();
        let engine = Simd::new(InstructionSet::from_environment()?, NonZero::<usize>::MIN)?;
        evaluation::run(&engine, &*model, self.split, |first, logits| {
            for (index, logits) in (first..).zip(logits) {
                // Writing to a string cannot fail.
                let _ = writeln!(lines, "{}", line(index, self.split, argmax(logits), &weights::logits_hash(logits)));
            }
        })?;
        Ok(lines)
    }
}
