use std::path::PathBuf;

use clap::Args;

use super::File;
use crate::c_name::CName;

/// Options of `export-c`.
#[derive(Args, Debug)]
pub struct ExportC {
    /// The network's file.
    #[command(flatten)]
    pub file: File,

    /// The folder for NAME.h and NAME.c, or the name of one of the two files [default: the current folder]
    #[arg(long, value_name = "DIR|FILE.c")]
    pub out: Option<PathBuf>,

    /// The name that functions, macros and files begin with [default: FILE's or that of --out, with its other letters as underscores]
    #[arg(long)]
    pub name: Option<CName>,
}
