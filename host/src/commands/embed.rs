use std::{
    fmt::Write as _,
    io::{self, Write as _},
    num::NonZero,
    path::PathBuf,
};

use anyhow::{Context, Result, bail};
use clap::Args;
use host::{
    data::{Dataset, Split},
    engine::{InstructionSet, Simd},
    files,
    model_file::ModelFile,
    weights::{self, hex},
};
use selvedge::idx;
use serde_json::json;

use super::{DataOptions, Part, parse};

#[derive(Args)]
pub struct Options {
    /// The network's file; without it, only samples are written
    file: Option<PathBuf>,

    #[command(flatten)]
    data: DataOptions,

    /// The samples to write
    #[arg(long, value_enum, default_value = "test")]
    split: Part,

    /// The number of samples, from the first [default: 100, or all where there are fewer]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    count: Option<u32>,

    /// Folder for weights.selvedge, samples.idx, labels.idx and expected.jsonl
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

impl Options {
    pub fn run(self) -> Result<()> {
        let data = self.data.load()?;
        let bytes = self.file.as_deref().map(weights::read).transpose()?;
        let file = match (&bytes, &self.file) {
            (Some(bytes), Some(path)) => {
                let file = parse(path, bytes)?;
                file.check(&data).with_context(|| path.display().to_string())?;
                Some(file)
            }
            _ => None,
        };
        let (name, shape) = (data.name.clone(), data.input);
        let split = self.samples(data)?;
        // All that can be wrong is found before the first file is written.
        let expected = file.as_ref().map(|file| expect(file, &split)).transpose()?;
        let mut header = [0; idx::MAX_HEADER];
        let count = u32::try_from(split.len())?;
        let samples = [idx::samples_header(count, shape, &mut header), split.values()].concat();
        let labels: Result<Vec<u8>, _> = split.labels().iter().map(|&label| u8::try_from(label)).collect();
        let labels = labels.context("a label above 255 has no place in an IDX file")?;
        let labels = [&idx::labels_header(count)[..], &labels].concat();
        files::write_whole(&self.out.join("samples.idx"), &samples)?;
        files::write_whole(&self.out.join("labels.idx"), &labels)?;
        if let (Some(weights), Some(expected)) = (&bytes, expected) {
            files::write_whole(&self.out.join("expected.jsonl"), expected.as_bytes())?;
            files::write_whole(&self.out.join("weights.selvedge"), weights)?;
        }
        writeln!(io::stdout(), "Wrote {count} samples of {name} to {}", self.out.display())?;
        Ok(())
    }

    fn samples(&self, data: Dataset) -> Result<Split> {
        let name = data.name.clone();
        let mut split = self.split.of(data);
        let there = split.len();
        match self.count {
            Some(count) if count as usize > there => {
                bail!("--count {count}: this part of {name} has only {there} samples")
            }
            count => split.truncate(count.unwrap_or(100) as usize),
        }
        Ok(split)
    }
}

/// The host's answer for each sample, a JSON object a line.
fn expect(file: &ModelFile<'_>, split: &Split) -> Result<String> {
    let engine = Simd::new(InstructionSet::from_environment()?, NonZero::<usize>::MIN)?;
    let mut lines = String::new();
    for (index, (logits, label)) in file.logits(&engine, split.values())?.iter().zip(split.labels()).enumerate() {
        let hash = hex(&logits.hash()[..8]);
        let line = json!({ "index": index, "label": label, "class": logits.class(), "logits": hash });
        // Writing to a string cannot fail.
        let _ = writeln!(lines, "{line}");
    }
    Ok(lines)
}
