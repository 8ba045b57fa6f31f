//! Collects the data for the page of a run, from its weight file, its record and its samples.

use std::path::Path;

use anyhow::{Context, Result, bail};
use options::commands::Report;
use selvedge::shape::Signature;

use super::{quantized::beside, source::Source};
use crate::{
    commands::{check_weights, parse, trained_on_others},
    data::Dataset,
    engine::Simd,
    model_file::ModelFile,
    report::{
        Run,
        answers::Findings,
        pictures::{self, Pixels},
        run::Model,
    },
    weights::hex,
};

impl Source {
    /// Evaluates the weights on the run's samples, if both are available.
    pub fn run(
        &self,
        name: String,
        options: &Report,
        engine: &Simd,
        quantized: Option<&(&Path, Vec<u8>)>,
        is_quantized_used: &mut bool,
    ) -> Result<Run> {
        let mut run = Run { record: self.record.clone(), notes: self.notes.clone(), ..Run::new(name) };
        let Some(bytes) = &self.weights else { return Ok(run) };
        let path = &self.weights_path;
        let file = parse(path, bytes)?;
        check_weights(path, &file)?;
        let ModelFile::F32(weights) = &file else {
            bail!(
                "{}: this is a quantised network; name the weights that it was made of, and this file by --quantized",
                path.display()
            );
        };
        run.model = Model::of(&file, bytes.len());
        let flat: Vec<f32> = weights.weights().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        run.first_layer = pictures::first_layer(&file.architecture(), &flat, file.input());
        let data = match self.data(&file, options) {
            Ok(data) => Some(data),
            Err(error) => {
                let why = format!("{error:#}");
                let advice = if why.contains("by --data") { "" } else { " Name the run's data by --data." };
                run.notes.push(format!(
                    "The test samples are not here, so confusion, mistakes and calibration are missing: {why}.{advice}"
                ));
                None
            }
        };
        let mut logits = None;
        if let Some(data) = &data {
            // The samples of a record are its run's.
            if self.record.is_none() {
                run.notes.extend(trained_on_others(&file, data).map(|others| format!("Mind that {others}.")));
            }
            let there = || path.display().to_string();
            let evaluation = file.evaluate(engine, &data.test).with_context(there)?;
            let all = file.all_logits(engine, &data.test).with_context(there)?;
            let findings = Findings::of(data, &all, evaluation);
            run.mistakes = sample_pictures(data, &findings, &file);
            run.findings = Some(findings);
            logits = Some(all);
        }
        if let Some((quantized_path, quantized_bytes)) = quantized {
            let quantized = parse(quantized_path, quantized_bytes)?;
            let Some(record) = quantized.quantization() else {
                bail!(
                    "--quantized {}: this is no quantised network; `selvedge quantize` makes one",
                    quantized_path.display()
                );
            };
            if Some(hex(record.source)) == run.model.as_ref().map(|model| model.hash.clone()) {
                *is_quantized_used = true;
                let data = data.as_ref().zip(logits.as_ref());
                run.quantized = Some(beside(quantized_path, quantized_bytes.len(), &quantized, options, engine, data)?);
            }
        }
        Ok(run)
    }
}

/// Returns the pictures of the worst mistakes, where samples are images.
fn sample_pictures(data: &Dataset, findings: &Findings, file: &ModelFile<'_>) -> Vec<Pixels> {
    let Signature { preparation, .. } = file.signature();
    let picture = |index: usize| pictures::sample(data.test.sample(index), data.input, preparation);
    findings.mistakes.iter().map_while(|mistake| picture(mistake.index)).collect()
}
