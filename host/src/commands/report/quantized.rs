//! A quantised file beside the run's weights.

use std::path::Path;

use anyhow::{Context, Result};
use options::commands::Report;
use selvedge::task::TaskKind;

use crate::{
    data::Dataset,
    engine::Simd,
    evaluation::Evaluation,
    files,
    model_file::{AllLogits, ModelFile},
    report::quantized::{Beside, Found, Proved},
};

/// The largest number of bytes of a table of certificates.
const MAX_CERTIFICATES: u64 = 1 << 30;

/// Compares a quantised file with its model.
pub fn beside(
    path: &Path,
    flash: usize,
    file: &ModelFile<'_>,
    options: &Report,
    engine: &Simd,
    data: Option<(&Dataset, &AllLogits)>,
) -> Result<Beside> {
    let method =
        file.quantization().map_or(String::new(), |record| String::from_utf8_lossy(record.method).into_owned());
    let there = || path.display().to_string();
    let found = match data {
        None => None,
        Some((data, model)) => {
            let evaluation: Evaluation = file.evaluate(engine, &data.test).with_context(there)?;
            let own = file.all_logits(engine, &data.test).with_context(there)?;
            let pairs = model.iter().zip(own.iter());
            let changed = match data.task.get().kind() {
                TaskKind::Classification => Some(pairs.filter(|(a, b)| a.class() != b.class()).count()),
                TaskKind::MultiLabel => {
                    let differ = |(a, b): &(selvedge::message::Logits<'_>, selvedge::message::Logits<'_>)| {
                        a.values().zip(b.values()).any(|(a, b)| (a > 0.0) != (b > 0.0))
                    };
                    Some(pairs.filter(differ).count())
                }
                TaskKind::Regression => None,
            };
            let proved = options.certificates.as_deref().map(|path| {
                let bytes = files::read(path, MAX_CERTIFICATES)?;
                Proved::parse(&bytes, &own).with_context(|| format!("--certificates {}", path.display()))
            });
            Some(Found { evaluation, changed, proved: proved.transpose()? })
        }
    };
    let name = path.file_name().map_or_else(there, |name| name.to_string_lossy().into_owned());
    Ok(Beside { file: name, format: file.format_name(), method, flash, ram: file.ram_bytes(), found })
}
