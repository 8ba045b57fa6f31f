//! `cargo xtask web`: the page that predicts and trains in a browser.

mod folder;
mod library;

use std::{path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::Args;
use options::commands::Data;

use crate::{tied, toolchain::Toolchain, workspace};

pub use library::{cargo, node};

/// The options of `web`: the place of the page, and its content.
#[derive(Args)]
pub struct WebOptions {
    /// Write the page's folder here, for any web server, and do not serve it
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// The port of this machine that the page is served on; 0 takes a free one
    #[arg(long, value_name = "N", default_value_t = 8000, conflicts_with = "out")]
    port: u16,
    /// The source of the samples.
    #[command(flatten)]
    data: Data,
}

/// Makes the folder, and serves it if `--out` is not given.
pub fn run(options: &WebOptions) -> Result<ExitCode> {
    let toolchain = Toolchain::for_page()?;
    let out = match &options.out {
        Some(out) => std::path::absolute(out)?,
        None => workspace::target_dir()?.join("web/page"),
    };
    folder::make(&toolchain, &options.data, &out)?;
    if options.out.is_some() {
        return Ok(ExitCode::SUCCESS);
    }
    let mut site = library::site()?;
    site.arg("serve").arg(&out).args(["--port", &options.port.to_string()]);
    let status = workspace::status(&mut tied::tied(&site))?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
