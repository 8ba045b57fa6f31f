//! The samples of a run.

use std::ffi::OsString;

use anyhow::{Result, ensure};
use clap::Parser;
use options::commands::{Data, Report};

use super::source::Source;
use crate::{
    commands::load_from,
    data::{Dataset, Search},
    model_file::ModelFile,
    weights::hex,
};

impl Source {
    /// Returns the samples of the run, by the options or else by its record.
    pub fn data(&self, file: &ModelFile<'_>, options: &Report) -> Result<Dataset> {
        let recorded = self.record.as_ref().map(|record| &record.head.data);
        let own = match (recorded, file) {
            _ if !options.data.given().is_empty() => None,
            (Some(data), _) => Some(recorded_options(&data.name, &data.options)?),
            (None, ModelFile::F32(file)) => Some(recorded_options(file.record().dataset, &[])?),
            (None, _) => None,
        };
        // A report fetches nothing, and takes no other samples instead.
        let search = Search { download: None, ..Search::from_environment() };
        let data = load_from(&self.weights_path, file, own.as_ref().unwrap_or(&options.data), search)?;
        let Some(recorded) = recorded else { return Ok(data) };
        let mut whole = data;
        if usize::try_from(recorded.samples).is_ok_and(|samples| samples < whole.train.len()) {
            whole.truncate(recorded.samples as usize);
        }
        let [found, test] = [whole.checksum, whole.test.checksum()].map(|checksum| hex(&checksum));
        ensure!(
            found == recorded.sha256 && test == recorded.test_sha256,
            "{} here has not the run's samples: the training part's SHA-256 is {} here and {} in the record; the test part's is {} here and {} in the record",
            whole.name,
            beginning(&found),
            beginning(&recorded.sha256),
            beginning(&test),
            beginning(&recorded.test_sha256)
        );
        Ok(whole)
    }
}

/// Returns the first digits of a checksum.
fn beginning(checksum: &str) -> String {
    checksum.chars().take(12).chain(['…']).collect()
}

/// Returns the options that named a run's data, of this name.
fn recorded_options(name: &str, options: &[[String; 2]]) -> Result<Data> {
    #[derive(Parser)]
    struct Options {
        #[command(flatten)]
        data: Data,
    }
    // The built-in set may have taken the place of another one.
    if options.is_empty() && name == "builtin" {
        let options = Options::try_parse_from(["report", "--data", "builtin"])?;
        return Ok(options.data);
    }
    let arguments = options.iter().flat_map(|[name, value]| [OsString::from(format!("--{name}={value}"))]);
    let options = Options::try_parse_from([OsString::from("report")].into_iter().chain(arguments));
    Ok(options
        .map_err(|_| anyhow::anyhow!("the record names its data by options that this program does not have"))?
        .data)
}
