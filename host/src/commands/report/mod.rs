//! `selvedge report`: a run, or several, as one page.

mod figures;
mod quantized;
mod run;
mod samples;
mod source;

use std::{collections::HashSet, io::Write};

use anyhow::{Result, bail};
use options::commands::Report;

use self::{figures::figures, source::Source};
use super::{check_replaced, engine, note};
use crate::{files, report::page, weights};

/// The largest number of bytes of a page. A larger one has too many runs.
const LARGEST_PAGE: usize = 3_000_000;

pub fn run(options: &Report) -> Result<()> {
    files::check_writable(&options.out)?;
    if let Some(folder) = &options.figures {
        files::check_writable(&folder.join("loss.svg"))?;
    }
    check_replaced(&options.out, &[b"<!DOCTYPE html>"], "a report")?;
    let sources = options.runs.iter().map(|path| Source::find(path)).collect::<Result<Vec<_>>>()?;
    for source in &sources {
        let [run, record, weights] = [&source.given, &source.record_path, &source.weights_path];
        files::check_distinct(&[("RUN", run), ("--out", &options.out)])?;
        files::check_distinct(&[("the run's record", record), ("--out", &options.out)])?;
        files::check_distinct(&[("the weights", weights), ("--out", &options.out)])?;
    }
    let engine = engine(&options.threads)?;
    let quantized = options.quantized.as_deref().map(|path| Ok::<_, anyhow::Error>((path, weights::read(path)?)));
    let quantized = quantized.transpose()?;
    let names = names(&sources);
    let mut runs = Vec::with_capacity(sources.len());
    let mut is_quantized_used = false;
    for (source, name) in sources.iter().zip(names) {
        runs.push(source.run(name, options, &engine, quantized.as_ref(), &mut is_quantized_used)?);
    }
    if let (Some((path, _)), false) = (&quantized, is_quantized_used) {
        bail!("--quantized {}: it was made of other weights than those of the runs here", path.display());
    }
    let html = page(&runs);
    files::write_whole(&options.out, html.as_bytes())?;
    let mut out = terminal::stdout();
    for run in &runs {
        run.notes.iter().for_each(|text| note(format_args!("{}: {text}", run.name)));
    }
    if html.len() > LARGEST_PAGE {
        note(format_args!("the page has {} bytes; fewer runs make a smaller one", html.len()));
    }
    if let Some(folder) = &options.figures {
        for path in figures(&runs, folder)? {
            writeln!(out, "Saved {}", path.display())?;
        }
    }
    writeln!(out, "Saved {}, {} bytes", options.out.display(), html.len())?;
    Ok(())
}

/// Returns a name for each run: its file's, and with the folder where that is not enough.
fn names(sources: &[Source]) -> Vec<String> {
    let short = |source: &Source| source.weights_path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let long = |source: &Source| source.weights_path.with_extension("").display().to_string();
    let all = |name: &dyn Fn(&Source) -> String| sources.iter().map(name).collect::<Vec<_>>();
    let is_unique = |names: &Vec<String>| names.iter().collect::<HashSet<_>>().len() == names.len();
    let found = [all(&short), all(&long)].into_iter().find(is_unique);
    found.unwrap_or_else(|| {
        sources.iter().enumerate().map(|(place, source)| format!("{} {}", short(source), place + 1)).collect()
    })
}
