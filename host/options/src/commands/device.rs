//! `device …`: a board that runs the firmware's program `serve`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Data, File, Samples, groups::whole};

/// The questions that a board answers.
#[derive(Debug, Subcommand)]
pub enum Device {
    /// Show what the board and its model are
    Info(Info),
    /// Let the board predict pictures or other samples
    Predict(Predict),
    /// Let the board classify test samples, and compare each class and every bit of the logits with this machine's own
    Eval(Eval),
}

/// Options of `device info`.
#[derive(Args, Debug)]
pub struct Info {
    /// The way to the board.
    #[command(flatten)]
    pub connect: Connect,
}

/// Options of `device predict`.
#[derive(Args, Debug)]
pub struct Predict {
    /// The way to the board.
    #[command(flatten)]
    pub connect: Connect,
    /// The samples to classify.
    #[command(flatten)]
    pub samples: Samples,

    /// The file of the board's network: its features' names choose a table's columns and window, else their places do
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
}

/// Options of `device eval`.
#[derive(Args, Debug)]
pub struct Eval {
    /// The network's file.
    #[command(flatten)]
    pub file: File,
    /// The way to the board.
    #[command(flatten)]
    pub connect: Connect,

    /// The number of test samples, from the first [default: all]
    #[arg(long, value_parser = whole::<u32>(1..=u32::MAX.into()))]
    pub count: Option<u32>,

    /// The samples.
    #[command(flatten)]
    pub data: Data,
}

/// The way to the board.
#[derive(Args, Debug)]
pub struct Connect {
    /// The board's serial port, or `unix:PATH` for an emulator's socket
    #[arg(long, value_name = "PORT|unix:PATH")]
    pub connect: String,

    /// The serial port's speed in bits a second: the one in the board's file
    #[arg(long, default_value_t = 115_200, value_parser = whole::<u32>(1..=u32::MAX.into()))]
    pub baud: u32,

    /// How many seconds an answer may take
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = whole::<u32>(1..=u32::MAX.into()))]
    pub timeout: u32,
}
