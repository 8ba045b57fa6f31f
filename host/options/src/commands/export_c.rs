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

    /// The prefix of functions, macros and files [default: the name of the file in --out, else a name that is made from FILE's name: its
    /// letters and digits, with underscores between them]
    #[arg(long)]
    pub name: Option<CName>,
}
