//! The library for a browser, run by Node: its training and its logits.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};
use board::BoardRecipe;
use selvedge::{quantized, weights::HexHash};
use serde_json::Value;

use crate::{setup, toolchain::Toolchain, web, workspace};

/// Prints the weight hash of a run, or the hash of the hashes of all samples' logits.
const SCRIPT: &str = include_str!("page.js");

/// The compiled library, and a folder with embedded samples and weights.
pub struct Page {
    node: PathBuf,
    library: PathBuf,
    folder: PathBuf,
}

impl Page {
    /// Builds the library. It is an error if there is no compiler for it or no Node.
    pub fn find(folder: &Path) -> Result<Self> {
        let node =
            setup::NODE.into_iter().find_map(workspace::on_path).context("there is no Node here (Debian: nodejs)")?;
        let toolchain = Toolchain::for_page()?;
        let library = web::node(&toolchain, &workspace::target_dir()?.join("web/node"))?;
        Ok(Self { node, library, folder: folder.to_owned() })
    }

    fn run(&self, arguments: &[&str]) -> Result<String> {
        let script = self.folder.join("page.cjs");
        files::write_whole(&script, SCRIPT.as_bytes())?;
        let mut node = Command::new(&self.node);
        node.arg(script).arg(&self.library).arg(&self.folder).args(arguments);
        Ok(workspace::output(&mut node)?.trim().to_owned())
    }

    /// Trains `tiny` on the folder's samples, and returns the weight hash.
    pub fn trained_hash(&self, recipe: &BoardRecipe) -> Result<String> {
        let BoardRecipe { seed, epochs, batch_size, learning_rate, .. } = recipe;
        self.run(&[
            "train",
            &seed.to_string(),
            &epochs.to_string(),
            &batch_size.to_string(),
            &learning_rate.to_string(),
        ])
    }

    /// Returns the hash of all the folder's samples' logits, by the folder's weights.
    pub fn logits(&self) -> Result<String> {
        self.run(&["logits"])
    }

    /// Returns the hash of the same logits, which the host computed when it wrote the folder.
    pub fn host_logits(&self) -> Result<String> {
        let path = self.folder.join("expected.jsonl");
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        of_samples(&text).with_context(|| format!("{} is not as expected", path.display()))
    }
}

/// Returns the hash of all samples' hashes of 8 bytes, one after the other.
fn of_samples(lines: &str) -> Result<String> {
    let mut words = Vec::new();
    for line in lines.lines() {
        let sample: Value = serde_json::from_str(line)?;
        let digits = sample["logits"].as_str().context("a sample has no logits")?;
        let bytes = u64::from_str_radix(digits, 16)?.to_be_bytes();
        words.extend(bytes.as_chunks().0.iter().map(|word| i32::from_le_bytes(*word)));
    }
    Ok(HexHash(quantized::hash(&words)).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_that_of_the_bytes() {
        let line = |digits| format!("{{\"index\": 0, \"logits\": \"{digits}\"}}\n");
        let both = of_samples(&[line("0102030405060708"), line("ff00000000000000")].concat()).unwrap();
        // printf '\1\2\3\4\5\6\7\10\377\0\0\0\0\0\0\0' | sha256sum
        assert_eq!(both, "0256c957ac05c714699568be7e9215b307f95a2a78b947342b94375b62cb6e96");
        assert!(of_samples("{}").is_err() && of_samples("no JSON").is_err());
    }
}
